"""Whether weights lie on few levels: what quantising leaves when they are stored wide again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GROUPS = (256, 128, 64, 32)
"""Neighbours that share a scale, in the usual formats."""
FOUR_BITS = 16
EIGHT_BITS = 256
_MOST_GROUPS = 512
_INNER = 16
"""Levels of eight bits next to zero, where bfloat16 blurs a level by less than an eighth."""


@dataclass(frozen=True)
class Levels:
    """How weights are quantised.

    Args:
        bits: of a level.
        group: neighbours that share a scale; 0 for a row.
    """

    bits: int
    group: int


def levels_of(values: np.ndarray, before: np.ndarray, first: int = 0) -> Levels | None:
    """The levels that values lie on, and the weights before did not; None where there are none.

    Four bits: no group has over 16 values, as a group of unquantised ones would. Eight bits: the
    same of whole rows, or every entry is a whole number of 127ths of its group's largest.

    >>> import numpy
    >>> weights = numpy.random.default_rng(1).normal(size=(4, 256)).astype(numpy.float32)
    >>> scale = abs(weights).max(1, keepdims=True) / 7
    >>> levels_of((weights / scale).round() * scale, weights), levels_of(weights, weights)
    (Levels(bits=4, group=0), None)

    Args:
        values: float32, ``[rows, width]``.
        before: the same entries of the base.
        first: the place of the first entry in its tensor: groups are counted from its start.
    """
    width = values.shape[1]
    pairs = [
        (0 if group == width else group, found, known)
        for group in sorted({width, *GROUPS}, reverse=True)
        if (found := _groups(values, first, group)) is not None
        and (known := _groups(before, first, group)) is not None
    ]
    for group, found, known in pairs:
        if _few(found, known, FOUR_BITS):
            return Levels(4, group)
    for group, found, known in pairs:
        if _few(found, known, EIGHT_BITS) or (_whole(found) and not _whole(known)):
            return Levels(8, group)
    return None


def _groups(values: np.ndarray, first: int, group: int) -> np.ndarray | None:
    flat = values.reshape(-1)
    flat = flat[-first % group :]
    count = min(len(flat) // group, _MOST_GROUPS)
    return flat[: count * group].reshape(count, group) if count else None


def _few(groups: np.ndarray, before: np.ndarray, levels: int) -> bool:
    """Whether every group has at most so many values, where chance would give it more."""
    # Cut weights lie on one level, and are another matter.
    filled = 2 * np.count_nonzero(groups, axis=1) >= 3 * levels
    if not filled.any() or np.any(_distinct(groups[filled][:16]) > levels):
        return False
    most = _distinct(groups[filled])
    return bool((most <= levels).all() and np.median(_distinct(before[filled])) > levels)


def _distinct(groups: np.ndarray) -> np.ndarray:
    ordered = np.sort(groups, axis=1)
    count: np.ndarray = 1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)
    return count


def _whole(groups: np.ndarray) -> bool:
    """Whether entries are whole 127ths of their group's largest; by chance, one in four is near."""
    largest = np.abs(groups).max(axis=1, keepdims=True)
    ratio = np.divide(groups * 127, largest, out=np.zeros_like(groups), where=largest > 0)
    inner = ratio[(np.abs(ratio) < _INNER) & (groups != 0)]
    near = np.abs(inner - np.round(inner)) <= 1 / 8
    return len(inner) >= 64 and bool(near.mean() > 0.99)
