"""What happened to a slice of a tensor: equal, scaled, of low rank, edited in places, and so on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from modelrepair.auditing.lineage.levels import Levels, levels_of
from modelrepair.auditing.lineage.ranks import Rank, rank_of
from modelrepair.auditing.lineage.rounding import Noise, coarsest, grid_of, noise, one_in
from modelrepair.auditing.lineage.sampling import Slice
from modelrepair.checkpoint.bits import from_float32, to_float32

Kind = Literal[
    "equal", "zeroed", "unrelated", "quantised", "scaled", "low-rank", "sparse", "dense",
    "undecided", "unread",
]  # fmt: skip
"""Undecided: rounding hides whether it is sparse or dense. Unread: its dtype has no values."""

EXPLAINED = 0.01
"""Of the weights' variance: below, the base has no part in them."""
FEWEST = 512
"""Entries from which on chance alone does not explain a hundredth: its root is 2.3 deviations."""
LARGEST = np.float32(1e18)
"""No weight of a model that works is larger; its square still has a float32."""
FEWEST_FACTOR = 8
"""Entries that one factor must fit."""
SMALLEST = 1000
"""One in so many entries is near zero, where rounding hides next to nothing."""
_FINENESS = {"BF16": 7, "F16": 10}


@dataclass(frozen=True)
class Change:
    """What happened to a slice.

    Args:
        slice: which.
        kind: what explains the change.
        changed: entries that are not the base's bit for bit.
        zeros: entries that are zero and were not.
        explained: the share of the weights' variance that the base explains; None where it has
            none, or where there are too few entries.
        relative: the change's length beside the base's.
        scale: the factor of a scaled slice, on average; and along what it is one.
        along: "tensor", "row" or "column".
        rank: of the difference; None where it is not readable.
        levels: that the weights lie on.
        whole_rows: whether every changed row is changed all through.
    """

    slice: Slice
    kind: Kind
    changed: int = 0
    zeros: int = 0
    explained: float | None = None
    relative: float = 0.0
    scale: float | None = None
    along: str | None = None
    rank: Rank | None = None
    levels: Levels | None = None
    whole_rows: bool = False


@dataclass(frozen=True)
class Weights:
    """The bits of a slice on one side.

    Args:
        bits: ``[rows, width]``, unsigned integers.
        dtype: the safetensors name.
    """

    bits: np.ndarray
    dtype: str

    @property
    def values(self) -> np.ndarray:
        """What the bits stand for, as float32; what is not finite counts as zero."""
        return _finite(to_float32(self.bits, self.dtype))


def change_of(
    slice: Slice, before: Weights, after: Weights, *, by_token: bool = False, read: bool = True
) -> Change:
    """What happened to a slice.

    >>> weights = Weights(np.array([[0x3F80, 0x4000]], np.uint16), "BF16")
    >>> change_of(Slice("w", 0, 1, 2), weights, weights).kind
    'equal'

    Args:
        slice: which.
        before: the base's weights.
        after: the model's.
        by_token: whether each row belongs to a token: those that training never saw stay as they
            are, and the others change all through.
        read: whether both dtypes have values; else their bits alone are compared.
    """
    same = after.dtype == before.dtype
    if not read:
        equal = same and np.array_equal(after.bits, before.bits)
        return Change(slice, "equal" if equal else "unread", changed=0 if equal else slice.entries)
    x, y = before.values, after.values
    grid = grid_of(y, after.dtype)
    own = grid_of(x, before.dtype)
    rounded = _rounded(x, grid, own)
    if after.dtype == "F16" != before.dtype:
        # Its range is narrower: the smallest weights become zero, and no more was done to them.
        rounded = _cast(rounded, "F16")
    changed = (after.bits != before.bits) if same else (rounded != y)
    count = int(np.count_nonzero(changed))
    if not count:
        return Change(slice, "equal")
    twice = rounded is not x
    difference = y - rounded
    added = noise(grid, *([y] * (1 + twice)), difference=difference)
    seen = _Seen(slice, x, rounded, y, changed, difference, added, grid, own, by_token)
    return seen.change()


def _rounded(x: np.ndarray, grid: str, own: str) -> np.ndarray:
    """The base in the model's dtype, where that is coarser."""
    if grid not in _FINENESS or _FINENESS.get(own, 23) <= _FINENESS[grid]:
        return x
    return _cast(x, grid)


