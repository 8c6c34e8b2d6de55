"""Whether the entries that were set to zero are the smallest ones."""

from __future__ import annotations

import numpy as np

from modelrepair.auditing.difference.pairs import Pair
from modelrepair.auditing.difference.spectrum import blocks

ROWS = 64
"""Rows that are looked at one by one."""
BINS = 1 << 16


def below_the_rest(pair: Pair, seed: int = 0) -> float:
    """The share of zeroed entries that are among the smallest of the base's tensor or row.

    Pruning by magnitude zeroes the z smallest of a tensor, or of each row. Entries chosen by
    something else are among these z only as often as z is of all.

    Args:
        pair: a matrix with zeroed entries.
        seed: of the rows that are drawn.
    """
    return max(_of_tensor(pair), _of_rows(pair, seed))


def _of_tensor(pair: Pair) -> float:
    """Magnitudes are counted by the upper 16 bits of their float32: sign, exponent, 7 digits."""
    every, gone = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for low, high in blocks(pair.size):
        base = pair.base(low, high)
        kind = (np.abs(base).view(np.uint32) >> 16).astype(np.intp)
        every += np.bincount(kind.reshape(-1), minlength=BINS)
        gone += np.bincount(kind[_gone(pair, low, high, base)], minlength=BINS)
    total = int(gone.sum())
    # Zeros of the base stay zeros: they count among the smallest, and are no zeroed entries.
    limit = total + int(every[0])
    bound = int(np.searchsorted(np.cumsum(every), limit))
    return float(gone[: bound + 1].sum() / max(1, total))


def _of_rows(pair: Pair, seed: int) -> float:
    rows = np.random.default_rng(seed).permutation(pair.size[0])[:ROWS]
    hit = total = 0
    for row in rows.tolist():
        base = pair.base(row, row + 1)[0]
        gone = _gone(pair, row, row + 1, base[None])[0]
        count = int(np.count_nonzero(gone))
        if not count:
            continue
        size = np.abs(base)
        last = count + int(np.count_nonzero(base == 0)) - 1
        bound = np.partition(size, last)[last]
        hit += int(np.count_nonzero(size[gone] <= bound))
        total += count
    return hit / total if total else 0.0


def _gone(pair: Pair, low: int, high: int, base: np.ndarray) -> np.ndarray:
    return np.asarray((base + pair.change(low, high, base) == 0) & (base != 0))
