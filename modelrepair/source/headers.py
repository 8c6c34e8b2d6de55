"""The headers of a source's weights: from its folder, or from the Hub without the weights."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modelrepair.checkpoint.reader import (
    HEADER_LIMIT,
    Checkpoint,
    SafetensorsFile,
    check_map,
    parse_header,
)
from modelrepair.checkpoint.weight_files import weight_files
from modelrepair.errors import DamagedCheckpointError
from modelrepair.source.ranges import read_range
from modelrepair.source.resolve import Source
from modelrepair.text.pasted import pasted

FIRST = 100_000
"""Bytes that are asked for at once: most headers end in them."""
AT_ONCE = 8


ReadRange = Callable[[Source, str, int, int], bytes]
"""As `read_range`."""


def headers(source: Source, read: ReadRange = read_range) -> Checkpoint:
    """The tensors of a source, by name; of one without weights on disk, none can be read.

    >>> headers(resolve("user/name", weights=False)).entries  # doctest: +SKIP
    {'model.embed_tokens.weight': TensorEntry(…), …}

    Args:
        source: a model.
        read: what reads a part of a file on the Hub.

    Raises:
        UnsupportedModelError: the weights are not in a file or index of the usual name.
        DamagedCheckpointError: a header can't be read.
        HubError: the Hub, the rights on it, or the network.
    """
    if source.complete or source.id is None:
        return Checkpoint.open(source.folder)
    wanted = weight_files(source.folder, source.files, source.id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda name: _header(source, name, read), wanted.files))
    files = dict(zip(wanted.files, found, strict=True))
    checkpoint = Checkpoint(source.folder, wanted.index, files)
    check_map(checkpoint, wanted)
    return checkpoint


def read_once() -> Callable[[Source], Checkpoint]:
    """The same, but each model's headers are asked for once.

    >>> read_once()(resolve("user/name", weights=False)).entries  # doctest: +SKIP
    {'model.embed_tokens.weight': TensorEntry(…), …}
    """
    known: dict[Path, Checkpoint] = {}

    def read(source: Source) -> Checkpoint:
        if source.folder not in known:
            known[source.folder] = headers(source)
        return known[source.folder]

    return read


def _header(source: Source, name: str, read: ReadRange) -> SafetensorsFile:
    """The header of one file on the Hub, which must be as long as it says."""
    size = source.sizes.get(name, 0)
    begin = read(source, name, 0, min(FIRST, size))
    length = int.from_bytes(begin[:8], "little")
    if len(begin) < 8 or length > min(HEADER_LIMIT, size - 8):
        raise _damaged(source, name, f"{size:,} bytes do not hold its header")
    if 8 + length > len(begin):
        begin += read(source, name, len(begin), 8 + length)
    try:
        file = parse_header(name, begin[8 : 8 + length], 8 + length)
    except ValueError as error:
        raise _damaged(source, name, str(error)) from None
    end = max((entry.offset + entry.nbytes for entry in file.entries), default=8 + length)
    if end != size:
        raise _damaged(source, name, f"it has {size:,} bytes, and its header says {end:,}")
    return file


def _damaged(source: Source, name: str, what: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(
        f"{name!r} of {source.id} is no whole safetensors file: {what}",
        hint=f"its author can upload it again: {pasted(['hf', 'upload', str(source.id), name])}",
    )
