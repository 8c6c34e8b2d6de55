"""What masked entries must hold: computed from the reference, or taken from the stored values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelrepair.artifact.findings import Finding
from modelrepair.artifact.mask_header import MaskHeader, wrong_reference
from modelrepair.checkpoint.edits import new_values
from modelrepair.checkpoint.reader import ITEM_SIZES, Checkpoint
from modelrepair.checkpoint.values import VALUES_NAME, ValuesFile
from modelrepair.verification.compare import Expected

STORED = (
    "masked entries were compared with the stored values, not with the reference: "
    "that they are the reference's own is not proven"
)


@dataclass(frozen=True)
class NewValues:
    """Where masked entries' values come from, and what speaks against it."""

    expected: Expected
    findings: tuple[Finding, ...] = ()


def new_values_of(
    source: Checkpoint,
    header: MaskHeader,
    masked: Mapping[str, int],
    *,
    reference: Path | None,
    stored: Path | None,
) -> NewValues:
    """Find out what masked entries must hold.

    >>> new_values_of(source, header, {"w": 2}, reference=None, stored=None).findings
    ... # doctest: +SKIP
    ()

    Args:
        source: the source's checkpoint.
        header: the mask's header.
        masked: how many masked entries each tensor has.
        reference: folder of the reference, where it is at hand.
        stored: ``repair/values.safetensors``, where there is one.
    """
    if header.subject != "delta":
        return NewValues(_computed(source, None, header.scale))
    if reference is not None:
        checkpoint = Checkpoint.open(reference)
        wrong = wrong_reference(header, source, checkpoint)
        if wrong is None:
            return NewValues(_computed(source, checkpoint, header.scale))
        return NewValues(_unknown, (Finding("wrong-reference", reference.name, None, wrong),))
    if stored is not None:
        stands = Finding("stored-values", VALUES_NAME, None, STORED)
        return NewValues(_stored(source, ValuesFile(stored), masked), (stands,))
    message = f"masked entries can't be checked without the reference {header.reference}"
    return NewValues(_unknown, (Finding("no-reference", VALUES_NAME, None, message),))


def _computed(source: Checkpoint, reference: Checkpoint | None, scale: float) -> Expected:
    def expected(name: str, positions: np.ndarray, old: np.ndarray, before: int) -> np.ndarray:
        return new_values(source, name, positions, reference, scale)

    return expected


def _stored(source: Checkpoint, values: ValuesFile, masked: Mapping[str, int]) -> Expected:
    def expected(name: str, positions: np.ndarray, old: np.ndarray, before: int) -> np.ndarray:
        dtype = np.dtype(f"<u{ITEM_SIZES[source.entries[name].dtype]}")
        return values.values(name, dtype, masked[name])[before : before + len(positions)]

    return expected


def _unknown(name: str, positions: np.ndarray, old: np.ndarray, before: int) -> None:
    return None
