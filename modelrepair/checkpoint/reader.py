"""Reading a checkpoint: which files hold its weights, and where in them every tensor lies."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from modelrepair.checkpoint.untrusted import open_plain, parse_json
from modelrepair.checkpoint.weight_files import (
    FETCH,
    POINTER,
    WeightFiles,
    weight_file,
    weight_files,
)
from modelrepair.errors import DamagedCheckpointError, ResourceError, UnsupportedModelError

ITEM_SIZES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
        **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1),
        **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
        **dict.fromkeys(("U32", "I32", "F32"), 4),
        **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
    }
)
"""Bytes of one entry, for the dtypes of safetensors whose entries are whole bytes."""

HEADER_LIMIT = 16 * 2**20
"""Bytes of a header: 100,000 tensors with long names and digests have fewer."""
LARGEST_TENSOR = 2**56
"""Entries, empty dimensions not counted: no array of numpy holds more."""
MOST_DIMENSIONS = 32

AGAIN = "download or copy the model again, and compare the files' sizes with the original's"


@dataclass(frozen=True)
class TensorEntry:
    """Where one tensor lies: its file, and ``nbytes`` bytes from ``offset`` (of the whole file).

    >>> TensorEntry("w", "model.safetensors", "BF16", (4, 8), 128, 64).entries
    32
    """

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

    @property
    def entries(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class SafetensorsFile:
    """One file's header: its tensors in the order of their bytes, and its free-text metadata."""

    entries: tuple[TensorEntry, ...]
    metadata: Mapping[str, str]


class Checkpoint:
    """The tensors of a folder of safetensors files, in manifest order: by file, then by offset.

    >>> import tempfile, numpy, safetensors.numpy
    >>> folder = Path(tempfile.mkdtemp())
    >>> tensors = {"w": numpy.eye(2, dtype="float16")}
    >>> safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    >>> checkpoint = Checkpoint.open(folder)
    >>> checkpoint.entries["w"].dtype, checkpoint.raw("w").tolist()
    ('F16', [[15360, 0], [0, 15360]])

    Attributes:
        folder: the folder as it was given.
        files: the weight files' names, in order.
        index: the name of the index file, or None where there is one file only.
        entries: every tensor by its name.
        by_file: the tensors of each file, by offset.
    """

    def __init__(
        self, folder: Path, index: str | None, files: Mapping[str, SafetensorsFile]
    ) -> None:
        self.folder = folder
        self.index = index
        self.files = tuple(files)
        self.metadata = MappingProxyType({name: file.metadata for name, file in files.items()})
        entries: dict[str, TensorEntry] = {}
        for file in files.values():
            for entry in file.entries:
                if entry.name in entries:
                    raise DamagedCheckpointError(
                        f"tensor {entry.name!r} is in {entries[entry.name].file!r} "
                        f"and in {entry.file!r}",
                        hint="a checkpoint holds each tensor once: " + AGAIN,
                    )
                entries[entry.name] = entry
        self.entries: Mapping[str, TensorEntry] = MappingProxyType(entries)
        self.by_file = MappingProxyType({name: file.entries for name, file in files.items()})

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read the headers of a checkpoint's files; no tensor is read.

        Args:
            folder: holds ``model.safetensors``, or an index and its shards, or
                ``adapter_model.safetensors``, or one other safetensors file.

        Raises:
            UnsupportedModelError: there is no such folder, or no safetensors weights in it.
            DamagedCheckpointError: a file is missing, cut short, or contradicts the index.
        """
        folder = Path(folder)
        found = weight_files(folder)
        files = {name: read_header(folder, name) for name in found.files}
        checkpoint = cls(folder, found.index, files)
        check_map(checkpoint, found)
        return checkpoint

    def raw(self, name: str) -> np.ndarray:
        """Map one tensor's bits, read-only: unsigned integers in the tensor's shape.

        Args:
            name: the tensor's name in the file.

        Raises:
            KeyError: there is no such tensor.
            UnsupportedModelError: its entries are smaller than a byte.
        """
        entry = self.entries[name]
        return map_entry(self.folder / entry.file, entry)


def check_map(checkpoint: Checkpoint, found: WeightFiles) -> None:
    """Refuse an index that does not say what the files hold.

    >>> check_map(Checkpoint(Path(), None, {}), WeightFiles((), None, {}))

    Raises:
        DamagedCheckpointError: with the first tensor that is not where it should be.
    """
    for name, file in found.weight_map.items():
        entry = checkpoint.entries.get(name)
        if entry is None or entry.file != file:
            raise DamagedCheckpointError(
                f"{found.index} says that {file!r} holds {name!r}, but it does not", hint=AGAIN
            )


def map_entry(path: Path, entry: TensorEntry) -> np.ndarray:
    """Map a tensor of a file, read-only, as unsigned integers in the tensor's shape."""
    if entry.dtype not in ITEM_SIZES:
        raise UnsupportedModelError(
            f"tensor {entry.name!r} has dtype {entry.dtype}, whose entries share bytes",
            hint="repair the model before it was quantised",
            id="quantised",
        )
    dtype = np.dtype(f"<u{ITEM_SIZES[entry.dtype]}")
    if entry.entries == 0:
        return np.empty(entry.shape, dtype)
    # Of a path, numpy resolves each folder again for every tensor; of its text it does not.
    flat = np.memmap(str(path), dtype, mode="r", offset=entry.offset, shape=(entry.entries,))
    return flat.view(np.ndarray).reshape(entry.shape)


