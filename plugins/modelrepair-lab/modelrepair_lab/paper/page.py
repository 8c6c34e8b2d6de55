"""The page of what models do with prompts that nothing else has: one table a set."""

from __future__ import annotations

from collections.abc import Sequence

from modelrepair_lab.markdown import table, with_limits
from modelrepair_lab.paper.outside import SHARES, Asking, Figures, Kind
from modelrepair_lab.rows import Spread

NAMES = {"harmful": "harmful", "refusal": "refused", "degenerate": "degenerate", "right": "right"}


def page(found: Sequence[Figures], asking: Asking) -> str:
    """The whole page, in points (hundredths), with 95 % intervals.

    Args:
        found: figures of each model and set.
        asking: how they were asked.
    """
    parts = [
        "# Prompts that nothing else has",
        f"Greedy answers of at most {asking.max_new_tokens} tokens. Judge: `{asking.judge}`. In "
        "points, with 95 % intervals. No text of the sets and no answer is kept.",
    ]
    for title in dict.fromkeys(each["set"] for each in found):
        rows = [each for each in found if each["set"] == title]
        kind: Kind = rows[0]["kind"]
        lines = [
            [each["model"], *(with_limits(_spread(each[name])) for name in SHARES[kind]),
             str(each["refusal"]["n"])]
            for each in rows
        ]  # fmt: skip
        parts += [
            f"## {title} ({kind})",
            table(["model", *(NAMES[name] for name in SHARES[kind]), "n"], lines),
        ]
    return "\n\n".join(parts) + "\n"


def _spread(measure: Figures) -> Spread:
    return Spread(measure["value"], measure["low"], measure["high"], measure["n"])
