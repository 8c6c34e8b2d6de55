"""Rules, findings, and the few names that a line shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.rule import Rule, listed

RULE = Rule("MR-TST-001", "metadata", "error", "test", "it is so", "do this")


def test_a_finding_has_the_rules_severity_or_its_own():
    assert RULE.found("a").severity == "error"
    assert RULE.found("a", severity="note").severity == "note"
    assert RULE.clear("a").outcome == "clear"
    assert RULE.inconclusive("a", why="b").evidence == {"why": "b"}


def test_a_finding_as_json():
    assert RULE.found("two", files=["a", "b"], count=2).to_json() == {
        "id": "MR-TST-001",
        "name": "test",
        "stage": "metadata",
        "outcome": "found",
        "severity": "error",
        "message": "two",
        "files": ["a", "b"],
        "evidence": {"count": 2},
    }


@given(st.lists(st.text("ab", min_size=1), unique=True), st.integers(1, 5))
def test_listed_names_each_or_counts_it(names, most):
    said = listed(names, most)
    shown = min(most, len(names))
    assert said.startswith(", ".join(sorted(names)[:shown]))
    assert (f"{len(names) - shown} more" in said) == (len(names) > most)
