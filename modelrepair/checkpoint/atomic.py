"""Files that are written whole or not at all: beside, synced, then renamed."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from modelrepair.errors import FULL, ResourceError
from modelrepair.moving import remove, rename

_HERE, _EXCHANGE = -100, 2
"""Of the system's calls: paths as they are, and the flag that Linux and macOS share."""


def write_whole(destination: Path, fill: Callable[[BinaryIO], None]) -> str:
    """Write what a function fills a file with, whole or not at all; return the file's SHA-256.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    beside = destination.with_name(destination.name + ".tmp")
    with _disk_errors(destination.name):
        remove(beside)
        try:
            with beside.open("x+b") as file:
                fill(file)
                file.flush()
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            beside.chmod(0o644)
            rename(beside, destination)
        except BaseException:
            remove(beside)
            raise
        fsync_folder(destination.parent)
    return digest


def write_bytes(path: Path, content: bytes | Iterable[bytes]) -> str:
    """Write bytes (or pieces of them, in order), whole or not at all; return their SHA-256."""
    pieces = (content,) if isinstance(content, bytes) else content
    return write_whole(path, lambda file: file.writelines(pieces))


def write_text(path: Path, text: str) -> str:
    """Write UTF-8 text, whole or not at all; return the file's SHA-256.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    return write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> str:
    """Write one JSON document, indented, keys in the order given; return the file's SHA-256.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
        ValueError: a number that JSON does not know (NaN, infinity).
    """
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an ``.npy`` file of the work folder, where `numpy.save` does not say why it fails.

    numpy writes an array without Python's file, and knows nothing of a full disk but how many
    entries are missing; Python's own writing reports the reason.

    Raises:
        OSError: the disk is full, or the folder can't be written.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def fsync_folder(folder: Path) -> None:
    """Make sure that the names in a folder, not only the files, outlive a power cut."""
    if os.name == "nt":  # pragma: no cover: a folder can't be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(one: Path, two: Path) -> bool:
    """Give two folders each other's name in one step, where the system can.

    >>> import tempfile
    >>> one, two = (Path(tempfile.mkdtemp()) for _ in range(2))
    >>> _ = (one / "mine").write_text("1")
    >>> not exchange(one, two) or (two / "mine").exists()
    True

    Returns:
        Whether it did; False where the system or the disk knows no such step.
    """
    if os.name == "nt":  # pragma: no cover: no such step
        return False
    system: Any = ctypes.CDLL(None)
    names = os.fsencode(one), os.fsencode(two)
    if hasattr(system, "renameat2"):  # Linux
        return bool(system.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0)
    if hasattr(system, "renamex_np"):  # pragma: no cover: macOS
        return bool(system.renamex_np(*names, _EXCHANGE) == 0)
    return False  # pragma: no cover


@contextmanager
def _disk_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ResourceError(
                f"the disk is full: {name!r} can't be written",
                hint="free some space and run the same command again, or choose another --out",
                id="disk-full",
            ) from error
        if error.filename:
            name = Path(error.filename).name.removesuffix(".tmp")
        raise ResourceError(
            f"{name!r} can't be read or written: {error.strerror or 'input or output error'}",
            hint="check that the output folder exists and that you may write there",
        ) from error
