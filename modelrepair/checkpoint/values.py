"""The masked entries' new values on disk, for repairs whose reference is private."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from modelrepair.checkpoint.atomic import write_bytes
from modelrepair.checkpoint.reader import map_entry, read_header
from modelrepair.errors import DamagedCheckpointError

VALUES_NAME = "repair/values.safetensors"


def write_values(path: Path, sizes: Mapping[str, int], values: Iterable[np.ndarray]) -> str:
    """Write new values as one U8 tensor for each site; return the file's SHA-256.

    >>> write_values(path, {"w": 4}, [np.array([0, 7], np.uint16)])  # doctest: +SKIP

    Args:
        path: the file to write.
        sizes: a site's name and the bytes of its values, in order.
        values: the bits of each site's values, in the same order; taken one by one.
    """
    table: dict[str, object] = {}
    offset = 0
    for name, size in sizes.items():
        table[name] = {"dtype": "U8", "shape": [size], "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def pieces() -> Iterable[bytes]:
        yield len(text).to_bytes(8, "little")
        yield text
        for bits in values:
            yield bits.tobytes()

    return write_bytes(path, pieces())


class ValuesFile:
    """An opened file of values: the new bits of every masked site.

    >>> ValuesFile(path).values("w", np.dtype("<u2"), 2).tolist()  # doctest: +SKIP
    [0, 7]

    Raises:
        DamagedCheckpointError: the file is missing, cut short or no safetensors file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = read_header(path.parent, path.name)
        self._sites = {entry.name: entry for entry in file.entries}
        self.names = tuple(self._sites)
        self.metadata = file.metadata

    def values(self, name: str, dtype: np.dtype[np.unsignedinteger], count: int) -> np.ndarray:
        """Return the bits of one site's masked entries, ``[count]``.

        Raises:
            DamagedCheckpointError: the site isn't stored, or not with so many values.
        """
        entry = self._sites.get(name)
        if entry is None or entry.dtype != "U8" or entry.nbytes != count * dtype.itemsize:
            found = "nothing" if entry is None else f"{entry.nbytes} bytes of {entry.dtype}"
            raise DamagedCheckpointError(
                f"{self.path.name}: expected {count * dtype.itemsize} bytes of U8 for {name!r}, "
                f"found {found}",
                hint="fetch the file again, and compare its digest with the manifest's",
            )
        return map_entry(self.path, entry).view(dtype)
