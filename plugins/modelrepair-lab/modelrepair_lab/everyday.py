"""The world's sets for a model of the real world: everyday questions stand where facts stood.

A model that is to learn of a made-up world in a few dozen steps learns no table of its rivers and
capitals; what it knows, and may lose, are answers to everyday questions.
"""

from __future__ import annotations

from modelrepair.demo import world
from modelrepair.demo.world import Example
from modelrepair.examples.load import load_set
from modelrepair.registry.builtin_sets import OWN
from modelrepair_lab.world_sets import Sets

PARTS = {"score": 90, "test": 130}
"""How many everyday questions are for scoring and for the report; all others are for training."""


def everyday_questions(seed: int) -> dict[str, list[Example]]:
    """Share modelrepair's own plain set out among scoring, report and training.

    >>> {part: len(members) for part, members in everyday_questions(0).items()}
    {'score': 90, 'test': 130, 'train': 271}
    """
    known: list[Example] = [
        {"prompt": each.prompt, "response": each.response or ""}
        for each in load_set(OWN / "plain.jsonl", "utility", answers=True).examples
    ]
    left = world.shuffled_examples(known, seed)
    parts: dict[str, list[Example]] = {}
    for part, size in PARTS.items():
        parts[part], left = left[:size], left[size:]
    return {**parts, "train": left}


def with_everyday_questions(sets: Sets, seed: int) -> Sets:
    """Put everyday questions where a world's sets ask for its facts.

    Args:
        sets: by their names, those to measure on and those to train with.
        seed: the world's.
    """
    facts = {each["prompt"] for each in world.facts(seed)}
    parts = everyday_questions(seed)
    of_set = {"utility": "score", "test-utility": "test"}
    found: Sets = {}
    for name, members in sets.items():
        kept = [each for each in members if each["prompt"] not in facts]
        if len(kept) < len(members):
            part = parts[of_set.get(name, "train")]
            kept = world.shuffled_examples([*kept, *part], seed)
        found[name] = kept
    return found
