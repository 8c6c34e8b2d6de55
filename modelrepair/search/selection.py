"""Which entries have the top scores: exact, per row, per tensor or over all sites at once.

Scores are float32. Entries that may not be chosen are -inf in a spilled file. Ties go to the
earlier site, then to the lower index, so a mask at a smaller count lies in one at a larger.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from modelrepair.settings.presets import Quota, count

_CHUNK = 1 << 22
_MINUS_INFINITY_BUCKET = 0x007F
_INFINITY_BUCKET = 0xFF80
_CHANGED = "the spilled scores changed while they were read"


def top_rows(
    scores: np.ndarray, k: int, eligible: np.ndarray | None = None, *, signed: bool = False
) -> np.ndarray:
    """Mark the k top scores of every row, fewer where fewer are eligible.

    >>> top_rows(np.array([[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]], np.float32), 1).astype(int)
    array([[0, 1, 0],
           [1, 0, 0]])

    Args:
        scores: ``[out, in]`` float32, finite where eligible.
        k: how many of each row.
        eligible: ``[out, in]`` bool; None: every entry that isn't -inf.
        signed: only scores above 0 may be chosen.

    Returns:
        ``[out, in]`` bool.

    Raises:
        ValueError: a NaN or +inf among the scores.
    """
    mask = np.zeros(scores.shape, bool)
    rows, columns = scores.shape
    step = max(1, _CHUNK // max(1, columns))
    for start in range(0, rows, step):
        part = slice(start, min(start + step, rows))
        allowed = None if eligible is None else eligible[part]
        mask[part] = _top_of_rows(_candidates(scores[part], allowed, signed), k)
    return mask


def top_tensor(
    scores: np.ndarray, k: int, eligible: np.ndarray | None = None, *, signed: bool = False
) -> np.ndarray:
    """Mark the k top scores of a whole matrix, fewer where fewer are eligible.

    >>> top_tensor(np.array([[1.0, 3.0], [2.0, 3.0]], np.float32), 3).astype(int)
    array([[0, 1],
           [1, 1]])

    Args:
        scores: ``[out, in]`` float32, finite where eligible.
        k: how many of the matrix.
        eligible: ``[out, in]`` bool; None: every entry that isn't -inf.
        signed: only scores above 0 may be chosen.

    Returns:
        ``[out, in]`` bool.

    Raises:
        ValueError: a NaN or +inf among the scores.
    """
    flat = _candidates(scores, eligible, signed).reshape(1, -1)
    return _top_of_rows(flat, k).reshape(scores.shape)


@dataclass(frozen=True)
class Spilled:
    """Where a site's scores lie: little-endian float32, row by row, in a file of several sites.

    Args:
        path: the file.
        begin: the first byte.
        shape: ``[out, in]``.
    """

    path: Path
    begin: int
    shape: tuple[int, ...]

    @property
    def entries(self) -> int:
        """How many scores there are."""
        return math.prod(self.shape)

    @property
    def end(self) -> int:
        """The byte after the last: where the next site's scores begin."""
        return self.begin + 4 * self.entries

    def read(self) -> np.ndarray:
        """All the scores at once, in their shape."""
        found = np.fromfile(self.path, "<f4", self.entries, offset=self.begin)
        return found.reshape(self.shape)

    def chunks(self) -> Iterator[np.ndarray]:
        """The scores, flat, a piece at a time."""
        # Read, not mapped: pages of a map stay in the process's memory while there is room.
        with self.path.open("rb") as file:
            file.seek(self.begin)
            for start in range(0, self.entries, _CHUNK):
                wanted = min(_CHUNK, self.entries - start)
                chunk = np.fromfile(file, "<f4", wanted)
                if len(chunk) < wanted:
                    raise RuntimeError(_CHANGED)
                yield chunk


def spill(
    file: BinaryIO, scores: np.ndarray, eligible: np.ndarray | None = None, sum_before: int = 0
) -> int:
    """Add a site's scores to a file where a selection over many sites reads them.

    Args:
        file: the file, opened for writing, after the scores of earlier sites.
        scores: ``[out, in]`` float32.
        eligible: ``[out, in]`` bool; the other entries become -inf.
        sum_before: the CRC-32 of what is in the file.

    Returns:
        The CRC-32 of the file with these scores.
    """
    written = _candidates(scores, eligible, False).astype("<f4", copy=False).data
    file.write(written)
    return zlib.crc32(written, sum_before)


