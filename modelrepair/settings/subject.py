"""What a mask acts on: factors, the delta from the reference, or the weights."""

from __future__ import annotations

from typing import Literal

from modelrepair.errors import UsageError
from modelrepair.plugin.names import SubjectKind
from modelrepair.settings.presets import PRESETS, PresetName


def subject_for(
    named: SubjectKind | Literal["auto"],
    preset: PresetName | None = None,
    *,
    factors: bool,
    reference: bool,
) -> SubjectKind:
    """What a mask acts on: as named, else what source and reference make best.

    >>> subject_for("auto", factors=False, reference=True)
    'delta'

    Args:
        named: the subject that the user chose.
        preset: one that goes before source and reference.
        factors: whether an adapter is repaired as such.
        reference: whether an aligned model is known.

    Raises:
        UsageError: a delta was named, and there is no reference.
    """
    if factors:
        return "factor"
    if named == "delta" and not reference:
        raise UsageError(
            "a delta needs a reference, and none is known or aligned",
            hint="name it with --reference, or use --subject weight",
            id="reference-missing",
        )
    if named != "auto":
        return named
    if preset is not None:
        return PRESETS[preset].subject
    return "delta" if reference else "weight"
