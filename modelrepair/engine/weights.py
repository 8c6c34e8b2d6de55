"""Checkpoint tensors as float32, masked or edited on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modelrepair.checkpoint.atomic import write_bytes, write_json
from modelrepair.checkpoint.edits import new_values
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.device import exact
from modelrepair.engine.dtypes import TORCH_DTYPES
from modelrepair.engine.edits import Edits
from modelrepair.engine.layout.places import Place
from modelrepair.errors import DamagedCheckpointError, UnsupportedModelError
from modelrepair.moving import remove


class Masks:
    """The chosen entries of tensors, in the file's layout: packed bits, one tensor after another.

    Two files, however many tensors there are. Both are synced before anything can name them, and
    the table of where each tensor lies comes last: without it there is no mask.

    Args:
        folder: where the files lie; a mask that was put stays there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, masks: Iterable[tuple[str, np.ndarray]]) -> None:
        """Keep masks of tensors, in place of all that lay here; an empty one takes no room."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove(self._table)
        places: dict[str, int] = {}
        write_bytes(self._bits, self._packed(masks, places))
        write_json(self._table, places)
        self.__dict__.pop("_places", None)

    def get(self, name: str, entries: int) -> np.ndarray | None:
        """The tensor's mask, flat bool ``[entries]``, or None where nothing is masked."""
        if name not in self._places:
            return None
        return np.unpackbits(self._read(name, 0, -(-entries // 8)), count=entries).astype(bool)

    def positions(self, name: str, entries: int) -> np.ndarray:
        """The sorted flat positions of the tensor's masked entries, int64."""
        mask = self.get(name, entries)
        return np.zeros(0, np.int64) if mask is None else np.flatnonzero(mask).astype(np.int64)

    def of(self, place: Place) -> np.ndarray | None:
        """The mask of one matrix in a tensor, ``[out, in]`` bool, or None where nothing is masked.

        No more is read than the part of the tensor in which the matrix lies.
        """
        if place.tensor not in self._places:
            return None
        begin, end = place.span
        first = begin // 8
        packed = self._read(place.tensor, first, -(-end // 8) - first)
        return place.of(np.unpackbits(packed), first * 8).astype(bool)

    @property
    def _bits(self) -> Path:
        return self.folder / "masks.bits"

    @property
    def _table(self) -> Path:
        return self.folder / "masks.json"

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each tensor's bits begin; none where no mask was put yet."""
        return json.loads(self._table.read_bytes()) if self._table.exists() else {}

    def _packed(
        self, masks: Iterable[tuple[str, np.ndarray]], places: dict[str, int]
    ) -> Iterator[bytes]:
        begin = 0
        for name, mask in masks:
            if mask.any():
                places[name] = begin
                packed = np.packbits(mask.reshape(-1))
                begin += len(packed)
                yield packed.tobytes()

    def _read(self, name: str, first: int, count: int) -> np.ndarray:
        return np.fromfile(self._bits, np.uint8, count, offset=self._places[name] + first)


Change = Masks | Edits
"""What a candidate does to the tensors of the source."""


REFERENCE = "the reference's "


class Weights:
    """Reads tensors of a checkpoint as they would be after a change.

    Args:
        checkpoint: the source.
        device: where matrices go; whole tensors stay in the host's memory.
        base: what the source adapts, where it is an adapter; else None.
        reference: the aligned model, where the subject is the delta from it; else None.
        change: the entries to mask, or new tensors; None reads the source as it is.
        scale: what masked entries of the subject are multiplied by.
        dtype: what the model computes in; scores are computed in float32 whatever it is.
        whose: what stands before a tensor's name in an error, where it isn't the source's.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        *,
        base: Checkpoint | None = None,
        reference: Checkpoint | None = None,
        change: Change | None = None,
        scale: float = 0.0,
        dtype: torch.dtype = torch.float32,
        whose: str = "",
    ) -> None:
        self._whose = whose
        self._checkpoint = checkpoint
        self._device = device
        self._base = base
        self._reference = reference
        self._masks = change if isinstance(change, Masks) else None
        self._edits = change if isinstance(change, Edits) else None
        self._scale = scale
        self._dtype = dtype
        self._checked: set[tuple[str, int | None]] = set()

    def with_change(self, change: Change | None) -> Weights:
        """The same tensors under another mask, or another edit."""
        other = Weights(
            self._checkpoint,
            self._device,
            base=self._base,
            reference=self._reference,
            change=change,
            scale=self._scale,
            dtype=self._dtype,
            whose=self._whose,
        )
        other._checked = self._checked
        return other

    def read(self, name: str) -> Tensor:
        """One tensor as the model computes with it, in the host's memory; Raises as `values`."""
        return self.values(name).to(self._dtype)

    def values(self, name: str) -> Tensor:
        """One tensor, float32, finite, in its own shape, in the host's memory.

        Raises:
            DamagedCheckpointError: it holds NaN or infinity.
            UnsupportedModelError: its dtype is no floating-point one.
        """
        checkpoint = self._checkpoint
        if self._base is not None and name not in checkpoint.entries:
            checkpoint = self._base
        entry = checkpoint.entries[name]
        edited = None if self._edits is None else self._edits.get(name)
        raw = np.array(checkpoint.raw(name)) if edited is None else edited.reshape(entry.shape)
        mask = None if self._masks is None else self._masks.get(name, entry.entries)
        if mask is not None:
            new = new_values(checkpoint, name, mask, self._reference, self._scale)
            raw.reshape(-1)[mask] = new
        return self._finite(_as_float(raw, entry.dtype, name), name)

    def matrix(self, place: Place) -> Tensor:
        """One matrix of a tensor, ``[out, in]`` float32, beside the sums; Raises as `values`."""
        entry = self._checkpoint.entries[place.tensor]
        edited = None if self._edits is None else self._edits.get(place.tensor)
        raw = _matrix(self._checkpoint, place, edited)
        mask = None if self._masks is None else self._masks.of(place)
        if mask is not None and mask.any():
            positions = place.positions(mask)
            raw[mask] = new_values(
                self._checkpoint, place.tensor, positions, self._reference, self._scale
            )
        tensor = _as_float(raw, entry.dtype, place.tensor).to(exact(self._device))
        return self._finite(tensor, place.tensor, place.offset)

    def reference(self, place: Place) -> Tensor | None:
        """The reference's matrix, or None where there is no reference; Raises as `values`."""
        if self._reference is None:
            return None
        entry = self._reference.entries[place.tensor]
        raw = _matrix(self._reference, place, None)
        tensor = _as_float(raw, entry.dtype, place.tensor).to(exact(self._device))
        return self._finite(tensor, f"{REFERENCE}{place.tensor}", place.offset)

    def bits(self, name: str) -> np.ndarray:
        """A tensor's bits as the source's file holds them, flat, unsigned."""
        return self._checkpoint.raw(name).reshape(-1)

    def dtype_of(self, name: str) -> str:
        """A tensor's dtype in the source's file, as safetensors names it."""
        return self._checkpoint.entries[name].dtype

    def _finite(self, tensor: Tensor, name: str, offset: int | None = None) -> Tensor:
        if (name, None) not in self._checked and (name, offset) not in self._checked:
            if not torch.isfinite(tensor).all():
                raise DamagedCheckpointError(
                    f"{self._whose}{name} holds NaN or infinite values",
                    hint="the checkpoint is damaged or its training diverged; nothing can be "
                    "measured on it",
                    id="not-finite",
                )
            self._checked.add((name, offset))
        return tensor


def stored(checkpoint: Checkpoint, name: str) -> Tensor:
    """A tensor as it is stored, in its own dtype.

    Raises:
        UnsupportedModelError: its dtype is no floating-point one.
    """
    return _as_stored(np.array(checkpoint.raw(name)), checkpoint.entries[name].dtype, name)


def _matrix(checkpoint: Checkpoint, place: Place, edited: np.ndarray | None) -> np.ndarray:
    """A copy of a matrix's bits, row by row."""
    flat = checkpoint.raw(place.tensor).reshape(-1) if edited is None else edited
    return np.ascontiguousarray(place.of(flat)).copy()


def _as_float(raw: np.ndarray, dtype: str, name: str) -> Tensor:
    return _as_stored(raw, dtype, name).to(torch.float32)


def _as_stored(raw: np.ndarray, dtype: str, name: str) -> Tensor:
    if dtype not in TORCH_DTYPES:
        raise UnsupportedModelError(
            f"{name} is stored as {dtype}, which is no floating-point type",
            hint="quantised checkpoints can't be repaired; repair the one they were made from",
            id="quantised",
        )
    return torch.from_numpy(raw).view(TORCH_DTYPES[dtype])
