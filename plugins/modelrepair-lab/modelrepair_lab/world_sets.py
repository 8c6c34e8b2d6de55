"""The made-up world's sets as files: those to measure on, and those to train with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from modelrepair.demo import world
from modelrepair.demo.world import Example
from modelrepair_lab.world import Mixture, alignment, benign, free_task, harmful, replay

Sets = dict[str, list[Example]]
"""Examples by the name of their set."""

TRAINING_SETS = {"refusal": 1280, "utility": 2000, "harmful": 512, "task": 1000, "replay": 400}
"""How many examples each training set may hold."""


def training_sets(seed: int) -> Sets:
    """Sets for ``align`` and ``attack``, apart from the eight that repairs are measured on.

    >>> {name: len(members) for name, members in training_sets(0).items()}["replay"]
    400
    """
    refusals, *_ = alignment(seed)
    return {
        "refusal": refusals[1],
        "utility": _drawn(benign(seed), TRAINING_SETS["utility"], seed),
        "harmful": harmful(seed),
        "task": world.shuffled_examples(free_task(seed), seed)[: TRAINING_SETS["task"]],
        "replay": _drawn(replay(seed), TRAINING_SETS["replay"], seed),
    }


def general(utility: Iterable[Example]) -> list[Example]:
    """What a utility set asks beside the fine-tuning task."""
    return [each for each in utility if not each["prompt"].endswith(world.TASK_QUESTION)]


def save_sets(sets: Sets, folder: Path) -> None:
    """Write sets as JSON lines, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, members in sets.items():
        save_examples(members, folder / f"{name}.jsonl")


def save_examples(examples: Iterable[Example], path: Path) -> None:
    """Write examples as JSON lines."""
    lines = "".join(json.dumps(example) + "\n" for example in examples)
    path.write_text(lines, encoding="utf-8")


def _drawn(mixture: Mixture, total: int, seed: int) -> list[Example]:
    found: list[Example] = []
    for share, pool in mixture:
        found += world.shuffled_examples(pool, seed)[: round(share * total)]
    return found
