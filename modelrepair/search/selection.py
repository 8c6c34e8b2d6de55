"""Which entries have the top scores: exact, per row, per tensor or over all sites at once.

Scores are float32. Entries that may not be chosen are -inf in a spilled file. Ties go to the
earlier file, then to the lower index, so a mask at a smaller count lies in one at a larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from modelrepair.checkpoint.atomic import save_array
from modelrepair.settings.presets import Quota, count

_CHUNK = 1 << 22
_MINUS_INFINITY_BUCKET = 0x007F
_INFINITY_BUCKET = 0xFF80


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


def spill(path: Path, scores: np.ndarray, eligible: np.ndarray | None = None) -> None:
    """Write a site's scores where a selection over many sites reads them, block by block.

    Args:
        path: a ``.npy`` file.
        scores: ``[out, in]`` float32.
        eligible: ``[out, in]`` bool; the other entries become -inf.
    """
    save_array(path, _candidates(scores, eligible, False))


@dataclass(frozen=True)
class Threshold:
    """A global cut: all scores above ``value``, and of those equal to it the first ones.

    Equal scores are taken whole in the files before ``last_file``, and ``last_ties`` of them,
    lowest index first, in it.
    """

    value: float
    last_file: int
    last_ties: int

    def mask(self, scores: np.ndarray, file: int) -> np.ndarray:
        """Mark the chosen among one file's scores, any shape."""
        mask: np.ndarray = np.greater(scores, np.float32(self.value), order="C")
        if file <= self.last_file:
            ties = np.flatnonzero(scores.reshape(-1) == np.float32(self.value))
            mask.reshape(-1)[ties if file < self.last_file else ties[: self.last_ties]] = True
        return mask


class GlobalSelection:
    """The exact top k of all spilled files at once, in constant memory, for any number of k.

    Two histograms over the scores' order-preserving integers: the high 16 bits, once for all
    k, then the low 16 bits of those in the bucket where the cut falls.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = [folder / "a.npy", folder / "b.npy"]
    >>> spill(files[0], np.array([[5.0, 1.0]], np.float32))
    >>> spill(files[1], np.array([[1.0, 7.0]], np.float32))
    >>> selection = GlobalSelection(files)
    >>> three = selection.threshold(3)
    >>> [selection.mask(file, three).tolist() for file in range(2)]
    [[[True, True]], [[False, True]]]

    Args:
        files: one a site, in the model's order: ``.npy`` (the mask has its shape), or raw
            little-endian float32 under any other name (the mask is flat).
        signed: only scores above 0 may be chosen.
        refill: see `select`.

    Raises:
        ValueError: a file that isn't float32, or a NaN or +inf in it.
    """

    def __init__(self, files: Sequence[Path], *, signed: bool = False, refill: bool = True) -> None:
        self.files = tuple(files)
        self.signed = signed
        self.refill = refill
        self.entries = 0
        self._high = np.zeros(1 << 16, np.int64)
        for file in self.files:
            for chunk in self._places(file):
                self.entries += len(chunk)
                buckets = np.bincount(_ordered(chunk, signed) >> np.uint32(16), minlength=1 << 16)
                if buckets[_INFINITY_BUCKET:].any() or buckets[:_MINUS_INFINITY_BUCKET].any():
                    raise ValueError(f"the scores in {file.name!r} hold a NaN or +inf")
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

    def mask(self, file: int, threshold: Threshold) -> np.ndarray:
        """Mark the chosen entries of one site: bool, in the file's shape.

        Args:
            file: the site's place in ``files``.
            threshold: from :meth:`threshold` of this selection.
        """
        path = self.files[file]
        parts = []
        taken = 0
        for scores in _chunks(path):
            chunk = scores if self.refill else sizes(scores)
            left = Threshold(threshold.value, threshold.last_file, threshold.last_ties - taken)
            chosen = left.mask(chunk, file)
            if file == threshold.last_file:
                taken += int((chosen & (chunk == np.float32(threshold.value))).sum())
            parts.append(chosen if self.refill else chosen & (scores > 0))
        flat = np.concatenate(parts) if parts else np.zeros(0, bool)
        return flat.reshape(_layout(path)[1])

    def _places(self, file: Path) -> Iterator[np.ndarray]:
        """The scores by which entries get their places."""
        return _chunks(file) if self.refill else map(sizes, _chunks(file))

    def _read_low(self, buckets: set[int]) -> None:
        missing = {bucket: np.zeros(1 << 16, np.int64) for bucket in buckets - self._low.keys()}
        if not missing:
            return
        for file in self.files:
            for chunk in self._places(file):
                keys = _ordered(chunk, self.signed)
                high = keys >> np.uint32(16)
                for bucket, histogram in missing.items():
                    low = keys[high == bucket] & np.uint32(0xFFFF)
                    histogram += np.bincount(low, minlength=1 << 16)
        self._low.update(missing)

    def _cut(self, k: int, place: tuple[int, int] | None) -> Threshold:
        if place is None:
            everything = 0.0 if self.signed else -np.inf
            return Threshold(np.inf if k <= 0 else everything, -1, 0)
        bucket, wanted = place
        low, ties = _place(self._low[bucket], wanted)
        value = _value((bucket << 16) | low)
        if ties == self._low[bucket][low]:
            return Threshold(value, len(self.files), 0)
        for number, file in enumerate(self.files):
            equal = sum(int((chunk == np.float32(value)).sum()) for chunk in self._places(file))
            if equal >= ties:
                return Threshold(value, number, ties)
            ties -= equal
        raise RuntimeError("the spilled scores changed while they were read")


def select(
    files: Sequence[Path],
    scope: Literal["row", "tensor", "global"],
    ratio: float,
    *,
    signed: bool = False,
    refill: bool = True,
    quota: Quota = count,
) -> Iterator[np.ndarray]:
    """Yield each site's mask at one ratio, whatever the scope, from spilled files.

    Args:
        files: one ``.npy`` a site, in the model's order, as :func:`spill` writes them.
        scope: what the ratio is a share of: each row, each tensor, or all sites together.
        ratio: the share, of all entries: those that may not be chosen count too.
        signed: only scores above 0 may be chosen.
        refill: whether the next ones take the places of entries that may not be chosen by their
            sign. Without, scores get their places by size, and those places stay empty.
        quota: how many entries a ratio means.
    """
    if scope == "global":
        selection = GlobalSelection(files, signed=signed, refill=refill)
        threshold = selection.threshold(quota(ratio, selection.entries))
        yield from (selection.mask(file, threshold) for file in range(len(files)))
        return
    for file in files:
        scores = np.load(file, mmap_mode="r", allow_pickle=False)
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


def _layout(path: Path) -> tuple[int, tuple[int, ...]]:
    """Where the scores begin in a spilled file, and their shape."""
    if path.suffix != ".npy":
        return 0, (path.stat().st_size // 4,)
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.dtype != np.dtype("<f4") or not mapped.flags.c_contiguous:
        raise ValueError(f"{path.name!r} holds {mapped.dtype}, expected rows of float32")
    return path.stat().st_size - mapped.nbytes, mapped.shape


def _chunks(path: Path) -> Iterator[np.ndarray]:
    # Read, not mapped: pages of a map stay in the process's memory while there is room.
    offset, _ = _layout(path)
    with path.open("rb") as file:
        file.seek(offset)
        while len(chunk := np.fromfile(file, "<f4", _CHUNK)):
            yield chunk


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
