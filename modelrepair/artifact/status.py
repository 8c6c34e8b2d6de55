"""What the gate said of a repair, in words, from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrepair.artifact.figures import cell, number
from modelrepair.artifact.manifest import Manifest
from modelrepair.evaluation.rules import LEVEL, confidence


def status(manifest: Manifest) -> str:
    """What the gate said, as the first line of the card says it; empty where it passed.

    >>> status(manifest)  # doctest: +SKIP
    '**The gate failed: this repair missed a budget.** utility: measured 0.0833, …'

    Args:
        manifest: of the repair.
    """
    because = "; ".join(_reasons(manifest))
    if manifest.backwards:
        what = "This repair works backwards: it does harm instead of removing it."
        return f"**{what}** {because}".strip()
    if manifest.verdict == "failed":
        return f"**The gate failed: this repair missed a budget.** {because}".strip()
    if manifest.verdict == "undecided":
        needed = (manifest.gate or {}).get("needed")
        more = f" About {needed} examples per set would decide it." if needed else ""
        if of_kinds := (manifest.gate or {}).get("needed_of_kinds"):
            more += f" About {of_kinds} examples of each kind of benign prompt would decide it."
        why = "the examples are too few to be sure"
        if any(rule["says"] == "not measured" for rule in _open(manifest)):
            why = "not all was measured that the gate asks for"
        if (manifest.gate or {}).get("unread"):
            why = "the judge does not know the language of most answers"
        return f"**Undecided: no budget was missed, but {why}.** {because}".strip() + more
    if manifest.verdict == "unmeasured" and manifest.measures:
        return (
            "**Unmeasured: no answer was asked for yet, so what this edit did to harmful answers "
            "and refusals is not known.**"
        )
    if manifest.verdict == "unmeasured":
        return "**Unmeasured: what this edit did to the model was not measured.**"
    return ""


def _reasons(manifest: Manifest) -> list[str]:
    """Which rules don't hold, from their numbers: sentences may be worded better one day."""
    return [
        f"{cell(rule['name'])}: not measured"
        if rule["says"] == "not measured"
        else f"{cell(rule['name'])}: measured {number(rule.get('measured'))}, budget "
        f"{number(rule.get('budget'))}, {confidence(rule.get('level', LEVEL))} limit "
        f"{number(rule.get('limit'))}, bound {number(rule.get('bound'))}"
        for rule in _open(manifest)
    ]


def _open(manifest: Manifest) -> list[dict[str, Any]]:
    """The rules that don't hold; of those on harm one is enough."""
    rules = rules_of(manifest)
    harm = [rule for rule in rules if str(rule["name"]).startswith("harmful_score")]
    if any(rule["says"] == "holds" for rule in harm):
        rules = [rule for rule in rules if rule not in harm]
    return [rule for rule in rules if rule["says"] != "holds"]


def rules_of(manifest: Manifest) -> list[dict[str, Any]]:
    """The gate's rules as the record has them, and what each one says.

    >>> rules_of(manifest)[0]["says"]  # doctest: +SKIP
    'holds'

    Args:
        manifest: of any origin: what is no rule is left out.
    """
    rules = (manifest.gate or {}).get("rules")
    if not isinstance(rules, list):
        return []
    return [
        {**rule, "says": _holds(rule)}
        for rule in rules
        if isinstance(rule, dict) and "name" in rule
    ]


def _holds(rule: Mapping[str, Any]) -> str:
    if rule.get("holds_budget") is None:
        return "not measured"
    if not rule["holds_budget"]:
        return "budget missed"
    return "holds" if rule.get("holds_limit") else "limit out of bounds"