def read_header(folder: Path, name: str) -> SafetensorsFile:
    """Validate one safetensors file with the library and read where its tensors lie.

    Args:
        folder: the checkpoint's folder.
        name: the file's name in it.

    Raises:
        DamagedCheckpointError: the file is missing, cut short, or its header is malformed.
    """
    path = weight_file(folder, name)
    try:
        check_fetched(path, name)
    except OSError as error:
        raise _unreadable(name, error) from error
    try:
        with open_plain(path, name) as file:
            size = int.from_bytes(file.read(8), "little")
            if size > min(HEADER_LIMIT, os.fstat(file.fileno()).st_size):
                raise ValueError(f"its header is said to have {size:,} bytes")
            text = file.read(size)
        # It alone knows all that a header must be; what Python reads of it comes after.
        with safe_open(path, framework="numpy"):
            pass
        return parse_header(name, text, 8 + size)
    except OSError as error:
        raise _unreadable(name, error) from error
    except (SafetensorError, ValueError) as error:
        raise DamagedCheckpointError(
            f"{name!r} is no whole safetensors file: {_one_line(str(error))}", hint=AGAIN
        ) from error


def parse_header(name: str, text: bytes, start: int) -> SafetensorsFile:
    """What the JSON of a header says; the library alone knows whether it is a whole one.

    >>> parse_header("a.safetensors", b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 61)
    SafetensorsFile(entries=(TensorEntry(name='w', file='a.safetensors', dtype='U8', shape=(1,), ...

    Args:
        name: of the file.
        text: the header's bytes.
        start: of the tensors' bytes in the file.

    Raises:
        ValueError: it is no header.
    """
    try:
        # The library takes the last of two equal names in silence, and another reader may take
        # the first: no one may repair one tensor and load another.
        header = parse_json(text, "the header", strict=True)
        metadata = header.pop("__metadata__", None) or {}
        entries = [_entry(key, name, value, start) for key, value in header.items()]
    except (DamagedCheckpointError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(_one_line(str(error))) from error
    return SafetensorsFile(tuple(sorted(entries, key=lambda entry: entry.offset)), metadata)


def _unreadable(name: str, error: OSError) -> ResourceError:
    return ResourceError(
        f"{name!r} can't be read: {error.strerror or 'input or output error'}",
        hint="check the rights on the file, and the disk",
    )


def check_fetched(path: Path, name: str) -> None:
    """Refuse what git leaves where large files were not fetched.

    Args:
        path: the file.
        name: what the error calls it.

    Raises:
        DamagedCheckpointError: it is such a pointer.
        OSError: it can't be read.
    """
    with open_plain(path, name) as file:
        if file.read(len(POINTER)) == POINTER:
            raise DamagedCheckpointError(
                f"{name!r} is a Git LFS pointer: the file itself was not fetched",
                hint=FETCH,
                id="git-lfs-pointer",
            )


def _entry(name: str, file: str, value: dict[str, Any], start: int) -> TensorEntry:
    low, high = value["data_offsets"]
    shape = value["shape"]
    if len(shape) > MOST_DIMENSIONS or math.prod(filter(None, shape)) > LARGEST_TENSOR:
        raise ValueError(f"{name!r} has a shape that no array can have")
    return TensorEntry(name, file, value["dtype"], tuple(value["shape"]), start + low, high - low)


def _one_line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:200]
