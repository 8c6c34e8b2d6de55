"""An endpoint: its address, its key, and one request to it."""

from __future__ import annotations

import sys

import pytest

from modelrepair.errors import EndpointError, UsageError
from modelrepair.evaluation.endpoint import (
    Asked,
    Endpoint,
    ask_once,
    client_of,
    endpoint_of,
    key_of,
    look,
)
from tests.support.endpoint import MODEL, serving

KEY = "a-key-of-mine"
ASKED = Asked("rendered: hello", ({"role": "user", "content": "hello"},), 7, ("</s>", "<|end|>"))


def test_an_address_is_taken_up_to_its_v1():
    assert endpoint_of("http://h:8000", "m").url == "http://h:8000/v1"
    assert endpoint_of("https://h/serve/v1/", "m").url == "https://h/serve/v1"
    assert endpoint_of(" https://h/v3 ", " m ", 2) == Endpoint("https://h/v3", "m", 2)


@pytest.mark.parametrize(
    "url",
    [
        *["", "h:8000", "ftp://h/v1", "http://", "http://[h/v1", "http://h:port/v1"],
        *[
            "http://h h/v1",
            "http://h/v1 x",
            "http://h/\x7f",
            "http://h..h/v1",
            f"http://{'h' * 99}",
        ],
        *["http://me:s3cret@h/v1", "http://s3cret@h/v1", "http://h/v1?key=s3cret"],
        *["http://h/v1#s3cret", "http://h/v1?", "s3cret"],
    ],
)
def test_what_is_no_address_or_holds_a_secret_is_refused_without_saying_it(url):
    with pytest.raises(UsageError) as refused:
        endpoint_of(url, "m")
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("model, at_once", [(None, 1), (" ", 1), ("m", 0)])
def test_a_model_is_named_and_something_is_asked(model, at_once):
    with pytest.raises(UsageError):
        endpoint_of("http://h", model, at_once)


def test_our_own_variable_comes_before_openais():
    assert key_of({"OPENAI_API_KEY": "theirs", "MODELREPAIR_ENDPOINT_KEY": "ours"}) == "ours"
    assert key_of({"OPENAI_API_KEY": " theirs "}) == "theirs"
    assert key_of({}) is None


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_to_another_server_is_followed_without_the_key(status, monkeypatch):
    """The client sees to it; a version of it that does not must fail here."""
    monkeypatch.setenv("MODELREPAIR_ENDPOINT_KEY", KEY)
    with serving() as other, serving(key=KEY) as server:
        endpoint = endpoint_of(server.url, MODEL)
        for url in (server.url, other.url):
            server.faults.append((status, f"{url}/completions"))
            assert ask_once(client_of(endpoint), endpoint, "completions", ASKED).text
    assert server.keys == [f"Bearer {KEY}"] * 3
    assert other.keys == [None]


@pytest.mark.parametrize("key", ["s3cret-of\nmine", "s3cret-für-mich", "s3cret\x01"])
def test_a_key_that_no_header_holds_is_refused_without_saying_it(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as refused:
        client_of(Endpoint("http://h/v1", "m"))
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"


def test_the_key_goes_out_as_a_header_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("MODELREPAIR_ENDPOINT_KEY", KEY)
    with serving(key=KEY) as server:
        endpoint = Endpoint(server.url, MODEL)
        ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert "a-key" not in f"{endpoint} {server.asked}"


def test_a_prompt_is_asked_greedily_and_ends_where_the_model_does():
    with serving() as server:
        endpoint = Endpoint(server.url, MODEL)
        said = ask_once(client_of(endpoint), endpoint, "completions", ASKED)
        chat = ask_once(client_of(endpoint), endpoint, "chat/completions", ASKED)
    assert (said.text, said.finished, said.thought) == ("I heard rendered: hello.", True, "")
    assert chat.text == "I heard hello."
    common = {"model": MODEL, "temperature": 0, "max_tokens": 7, "stop": ["</s>", "<|end|>"]}
    assert server.asked[0] == ("completions", {**common, "prompt": ASKED.text})
    assert server.asked[1] == ("chat/completions", {**common, "messages": list(ASKED.messages)})


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_reasoning_field_is_the_thought(field):
    def reply(prompt: str):
        return {"message": {"content": None, field: "hm"}, "finish_reason": "length"}

    with serving(reply=reply) as server:
        endpoint = Endpoint(server.url, MODEL)
        said = ask_once(client_of(endpoint), endpoint, "chat/completions", ASKED)
    assert (said.text, said.thought, said.finished) == ("", "hm", False)


def test_what_a_server_says_of_itself_is_recorded_and_the_rest_is_unknown():
    with serving(owner="vllm") as server:
        endpoint = Endpoint(server.url, MODEL)
        assert look(client_of(endpoint), endpoint) == ("vllm", "0.9.9", (MODEL,))
    with serving(owner="me") as server:
        endpoint = Endpoint(server.url, MODEL)
        assert look(client_of(endpoint), endpoint) == ("unknown", "unknown", (MODEL,))
    with serving(routes=("completions",)) as server:
        endpoint = Endpoint(server.url, MODEL)
        assert look(client_of(endpoint), endpoint) == ("unknown", "unknown", ())


def test_an_answer_of_another_model_counts_for_none():
    with serving(model=f"{MODEL}@main") as server:  # its revision may stand there
        endpoint = Endpoint(server.url, MODEL)
        assert ask_once(client_of(endpoint), endpoint, "completions", ASKED).finished
    with serving(model=f"{MODEL}-chat") as server, pytest.raises(EndpointError) as other:
        endpoint = Endpoint(server.url, MODEL)
        ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    assert other.value.id == "endpoint-other-model"


ODD_NAMES = b'{"data": [{"id": "a\\ud800"}, {"id": "a\\nb"}, {"id": "%s"}]}' % (b"a" * 1000)
ODD_LISTS = [b'{"data": 5}', b"[1, 2]", b'{"data": [{"id": 5}, 7]}', b"[" * 100_000, ODD_NAMES]


@pytest.mark.parametrize("listed", ODD_LISTS)
def test_a_list_of_models_that_is_none_names_none(listed):
    with serving(listed=listed) as server:
        endpoint = Endpoint(server.url, MODEL)
        assert look(client_of(endpoint), endpoint) == ("unknown", "unknown", ())


ODD_BODIES = [b'{"a":' * 100_000, b'{"choices": %s}' % (b"[" * 3000 + b"]" * 3000), b"\xff",
              b"null", b"[]", b'{"choices": [null]}', b'{"choices": [{"text": NaN}]}']  # fmt: skip


@pytest.mark.parametrize("body", ODD_BODIES)
def test_a_body_that_is_no_answer_is_said_to_be_none(body):
    with serving(faults=[body]) as server, pytest.raises(EndpointError) as failed:
        endpoint = Endpoint(server.url, MODEL)
        ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    assert failed.value.id == "endpoint-no-answer"


def test_half_a_letter_in_an_answer_is_none():
    choice = b'{"text": "yes \\ud83d\\ude00 \\ud800.", "reasoning": "\\udfff"}'
    with serving(faults=[b'{"choices": [%s]}' % choice]) as server:
        endpoint = Endpoint(server.url, MODEL)
        said = ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    assert (said.text, said.thought) == ("yes \U0001f600 \ufffd.", "\ufffd")


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(UsageError) as missing:
        client_of(Endpoint("http://h/v1", "m"))
    assert missing.value.hint == 'pip install "modelrepair[endpoint]"'
