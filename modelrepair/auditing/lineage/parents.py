"""A slice beside several models at once: how far from each it is, and whether two make it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from modelrepair.auditing.lineage.changes import Weights
from modelrepair.auditing.lineage.rounding import coarsest, grid_of, noise


@dataclass(frozen=True)
class Mix:
    """Two parents that a slice is a sum of.

    Args:
        parents: their names.
        weights: what each counts.
        residual: the energy that is left, as a share of the distance to the nearer parent.
    """

    parents: tuple[str, str]
    weights: tuple[float, float]
    residual: float


@dataclass(frozen=True)
class Nearness:
    """A slice beside every known parent.

    Args:
        distances: from each, beside the length of the slice.
        mixes: the pairs that make it up, but for rounding.
        tried: the pairs that differ enough to be told apart in it.
    """

    distances: Mapping[str, float]
    mixes: tuple[Mix, ...]
    tried: tuple[tuple[str, str], ...]


def nearness(after: Weights, parents: Mapping[str, Weights]) -> Nearness:
    """How far a slice is from each of its possible parents, and which two it is a mix of.

    >>> def weights(*values: float) -> Weights:
    ...     return Weights(np.array([values], np.float32).view(np.uint32), "F32")
    >>> one, two = weights(1.1, 0.3, 0, 0, 0.7, 0), weights(0, 0.9, 2.1, 0, 0, 0.3)
    >>> found = nearness(weights(0.55, 0.6, 1.05, 0, 0.35, 0.15), {"a": one, "b": two})
    >>> [round(each, 3) for each in found.mixes[0].weights]
    [0.5, 0.5]

    Args:
        after: the model's weights.
        parents: those of each parent by its name, of the same shape.
    """
    y = after.values.astype(np.float64)
    values = {name: each.values.astype(np.float64) for name, each in parents.items()}
    length = float(np.linalg.norm(y)) or 1.0
    distances = {name: float(np.linalg.norm(y - each)) / length for name, each in values.items()}
    grid = grid_of(after.values, after.dtype)
    coarse = coarsest([grid, *(grid_of(each.values, each.dtype) for each in parents.values())])
    mixes, tried = [], []
    for one, two in combinations(values, 2):
        solved = _solve(y, values[one], values[two])
        if solved is None:
            continue
        a, b = solved
        left, right = a * values[one], b * values[two]
        # Each product may be rounded, and their sum is.
        added = noise(grid, *(each.astype(np.float32) for each in (y, left, right)),
                      difference=np.zeros(y.shape, np.float32))  # fmt: skip
        ends = [float(np.square(y - values[name]).sum()) for name in (one, two)]
        apart = float(np.square(values[one] - values[two]).sum())
        if any(added.hides(each) for each in (*ends, apart)):
            continue
        tried.append((one, two))
        rest = float(np.square(y - left - right).sum())
        parts = [float(np.square(each).sum()) for each in (left, right)]
        if rest <= added.most(coarse) and not any(added.hides(each) for each in parts):
            mixes.append(Mix((one, two), (a, b), rest / min(ends)))
    return Nearness(distances, tuple(mixes), tuple(tried))


def _solve(y: np.ndarray, one: np.ndarray, two: np.ndarray) -> tuple[float, float] | None:
    """The least squares of ``y = a * one + b * two``; None where the two are the same."""
    products = np.array([[np.vdot(p, q) for q in (one, two)] for p in (one, two)])
    if np.linalg.det(products) <= 1e-9 * np.prod(np.diag(products)):
        return None
    a, b = np.linalg.solve(products, [np.vdot(one, y), np.vdot(two, y)])
    return float(a), float(b)
