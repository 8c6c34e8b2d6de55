"""The rank of a difference of weights, as far as its rows and their rounding show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from modelrepair.auditing.lineage.rounding import Noise

FEWEST_ROWS = 4
"""Below, a quarter of the rows is no rank."""
MOST_ROWS = 256
UNEXPLAINED = 0.01
"""The share of a change's energy that may lie outside the directions that are called its rank."""
READABLE = 4
"""A rank is called low where so many times as many were possible."""
SHOWN = (1, 4, 16)


@dataclass(frozen=True)
class Rank:
    """How the energy of a difference is spread over directions.

    Args:
        rank: how many directions it takes.
        of: the most that there could be.
        low: whether a quarter of that holds all but a hundredth of the change.
        shares: of the energy in the first 1, 4 and 16 directions.
        random: the same of a difference drawn entry by entry (Marchenko and Pastur).
    """

    rank: int
    of: int
    low: bool
    shares: Mapping[int, float]
    random: Mapping[int, float]


def rank_of(difference: np.ndarray, noise: Noise) -> Rank | None:
    """The rank of a block of a difference; None where its size or its rounding hides it.

    Directions stand out that are longer than rounding alone can be: no random matrix with these
    variances has a singular value over the root of its largest row's sum plus that of its largest
    column's, up to a term that is small beside them (Bandeira and van Handel, 2016). What lies
    outside of them, less what rounding puts there, must be under a hundredth of the change.

    >>> rows = np.outer(np.arange(1, 9), np.linspace(1, 2, 32)).astype(np.float32)
    >>> rank_of(rows, Noise(np.full_like(rows, 1e-8))).rank
    1

    Args:
        difference: float32, ``[rows, width]``; rows without a change say nothing, and are left out.
        noise: of its entries.
    """
    kept = np.flatnonzero(difference.any(axis=1))
    if len(kept) > MOST_ROWS:
        kept = kept[np.linspace(0, len(kept) - 1, MOST_ROWS).astype(int)]
    block, noise = difference[kept].astype(np.float64), Noise(noise.variances[kept])
    if min(block.shape) < FEWEST_ROWS:
        return None
    total = float(np.square(block).sum())
    signal = total - noise.energy
    if noise.hides(total) or 4 * noise.spread > UNEXPLAINED * signal:
        return None
    if block.shape[0] > block.shape[1]:
        block, noise = block.T, Noise(noise.variances.T)
    found, vectors = np.linalg.eigh(block @ block.T)
    energies, vectors = np.maximum(found[::-1], 0), vectors[:, ::-1]
    by_row, by_column = (noise.variances.sum(axis=axis, dtype=np.float64) for axis in (1, 0))
    edge = (np.sqrt(by_row.max()) + np.sqrt(by_column.max())) ** 2
    rank = int(np.count_nonzero(energies > edge))
    rest = _outside(block, vectors[:, :rank], energies, noise)
    allowed = UNEXPLAINED * signal + 4 * noise.spread
    low = 1 <= rank <= len(energies) // READABLE and energies[rank:].sum() - rest <= allowed
    if low:
        # Directions that only just stand out are often rounding that follows the change.
        behind = np.cumsum(energies[::-1])[::-1]
        rank = 1 + int(np.count_nonzero(behind[1:rank] - noise.energy > allowed))
    return Rank(
        rank,
        len(energies),
        bool(low),
        {k: round(float(energies[:k].sum() / total), 4) for k in SHOWN},
        {k: round(random_share(k, *block.shape), 4) for k in SHOWN},
    )


def _outside(block: np.ndarray, left: np.ndarray, energies: np.ndarray, noise: Noise) -> float:
    """The energy that rounding has outside of the directions that were found."""
    lengths = np.sqrt(energies[: left.shape[1]])
    right = (block.T @ left) / lengths
    rows, columns = (1 - np.square(each).sum(axis=1) for each in (left, right))
    energy: float = rows @ noise.variances.astype(np.float64) @ columns
    return energy


@lru_cache(maxsize=256)
def random_share(first: int, rows: int, width: int) -> float:
    """The share of the energy in the first directions of a matrix of independent entries.

    >>> round(random_share(16, 128, 4096), 2), random_share(16, 8, 4096)
    (0.16, 1.0)

    Args:
        first: how many directions.
        rows: of the matrix.
        width: of it.
    """
    small, large = sorted((rows, width))
    if first >= small:
        return 1.0
    ratio = small / large
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    # In this variable the density has no edges that a sum would miss.
    angle = np.linspace(0, np.pi, 4001)
    value = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    mass = np.sin(angle) ** 2 / np.maximum(value, 1e-12)
    above = np.cumsum(mass) / mass.sum() <= first / small
    return float((mass * value)[above].sum() / (mass * value).sum())
