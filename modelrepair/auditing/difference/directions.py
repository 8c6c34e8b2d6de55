"""Whether a change removes a direction from a matrix, and whether many remove the same one.

Ablation writes W − s·r(rᵀW): the output along r is taken away, in full or in part. On the other
side, W − s·(Wr)rᵀ, it is a direction of what is read; rows of an embedding are written to the
residual stream, so there this side is the output. A change of rank one is not enough: a merged
adapter of rank one is b·aᵀ with an `a` that has nothing to do with Wᵀb. Here the direction is
taken from the change alone, and what the change does along it is compared with what the weights
do along it: −1 is their cosine for ablation, and about ±1/√n for anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from modelrepair.auditing.difference.pairs import Pair
from modelrepair.auditing.difference.spectrum import Spectrum, blocks

ALONG = 0.9
"""Of the cosine. Rounding noise of an energy of a fifth of the direction's leaves .91; in 64
dimensions .9 lies 7 standard deviations above what unrelated vectors give."""
SHARED = 0.5**0.5
"""Of the overlap: more than half of one direction's energy lies in the other."""
MOST = 64
"""Matrices whose directions are compared in pairs."""


@dataclass(frozen=True)
class Removed:
    """The directions that a change removes from a matrix.

    Args:
        side: ``"output"``: along the rows of an ``[out, in]`` matrix; ``"input"``: the other.
        count: how many directions.
        strength: 1 where the first is removed in full, less where it is softened.
        cosine: between the change and the weights along the first, its sign turned.
        explained: the share of the change's energy that removing them explains.
        exact: whether the rest is no more than rounding.
        vectors: the directions, ``[dimension, count]``.
    """

    side: str
    count: int
    strength: float
    cosine: float
    explained: float
    exact: bool
    vectors: np.ndarray


def removed_from(
    pair: Pair, spectrum: Spectrum, *, weights: float, change: float, ulp: float
) -> Removed | None:
    """The directions that a change removes; None where it is another change.

    Args:
        pair: the matrix.
        spectrum: of the change.
        weights: the sum of the squares of the weights.
        change: that of the change.
        ulp: of the dtype that it was rounded to.
    """
    rows, columns = pair.size
    left, right = spectrum.left, spectrum.right
    kept, moved = (np.zeros((left.shape[1], columns)) for _ in range(2))
    kept_in, moved_in = (np.empty((rows, right.shape[1])) for _ in range(2))
    for low, high in blocks(pair.size):
        base = pair.base(low, high)
        block = pair.change(low, high, base)
        kept += left[low:high].T @ base
        moved += left[low:high].T @ block
        kept_in[low:high], moved_in[low:high] = base @ right, block @ right
    # Rounding has variance of at most (ulp·w)²/12 an entry; its largest singular value is
    # √(variance)·(√rows + √columns), and twice that where the variance differs from row to row.
    noise = ulp**2 / 12 * (weights + change)
    edge = 2 * (noise / (rows * columns)) ** 0.5 * (rows**0.5 + columns**0.5)
    clear = spectrum.values > edge
    # The product of a direction and the weights is rounded, and what is made of it again.
    rest = 2 * noise + ulp**2 * change + 1e-9 * change
    sides = [
        _along("output", kept, moved, left, clear, change, rest),
        _along("input", kept_in.T, moved_in.T, right, clear, change, rest),
    ]
    found = [each for each in sides if each is not None]
    return max(found, key=lambda each: each.explained, default=None)


def _along(
    side: str,
    kept: np.ndarray,
    moved: np.ndarray,
    directions: np.ndarray,
    clear: np.ndarray,
    change: float,
    rest: float,
) -> Removed | None:
    inner = -(kept * moved).sum(1)
    own = np.square(kept).sum(1)
    cosine = inner / np.sqrt(np.maximum(own * np.square(moved).sum(1), 1e-300))
    passing = clear & (cosine >= ALONG)
    if not passing.any():
        return None
    explained = float((inner[passing] ** 2 / own[passing]).sum())
    first = int(np.argmax(passing))
    return Removed(
        side,
        int(passing.sum()),
        float(inner[first] / own[first]),
        float(cosine[first]),
        min(1.0, explained / change),
        change - explained <= rest,
        directions[:, passing],
    )


def overlap(all_of_them: Sequence[np.ndarray]) -> float | None:
    """How far directions agree, from 0 to 1; None where there is but one, or none.

    For single directions it is the mean of |cos| over all pairs.

    >>> overlap([np.array([[1.0], [0]]), np.array([[-1.0], [0]])])
    1.0

    Args:
        all_of_them: orthonormal columns, each ``[dimension, count]``, of one dimension.
    """
    shares = [
        float(np.linalg.norm(one.T @ other)) / min(one.shape[1], other.shape[1]) ** 0.5
        for one, other in combinations(all_of_them[:MOST], 2)
    ]
    return float(np.mean(shares)) if shares else None


def unrelated(dimension: int) -> float:
    """The mean of |cos| of independent directions.

    >>> round(unrelated(128), 3)
    0.071
    """
    return float((2 / (np.pi * dimension)) ** 0.5)
