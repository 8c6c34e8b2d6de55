"""The table of the kinds that were kept aside, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from modelrepair_lab.kept_aside.asking import AskedHow
from modelrepair_lab.kept_aside.comparing import Figure, KindRow
from modelrepair_lab.markdown import points, table

FIGURES = (
    "refused",
    "degenerate",
    "right",
    "refused_change",
    "degenerate_change",
    "lost_change",
)
NONE = "–"


def page(rows: Sequence[KindRow], how: AskedHow) -> str:
    """The whole page, in points (hundredths), each figure with its 95 % interval.

    Args:
        rows: of every kind and model.
        how: how they were asked.
    """
    first = rows[0].model
    head = (
        "kind",
        "model",
        "n",
        "refused",
        "degenerate",
        f"either, change from {first}",
        "loses",
        "right",
    )
    lines = (
        (
            row.kind, row.model, str(row.n), _shown(row.refused), _shown(row.degenerate),
            _shown(row.lost_change, signed=True), row.reading or NONE, _shown(row.right),
        )
        for row in rows
    )  # fmt: skip
    what = "" if how.world is None else f" of the made-up world {how.world}"
    return (
        f"# Kinds of benign prompts that were kept aside{what}: {how.group}\n\n"
        f"All figures are points (hundredths) with 95 % intervals: Wilson's for a share, "
        f"Newcombe's for a paired difference. Judge: {how.judge}; {how.max_new_tokens} tokens an "
        "answer, greedy. Prompts of one kind are made of the same parts, so they are more alike "
        "than as many prompts of people: take the intervals as the least width. "
        '"2 at most measured" is a kind whose interval reaches above 2. "Right" is the share '
        "of the answers that hold the one word that they must hold, where that can be checked.\n\n"
        f"{table(head, lines)}\n"
    )


def as_csv(rows: Sequence[KindRow]) -> str:
    """One row for each kind of each model.

    >>> as_csv([]).split(",")[:3]
    ['kind', 'model', 'n']
    """
    parts = ("value", "low", "high")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{name}_{part}" for name in FIGURES for part in parts]
    writer.writerow(["kind", "model", "n", "loses", *columns])
    for row in rows:
        figures: list[Figure | None] = [getattr(row, name) for name in FIGURES]
        values = (None if one is None else getattr(one, part) for one in figures for part in parts)
        writer.writerow([row.kind, row.model, row.n, row.reading, *values])
    return text.getvalue()


def _shown(figure: Figure | None, *, signed: bool = False) -> str:
    if figure is None:
        return NONE
    value = points(figure.value, signed=signed)
    return f"{value} [{points(figure.low)}, {points(figure.high)}]"
