"""What a mask acts on: factors, the delta from the reference, or the weights."""

from __future__ import annotations

from modelrepair.errors import UsageError
from modelrepair.plugin.names import SubjectKind
from modelrepair.settings.presets import PRESETS
from modelrepair.settings.settings import Settings


def subject_for(settings: Settings, *, factors: bool, reference: bool) -> SubjectKind:
    """What a mask acts on: as named, else what source and reference make best.

    >>> subject_for(Settings("user/model"), factors=False, reference=True)
    'delta'

    Args:
        settings: every choice of the repair.
        factors: whether an adapter is repaired as such.
        reference: whether an aligned model is known.

    Raises:
        UsageError: a delta was named, and there is no reference.
    """
    if factors:
        return "factor"
    if settings.subject == "delta" and not reference:
        raise UsageError(
            "a delta needs a reference, and none is known or aligned",
            hint="name it with --reference, or use --subject weight",
            id="reference-missing",
        )
    if settings.subject != "auto":
        return settings.subject
    if settings.preset is not None:
        return PRESETS[settings.preset].subject
    return "delta" if reference else "weight"
