"""What a mask does to one tensor: the bits that its masked entries get, said in one place."""

from __future__ import annotations

import numpy as np

from modelrepair.checkpoint.bits import masked_values
from modelrepair.checkpoint.reader import Checkpoint


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
