"""The result of an audit: its exit code, and its document there and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.checks import RULES
from modelrepair.auditing.results import Audit, Base, exit_code_of
from modelrepair.auditing.rule import SEVERITIES
from modelrepair.errors import HubError, UnsupportedModelError

RULE = RULES["MR-FIL-001"]
FINDINGS = st.one_of(
    st.sampled_from(SEVERITIES).map(lambda severity: RULE.found("a", severity=severity)),
    st.just(RULE.clear("b")),
    st.just(RULE.inconclusive("c")),
)
AUDITS = st.builds(
    Audit,
    name=st.text(),
    commit=st.none() | st.text(),
    base=st.none() | st.builds(Base, st.text(), st.none() | st.text(), st.text()),
    seed=st.none() | st.integers(0, 2**32),
    ran=st.just(("metadata",)),
    findings=st.lists(FINDINGS).map(tuple),
    fetched=st.just({"model": 1}),
)


@settings(max_examples=30, deadline=None)
@given(AUDITS, st.sampled_from(SEVERITIES))
def test_exit_code(audit, fail_on):
    grave = SEVERITIES.index(fail_on)
    found = any(
        each.outcome == "found" and SEVERITIES.index(each.severity) >= grave
        for each in audit.findings
    )
    missed = any(each.outcome == "inconclusive" for each in audit.findings)
    assert audit.exit_code(fail_on) == (1 if found else 7 if missed else 0)
    assert audit.exit_code("never") == (7 if missed else 0)


@settings(max_examples=30, deadline=None)
@given(AUDITS)
def test_the_document_holds_all_of_it(audit):
    document = json.loads(json.dumps(audit.to_json()))
    again = Audit.from_json(document)
    assert again == audit
    assert again.to_json() == document
    assert document["stages"]["behaviour"] == "not run"


@pytest.mark.parametrize(
    "error",
    [HubError("a", hint="b"), UnsupportedModelError("c", hint="d", id="no-weights")],
)
def test_an_error_keeps_its_code_words_and_id(error):
    again = Audit.from_json(Audit("user/model", error=error).to_json())
    assert again.exit_code() == error.exit_code
    assert (str(again.error), again.error.hint, again.error.id) == (
        str(error), error.hint, error.id,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 6, 7, 70])))
def test_over_a_list_one_outranks_seven_and_that_three_and_that_the_rest(codes):
    ranked = [1, 7, 3]
    first = next((code for code in ranked if code in codes), max(codes, default=0))
    assert exit_code_of(codes) == first


def test_the_gravest_comes_first():
    audit = Audit("a", findings=(RULE.found("n", severity="note"), RULE.found("e")))
    assert [each.message for each in audit.outcome("found")] == ["e", "n"]
    assert [each.message for each in audit.outcome("found", at_least="error")] == ["e"]
    assert "2 found" in repr(audit)
