"""How much of a model a repair changes: a named ratio or strength, or one that is searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.errors import UsageError
from modelrepair.settings.declared import fits
from modelrepair.settings.expand import expand
from modelrepair.settings.search_limits import MOST_GENERATIONS, MOST_ROUNDS, Limits

if TYPE_CHECKING:
    from modelrepair.settings.settings import Settings

Knob = Literal["ratio", "strength"]
"""A ratio is the share of the entries that a mask takes; a strength is in a repairer's own unit."""


@dataclass(frozen=True)
class Fixed:
    """An amount that the user or the preset names: one change is made.

    Args:
        knob: of a mask the ratio, of a repairer's edit the strength.
        value: how much.
        limits: the most rounds in which an iterative scorer reaches it.
    """

    knob: Knob
    value: float
    limits: Limits


@dataclass(frozen=True)
class Searched:
    """An amount that is searched for, among candidates that are measured.

    Args:
        knob: of a mask the ratio, of a repairer's edit the strength.
        limits: what ends the search at the latest.
    """

    knob: Knob
    limits: Limits


Amount = Fixed | Searched


def amount_of(settings: Settings) -> Amount:
    """Whether the ratio, or a repairer's strength, is fixed or searched for.

    >>> from modelrepair.settings.settings import Settings
    >>> amount_of(Settings("user/model", ratio=0.01)).value
    0.01
    >>> amount_of(Settings("user/model", max_rounds=3))
    Searched(knob='ratio', limits=Limits(rounds=3, candidates=8))
    >>> amount_of(Settings("user/adapter", preset="antidote-official")).value
    0.1

    Raises:
        UsageError: a scorer beside the preset.
    """
    limits = Limits(settings.max_rounds or MOST_ROUNDS, settings.max_candidates or MOST_GENERATIONS)
    if settings.repairer is not None:
        if settings.strength is None:
            return Searched("strength", limits)
        return Fixed("strength", settings.strength, limits)
    ratio = expand(settings).ratio
    if ratio is None or ratio == "auto":
        return Searched("ratio", limits)
    return Fixed("ratio", ratio, limits)


def check_ratio(ratio: Any) -> None:
    """Refuse what is neither a share of the entries nor ``"auto"``.

    >>> check_ratio(0.01), check_ratio("auto")
    (None, None)

    Raises:
        UsageError: it is not.
    """
    if ratio is None or not fits("ratio", ratio):
        raise UsageError(
            f"a ratio of {ratio!r} is not above 0 and below 1",
            hint="give a share of the entries, such as 0.01, or 'auto' to search for it",
        )
