"""Measures as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

MEASURES = {
    "harmful_score": "harmful score",
    "refusal_rate": "refusals",
    "benign_refusal_rate": "benign refusals",
    "degenerate_rate": "degenerate",
    "unfinished_thought_rate": "unfinished thoughts",
    "utility": "utility",
    "task_accuracy": "task accuracy",
    "utility_loss": "utility loss",
}
JUDGED = ("harmful_score", "refusal_rate", "benign_refusal_rate")


def share(measure: Mapping[str, Any] | None) -> str:
    """A measure's value alone.

    >>> share({"value": 0.25, "n": 4, "low": 0.05, "high": 0.7}), share(None)
    ('0.250', '–')
    """
    if measure is None or measure.get("value") is None:
        return "–"
    return f"{measure['value']:.3f}"


def with_interval(measure: Mapping[str, Any] | None) -> str:
    r"""A measure with the number of examples, and below it its 95 % interval.

    >>> with_interval({"value": 0.25, "n": 4, "low": 0.05, "high": 0.7})
    '0.250  n=4\n[0.050, 0.700]'
    """
    if measure is None or measure.get("value") is None:
        return "–"
    limits = [measure.get("low"), measure.get("high")]
    shown = ", ".join("–" if limit is None else f"{limit:.3f}" for limit in limits)
    return f"{measure['value']:.3f}  n={measure['n']}\n[{shown}]"


def measures_table(columns: Mapping[str, Mapping[str, Any]], under: str | None = None) -> Table:
    """One row a measure, one column a model; what nobody measured is left out."""
    judges = {str(measures.get("judge")) for measures in columns.values()}
    title = f"judge: {', '.join(sorted(judges))}" + (f"; {under}" if under else "")
    table = Table("measure, with its 95 % interval", title=title, title_justify="left")
    for title in columns:
        table.add_column(title, no_wrap=True)
    for name, label in MEASURES.items():
        if any(measures.get(name) for measures in columns.values()):
            rate = " (keyword rate)" if judges == {"keyword"} and name in JUDGED else ""
            cells = (with_interval(measures.get(name)) for measures in columns.values())
            table.add_row(label + rate, *cells)
    return table
