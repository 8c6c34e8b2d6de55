"""Presets: the published method, as its code runs it and as its paper states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.errors import UsageError
from modelrepair.registry.specs import Scope, SubjectKind

if TYPE_CHECKING:
    from modelrepair.selection import Quota
    from modelrepair.settings import Settings

PresetName = Literal["antidote-official", "antidote-paper"]


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


def expand(settings: Settings) -> Settings:
    """The settings with everything filled in that their preset names and the user does not.

    >>> from modelrepair.settings import Settings
    >>> expand(Settings("user/adapter", preset="antidote-official", ratio=0.05)).targets
    ('*.[qkv]_proj.*',)

    Raises:
        UsageError: a scorer beside the preset.
    """
    preset = None if settings.preset is None else PRESETS[settings.preset]
    if preset is None:
        return settings if settings.ratio is not None else replace(settings, ratio="auto")
    if settings.scorer not in (None, preset.scorer):
        raise UsageError(
            f"--preset {settings.preset} is made with the scorer {preset.scorer!r}",
            hint="leave out --scorer, or --preset",
        )
    return replace(
        settings,
        scorer=preset.scorer,
        scorer_options={**preset.scorer_options, **settings.scorer_options},
        scope=settings.scope or preset.scope,
        ratio=preset.ratio if settings.ratio is None else settings.ratio,
        targets=settings.targets or preset.targets,
        protect=0.0 if settings.protect is None else settings.protect,
    )


def quota_of(name: PresetName | None) -> Quota:
    """How many entries a ratio means under a preset, or under none.

    >>> quota_of("antidote-official")(0.1, 256), quota_of(None)(0.1, 256)
    (26, 26)
    """
    # Imported here: the settings are read by commands that compute nothing.
    from modelrepair.selection import count, published_count

    published = name is not None and PRESETS[name].count == "published"
    return published_count if published else count
