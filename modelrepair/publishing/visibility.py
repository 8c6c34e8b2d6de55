"""The models that a repair derives from: they determine the visibility of the upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modelrepair.artifact.manifest import Manifest
from modelrepair.artifact.records import Origin

GATES = ("", "auto", "manual")
"""From open to strict."""


@dataclass(frozen=True)
class Upstream:
    """The models behind a repaired one.

    Args:
        source: what was or will be repaired.
        named: reference and base: card and manifest name them.
        held: those of them whose values are in the result: the reference of a delta, and the base
            that an adapter is merged into.
    """

    source: Origin
    named: tuple[Origin, ...] = ()
    held: tuple[Origin, ...] = ()


def kin_of(manifest: Manifest) -> Upstream:
    """The models behind a repaired one, by its manifest.

    >>> kin_of(manifest).source.id  # doctest: +SKIP
    'user/model'
    """
    reference, base = manifest.reference, manifest.base
    held = [reference if manifest.subject == "delta" else None, base if manifest.adapter else None]
    return Upstream(manifest.source, _given(reference, base), _given(*held))


def strictest_gate(*gates: str | Literal[False] | None) -> str | None:
    """The strictest of several gates, as the Hub calls them.

    >>> strictest_gate("auto", None, "manual"), strictest_gate(None, False), strictest_gate()
    ('manual', None, None)
    """
    return max((each or "" for each in gates), key=GATES.index, default="") or None


def _given(*origins: Origin | None) -> tuple[Origin, ...]:
    return tuple(each for each in origins if each is not None)
