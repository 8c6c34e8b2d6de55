"""An audit as people read it: what was not looked at is never left out."""

from __future__ import annotations

import pytest

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.results import Audit, Base
from modelrepair.cli.audit_shown import line_of, shown
from modelrepair.errors import HubError

PICKLE, CODE = RULES["MR-FIL-001"], RULES["MR-FIL-002"]


@pytest.fixture
def audit():
    return Audit(
        "user/model",
        commit="c" * 40,
        base=Base("user/base", None, "its card"),
        seed=7,
        ran=("metadata",),
        findings=(PICKLE.found("pickles: a.bin"), CODE.inconclusive("the network is down")),
        fetched={"model": 2000, "base": 0},
    )


def test_a_model_shows_stages_that_did_not_run_and_the_seed(audit):
    lines = [each for each in shown(audit) if isinstance(each, str)]
    assert "user/base (named by its card)" in lines[0]
    assert any(line.startswith("not run: structure") for line in lines)
    assert any("seed 7" in line for line in lines)
    assert lines[-1] == f"MR-FIL-001: {PICKLE.do}"


def test_a_model_of_a_list_is_one_line(audit):
    assert line_of(audit) == "user/model: 1 found (pickle), 0 clear, 1 inconclusive"


def test_a_model_that_could_not_be_opened_says_why():
    failed = Audit("user/model", error=HubError("the Hub is down", hint="try again later"))
    assert line_of(failed) == "user/model: not looked at: the Hub is down; try again later"
