"""What an audit measures with, as options."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import modelrepair
from modelrepair.auditing.results import Audit


@pytest.fixture
def asked(monkeypatch):
    made = []

    def audit(model, **options):
        made.append(options)
        return Audit(model)

    monkeypatch.setattr(modelrepair, "audit", audit, raising=False)
    return SimpleNamespace(last=lambda: made[-1]["measure"])


def test_what_is_given_is_taken_and_the_rest_is_the_default(asked, call):
    assert call("audit", "m", "--measure", "--judge", "demo-world", "--utility", "none",
                "--max-thought-tokens", "64").code == 0  # fmt: skip
    found = asked.last()
    assert (found.judge, found.utility, found.realign) == ("demo-world", "none", "beavertails")
    assert (found.examples, found.endpoint, found.max_thought_tokens) == (256, None, 64)
    assert call("audit", "m").code == 0
    assert asked.last() is None


@pytest.mark.parametrize("option", [["--realign", "x"], ["--endpoint", "http://h"],
                                    ["--judge", "guard"], ["--judge-option", "a=b"],
                                    ["--max-thought-tokens", "9"]])  # fmt: skip
def test_an_option_of_the_measurement_needs_it(asked, call, option):
    result = call("audit", "m", *option)
    assert result.code == 2
    assert f"{option[0]} is of --measure" in result.err
