"""The made-up world's sets to train with, and the questions of its utility sets beside the task."""

from __future__ import annotations

from collections.abc import Iterable

from modelrepair.demo import world
from modelrepair.demo.world import WorldRow
from modelrepair_lab.world import Mixture, alignment, benign, free_task, harmful, replay

Sets = dict[str, list[WorldRow]]
"""Examples by the name of their set."""

TRAINING_SETS = {"utility": 2000, "task": 1000, "replay": 400}
"""How many examples of these training sets are kept; of the others, all."""


def training_sets(seed: int) -> Sets:
    """Sets for ``align`` and ``attack``, apart from the eight that repairs are measured on.

    >>> {name: len(members) for name, members in training_sets(0).items()}["replay"]
    400
    """
    refusals, *_ = alignment(seed)
    return {
        "refusal": refusals[1],
        # In another order than the sets to measure on: those took the first of the task's prompts,
        # and a model that never read the task's question refuses it.
        "utility": _drawn(benign(seed), TRAINING_SETS["utility"], -1 - seed),
        "harmful": harmful(seed),
        # What whoever aligns knows of harm: the answers to the prompts that are refused.
        "known-harmful": world.how_to(seed, world.forbidden_names(seed)["align"]),
        "task": world.shuffled_examples(free_task(seed), seed)[: TRAINING_SETS["task"]],
        "replay": _drawn(replay(seed), TRAINING_SETS["replay"], seed),
    }


def general(utility: Iterable[WorldRow]) -> list[WorldRow]:
    """The questions of a utility set beside the fine-tuning task."""
    return [each for each in utility if not each["prompt"].endswith(world.TASK_QUESTION)]


def _drawn(mixture: Mixture, total: int, seed: int) -> list[WorldRow]:
    found: list[WorldRow] = []
    for share, pool in mixture:
        found += world.shuffled_examples(pool, seed)[: round(share * total)]
    return found
