"""A server that fails in every way: each is one line, a hint and exit code 3."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from modelrepair.errors import EndpointError
from modelrepair.evaluation.endpoint import Asked, Endpoint, ask_once, client_of
from tests.support.endpoint import MODEL, serving

ASKED = Asked("hello", ({"role": "user", "content": "hello"},), 7)
FAILURES = {
    400: "endpoint-refused",
    403: "endpoint-key",
    404: "endpoint-not-found",
    405: "endpoint-not-found",
    422: "endpoint-refused",
    429: "endpoint-busy",
    500: "endpoint-failed",
    503: "endpoint-failed",
    "cut": "endpoint-connection-broke",
    "slow": "endpoint-timeout",
    "other model": "endpoint-other-model",
    "empty choices": "endpoint-no-answer",
    "no text": "endpoint-no-answer",
    "no JSON": "endpoint-no-answer",
    "broken JSON": "endpoint-no-answer",
}


def failure(endpoint: Endpoint) -> EndpointError:
    with pytest.raises(EndpointError) as failed:
        ask_once(client_of(endpoint), endpoint, "completions", ASKED)
    error = failed.value
    assert error.exit_code == 3
    assert "\n" not in f"{error}{error.hint}"
    assert error.hint
    assert endpoint.url in str(error)
    return error


@pytest.mark.parametrize("fault", FAILURES)
def test_each_failure_is_a_line_and_a_hint(fault):
    with serving(faults=[fault] * 3) as server:
        timeout = 0.2 if fault == "slow" else 10
        error = failure(Endpoint(server.url, MODEL, timeout=timeout, retries=0))
    assert error.id == FAILURES[fault]


@pytest.mark.parametrize("fault", [429, "slow"])
@pytest.mark.parametrize(
    ("option", "fewer"),
    [("--before", "--endpoint-at-once 1"), ("--judge-endpoint", "--judge-option batch=1")],
)
def test_a_busy_server_is_asked_for_less_by_the_option_that_decides_it(fault, option, fewer):
    with serving(faults=[fault]) as server:
        timeout = 0.2 if fault == "slow" else 10
        error = failure(Endpoint(server.url, MODEL, timeout=timeout, retries=0, option=option))
    assert fewer in error.hint


def test_a_key_that_is_refused_stands_in_no_line(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "my-own-secret-key")
    with serving(key="another") as server:
        error = failure(Endpoint(server.url, MODEL, retries=0))
    assert error.id == "endpoint-key"
    assert "secret" not in f"{error} {error.hint}"
    assert "Incorrect API key" in str(error)


def test_a_server_that_is_not_there():
    with socket.socket() as taken:  # bound, and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        assert failure(Endpoint(url, MODEL, retries=0)).id == "endpoint-unreachable"


def test_another_path_has_nothing_there():
    with serving() as server:
        url = server.url.replace("/v1", "/v2")
        assert failure(Endpoint(url, MODEL, retries=0)).id == "endpoint-not-found"


def test_what_passes_is_tried_again_after_the_pause_that_the_server_asks_for():
    with serving(faults=[429, 500, "cut", 503]) as server:
        endpoint = Endpoint(server.url, MODEL, retries=4)
        client = client_of(endpoint)
        assert ask_once(client, endpoint, "completions", ASKED).text == "I heard hello."
    assert len(server.asked) == 5
    with serving(faults=[429, 429]) as server:
        assert failure(replace(endpoint, url=server.url, retries=1)).id == "endpoint-busy"
