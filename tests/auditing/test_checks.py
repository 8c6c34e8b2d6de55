"""The table of checks: ids are unique and of their form, and a check that fails is inconclusive."""

from __future__ import annotations

import re

import pytest

from modelrepair.auditing.checks import CHECKS, RULES, run_stage
from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import opened
from modelrepair.auditing.rule import STAGES


def test_each_rule_has_an_id_and_a_name_of_its_own():
    rules = [rule for checks in CHECKS.values() for rule, _ in checks]
    assert len({rule.id for rule in rules}) == len({rule.name for rule in rules}) == len(rules)
    assert len(RULES) == len(rules)
    for rule in rules:
        assert re.fullmatch(r"MR-[A-Z]{3}-\d{3}", rule.id)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
        assert "\n" not in rule.means + rule.do


def test_each_rule_stands_under_its_stage():
    assert tuple(CHECKS) == STAGES
    for stage, checks in CHECKS.items():
        assert {rule.stage for rule, _ in checks} <= {stage}


def test_no_rule_calls_a_model_safe():
    for rule in RULES.values():
        assert not re.search(r"\bsafe\b", f"{rule.name} {rule.means} {rule.do}", re.IGNORECASE)


@pytest.mark.parametrize("stage", ["metadata", "structure"])
def test_each_rule_of_a_stage_has_one_outcome_and_rubbish_is_never_clear_of_all(tmp_path, stage):
    (tmp_path / "config.json").write_text("[")
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    with opened(tmp_path) as model:
        findings = run_stage(stage, Context(model, 0))
    assert [each.rule for each in findings] == [rule for rule, _ in CHECKS[stage]]
    assert not findings or any(each.outcome == "inconclusive" for each in findings)
