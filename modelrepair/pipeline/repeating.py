"""The settings that repeat a repair without a clock: where time ended a search, its limits do."""

from __future__ import annotations

from dataclasses import replace

from modelrepair.pipeline.change import ChosenChange
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.settings.settings import Settings


def repeating(settings: Settings, found: ChosenChange, last: ScorerSpec | RepairerSpec) -> Settings:
    """The settings under which the same search ends where it ended, whatever time it takes.

    A search with smaller limits is the beginning of a longer one. Where rounds follow each other,
    of an iterative scorer or a training, they alone say where it ended. Where all candidates are
    made before the first answers, those that answered do, from the largest change down; a scorer
    that would have come next is left out.

    Args:
        settings: every choice of the repair.
        found: what its search found.
        last: the spec of the scorer or repairer that searched last.
    """
    if not found.stopped:
        return settings
    taken = found.methods[-1]
    if last.iterative if isinstance(last, ScorerSpec) else last.trains:
        return replace(settings, max_rounds=taken.rounds)
    ended = replace(settings, max_candidates=taken.candidates)
    if not isinstance(last, ScorerSpec) or settings.scorer is not None:
        return ended
    # The scorer that would have come next was the only one that takes rounds.
    return replace(ended, fallback=False, step=None, max_rounds=None)
