"""What a record's gate said is told from its numbers."""

from __future__ import annotations

from modelrepair.artifact.status import status
from tests.support.small_repairs import draft


def test_what_was_not_measured_is_not_called_too_few_examples():
    rules = [{"name": "utility", "holds_budget": None, "note": "no utility set"}]
    line = status(draft(verdict="undecided", gate={"verdict": "undecided", "rules": rules}))
    assert "but not all was measured that the gate asks for" in line
    assert "utility: not measured" in line and "too few" not in line


def test_a_limit_of_several_kinds_has_its_own_confidence():
    rule = {"name": "benign_refusal_rate (kind how-to)", "kind": "how-to", "holds_budget": True}
    rule |= {"holds_limit": False, "measured": 0.05, "budget": 0.05, "limit": 0.2, "bound": 0.1}
    gate = {"verdict": "undecided", "rules": [{**rule, "level": 0.05 / 12}]}
    said = status(draft(verdict="undecided", gate=gate))
    assert "99.6 % limit 0.2" in said and "95 %" not in said
