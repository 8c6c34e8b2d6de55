"""Tensors with new values, in the file's layout and dtype: one file of bits a tensor."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modelrepair.checkpoint.atomic import save_array
from modelrepair.checkpoint.reader import ITEM_SIZES
from modelrepair.checkpoint.work_names import work_name
from modelrepair.engine.dtypes import TORCH_DTYPES


class Edits:
    """The new bits of each tensor that differs from the source's.

    No file is synced, for there may be thousands: what a power cut leaves of them is known by the
    CRC-32 of the bits.

    Args:
        folder: where the files lie; an edit that was put stays there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checksums: dict[str, int] = {}
        """Of each tensor that was put here."""

    def get(self, name: str) -> np.ndarray | None:
        """A tensor's new bits, flat unsigned ``[entries]``, or None where it stays as it is."""
        path = self._path(name)
        return np.load(path) if path.exists() else None

    def put(self, name: str, bits: np.ndarray) -> None:
        """Keep a tensor's new bits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        flat = np.ascontiguousarray(bits.reshape(-1))
        save_array(self._path(name), flat)
        self.checksums[name] = zlib.crc32(flat.data)

    def are_whole(self, checksums: Mapping[str, int]) -> bool:
        """Whether the edits are there as they were put.

        Args:
            checksums: what `checksums` said then.
        """
        for name, checksum in checksums.items():
            try:
                bits = np.load(self._path(name))
            except (OSError, ValueError, EOFError):
                return False
            if zlib.crc32(bits.data) != checksum:
                return False
        return True

    def _path(self, name: str) -> Path:
        return self.folder / f"{work_name(name)}.npy"


def rounded(values: Tensor, dtype: str) -> np.ndarray:
    """Values as the bits that a file of this dtype holds, rounded to nearest even.

    >>> rounded(torch.tensor([1.0, 2.0]), "BF16").tolist()
    [16256, 16384]

    Args:
        values: any shape, float32.
        dtype: as safetensors names it.
    """
    stored = values.to(TORCH_DTYPES[dtype]).contiguous().cpu()
    unsigned = {1: torch.uint8, 2: torch.uint16, 4: torch.uint32, 8: torch.uint64}
    return stored.view(unsigned[ITEM_SIZES[dtype]]).numpy()
