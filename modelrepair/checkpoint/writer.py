"""Writing files that are whole or not there, and shards in which only named entries differ."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from modelrepair.checkpoint.atomic import write_whole
from modelrepair.checkpoint.reader import ITEM_SIZES, TensorEntry

Patch = tuple[TensorEntry, np.ndarray, np.ndarray]
"""A tensor, the flat positions in it (int64), and their new bits (unsigned integers)."""

_CHUNK = 1 << 22


def write_shard(source: Path, destination: Path, patches: Iterable[Patch]) -> str:
    """Copy a safetensors file byte for byte, change the given entries, return its SHA-256.

    >>> import tempfile, safetensors.numpy
    >>> from modelrepair.checkpoint.reader import Checkpoint
    >>> folder = Path(tempfile.mkdtemp())
    >>> source, result = folder / "model.safetensors", folder / "repaired.safetensors"
    >>> safetensors.numpy.save_file({"w": np.ones((2, 2), np.float32)}, source)
    >>> entry = Checkpoint.open(folder).entries["w"]
    >>> digest = write_shard(source, result, [(entry, np.array([3]), np.array([0], np.uint32))])
    >>> safetensors.numpy.load_file(result)["w"].tolist()
    [[1.0, 1.0], [1.0, 0.0]]

    Args:
        source: the file to copy; it stays as it is.
        destination: the file to write, mode 0644; it appears whole or not at all.
        patches: of tensors of this file, in any order, a tensor several times if need be;
            taken one by one, so a generator keeps memory at one tensor's entries.

    Raises:
        ResourceError: the disk is full, or the destination can't be written.
        ValueError: positions outside the tensor, or not one value for each.
    """

    def fill(file: BinaryIO) -> None:
        with source.open("rb") as original:
            shutil.copyfileobj(original, file, _CHUNK)
        for entry, positions, values in patches:
            _patch(file, entry, positions, values)

    return write_whole(destination, fill)


def replace_tensors(
    source: Path, destination: Path, tensors: Iterable[tuple[TensorEntry, np.ndarray]]
) -> str:
    """Copy a safetensors file, give whole tensors new bits, return its SHA-256.

    Args:
        source: the file to copy; it stays as it is.
        destination: the file to write, mode 0644; it appears whole or not at all.
        tensors: of this file, with their new bits (unsigned integers); taken one by one.

    Raises:
        ResourceError: the disk is full, or the destination can't be written.
        ValueError: bits of another number than the tensor's.
    """

    def fill(file: BinaryIO) -> None:
        with source.open("rb") as original:
            shutil.copyfileobj(original, file, _CHUNK)
        for entry, bits in tensors:
            if bits.nbytes != entry.nbytes:
                raise ValueError(f"tensor {entry.name!r}: {bits.nbytes} bytes for {entry.nbytes}")
            file.seek(entry.offset)
            file.write(np.ascontiguousarray(bits).data)

    return write_whole(destination, fill)


def copy_file(source: Path, destination: Path) -> str:
    """Copy a file byte for byte, whole or not at all, and return its SHA-256.

    Args:
        source: the file to copy; a link is followed.
        destination: the file to write, mode 0644.

    Raises:
        ResourceError: the disk is full, or the destination can't be written.
    """
    return write_shard(source, destination, ())


def _patch(file: BinaryIO, entry: TensorEntry, positions: np.ndarray, values: np.ndarray) -> None:
    # Read, change, write: a write into a memory map of a file on a full disk
    # that shares its blocks (reflink) would end the process with SIGBUS.
    item = ITEM_SIZES[entry.dtype]
    if positions.shape != values.shape or values.dtype.itemsize != item:
        raise ValueError(
            f"tensor {entry.name!r}: {positions.shape} positions, {values.shape} values of "
            f"{values.dtype.itemsize} bytes; expected one value of {item} bytes for each"
        )
    order = np.argsort(positions, kind="stable")
    positions, values = positions[order], values[order]
    if len(positions) and not (positions[0] >= 0 and positions[-1] < entry.entries):
        raise ValueError(
            f"tensor {entry.name!r} has {entry.entries} entries: a position lies outside"
        )
    low = 0
    while low < len(positions):
        start = int(positions[low])
        high = int(np.searchsorted(positions, start + _CHUNK))
        stop = int(positions[high - 1]) + 1
        file.seek(entry.offset + start * item)
        chunk = np.frombuffer(bytearray(file.read((stop - start) * item)), f"<u{item}")
        chunk[positions[low:high] - start] = values[low:high]
        file.seek(entry.offset + start * item)
        file.write(chunk.data)
        low = high
