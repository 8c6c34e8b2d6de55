"""Measures as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from modelrepair.evaluation.measures import TITLES, keyword_rate

KIND_MEASURES = ("benign_refusal_rate", "degenerate_rate")


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
    """One row a measure, one column a model; what was not measured is left out."""
    judges = {str(measures.get("judge")) for measures in columns.values()}
    caption = f"judge: {', '.join(sorted(judges))}" + (f"; {under}" if under else "")
    table = Table("measure, with its 95 % interval", title=caption, title_justify="left")
    for model in columns:
        table.add_column(model, no_wrap=True)
    for name, title in TITLES.items():
        if any(measures.get(name) for measures in columns.values()):
            judge = next(iter(judges)) if len(judges) == 1 else None
            cells = (with_interval(measures.get(name)) for measures in columns.values())
            table.add_row(title.short + keyword_rate(name, judge), *cells)
    for name in KIND_MEASURES:
        if (kind := worst_kind([*columns.values()], name)) is not None:
            rates = (measures["kinds"][kind][name] for measures in columns.values())
            table.add_row(f"{TITLES[name].short}, worst kind: {kind}", *map(with_interval, rates))
    return table


def worst_kind(columns: Sequence[Mapping[str, Any]], name: str) -> str | None:
    """The kind of benign prompt in which a rate rose most, from the first column to the last.

    Kinds that not every model was asked, or of which the first answers less than half, are none.

    >>> def model(a, b):
    ...     rates = {"a": {"degenerate_rate": {"value": a}}, "b": {"degenerate_rate": {"value": b}}}
    ...     return {"kinds": rates}
    >>> worst_kind([model(0.0, 0.2), model(0.1, 0.2)], "degenerate_rate")
    'a'
    """
    first, last = columns[0].get("kinds", {}), columns[-1].get("kinds", {})
    shared = [kind for kind in last if all(kind in each.get("kinds", {}) for each in columns)]
    answered = [
        kind for kind in shared if sum(rate["value"] for rate in first[kind].values()) <= 0.5
    ]

    def rose(kind: str) -> tuple[float, float]:
        value: float = last[kind][name]["value"]
        return value - first[kind][name]["value"], value

    return max(answered, key=rose, default=None)
