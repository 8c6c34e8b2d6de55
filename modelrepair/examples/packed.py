"""Packed files of rows: one file by zstandard, or several in a zip archive."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any

from modelrepair.errors import one_line
from modelrepair.moving import remove, temporary_folder

PIECE = 1 << 20
LARGEST_MEMBER = 1 << 30
"""Bytes of a file in an archive, unpacked; a larger one is for its owner to unpack."""


def open_zstandard(path: Path, mode: str = "rb") -> BufferedReader:
    """A file that zstandard packed, as a stream of what is in it.

    >>> open_zstandard(Path("train.jsonl.zst"))  # doctest: +SKIP
    <_io.BufferedReader>

    Raises:
        OSError: it can't be opened.
    """
    import pyarrow

    opened: Any = pyarrow.CompressedInputStream(path.open(mode), "zstd")
    return BufferedReader(opened)


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """The files of a zip archive that hold rows, each unpacked for as long as it is looked at.

    >>> list(members(Path("train.zip"), lambda name: True))  # doctest: +SKIP
    [('train.jsonl', PosixPath('/tmp/…/train.jsonl'))]

    Args:
        path: the archive.
        wanted: whether a member of this name holds rows.

    Raises:
        ValueError: it is no whole archive, has a password, or holds what is too large.
        OSError: it can't be opened.
    """
    try:
        with (
            zipfile.ZipFile(path) as archive,
            temporary_folder() as folder,
        ):
            for info in sorted(archive.infolist(), key=lambda each: each.filename):
                if info.is_dir() or not wanted(info.filename):
                    continue
                unpacked = Path(folder) / PurePosixPath(info.filename).name
                with archive.open(info) as packed, unpacked.open("wb") as file:
                    # What the archive says of a size need not be true.
                    for piece in iter(lambda: packed.read(PIECE), b""):
                        file.write(piece)
                        if file.tell() > LARGEST_MEMBER:
                            raise ValueError(f"over {LARGEST_MEMBER:,} bytes in one file")
                yield info.filename, unpacked
                remove(unpacked)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(one_line(error, 160)) from None
