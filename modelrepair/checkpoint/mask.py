"""The mask on disk: sorted positions as gaps of one byte, deflated, in a safetensors file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from modelrepair.checkpoint.atomic import write_bytes
from modelrepair.checkpoint.reader import TensorEntry, map_entry, read_header
from modelrepair.errors import DamagedCheckpointError

_ESCAPE = 255
_CHUNK = 1 << 20
_OVERHEAD = 64
"""Bytes that deflate adds to what can't be compressed, beside a thousandth."""
_AGAIN = "fetch the mask again, and compare its digest with the manifest's"


def encode(positions: np.ndarray) -> bytes:
    """Encode sorted positions in at most 1.5 times what entropy demands (0.1 % to 20 %).

    A gap is the number of entries skipped since the last position; 255 skips 255 and continues.

    >>> decode(encode(np.array([0, 1, 700])), 701).tolist()
    [0, 1, 700]

    Args:
        positions: flat positions, ``[n]``, strictly increasing.

    Raises:
        ValueError: positions that are negative or not strictly increasing.
    """
    gaps: np.ndarray = np.diff(np.asarray(positions, np.int64), prepend=-1) - 1
    if len(gaps) and gaps.min() < 0:
        raise ValueError("positions must be strictly increasing from 0 on")
    escapes = gaps // _ESCAPE
    encoded = np.full(len(gaps) + int(escapes.sum()), _ESCAPE, np.uint8)
    encoded[np.cumsum(escapes + 1) - 1] = gaps % _ESCAPE
    # Scattered entries leave no strings to find, only symbols to count; whole columns do.
    strategies = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
    return min((_deflate(encoded, strategy) for strategy in strategies), key=len)


def decode(blob: bytes, entries: int) -> np.ndarray:
    """Decode positions; what a damaged or hostile blob can cost is bounded by ``entries``.

    Args:
        blob: what :func:`encode` returned.
        entries: how many entries the site has.

    Returns:
        Flat positions, ``[n]`` int64, strictly increasing and below ``entries``.

    Raises:
        DamagedCheckpointError: anything that ``encode`` can't have written for this site.
    """
    # Every byte moves on by one entry at least, so more bytes than entries are no mask.
    found = []
    last = -1
    open_escape = False
    for chunk in _inflate(blob, entries):
        codes = np.frombuffer(chunk, np.uint8)
        ends = codes != _ESCAPE
        reached = last + np.cumsum(codes.astype(np.int64) + ends)
        found.append(reached[ends])
        last = int(reached[-1])
        open_escape = not ends[-1]
    if open_escape or last >= entries:
        raise DamagedCheckpointError(
            f"the mask names positions beyond the site's {entries} entries", hint=_AGAIN
        )
    return np.concatenate(found) if found else np.empty(0, np.int64)


def write_mask(
    path: Path, header: Mapping[str, str], masks: Iterable[tuple[str, np.ndarray]]
) -> str:
    """Write a mask file; sites without a masked entry are left out. Return its SHA-256.

    The same input gives the same bytes: the library's own writer shuffles the header.

    Args:
        path: the file to write.
        header: what the mask belongs to: subject, scale, digests.
        masks: a site's name and its flat positions ``[n]``, strictly increasing.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
        ValueError: a site that comes twice, or positions out of order.
    """
    blobs: dict[str, bytes] = {}
    for name, positions in masks:
        if name in blobs or name == "__metadata__":
            raise ValueError(f"site {name!r} can't be stored (again)")
        if len(positions):
            blobs[name] = encode(positions)
    table: dict[str, object] = {"__metadata__": dict(sorted(header.items()))}
    offset = 0
    for name, blob in blobs.items():
        offsets = [offset, offset + len(blob)]
        table[name] = {"dtype": "U8", "shape": [len(blob)], "data_offsets": offsets}
        offset += len(blob)
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return write_bytes(path, (len(text).to_bytes(8, "little"), text, *blobs.values()))


class MaskFile:
    """An opened mask: ``header``, the ``names`` of the sites in it, and their positions.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mask.safetensors"
    >>> digest = write_mask(path, {"subject": "delta"}, [("w", np.array([2, 5]))])
    >>> mask = open_mask(path)
    >>> mask.header, mask.names, mask.positions("w", 6).tolist()
    ({'subject': 'delta'}, ('w',), [2, 5])
    """

    def __init__(self, path: Path, header: Mapping[str, str], sites: Iterable[TensorEntry]) -> None:
        self.path = path
        self.header = dict(header)
        self._sites = {site.name: site for site in sites}
        self.names = tuple(self._sites)

    def positions(self, name: str, entries: int) -> np.ndarray:
        """Return a site's flat positions, ``[n]`` int64; none for a site that isn't stored.

        Args:
            name: the site's name.
            entries: how many entries the site has.

        Raises:
            DamagedCheckpointError: the stored bytes are no mask of so many entries.
        """
        if name not in self._sites:
            return np.empty(0, np.int64)
        if self._sites[name].nbytes > entries + entries // 1000 + _OVERHEAD:
            raise DamagedCheckpointError(
                f"the mask holds more than the site's {entries} entries", hint=_AGAIN
            )
        return decode(map_entry(self.path, self._sites[name]).tobytes(), entries)


def open_mask(path: Path) -> MaskFile:
    """Read a mask file's header; positions are decoded when they are asked for.

    Args:
        path: a file that :func:`write_mask` wrote.

    Raises:
        DamagedCheckpointError: the file is missing, cut short, or holds other things than masks.
    """
    file = read_header(path.parent, path.name)
    for site in file.entries:
        if site.dtype != "U8" or len(site.shape) != 1:
            raise DamagedCheckpointError(
                f"{path.name!r} is no mask: {site.name!r} is {site.dtype} of shape "
                f"{list(site.shape)}, expected U8 of one dimension",
                hint=_AGAIN,
            )
    return MaskFile(path, file.metadata, file.entries)


def _deflate(encoded: np.ndarray, strategy: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    return packer.compress(encoded.data) + packer.flush()


def _inflate(blob: bytes, limit: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    left = limit
    rest = blob
    try:
        while not unpacker.eof:
            chunk = unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unconsumed_tail
            left -= len(chunk)
            if left < 0:
                raise DamagedCheckpointError(
                    f"the mask holds more than the site's {limit} entries", hint=_AGAIN
                )
            if chunk:
                yield chunk
            elif not unpacker.eof:
                raise zlib.error("cut short")
    except zlib.error as error:
        raise DamagedCheckpointError(f"the mask is damaged: {error}", hint=_AGAIN) from error
    if unpacker.unused_data:
        raise DamagedCheckpointError("the mask is damaged: bytes follow its end", hint=_AGAIN)
