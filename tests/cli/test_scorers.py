"""``modelrepair scorers``: what there is to score with."""

from __future__ import annotations


def test_scorers_list(call):
    result = call("scorers", "list")
    assert result.code == 0
    for name in ("wanda", "magnitude", "gradient", "contrast"):
        assert name in result.out
    document = call("scorers", "list", "--json").json
    wanda = next(item for item in document["scorers"] if item["name"] == "wanda")
    assert wanda["distribution"] == "modelrepair"
    assert [option["name"] for option in wanda["options"]] == ["norm", "tokens"]


def test_scorers_show(call):
    result = call("scorers", "show", "contrast")
    assert result.code == 0
    assert "works in rounds; only scores above zero count" in result.out
    assert "lambda" in result.out
    assert call("scorers", "show", "magnitude").out.splitlines()[-1] == "no options"
    assert call("scorers", "show", "contrast", "--json").json["scope"] == "global"
    wrong = call("scorers", "show", "wnada", "--json")
    assert wrong.code == 2
    assert wrong.json["error"]["hint"] == "did you mean 'wanda'?"
