"""What every command says where a server fails: a line, a hint, and never the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelrepair.evaluation import remote
from modelrepair.evaluation.endpoint import client_of
from tests.support.endpoint import MODEL

KEY = "the-key-of-this-test-0123"
ATTEMPTS = 5
FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "401": ({"key": "another"}, "endpoint-key", "set MODELREPAIR_ENDPOINT_KEY"),
    "404": ({"routes": ("models",)}, "endpoint-not-found", f"the server has {MODEL}"),
    "429": ({"faults": [429] * ATTEMPTS}, "endpoint-busy", "--endpoint-at-once 1"),
    "500": ({"faults": [500] * ATTEMPTS}, "endpoint-failed", "the server's log"),
    "cut": ({"faults": ["cut"]}, "endpoint-connection-broke", "run the same command"),
    "slow": ({"faults": ["slow"]}, "endpoint-timeout", "--endpoint-at-once"),
    "empty choices": ({"faults": ["empty choices"]}, "endpoint-no-answer", "up to /v1"),
}
"""Of each failure: the server's settings, the error's id, and a part of its hint."""


def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask once and wait briefly: the pauses before further attempts take seconds."""
    impatient = lambda each: client_of(replace(each, timeout=0.2, retries=0))  # noqa: E731
    monkeypatch.setattr(remote, "client_of", impatient)


def assert_said(err: str, url: str, error: str, hint: str) -> None:
    """The last two lines are the error, which names the server, and its hint."""
    line, hinted = err.splitlines()[-2:]
    assert line.startswith("Error: ")
    assert url in line
    assert hinted.startswith(f"Hint [{error}]: ")
    assert hint in hinted
    assert KEY not in err
