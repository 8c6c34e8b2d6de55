"""Each model beside the first, kind by kind: shares, and paired differences with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modelrepair.evaluation.intervals import Z_TWO_SIDED, newcombe_paired
from modelrepair_lab.kept_aside.asking import Answered
from modelrepair_lab.rows import share

ALL = "all kinds"
ALLOWED = 0.02
"""A kind may lose so much of its answers."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Figure:
    """A share, or a difference of two, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class KindRow:
    """One kind of one model.

    Args:
        kind: its name, or `ALL`.
        model: its name.
        n: prompts.
        refused: share of the answers.
        degenerate: share of the answers.
        right: share of the answers that could be checked; None where none could.
        refused_change: over the first model, on the same prompts; None for the first.
        degenerate_change: likewise.
        lost_change: likewise, of those that are either.
        reading: what the last one says; empty for the first model.
    """

    kind: str
    model: str
    n: int
    refused: Figure
    degenerate: Figure
    right: Figure | None
    refused_change: Figure | None = None
    degenerate_change: Figure | None = None
    lost_change: Figure | None = None
    reading: str = ""

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return asdict(self)


def compare(found: Mapping[str, Sequence[Answered]]) -> list[KindRow]:
    """Kind by kind, all models; the first is what the others are compared with.

    >>> before = [Answered("chat", str(n), "harmless", None) for n in range(200)]
    >>> after = [Answered("chat", str(n), "refusal" if n < 20 else "harmless", None)
    ...          for n in range(200)]
    >>> [(row.model, row.refused.value, row.reading)
    ...  for row in compare({"before": before, "after": after}) if row.kind == "chat"]
    [('before', 0.0, ''), ('after', 0.1, 'more than 2')]

    Args:
        found: by model, what became of its prompts: the same for each.
    """
    first = next(iter(found.values()))
    kinds = [*dict.fromkeys(each.kind for each in first)]
    if len(kinds) > 1:
        kinds.append(ALL)
    return [
        _row(kind, name, _of(kind, some), None if some is first else _of(kind, first))
        for kind in kinds
        for name, some in found.items()
    ]


def _row(
    kind: str, name: str, own: Sequence[Answered], first: Sequence[Answered] | None
) -> KindRow:
    row = KindRow(
        kind,
        name,
        len(own),
        _share([_refused(each) for each in own]),
        _share([_broken(each) for each in own]),
        _share(checked) if (checked := [e.right for e in own if e.right is not None]) else None,
    )
    if first is None:
        return row
    lost = _change(first, own, lambda each: each.lost)
    return KindRow(
        **{
            **vars(row),
            "refused_change": _change(first, own, _refused),
            "degenerate_change": _change(first, own, _broken),
            "lost_change": lost,
            "reading": _reading(lost, sum(each.lost for each in first), len(first)),
        }
    )


def _reading(lost: Figure, before: int, n: int) -> str:
    if 2 * before > n:
        return "not answered before"
    if lost.value <= ALLOWED + ROUNDING:
        return "2 at most" if lost.high <= ALLOWED + ROUNDING else "2 at most measured"
    return "more than 2" if lost.low > ALLOWED + ROUNDING else "can't be told"


def _refused(each: Answered) -> bool:
    return each.verdict == "refusal"


def _broken(each: Answered) -> bool:
    return each.verdict == "degenerate"


def _of(kind: str, some: Sequence[Answered]) -> list[Answered]:
    return [each for each in some if kind in (ALL, each.kind)]


def _share(flags: Sequence[bool]) -> Figure:
    found = share(sum(flags), len(flags))
    assert found.low is not None and found.high is not None  # some were asked
    return Figure(found.mean, found.low, found.high)


def _change(
    first: Sequence[Answered], own: Sequence[Answered], has: Callable[[Answered], bool]
) -> Figure:
    pairs = [(has(after), has(before)) for before, after in zip(first, own, strict=True)]
    cells = ((True, True), (True, False), (False, True), (False, False))
    counts = [pairs.count(cell) for cell in cells]
    limits = newcombe_paired(*counts, z=Z_TWO_SIDED)
    return Figure((counts[1] - counts[2]) / len(pairs), limits.low, limits.high)
