"""Hidden states between blocks, one file a slot, so that a pass needs one block and can go on."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modelrepair.errors import ResourceError
from modelrepair.moving import remove
from modelrepair.text.units import in_bytes

_CHUNK = 1 << 20


def allocate(path: Path, nbytes: int) -> None:
    """Make a file of this size whose space is really there: a full disk shows here, as OSError.

    Writing through a memory map into a hole of a full disk would end the process instead.
    """
    with path.open("wb") as file:
        if nbytes and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, nbytes)
        else:  # macOS and Windows: what is written there is really there
            for start in range(0, nbytes, _CHUNK):
                file.write(bytes(min(_CHUNK, nbytes - start)))


class HiddenStates:
    """The hidden states of all batches at some points of the model, ``[batch, tokens, hidden]``.

    Each slot is one memory-mapped file: the operating system keeps it in memory while there is
    room, and a killed run finds it where it was. None is synced: what a power cut leaves is known
    by its length and its CRC-32. Windows removes no file that is mapped: close it.

    Args:
        folder: where the slots lie.
        shapes: the shape of each batch's hidden states, the same in every slot.
    """

    def __init__(self, folder: Path, shapes: Sequence[tuple[int, int, int]]) -> None:
        self._folder = folder
        self._shapes = tuple(shapes)
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._open: dict[int, np.memmap[tuple[int], np.dtype[np.float32]]] = {}
        self._written: dict[int, tuple[int, int]] = {}  # the last batch of each slot, and the CRC
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, slot: int, batch: int, values: Tensor) -> None:
        """Keep one batch's hidden states, float32; a slot's batches are written in their order."""
        kept = np.ascontiguousarray(values.detach().to("cpu", torch.float32).reshape(-1).numpy())
        self._slot(slot)[self._offsets[batch] : self._offsets[batch + 1]] = kept
        last, checksum = self._written.get(slot, (-1, 0))
        checksum = checksum if batch > last else 0  # the slot is written anew
        self._written[slot] = batch, zlib.crc32(kept.data, checksum)

    @property
    def checksums(self) -> Mapping[str, int]:
        """The CRC-32 of each slot that was written, or found whole, by its number."""
        return {str(slot): checksum for slot, (_, checksum) in self._written.items()}

    def is_whole(self, slot: int, batches: Sequence[int], checksum: int | None) -> bool:
        """Whether a slot holds what was written, before anything is written here.

        Args:
            slot: which.
            batches: the batches that were written, in their order.
            checksum: what `checksums` said of it then; None where it is not known.
        """
        path, total = self._path(slot), int(self._offsets[-1])
        if checksum is None or not path.exists() or path.stat().st_size != total * 4:
            return False
        found = 0
        for batch in batches:
            values = self._slot(slot)[self._offsets[batch] : self._offsets[batch + 1]]
            found = zlib.crc32(values.data, found)
        if found == checksum:
            self._written[slot] = max(batches, default=-1), checksum
        return found == checksum

    def read(self, slot: int, batch: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        """A copy of one batch's hidden states, as they were written."""
        values = np.array(self._slot(slot)[self._offsets[batch] : self._offsets[batch + 1]])
        return torch.from_numpy(values).reshape(self._shapes[batch]).to(device, dtype)

    def drop(self, slot: int) -> None:
        """Give a slot's disk space back."""
        self._open.pop(slot, None)
        self._written.pop(slot, None)
        remove(self._path(slot))

    def close(self) -> None:
        """Let go of the files: what an error's traceback still knows keeps none of them open."""
        self._open.clear()

    def _path(self, slot: int) -> Path:
        return self._folder / f"{slot:05d}.hidden"

    def _slot(self, slot: int) -> np.memmap[tuple[int], np.dtype[np.float32]]:
        if slot not in self._open:
            path = self._path(slot)
            total = int(self._offsets[-1])
            try:
                if not path.exists() or path.stat().st_size != total * 4:
                    allocate(path, total * 4)
                self._open[slot] = np.memmap(path, dtype=np.float32, mode="r+", shape=(total,))
            except OSError as error:
                raise ResourceError(
                    f"hidden states ({in_bytes(total * 4)}) can't be kept: {error.strerror}",
                    hint="free some disk space beside the output folder and run the command again",
                    id="disk-full",
                ) from error
        return self._open[slot]
