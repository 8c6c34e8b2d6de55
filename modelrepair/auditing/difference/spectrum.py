"""The largest singular values of a matrix that is read in blocks of rows, and its numerical rank.

Randomised SVD (Halko, Martinsson and Tropp 2011): random sums of rows, then half a power iteration,
in two passes over the rows; a third where there are leading directions to look at. No copy of the
matrix is made. Every value is a lower bound (Rayleigh-Ritz), exact for a matrix of a rank of at
most `SKETCH`; for a flat spectrum, without a leading direction, the largest is up to a third too
small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

SKETCH = 8
"""Columns of the sketch: what is told apart of the leading directions."""
SUMS = 16
"""Random sums of rows that the sketch is taken from."""
BLOCK = 1 << 16
"""Entries of a block: its float32 copies stay in a core's own cache, and need no fresh pages."""
SAMPLE = 128
"""Rows and columns of the part whose rank is counted; ranks up to half of it are seen."""
FLAT_ERROR = 0.34
"""How much too small the largest singular value of a matrix without a leading one may come out.

Of a large square one of independent entries the squares have moments of 1 and 2 (Marchenko and
Pastur), and the largest is 4: a random sum of rows v gives ‖Mv‖² = 2, a σ of √(2/4) = .71 of the
true one. Small ones vary: .66 is 3 standard deviations below in 300 dimensions."""

ULP = {"F64": 2.0**-23, "F32": 2.0**-23, "F16": 2.0**-10, "BF16": 2.0**-7, "F8_E4M3": 2.0**-3,
       "F8_E5M2": 2.0**-2}  # fmt: skip
"""The largest step between two values of a dtype, as a share of the value."""

Rows = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Spectrum:
    """What is known of a matrix's leading directions.

    Args:
        values: its largest singular values, the largest first.
        left: the directions on the side of the rows, ``[rows, k]``.
        right: those on the side of the columns, ``[columns, k]``.
    """

    values: np.ndarray
    left: np.ndarray
    right: np.ndarray


def blocks(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Cut the rows of a matrix into ranges of at most `BLOCK` entries, but a row at least.

    >>> list(blocks((3, 8)))
    [(0, 3)]
    """
    step = max(1, BLOCK // max(1, shape[1]))
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


class Sketch:
    """Random sums of a matrix's rows, gathered block by block.

    Each block goes into one sum or, where there are few blocks, into several: a row is read once,
    where a dense sketch would read it `SUMS` times.

    >>> gathered = Sketch((2, 3), 1)
    >>> gathered.add(0, 2, np.ones((2, 3), np.float32))
    >>> gathered.sums.shape
    (16, 3)
    """

    def __init__(self, shape: tuple[int, int], seed: int) -> None:
        self.count = len(list(blocks(shape)))
        self.each = -(-SUMS // self.count)
        self.weights = np.random.default_rng(seed).standard_normal(
            (self.each, shape[0]), np.float32
        )
        self.sums = np.zeros((SUMS, shape[1]), np.float32)
        self.next = 0

    def add(self, low: int, high: int, block: np.ndarray) -> None:
        """Add the rows from one up to another."""
        parts = self.weights[:, low:high] @ block
        for part in parts:
            self.sums[self.next % SUMS] += part
            self.next += 1


def leading(rows: Rows, shape: tuple[int, int], sketch: Sketch) -> Spectrum:
    """The leading singular values and directions of a matrix.

    >>> matrix = np.outer([3.0, 0, 4.0], [0, 1.0]).astype(np.float32)
    >>> sketch = Sketch((3, 2), 1)
    >>> sketch.add(0, 3, matrix)
    >>> round(float(leading(lambda a, b: matrix[a:b], (3, 2), sketch).values[0]), 4)
    5.0

    Args:
        rows: gives the matrix's rows from one up to another, float32.
        shape: of the matrix.
        sketch: of all its rows.
    """
    sums = sketch.sums.astype(np.float64)
    mixed = np.linalg.eigh(sums @ sums.T)[1][:, ::-1][:, : min(SKETCH, *shape)]
    # By columns: a product with few of them is faster then.
    start = np.asfortranarray(_orthonormal(sums.T @ mixed))
    image = np.empty((shape[0], start.shape[1]), np.float32)
    for low, high in blocks(shape):
        np.matmul(rows(low, high), start, out=image[low:high])
    # The singular values of the matrix on the range of `start`: lower bounds of its own.
    left, values, turned = np.linalg.svd(image.astype(np.float64), full_matrices=False)
    return Spectrum(values, left.astype(np.float32), (start @ turned.T).astype(np.float32))


def refined(rows: Rows, shape: tuple[int, int], found: Spectrum) -> Spectrum:
    """The same after half a power iteration more: the directions of the columns become as good.

    Args:
        rows: as for `leading`.
        shape: as for `leading`.
        found: what `leading` gave.
    """
    power = np.zeros((found.left.shape[1], shape[1]), np.float32)
    for low, high in blocks(shape):
        power += found.left[low:high].T @ rows(low, high)
    turned, values, right = np.linalg.svd(power.astype(np.float64), full_matrices=False)
    return Spectrum(values, (found.left @ turned).astype(np.float32), right.T.astype(np.float32))


def counted_rank(change: np.ndarray, weights: np.ndarray, ulp: float) -> tuple[int, float, float]:
    """The rank of a part of a change, above what rounding gives; the shares of its energy.

    Rounding to the nearest adds independent errors of variance at most (ulp·w)²/12. The norm of
    such a matrix is at most the largest norm of a row's deviations plus the largest of a column's
    (Bandeira and van Handel 2016): what lies above is no rounding. The same is allowed once more
    for the change, which a merge in the dtype rounds before it adds it.

    Args:
        change: the part, float32.
        weights: the same part of the weights.
        ulp: of the dtype that it was rounded to.

    Returns:
        How many singular values are no rounding, their share of the energy, and the share that
        rounding gives at most.
    """
    whole = change.astype(np.float64)
    squares = np.maximum(np.linalg.eigvalsh(whole @ whole.T)[::-1], 0)
    total = float(squares.sum())
    if not total:
        return 0, 0.0, 0.0
    edge = _edge(weights, ulp) + _edge(change, ulp)
    count = int((squares > edge**2).sum())
    noise = ulp**2 / 12 * float(np.square(weights, dtype=np.float64).sum() + total)
    return count, float(squares[:count].sum() / total), noise / total


def _edge(values: np.ndarray, ulp: float) -> float:
    squares = np.square(values, dtype=np.float64)
    return float(ulp / 12**0.5 * (squares.sum(0).max() ** 0.5 + squares.sum(1).max() ** 0.5))


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    return np.linalg.qr(columns.astype(np.float64))[0].astype(np.float32)
