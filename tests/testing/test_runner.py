"""A check's answer becomes a result, and a run a record."""

from __future__ import annotations

import pytest

from modelrepair.errors import UsageError
from modelrepair.testing.checks import KIT, Broken, Check, NotApplicable
from modelrepair.testing.kinds import KINDS
from modelrepair.testing.runner import check, record_of, run_check
from modelrepair.testing.subject import open_subject
from tests.support.installed import install, site  # noqa: F401

SECRET = """
from dataclasses import dataclass, field
from modelrepair.plugin import JudgeSpec, hookimpl

@dataclass(frozen=True)
class Options:
    api_key: str = field(default="", metadata={"help": "a key"})

@hookimpl
def modelrepair_judges():
    return [JudgeSpec("secretive", "a test's judge", load="nowhere:Nothing", options=Options)]
"""


def raising(error):
    def function(subject):
        if error is not None:
            raise error

    return Check("it", "It does not raise.", function)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (None, "passed", ""),
        (Broken("it is\nbroken"), "failed", "it is broken"),
        (KeyError("x"), "failed", "KeyError: 'x'"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (NotApplicable("it has none"), "skipped", "it has none"),
    ],
)
def test_outcomes(tmp_path, error, outcome, reason):
    result, raised = run_check(raising(error), open_subject("keyword", folder=tmp_path))
    assert (result.outcome, result.reason, raised) == (outcome, reason, error)


def test_an_expected_failure_is_none_and_an_unexpected_pass_is_one(tmp_path):
    subject = open_subject("keyword", folder=tmp_path)
    failing, _ = run_check(raising(Broken("broken")), subject, "known")
    assert failing.outcome == "expected-failure"
    assert (failing.expected, failing.reason) == ("known", "broken")
    passing, _ = run_check(raising(None), subject, "known")
    assert (passing.outcome, passing.reason) == (
        "unexpected-pass",
        "it was expected to fail: known",
    )


def test_the_record_says_what_ran():
    record = check(None, "keyword")
    assert (record.kit, record.kind, record.name) == (KIT, "judge", "keyword")
    assert record.distribution == "modelrepair"
    assert [result.id for result in record.checks] == [each.id for each in KINDS["judge"].checks]
    assert record.counts.failed == 0


def test_a_mistyped_expectation():
    with pytest.raises(UsageError, match="'documentd' is expected to fail, and is no check"):
        check("judge", "keyword", expected_failures={"documentd": "no reason"})


def test_an_expectation_needs_a_reason():
    with pytest.raises(UsageError, match="'documented' is expected to fail, and it is not said"):
        check("judge", "keyword", expected_failures={"documented": ""})


def test_secrets_stay_out_of_the_record(tmp_path, install):  # noqa: F811
    install("secretive-judge", SECRET)
    subject = open_subject("secretive", options={"api_key": "abcdef"}, folder=tmp_path)
    assert record_of(subject, ()).options == {"api_key": "…"}
