"""The settings with the values of their preset filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.errors import UsageError
from modelrepair.settings.presets import PRESETS

if TYPE_CHECKING:
    from modelrepair.settings.settings import Settings


def expand(settings: Settings) -> Settings:
    """The settings with everything filled in that their preset names and the user does not.

    >>> from modelrepair.settings.settings import Settings
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
