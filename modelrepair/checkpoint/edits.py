"""What a mask does to one tensor: the bits that its masked entries get, said in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from modelrepair.checkpoint.bits import masked_values
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import EmptyMaskError


def new_values(
    source: Checkpoint,
    name: str,
    positions: np.ndarray,
    reference: Checkpoint | None,
    scale: float,
) -> np.ndarray:
    """Return the bits that a tensor's masked entries get.

    >>> new_values(source, "w", np.array([0, 7]), None, 0.0).tolist()  # doctest: +SKIP
    [0, 0]

    Args:
        source: the checkpoint under repair.
        name: the tensor's name in it, and in the reference.
        positions: flat positions in the tensor as it lies in the file, ``[n]``, or the tensor's
            mask, flat bool.
        reference: the aligned checkpoint where the subject is a delta, else None.
        scale: what masked entries of the subject are multiplied by.
    """
    old = source.raw(name).reshape(-1)[positions]
    if reference is None:
        return masked_values(old, source.entries[name].dtype, None, None, scale)
    return masked_values(
        old,
        source.entries[name].dtype,
        reference.raw(name).reshape(-1)[positions],
        reference.entries[name].dtype,
        scale,
    )


Positions = Callable[[str], np.ndarray]
"""A site's masked entries: flat positions in the tensor as it lies in the file, sorted."""
NewBits = Callable[[str], np.ndarray | None]
"""A tensor's new bits, flat and unsigned, or None where it stays as it is."""


class Edit(Protocol):
    """Which entries of a tensor change, and what they become."""

    @property
    def kind(self) -> Literal["mask", "dense"]:
        """What the manifest calls it."""
        ...

    def change(self, source: Checkpoint, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A tensor's changed entries: flat positions, sorted, int64; and their new bits."""
        ...

    def nothing(self) -> EmptyMaskError:
        """What to say where no entry of any tensor changes."""
        ...


@dataclass(frozen=True)
class MaskEdit:
    """Masked entries, which become what subject and scale say.

    >>> MaskEdit(masks.__getitem__).change(source, "w")  # doctest: +SKIP
    (array([0, 7]), array([0, 0], dtype=uint16))

    Args:
        positions: gives a tensor's masked entries.
        reference: the aligned checkpoint where the subject is a delta, else None.
        scale: what masked entries of the subject are multiplied by.
    """

    positions: Positions
    reference: Checkpoint | None = None
    scale: float = 0.0

    kind: Literal["mask", "dense"] = "mask"

    def change(self, source: Checkpoint, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A tensor's masked entries and their new bits."""
        chosen = self.positions(name)
        return chosen, new_values(source, name, chosen, self.reference, self.scale)

    def nothing(self) -> EmptyMaskError:
        """The mask is empty."""
        return EmptyMaskError(
            "the mask is empty: no entry was chosen",
            hint="ask for a larger --ratio, or check that the example sets fit the model",
        )


@dataclass(frozen=True)
class DenseEdit:
    """Tensors with new bits, as a repairer made them.

    >>> DenseEdit(lambda name: None).change(source, "w")  # doctest: +SKIP
    (array([], dtype=int64), array([], dtype=uint16))

    Args:
        bits: gives a tensor's new bits.
    """

    bits: NewBits

    kind: Literal["mask", "dense"] = "dense"

    def change(self, source: Checkpoint, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The entries that differ from the source's, and their new bits."""
        old, new = source.raw(name).reshape(-1), self.bits(name)
        if new is None:
            return np.zeros(0, np.int64), np.zeros(0, old.dtype)
        positions = np.flatnonzero(old != new)
        return positions, new[positions]

    def nothing(self) -> EmptyMaskError:
        """No value differs."""
        return EmptyMaskError(
            "the repairer changed nothing",
            hint="give it a stronger --strength, or check its options and the reference",
            id="nothing-changed",
        )
