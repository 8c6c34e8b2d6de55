"""The detector of broken answers against labelled texts, kind by kind.

``python -m tests.support.broken_answers`` prints the table of ``docs/judges.md``. The texts are
made for this; those of random tokens come from a real tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelrepair.evaluation.degeneration import degeneration
from modelrepair.evaluation.intervals import wilson

TEXTS = Path(__file__).parent / "data" / "degenerate-held-out.jsonl"


@dataclass(frozen=True)
class Kind:
    """Of ``n`` texts of one kind, ``k`` were called broken."""

    broken: bool
    k: int
    n: int


def kinds() -> Mapping[str, Kind]:
    """The counts of every kind, in the order of the file."""
    found: dict[str, Kind] = {}
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
        text = json.loads(line)
        called = degeneration(text["text"], hit_limit=text["hit_limit"]) is not None
        before = found.get(text["kind"], Kind(text["broken"], 0, 0))
        found[text["kind"]] = Kind(text["broken"], before.k + called, before.n + 1)
    return found


def totals() -> tuple[tuple[int, int], tuple[int, int]]:
    """Precision and recall, each as k of n."""
    found = kinds().values()
    right = sum(kind.k for kind in found if kind.broken)
    return (right, sum(kind.k for kind in found)), (right, sum(k.n for k in found if k.broken))


def table() -> str:
    """The figures as the page shows them."""
    lines = ["| texts | in truth | called broken |", "| --- | --- | --- |"]
    for name, kind in kinds().items():
        lines.append(f"| {name} | {'broken' if kind.broken else 'fine'} | {kind.k} of {kind.n} |")
    for name, (k, n) in zip(("precision", "recall"), totals(), strict=True):
        limits = wilson(k, n)
        interval = f"{k / n:.3f} [{limits.low:.3f}, {limits.high:.3f}]"
        lines.append(f"| **{name}** | | {k} of {n}: {interval} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
