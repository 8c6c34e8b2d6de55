"""`fix`: what is typed reaches the Python API; what can't be is refused before anything starts."""

from __future__ import annotations


def test_json_is_the_report_and_nothing_else(api, call):
    expected = api.answers["repair"].to_json()
    assert call("fix", "user/model", "--json").json == expected


def test_what_others_print_goes_to_stderr(api, call):
    def chatty(*arguments, **options):
        print("a plug-in chats")
        options["progress"].note("half way")
        return report

    report = api.answers["repair"]
    api.answers["repair"] = chatty
    result = call("fix", "user/model", "--json")
    assert "a plug-in chats" in result.err
    assert "half way" in result.err
