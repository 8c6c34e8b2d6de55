"""Two weight files side by side, byte for byte: what differs, inside the mask and outside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.norms import CHUNK, removed_square, share_of_norm, square
from modelrepair.checkpoint.reader import ITEM_SIZES, Checkpoint, TensorEntry
from modelrepair.progress import Progress

Expected = Callable[[str, np.ndarray, np.ndarray, int], np.ndarray | None]
"""(tensor, positions, their old bits, how many came before) → their new bits; None: unknown."""
Positions = Callable[[TensorEntry], np.ndarray | None]
"""A tensor's entries that may differ, sorted; None: all of them."""

NORM_ROUNDING = 1e-4
"""How far apart two sums of one norm may be, relatively."""


@dataclass
class TensorDifference:
    """How one tensor of the output differs from the source's."""

    name: str
    outside: int = 0
    """Entries that differ though the mask does not name them."""
    first_outside: int = -1
    wrong: int = 0
    """Masked entries that do not hold the value that they should."""
    first_wrong: int = -1
    masked: int = 0
    """Masked entries; where all may differ, those that do."""
    digest: str = ""
    """SHA-256 of the new bytes, where all entries may differ."""
    norm_removed: float | None = 0.0


@dataclass
class ShardDifference:
    """How one weight file of the output differs from the source's."""

    source_digest: str = ""
    digest: str = ""
    header: bool = False
    """Whether bytes that belong to no tensor differ."""
    tensors: list[TensorDifference] = field(default_factory=list)


def compare_files(
    out: Path, source: Checkpoint, positions: Positions, expected: Expected, progress: Progress
) -> dict[str, ShardDifference]:
    """Compare all weight files of a repaired model with its source's, by their names.

    >>> compare_files(out, source, no_positions, unknown, Progress()).keys()  # doctest: +SKIP
    dict_keys(['model.safetensors'])
    """
    differences = {}
    total = sum((source.folder / name).stat().st_size for name in source.files)
    with progress.step("comparing", total, "bytes") as advance:
        for name in source.files:
            original, repaired = source.folder / name, out / name
            size = original.stat().st_size
            if repaired.is_file() and repaired.stat().st_size == size:
                differences[name] = compare_shards(
                    original, repaired, source.by_file[name], positions, expected
                )
            else:
                # Which source this is must be known all the same.
                differences[name] = ShardDifference(sha256_file(original))
            advance(size)
    return differences


def compare_shards(
    source: Path,
    output: Path,
    entries: Sequence[TensorEntry],
    positions: Positions,
    expected: Expected,
) -> ShardDifference:
    """Read two files of the same size once, in step, and say where they differ.

    Memory stays at one piece of both files and one tensor's positions.

    >>> compare_shards(a, a, entries, no_positions, unknown).header  # doctest: +SKIP
    False

    Args:
        source: the source's file.
        output: the repaired file.
        entries: the source's tensors in this file, by offset.
        positions: gives a tensor's masked positions, sorted; None where all may differ.
        expected: gives what masked entries should hold.
    """
    result = ShardDifference()
    with source.open("rb") as old_file, output.open("rb") as new_file:
        pair = _Pair(old_file, new_file)
        for entry in entries:
            result.header |= pair.skip_to(entry.offset)
            result.tensors.append(_compare_tensor(pair, entry, positions(entry), expected))
        result.header |= pair.skip_to(None)
        result.source_digest, result.digest = pair.digests()
    return result


class _Pair:
    """Two files that are read in step and hashed on the way."""

    def __init__(self, old: BinaryIO, new: BinaryIO) -> None:
        self._files = (old, new)
        self._hashes = (hashlib.sha256(), hashlib.sha256())
        self._at = 0

    def read(self, count: int) -> tuple[bytes, bytes]:
        pieces = []
        for file, digest in zip(self._files, self._hashes, strict=True):
            piece = file.read(count)
            digest.update(piece)
            pieces.append(piece)
        self._at += len(pieces[0])
        return pieces[0], pieces[1]

    def skip_to(self, offset: int | None) -> bool:
        """Read on to an offset, or to the end; whether anything differed on the way."""
        differs = False
        while offset is None or self._at < offset:
            old, new = self.read(CHUNK if offset is None else min(CHUNK, offset - self._at))
            differs |= old != new
            if not old and not new:
                break
        return differs

    def digests(self) -> tuple[str, str]:
        return self._hashes[0].hexdigest(), self._hashes[1].hexdigest()


def _compare_tensor(
    pair: _Pair, entry: TensorEntry, positions: np.ndarray | None, expected: Expected
) -> TensorDifference:
    if positions is None:
        return _compare_edited(pair, entry)
    result = TensorDifference(entry.name, masked=len(positions))
    if not len(positions):
        # Without a mask a tensor is bytes: dtypes that no arithmetic knows are compared too.
        for start, old, new in _pieces(pair, entry.nbytes, "u1", 1):
            _count_outside(result, start, old != new)
        return result
    removed = whole = 0.0
    item = ITEM_SIZES[entry.dtype]
    for start, old, new in _pieces(pair, entry.nbytes, f"<u{item}", item):
        low, high = np.searchsorted(positions, (start, start + len(old)))
        inside = positions[low:high] - start
        differs = old != new
        wanted = expected(entry.name, positions[low:high], old[inside], int(low))
        if wanted is not None:
            wrong = new[inside] != wanted
            if wrong.any() and result.first_wrong < 0:
                result.first_wrong = int(positions[low + int(np.argmax(wrong))])
            result.wrong += int(wrong.sum())
        differs[inside] = False
        _count_outside(result, start, differs)
        whole += square(old, entry.dtype)
        removed += removed_square(old[inside], new[inside], entry.dtype)
    result.norm_removed = share_of_norm(removed, whole)
    return result


def _compare_edited(pair: _Pair, entry: TensorEntry) -> TensorDifference:
    result = TensorDifference(entry.name)
    removed = whole = 0.0
    digest = hashlib.sha256()
    item = ITEM_SIZES[entry.dtype]
    for _, old, new in _pieces(pair, entry.nbytes, f"<u{item}", item):
        differs = old != new
        result.masked += int(differs.sum())
        whole += square(old, entry.dtype)
        removed += removed_square(old[differs], new[differs], entry.dtype)
        digest.update(new.tobytes())
    result.norm_removed = share_of_norm(removed, whole)
    result.digest = digest.hexdigest()
    return result


def _pieces(
    pair: _Pair, nbytes: int, dtype: str, item: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    start, left = 0, nbytes
    while left:
        old, new = pair.read(min(CHUNK * item, left))
        left -= len(old)
        yield start // item, np.frombuffer(old, dtype), np.frombuffer(new, dtype)
        start += len(old)


def _count_outside(result: TensorDifference, start: int, differs: np.ndarray) -> None:
    count = int(differs.sum())
    if count and result.first_outside < 0:
        result.first_outside = start + int(np.argmax(differs))
    result.outside += count
