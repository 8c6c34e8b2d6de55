"""Every check of an audit, by stage: the one table behind runs, docs and SARIF."""

from __future__ import annotations

from collections.abc import Mapping

from modelrepair.auditing import proof
from modelrepair.auditing.behaviour import rules as behaviour_rules
from modelrepair.auditing.behaviour import stated
from modelrepair.auditing.context import Context
from modelrepair.auditing.difference import rules as difference_rules
from modelrepair.auditing.lineage import rules as lineage_rules
from modelrepair.auditing.metadata import (
    card,
    files,
    hub_status,
    licence,
    names,
    origin,
    quantisation,
    weights,
)
from modelrepair.auditing.rule import Check, Finding, Rule, Stage
from modelrepair.auditing.structure import (
    adapters,
    config_values,
    generation,
    shapes,
    templates,
    vocabulary,
)
from modelrepair.errors import ModelRepairError

CHECKS: Mapping[Stage, tuple[Check[Context], ...]] = {
    "metadata": (
        *files.CHECKS,
        *weights.CHECKS,
        *names.CHECKS,
        *hub_status.CHECKS,
        *licence.CHECKS,
        *origin.CHECKS,
        *card.CHECKS,
        *quantisation.CHECKS,
    ),
    "structure": (
        *shapes.CHECKS,
        *config_values.CHECKS,
        *vocabulary.CHECKS,
        *templates.CHECKS,
        *generation.CHECKS,
        *adapters.CHECKS,
    ),
    "lineage": lineage_rules.CHECKS,
    "difference": difference_rules.CHECKS,
    "proof": proof.CHECKS,
    "behaviour": (*behaviour_rules.CHECKS, *stated.CHECKS),
}
"""Each stage's checks, in the order in which they are asked."""

RULES: Mapping[str, Rule] = {rule.id: rule for checks in CHECKS.values() for rule, _ in checks}
"""Every rule by its id."""


def run_stage(stage: Stage, context: Context) -> list[Finding]:
    """Ask each check of a stage; one that can't be answered is inconclusive, and the next follows.

    Args:
        stage: which.
        context: the model under audit.
    """
    return [_ask(rule, check, context) for rule, check in CHECKS[stage]]


def _ask(rule: Rule, check: object, context: Context) -> Finding:
    assert callable(check)
    try:
        finding: Finding = check(context)
    except ModelRepairError as error:
        return rule.inconclusive(str(error), error=error.id)
    assert finding.rule is rule, f"{rule.id} was answered with {finding.rule.id}"
    return finding
