"""Presets: the published method, as its code runs it and as its paper states it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from modelrepair.plugin.names import Scope, SubjectKind

PresetName = Literal["antidote-official", "antidote-paper"]
Quota = Callable[[float, int], int]
"""How many entries a ratio means, of all entries of a row, a tensor, or all sites."""


@dataclass(frozen=True)
class Preset:
    """What a preset stands for where the user names nothing else.

    Args:
        scorer: the scorer; ``scorer_options`` go with it.
        scope: how the top is cut.
        ratio: the share to mask.
        adapter: whether it is for adapters alone.
        targets: globs on tensor names.
        subject: of a whole model; an adapter's is always its factors.
        count: how many entries a ratio means: rounded, or as the published code counts.
    """

    scorer: str
    scope: Scope
    ratio: float
    scorer_options: Mapping[str, Any] = field(default_factory=dict)
    adapter: bool = False
    targets: tuple[str, ...] = ()
    subject: SubjectKind = "weight"
    count: Literal["rounded", "published"] = "rounded"


PRESETS: Mapping[PresetName, Preset] = MappingProxyType(
    {
        # The code of the paper (arXiv 2408.09600): LoRA factors of q, k and v, the root of the
        # mean squared norm over all tokens, top of every row, rounded up. 0.1 is what its tables
        # were made with; its text says 0.2.
        "antidote-official": Preset(
            scorer="wanda",
            scorer_options={"norm": "rms", "tokens": "all"},
            scope="row",
            ratio=0.1,
            adapter=True,
            targets=("*.[qkv]_proj.*",),
            count="published",
        ),
        # Equations 1 to 3: the mean of norms, the top of all weights together, set to zero.
        "antidote-paper": Preset(
            scorer="wanda",
            scorer_options={"norm": "mean", "tokens": "all"},
            scope="global",
            ratio=0.1,
        ),
    }
)


def count(ratio: float, entries: int) -> int:
    """Return how many entries a ratio means: rounded, ties to even.

    >>> count(0.05, 4096)
    205
    """
    return round(ratio * entries)


def published_count(ratio: float, entries: int) -> int:
    """How many entries the published code of Antidote masks of a row: in − int(in·(1 − ratio)).

    What is kept is rounded down, so what is masked is rounded up, and never nothing.

    >>> published_count(0.1, 256), count(0.1, 256), published_count(1e-5, 4096)
    (26, 26, 1)
    """
    return entries - int(entries * (1 - ratio))


def preset_named(name: str | None) -> Preset | None:
    """The preset of a name; None for none, and for one that is not known here.

    >>> preset_named("antidote-official").scorer, preset_named("of a later version")
    ('wanda', None)
    """
    return next((preset for known, preset in PRESETS.items() if known == name), None)


def quota_of(name: str | None) -> Quota:
    """How many entries a ratio means under a preset, or under none.

    >>> quota_of("antidote-official")(0.1, 256), quota_of(None)(0.1, 256)
    (26, 26)
    """
    preset = preset_named(name)
    return published_count if preset is not None and preset.count == "published" else count