@dataclass(frozen=True)
class Threshold:
    """A global cut: all scores above ``value``, and those equal to it that lie before ``end``.

    Entries are counted over all sites, in their order.
    """

    value: float
    end: int

    def mask(self, scores: np.ndarray, begin: int) -> np.ndarray:
        """Mark the chosen among some scores, flat, of which the first is entry ``begin``."""
        mask: np.ndarray = scores > np.float32(self.value)
        ties = slice(0, max(0, self.end - begin))
        mask[ties] |= scores[ties] == np.float32(self.value)
        return mask


class GlobalSelection:
    """The exact top k of all spilled scores at once, in constant memory, for any number of k.

    Two histograms over the scores' order-preserving integers: the high 16 bits, once for all
    k, then the low 16 bits of those in the bucket where the cut falls.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scores"
    >>> with path.open("wb") as file:
    ...     _ = spill(file, np.array([[5.0, 1.0]], np.float32))
    ...     _ = spill(file, np.array([[1.0, 7.0]], np.float32))
    >>> selection = GlobalSelection([Spilled(path, 0, (1, 2)), Spilled(path, 8, (1, 2))])
    >>> three = selection.threshold(3)
    >>> [selection.mask(site, three).tolist() for site in range(2)]
    [[[True, True]], [[False, True]]]

    Args:
        sites: where the scores of each site lie, in the model's order.
        signed: only scores above 0 may be chosen.
        refill: see `select`.

    Raises:
        ValueError: a NaN or +inf among the scores.
    """

    def __init__(
        self, sites: Sequence[Spilled], *, signed: bool = False, refill: bool = True
    ) -> None:
        self.sites = tuple(sites)
        self.signed = signed
        self.refill = refill
        self._stretches = _stretches(self.sites)
        self._begins = np.cumsum([0, *(site.entries for site in self.sites)])
        self.entries = int(self._begins[-1])
        self._high = np.zeros(1 << 16, np.int64)
        for stretch in self._stretches:
            for chunk in map(self._places, stretch.chunks()):
                buckets = np.bincount(_ordered(chunk, signed) >> np.uint32(16), minlength=1 << 16)
                if buckets[_INFINITY_BUCKET:].any() or buckets[:_MINUS_INFINITY_BUCKET].any():
                    raise ValueError(f"the scores in {stretch.path.name!r} hold a NaN or +inf")
                self._high += buckets
        self.eligible = self.entries - int(self._high[_MINUS_INFINITY_BUCKET])
        self._low: dict[int, np.ndarray] = {}

    def threshold(self, k: int) -> Threshold:
        """Return the cut that k scores, or all eligible ones if they are fewer, pass."""
        return self.thresholds([k])[0]

    def thresholds(self, counts: Sequence[int]) -> list[Threshold]:
        """Return the cut for each count: one pass over the files for all of them together."""
        places = {k: _place(self._high, k) for k in counts if 0 < k < self.eligible}
        self._read_low({bucket for bucket, _ in places.values()})
        return [self._cut(k, places.get(k)) for k in counts]

    def mask(self, site: int, threshold: Threshold) -> np.ndarray:
        """Mark the chosen entries of one site: bool, in its shape.

        Args:
            site: its place in ``sites``.
            threshold: from :meth:`threshold` of this selection.
        """
        begin, parts = int(self._begins[site]), []
        for scores in self.sites[site].chunks():
            chosen = threshold.mask(self._places(scores), begin)
            parts.append(chosen if self.refill else chosen & (scores > 0))
            begin += len(scores)
        flat = np.concatenate(parts) if parts else np.zeros(0, bool)
        return flat.reshape(self.sites[site].shape)

    def _places(self, scores: np.ndarray) -> np.ndarray:
        """The scores by which entries get their places."""
        return scores if self.refill else sizes(scores)

    def _chunks(self) -> Iterator[np.ndarray]:
        for stretch in self._stretches:
            yield from map(self._places, stretch.chunks())

    def _read_low(self, buckets: set[int]) -> None:
        missing = {bucket: np.zeros(1 << 16, np.int64) for bucket in buckets - self._low.keys()}
        if not missing:
            return
        for chunk in self._chunks():
            keys = _ordered(chunk, self.signed)
            high = keys >> np.uint32(16)
            for bucket, histogram in missing.items():
                low = keys[high == bucket] & np.uint32(0xFFFF)
                histogram += np.bincount(low, minlength=1 << 16)
        self._low.update(missing)

    def _cut(self, k: int, place: tuple[int, int] | None) -> Threshold:
        if place is None:
            everything = 0.0 if self.signed else -np.inf
            return Threshold(np.inf if k <= 0 else everything, 0)
        bucket, wanted = place
        low, ties = _place(self._low[bucket], wanted)
        value = _value((bucket << 16) | low)
        if ties == self._low[bucket][low]:
            return Threshold(value, self.entries)
        begin = 0
        for chunk in self._chunks():
            equal = np.flatnonzero(chunk == np.float32(value))
            if len(equal) >= ties:
                return Threshold(value, begin + int(equal[ties - 1]) + 1)
            ties -= len(equal)
            begin += len(chunk)
        raise RuntimeError(_CHANGED)


