"""An audit as people read it: a table of one model, a line of each in a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from modelrepair.auditing.behaviour.shown import facts
from modelrepair.auditing.rule import SEVERITIES, STAGES
from modelrepair.cli.tables import measures_table
from modelrepair.errors import one_line
from modelrepair.text.units import in_bytes

if TYPE_CHECKING:
    from modelrepair.auditing.results import Audit
    from modelrepair.auditing.rule import Finding

OPTIONS = {"difference": "--deep", "proof": "--proof", "behaviour": "--measure"}
"""What asks for a stage that does not run by default."""
LONGEST = 200
"""Characters of a name that a line shows; a list may hold anything."""
MOST = 5
"""Findings that the line of a model names, the gravest first."""


def shown(audit: Audit) -> list[str | Table]:
    """A model with what was found, what could not be looked at, and what was not run.

    What to do stands with each finding. Rules that can't be answered for one reason share a row:
    without a base there are a score of them.
    """
    at = f" at {audit.commit}" if audit.commit else ""
    base = audit.base
    compared = "compared with nothing" if base is None else f"compared with {base.name}"
    compared += "" if base is None else f" (named by {base.named_by})"
    lines: list[str | Table] = [f"{audit.name}{at}", compared, _counts(audit)]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for each in audit.outcome("found"):
        said = [f"{each.rule.id} {each.rule.name}", each.message]
        said += [f"do: {each.rule.do}"] if each.severity != "note" else []
        table.add_row(each.severity, "\n".join(said))
    for why, rules in _by_reason(audit.outcome("inconclusive")).items():
        table.add_row("inconclusive", f"{', '.join(rules)}\n{why}")
    if table.row_count:
        lines.append(table)
    if audit.behaviour is not None:
        lines.append(_behaviour(audit.behaviour))
    missing = [f"{stage} ({OPTIONS.get(stage, 'not in this version')})" for stage in STAGES
               if stage not in audit.ran]  # fmt: skip
    if missing:
        lines.append(f"not run: {', '.join(missing)}")
    read = ", ".join(f"{in_bytes(count)} of the {side}" for side, count in audit.fetched.items())
    return [*lines, f"read: {read}; seed {audit.seed}"]


def _behaviour(document: Mapping[str, Any]) -> Table:
    """The measures, beside the base's where it was measured."""
    model, base, differences = (document.get(key) for key in ("model", "base", "differences"))
    assert model is not None, "what was measured is of the model"
    columns = {"model": model}
    under = "; ".join(f"{name.lower()}: {text}" for name, text in facts(document)[1:])
    if base is not None:
        columns |= {"base": base, "difference": {"judge": model["judge"], **(differences or {})}}
    return measures_table(columns, under or None)


def _counts(audit: Audit) -> str:
    """How many of each, in one line; a clear rule has no row."""
    found = Counter(each.severity for each in audit.outcome("found"))
    grave = ", ".join(f"{found[each]} {each}" for each in reversed(SEVERITIES) if found[each])
    counts = [f"{found.total()} found" + (f" ({grave})" if grave else "")]
    counts += [f"{len(audit.outcome('inconclusive'))} inconclusive"]
    clear = len(audit.outcome("clear"))
    counts += [f"{clear} clear" + (" (--json lists them)" if clear else "")]
    return ", ".join(counts)


def _by_reason(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """Reason → the rules that it leaves open."""
    reasons: dict[str, list[str]] = {}
    for each in findings:
        reasons.setdefault(each.message, []).append(f"{each.rule.id} {each.rule.name}")
    return reasons


def line_of(audit: Audit) -> str:
    """A model of a list in one line.

    >>> from modelrepair.auditing.results import Audit
    >>> line_of(Audit("user/model"))
    'user/model: 0 found, 0 clear, 0 inconclusive'
    """
    name = one_line(audit.name, LONGEST)
    if audit.error is not None:
        return f"{name}: not looked at: {audit.error}; {audit.error.hint}"
    counts = {outcome: audit.outcome(outcome) for outcome in ("found", "clear", "inconclusive")}
    said = [f"{len(found)} {outcome}" for outcome, found in counts.items()]
    grave = [each.rule.name for each in audit.outcome("found", at_least="warning")]
    more = f" and {len(grave) - MOST} more" if len(grave) > MOST else ""
    said[0] += f" ({', '.join(grave[:MOST])}{more})" if grave else ""
    return f"{name}: {', '.join(said)}"
