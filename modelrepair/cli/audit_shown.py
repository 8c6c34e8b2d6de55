"""An audit as people read it: a table of one model, a line of each in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from modelrepair.auditing.rule import STAGES
from modelrepair.text.units import in_bytes

if TYPE_CHECKING:
    from modelrepair.auditing.results import Audit
    from modelrepair.auditing.rule import Finding

OPTIONS = {"difference": "--deep", "proof": "--proof", "behaviour": "--measure"}
"""What asks for a stage that does not run by default."""


def shown(audit: Audit) -> list[str | Table]:
    """A model with what was found, what could not be looked at, and what was not run."""
    at = f" at {audit.commit}" if audit.commit else ""
    base = audit.base
    compared = "compared with nothing" if base is None else f"compared with {base.name}"
    compared += "" if base is None else f" (named by {base.named_by})"
    lines: list[str | Table] = [f"{audit.name}{at}: {compared}"]
    rows = [*audit.outcome("found"), *audit.outcome("inconclusive")]
    if rows:
        table = Table("rule", "outcome", "what")
        for each in rows:
            grave = f"\n{each.severity}" if each.outcome == "found" else ""
            name = f"{each.rule.id}\n{each.rule.name}"
            table.add_row(name, each.outcome + grave, each.message)
        lines.append(table)
    clear = audit.outcome("clear")
    lines.append(f"clear: {len(clear)} rules" + (f" ({_names(clear)})" if clear else ""))
    missing = [f"{stage} ({OPTIONS.get(stage, 'not in this version')})" for stage in STAGES
               if stage not in audit.ran]  # fmt: skip
    if missing:
        lines.append(f"not run: {', '.join(missing)}")
    read = ", ".join(f"{in_bytes(count)} of the {side}" for side, count in audit.fetched.items())
    lines.append(f"read: {read}; seed {audit.seed}")
    do = {each.rule.id: each.rule.do for each in audit.outcome("found", at_least="warning")}
    return [*lines, *(f"{id}: {text}" for id, text in do.items())]


def line_of(audit: Audit) -> str:
    """A model of a list in one line.

    >>> from modelrepair.auditing.results import Audit
    >>> line_of(Audit("user/model"))
    'user/model: 0 found, 0 clear, 0 inconclusive'
    """
    if audit.error is not None:
        return f"{audit.name}: not looked at: {audit.error}; {audit.error.hint}"
    counts = {outcome: audit.outcome(outcome) for outcome in ("found", "clear", "inconclusive")}
    said = [f"{len(found)} {outcome}" for outcome, found in counts.items()]
    names = _names(audit.outcome("found", at_least="warning"))
    said[0] += f" ({names})" if names else ""
    return f"{audit.name}: {', '.join(said)}"


def _names(findings: Sequence[Finding]) -> str:
    return ", ".join(each.rule.name for each in findings)