def select(
    sites: Sequence[Spilled],
    scope: Literal["row", "tensor", "global"],
    ratio: float,
    *,
    signed: bool = False,
    refill: bool = True,
    quota: Quota = count,
) -> Iterator[np.ndarray]:
    """Yield each site's mask at one ratio, whatever the scope, from spilled files.

    Args:
        sites: where the scores of each site lie, in the model's order.
        scope: what the ratio is a share of: each row, each tensor, or all sites together.
        ratio: the share, of all entries: those that may not be chosen count too.
        signed: only scores above 0 may be chosen.
        refill: whether the next ones take the places of entries that may not be chosen by their
            sign. Without, scores get their places by size, and those places stay empty.
        quota: how many entries a ratio means.
    """
    if scope == "global":
        selection = GlobalSelection(sites, signed=signed, refill=refill)
        threshold = selection.threshold(quota(ratio, selection.entries))
        yield from (selection.mask(number, threshold) for number in range(len(sites)))
        return
    for site in sites:
        scores = site.read()
        places = scores if refill else sizes(scores)
        if scope == "row":
            chosen = top_rows(places, quota(ratio, scores.shape[1]), signed=signed)
        else:
            chosen = top_tensor(places, quota(ratio, scores.size), signed=signed)
        yield chosen if refill else chosen & (scores > 0)


def sizes(scores: np.ndarray) -> np.ndarray:
    """Scores without their sign; what may not be chosen at all stays at −inf.

    >>> sizes(np.array([-2.0, 1.0, -np.inf], np.float32)).tolist()
    [2.0, 1.0, -inf]
    """
    return np.where(np.isneginf(scores), scores, np.abs(scores))


def _candidates(scores: np.ndarray, eligible: np.ndarray | None, signed: bool) -> np.ndarray:
    candidates = np.array(scores, np.float32, order="C")
    if eligible is not None:
        candidates[~eligible] = -np.inf
    if signed:
        candidates[candidates <= 0] = -np.inf
    if candidates.size and not candidates.max() < np.inf:
        raise ValueError("the scores hold a NaN or +inf")
    return candidates


def _top_of_rows(candidates: np.ndarray, k: int) -> np.ndarray:
    columns = candidates.shape[1]
    if k <= 0 or columns == 0:
        return np.zeros(candidates.shape, bool)
    if k >= columns:
        return candidates > -np.inf
    kth = columns - k
    threshold = np.partition(candidates, kth, axis=1)[:, kth : kth + 1]
    mask: np.ndarray = candidates > threshold
    wanted = k - np.count_nonzero(mask, axis=1)
    ties = (candidates == threshold) & (threshold > -np.inf)
    surplus = np.count_nonzero(ties, axis=1) > wanted
    for row in np.flatnonzero(surplus):
        ties[row, np.flatnonzero(ties[row])[wanted[row] :]] = False
    mask |= ties
    return mask


def _stretches(sites: Sequence[Spilled]) -> list[Spilled]:
    """The same scores, flat, with neighbours in one file taken together.

    A model may have a hundred thousand matrices of which each has a few scores.
    """
    found: list[Spilled] = []
    for site in sites:
        last = found[-1] if found else None
        if last is not None and (last.path, last.end) == (site.path, site.begin):
            found[-1] = replace(last, shape=(last.entries + site.entries,))
        else:
            found.append(replace(site, shape=(site.entries,)))
    return found


def _ordered(chunk: np.ndarray, signed: bool) -> np.ndarray:
    """Integers in the order of the floats: negative ones reversed, below the others."""
    values = (
        np.where(chunk > 0, chunk, -np.inf) if signed else chunk + np.float32(0)
    )  # -0.0 is +0.0
    bits = values.astype(np.float32, copy=False).view(np.uint32)
    negative = bits >> np.uint32(31)
    return bits ^ (np.uint32(0x80000000) | (np.uint32(0) - negative))


def _value(key: int) -> float:
    bits = key ^ 0x80000000 if key >> 31 else key ^ 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))


def _place(histogram: np.ndarray, k: int) -> tuple[int, int]:
    """The bucket where the k-th from the top lies, and how many of it belong to the top k."""
    above = np.cumsum(histogram[::-1])
    step = int(np.searchsorted(above, k))
    before = int(above[step - 1]) if step else 0
    return len(histogram) - 1 - step, k - before
