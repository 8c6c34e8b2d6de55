"""Which parts of the weights are compared: runs of whole rows, drawn by a seed over all kinds."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

SAMPLE = 24_000_000
"""Bytes of a side that are compared at most: more would only cost processor time."""
DRAWS = 120
"""Slices of a model that is too large to be read: each is a request, and the Hub counts them."""
DEEP = 128
"""Rows of the one slice of each kind of matrix that shows a rank of up to half as many."""
CHANCE = 0.95
"""With which a change of the stated size is seen."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Tensor:
    """A tensor that can be drawn from, seen as rows of its last dimension.

    Args:
        name: in the files.
        shape: of it.
        item: bytes of an entry, on the side where it has more.
    """

    name: str
    shape: tuple[int, ...]
    item: int

    @property
    def width(self) -> int:
        """Entries of a row."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return math.prod(self.shape[:-1])

    @property
    def kind(self) -> str:
        """What it has in common with the same tensor of other layers and experts."""
        return f"{_DIGITS.sub('#', self.name)} {self.shape}"


@dataclass(frozen=True, order=True)
class Slice:
    """A run of whole rows of a tensor.

    Args:
        name: of the tensor.
        first: row.
        rows: how many.
        width: entries of a row.
    """

    name: str
    first: int
    rows: int
    width: int

    @property
    def entries(self) -> int:
        """How many numbers it has."""
        return self.rows * self.width


@dataclass(frozen=True)
class Sample:
    """What is compared, and which change would be missed.

    Args:
        slices: by name and row.
        entries: of all slices together.
        whole: whether that is all there is to compare.
        scattered: the smallest share of all entries that, changed one by one anywhere, is seen
            with 95 % chance.
        clustered: the same for changes that fill whole runs of rows, or whole tensors.
        out_of_reach: the share of all entries that no slice could be drawn from.
    """

    slices: tuple[Slice, ...]
    entries: int
    whole: bool
    scattered: float
    clustered: float
    out_of_reach: float


def draw(tensors: Iterable[Tensor], seed: int, budget: int, outside: int = 0) -> Sample:
    """Draw slices that fit a budget; all of every tensor where that fits.

    The same seed draws the same slices, whatever the order of the tensors.

    >>> made = [Tensor(f"layers.{i}.up.weight", (64, 32), 2) for i in range(4)]
    >>> draw(made, 1, 100_000).whole, draw(made, 1, 4_000).entries <= 2_000
    (True, True)

    Args:
        tensors: what both sides have.
        seed: of the draw.
        budget: bytes of one side.
        outside: entries of the model that the other side has no counterpart of.
    """
    ordered = sorted((each for each in tensors if math.prod(each.shape)), key=lambda t: t.name)
    entries = sum(math.prod(each.shape) for each in ordered)
    everything = entries + outside
    missed = outside / everything if everything else 0.0
    budget = min(budget, SAMPLE)
    if sum(math.prod(each.shape) * each.item for each in ordered) <= budget:
        slices = tuple(Slice(each.name, 0, each.rows, each.width) for each in ordered)
        return Sample(slices, entries, True, missed, missed, missed)
    kinds: dict[str, list[Tensor]] = {}
    for each in ordered:
        kinds.setdefault(each.kind, []).append(each)
    drawn = _within(_draws(kinds, seed, entries, budget), kinds, budget)
    return _sample(kinds, drawn, everything, missed)


def least_share(weights_and_draws: Iterable[tuple[float, float]]) -> float:
    """The share of all entries from which on a change is seen with 95 % chance, wherever it is.

    A change of the share ``p`` of a kind escapes its ``n`` draws with ``(1 - p)^n <= exp(-np)``.
    Over kinds of weights ``w`` that is at most ``exp(-P * min(n/w))`` for the share ``P`` of all:
    so ``P = ln(20) * max(w/n)`` is enough even where all of it hides in the least drawn kind.

    >>> round(least_share([(1.0, 300)]), 4), least_share([(0.5, 100), (0.5, 0)])
    (0.01, 1.0)

    Args:
        weights_and_draws: of each kind, its share of all entries and how often it was drawn.
    """
    worst = max((w / n if n else math.inf for w, n in weights_and_draws), default=0.0)
    return min(1.0, -math.log(1 - CHANCE) * worst)


def _draws(
    kinds: Mapping[str, Sequence[Tensor]], seed: int, entries: int, budget: int
) -> dict[str, list[Slice]]:
    """Slices of each kind, as many as its share of the entries asks for."""
    counts = {
        kind: max(2, round(DRAWS * sum(math.prod(t.shape) for t in found) / entries))
        for kind, found in kinds.items()
    }
    row = {kind: found[0].width * found[0].item for kind, found in kinds.items()}
    # One of several layers is read deep; of what there is once, such as embeddings, none is.
    deep = {kind for kind, found in kinds.items() if len(found) > 1 and found[0].rows > 1}
    deep_rows = min(DEEP, int(0.4 * budget) // max(1, sum(row[kind] for kind in deep)))
    left = budget - deep_rows * sum(row[kind] for kind in deep)
    thin = left // max(1, sum(counts.values()) - len(deep))
    drawn: dict[str, list[Slice]] = {}
    for kind, found in kinds.items():
        order = sorted(found, key=lambda each: _number(seed, each.name))
        rows = min(found[0].rows, max(1, thin // row[kind]))
        first_rows = min(found[0].rows, max(rows, deep_rows)) if kind in deep else rows
        blocks = -(-found[0].rows // rows)
        count = min(counts[kind], len(found) * blocks)
        slices = []
        for place, tensor in enumerate(order[:count]):
            size = first_rows if place == 0 else rows
            again = len(range(place, count, len(order)))
            of_it = -(-tensor.rows // size)
            chosen = random.Random(_number(seed, f"{tensor.name} rows"))
            starts = chosen.sample(range(of_it), min(again, of_it))
            slices += [_run(tensor, start * size, size) for start in starts]
        drawn[kind] = slices
    return drawn


def _run(tensor: Tensor, first: int, rows: int) -> Slice:
    return Slice(tensor.name, min(first, tensor.rows - rows), rows, tensor.width)


def _within(
    drawn: dict[str, list[Slice]], kinds: Mapping[str, Sequence[Tensor]], budget: int
) -> dict[str, list[Slice]]:
    """Leave slices out until they fit, of the kind that has the most; the last ones of each."""
    item = {kind: found[0].item for kind, found in kinds.items()}
    cost = sum(each.entries * item[kind] for kind, found in drawn.items() for each in found)
    while cost > budget:
        kind = max(drawn, key=lambda each: (len(drawn[each]), item[each], each))
        cost -= drawn[kind].pop().entries * item[kind]
    return drawn


def _sample(
    kinds: Mapping[str, Sequence[Tensor]],
    drawn: Mapping[str, Sequence[Slice]],
    everything: int,
    missed: float,
) -> Sample:
    scattered, clustered = [], []
    for kind, found in kinds.items():
        weight = len(found) * math.prod(found[0].shape) / everything
        slices = drawn[kind]
        if not slices:
            missed += weight
            continue
        total = found[0].rows
        # Blocks that do not divide the rows evenly overlap at the end; the rest is drawn less.
        even = min(total / (each.rows * -(-total // each.rows)) for each in slices)
        scattered.append((weight, even * sum(each.entries for each in slices)))
        clustered.append((weight, even * len(slices)))
    slices = tuple(sorted(each for found in drawn.values() for each in found))
    return Sample(
        slices,
        sum(each.entries for each in slices),
        False,
        min(1.0, missed + least_share(scattered)),
        min(1.0, missed + least_share(clustered)),
        missed,
    )


def _number(seed: int, text: str) -> int:
    """A number that depends on the seed and the text alone, on every machine."""
    return int.from_bytes(blake2b(f"{seed} {text}".encode(), digest_size=8).digest(), "big")
