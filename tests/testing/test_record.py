"""The record of a run, and what has disappeared from one."""

from __future__ import annotations

import json

import pytest

from modelrepair.errors import UsageError
from modelrepair.testing.record import Record, Result, disappeared, read_records

ABOUT = {
    "kit": 1,
    "modelrepair": "1.0",
    "kind": "scorer",
    "name": "mine",
    "distribution": "my-package",
    "version": "2.0",
}


def record(**outcomes):
    checks = tuple(Result(id=id, outcome=outcome) for id, outcome in outcomes.items())
    return Record(**ABOUT, checks=checks)


def test_counts_by_outcome():
    found = record(a="passed", b="passed", c="failed", d="skipped", e="expected-failure")
    counts = found.to_json()["counts"]
    assert counts == {
        "passed": 2,
        "failed": 1,
        "skipped": 1,
        "expected_failure": 1,
        "unexpected_pass": 0,
    }
    assert found.summary == (
        "scorer mine of my-package 2.0, kit 1: 5 checks, 2 passed, 1 failed, 1 skipped, "
        "1 expected failure"
    )


@pytest.mark.parametrize(
    ("outcome", "ok"),
    [
        ("passed", True),
        ("skipped", True),
        ("expected-failure", True),
        ("failed", False),
        ("unexpected-pass", False),
    ],
)
def test_what_makes_a_run_fail(outcome, ok):
    assert record(a="passed", b=outcome).ok is ok


def test_a_check_disappears_by_being_missing_or_skipped():
    earlier = record(a="passed", b="failed", c="passed", d="skipped", e="expected-failure")
    assert disappeared(earlier, record(a="passed", b="passed", c="skipped")) == ("c", "e")
    assert disappeared(earlier, earlier) == ()


def test_what_was_expected_to_fail_is_expected_again():
    why = "a known fault"
    earlier = Record(
        **ABOUT, checks=[Result(id=id, outcome="failed").expecting(why) for id in "abc"]
    )
    now = record(a="failed", b="passed", c="skipped", d="failed").expecting(earlier)
    assert [(each.outcome, each.expected) for each in now.checks] == [
        ("expected-failure", why),
        ("unexpected-pass", why),
        ("skipped", ""),
        ("failed", ""),
    ]
    assert now.checks[1].reason == "it was expected to fail: a known fault"


def test_one_record_or_a_list_is_read(tmp_path):
    found = record(a="passed")
    one, several = tmp_path / "one.json", tmp_path / "several.json"
    one.write_text(json.dumps({**found.to_json(), "disappeared": []}))
    several.write_text(json.dumps([found.to_json(), found.to_json()]))
    assert read_records(one) == (found,)
    assert read_records(several) == (found, found)


@pytest.mark.parametrize("text", [None, "", "[1]", "{}", '{"kit": 1}'])
def test_what_is_no_record(tmp_path, text):
    path = tmp_path / "record.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=r"record\.json can't be read as a record"):
        read_records(path)