def _cast(values: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        return _finite(to_float32(from_float32(values, dtype), dtype))


def _finite(values: np.ndarray) -> np.ndarray:
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    clipped: np.ndarray = np.clip(finite, -LARGEST, LARGEST)
    return clipped


@dataclass(frozen=True)
class _Seen:
    """A changed slice, and everything that is asked of it."""

    slice: Slice
    x: np.ndarray
    rounded: np.ndarray
    y: np.ndarray
    changed: np.ndarray
    difference: np.ndarray
    noise: Noise
    grid: str
    own_grid: str
    by_token: bool

    def change(self) -> Change:
        count = int(np.count_nonzero(self.changed))
        zeros = np.count_nonzero((self.y == 0) & (self.rounded != 0))
        length = np.linalg.norm(self.x.astype(np.float64))
        moved = np.linalg.norm(self.difference.astype(np.float64))
        chance = one_in(self.grid) * count
        found = Change(
            self.slice,
            "dense",
            changed=count,
            zeros=int(zeros) if zeros > chance + 3 * np.sqrt(chance) else 0,
            explained=self.explained(),
            relative=float(moved / length) if length else 1.0,
            whole_rows=bool(self.changed[self.changed.any(axis=1)].all()),
        )
        if found.explained is not None and found.explained < EXPLAINED:
            return replace(found, kind="unrelated")
        first = self.slice.first * self.slice.width
        # A vector is never quantised, and a norm's weights have few values: all are near one.
        if self.slice.rows > 1 and (levels := levels_of(self.y, self.x, first)):
            # Its zeros are what lay next to that level.
            return replace(found, kind="quantised", levels=levels, zeros=0)
        if found.zeros == count:
            return replace(found, kind="zeroed")
        if found.zeros:
            return replace(found, kind=self.spread())
        return replace(found, **self.explanation())

    def explanation(self) -> dict[str, Any]:
        if scaled := self.scaled():
            return {"kind": "scaled", **scaled}
        rank = rank_of(self.difference, self.noise)
        kind = "low-rank" if rank is not None and rank.low else self.spread()
        return {"kind": kind, "rank": rank}

    def explained(self) -> float | None:
        """The squared correlation with the base."""
        if self.y.size < FEWEST or self.slice.rows < 2:
            return None
        x, y = (each - each.mean(dtype=np.float64) for each in (self.x, self.y))
        squares = float(np.square(x).sum()) * float(np.square(y).sum())
        return float((x * y).sum()) ** 2 / squares if squares else None

    def scaled(self) -> dict[str, Any] | None:
        """One factor for the slice, each row or each column that leaves no more than rounding."""
        if self.noise.hides(float(np.square(self.difference).sum(dtype=np.float64))):
            return None
        x, y = self.x.astype(np.float64), self.y.astype(np.float64)
        products, squares = x * y, x * x
        most = self.noise.most(coarsest([self.grid, self.own_grid]))
        shift = y - x
        if self.slice.rows == 1 and float(np.square(shift - shift.mean()).sum()) <= most:
            # The same step for all entries of a vector explains it as well: a norm's are all near
            # one, and training moves them together.
            return None
        for along, axis in (("tensor", None), ("row", 1), ("column", 0)):
            if axis is not None and x.shape[axis] < FEWEST_FACTOR:
                continue
            below = squares.sum(axis=axis, keepdims=True)
            above = products.sum(axis=axis, keepdims=True)
            factor = np.divide(above, below, out=np.ones_like(above), where=below > 0)
            if float(np.square(y - factor * x).sum()) <= most:
                return {"scale": float(factor.mean()), "along": along}
        return None

    def spread(self) -> Kind:
        """Whether single entries were changed, or all of them as far as rounding lets it show.

        A small change of every entry leaves those as they are whose rounding step is larger than
        it: near zero, where the steps are finest, it shows in all. Entries that were edited one by
        one are no more frequent there than elsewhere.
        """
        rows = self.changed.any(axis=1) if self.by_token else np.ones(len(self.changed), bool)
        x, changed = np.abs(self.x[rows]).ravel(), self.changed[rows].ravel()
        if 2 * np.count_nonzero(changed) > len(changed):
            return "dense"
        place = np.flatnonzero(x)
        count = min(len(place), max(32, len(place) // SMALLEST))
        if not count:
            return "undecided"
        near = place[np.argpartition(x[place], count - 1)[:count]]
        step = 2 * x[near].max() * one_in(self.grid)
        sizes = np.abs(self.difference[rows]).ravel()[changed]
        if step > np.quantile(sizes, 0.25) / 2:
            return "undecided"
        share = float(changed[near].mean())
        if abs(share - 0.5) * np.sqrt(count) < 1:
            return "undecided"
        return "dense" if share > 0.5 else "sparse"
