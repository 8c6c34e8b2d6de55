"""What a mask took of one tensor: the share of its norm; and a tensor's digest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np

from modelrepair.checkpoint.bits import to_float32
from modelrepair.checkpoint.reader import Checkpoint

CHUNK = 1 << 22
"""Entries looked at together: what verification and writing hold of a tensor at one time."""


def chunks(entries: int) -> Iterator[tuple[int, int]]:
    """Cut a tensor's entries into ranges of at most `CHUNK`.

    >>> list(chunks(10))
    [(0, 10)]
    """
    for start in range(0, entries, CHUNK):
        yield start, min(start + CHUNK, entries)


def square(raw: np.ndarray, dtype: str) -> float:
    """The sum of the squares of entries given as bits.

    >>> square(np.array([0x3F80, 0x4000], np.uint16), "BF16")
    5.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum(np.square(to_float32(raw, dtype), dtype=np.float64)))


def removed_square(old: np.ndarray, new: np.ndarray, dtype: str) -> float:
    """The sum of the squares of new − old, both given as bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.subtract(to_float32(new, dtype), to_float32(old, dtype), dtype=np.float64)
        return float(np.sum(np.square(difference)))


def share_of_norm(removed: float, whole: float) -> float | None:
    """‖new − old‖ / ‖old‖ from the two squares; None where it is not finite.

    Six digits are kept: summation differs in the last ones between processors.

    >>> share_of_norm(1.0, 4.0), share_of_norm(0.0, 0.0), share_of_norm(1.0, math.inf)
    (0.5, 0.0, None)
    """
    if removed == 0:
        return 0.0
    if whole == 0 or not math.isfinite(removed) or not math.isfinite(whole):
        return None
    return float(f"{math.sqrt(removed / whole):.6g}")


def norm_removed(
    source: Checkpoint, name: str, positions: np.ndarray, values: np.ndarray
) -> float | None:
    """The share of a tensor's Frobenius norm that new values at some positions remove."""
    flat, dtype = source.raw(name).reshape(-1), source.entries[name].dtype
    if not len(positions):
        return 0.0
    whole = sum(square(flat[start:stop], dtype) for start, stop in chunks(len(flat)))
    return share_of_norm(removed_square(flat[positions], values, dtype), whole)


def tensor_digest(checkpoint: Checkpoint, name: str) -> str:
    """SHA-256 of a tensor's raw bytes, read piece by piece."""
    entry = checkpoint.entries[name]
    digest, left = hashlib.sha256(), entry.nbytes
    with (checkpoint.folder / entry.file).open("rb") as file:
        file.seek(entry.offset)
        while left and (piece := file.read(min(left, CHUNK))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()
