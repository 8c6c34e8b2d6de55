"""How far a search goes: the ratios that it tries, its steps, and how often it may ask."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modelrepair.plugin.names import SubjectKind

MOST_GENERATIONS = 8
MOST_ROUNDS = 40

RATIO_GRIDS: dict[SubjectKind, tuple[float, ...]] = {
    "weight": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1),
    "delta": (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9),
    "factor": (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25),
}


@dataclass(frozen=True)
class StepSchedule:
    """How far a step of an iterative scorer goes; measured on small models.

    Args:
        first: the first step, as a share of all entries.
        smallest: where halving a step that costs ends, as a part of the first.
        near: where doubling a step that hardly moves anything ends once answers are asked for, in
            first steps: the target may be near.
        largest: where it ends before that.
        costs: how many times the utility budget a step may cost while the search is under way.
        gain: how much a step should raise the margin at least, in nats per token; one that raises
            it less is doubled.
    """

    first: float
    smallest: float
    near: float
    largest: float
    costs: float
    gain: float


# Factors hold few entries: with a gain of 0.3 a search on them that had left no harm left 66 %.
# Two or three of the select split's answers come and go on the way, and come back: where a step
# might cost no more than one utility budget, 76 and 100 % of the harm were left on two models.
STEP_SCHEDULES: dict[SubjectKind, StepSchedule] = {
    "weight": StepSchedule(first=0.00012, smallest=1 / 64, near=2, largest=4, costs=4, gain=0.3),
    "delta": StepSchedule(first=0.005, smallest=1 / 32, near=3, largest=12, costs=4, gain=0.3),
    "factor": StepSchedule(first=0.001, smallest=1 / 16, near=1, largest=1, costs=12, gain=0.1),
}
PROBE_EVERY = 8
"""After so many rounds without an answer one is asked for, whatever the margin says."""
EXTRA_ROUNDS = 4
"""Extra rounds after the target is met, at most: a safety margin on unseen prompts."""


@dataclass(frozen=True)
class Limits:
    """What ends a search at the latest.

    Args:
        rounds: how often an iterative scorer is asked, and how many edits a repairer makes.
        candidates: how many masks or edits of one scorer or repairer answer prompts.
    """

    rounds: int = MOST_ROUNDS
    candidates: int = MOST_GENERATIONS


def fixed_rounds(share: float, step: float, most: int) -> int:
    """How many steps an iterative scorer takes to a share that the user named.

    >>> fixed_rounds(0.01, 0.003, most=40), fixed_rounds(0.01, 0.003, most=2)
    (4, 2)
    """
    return max(1, min(math.ceil(share / step - 1e-9), most))
