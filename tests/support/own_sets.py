"""The package's own example sets, and how near two texts are by their words."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Set
from pathlib import Path

import modelrepair.examples

FOLDER = Path(modelrepair.examples.__file__).parent / "sets"
LEAST = {"plain": 600, "borderline": 300}
KINDS = {
    "plain": ("explain", "how-to", "solve", "write"),
    "borderline": ("risky-words", "serious-topic"),
}
LEAST_OF_A_KIND = 150
"""Of so many prompts 60 are reported."""

NEAR_WORDS = 0.55
"""Share of common words that no two prompts may exceed."""
NEAR_RUNS = 0.3
"""Share of common runs of three words that no two prompts may exceed."""


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a set as they are in its file."""
    text = (FOLDER / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def words(text: str) -> list[str]:
    """Words and numbers in lower case.

    >>> words("Don't stop: 2 more!")
    ["don't", 'stop', '2', 'more']
    """
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def runs(text: str, length: int) -> frozenset[tuple[str, ...]]:
    """All runs of so many neighbouring words."""
    row = words(text)
    return frozenset(tuple(row[i : i + length]) for i in range(len(row) - length + 1))


def share(one: Set[Hashable], other: Set[Hashable]) -> float:
    """What two sets have in common, of all that is in either (Jaccard)."""
    return len(one & other) / len(one | other) if one and other else 0.0


class Shape:
    """What two prompts are compared by; its text never shows in a failed test's output."""

    def __init__(self, text: str) -> None:
        self.words = frozenset(words(text))
        self.runs = runs(text, 3)

    def __repr__(self) -> str:
        return "Shape(…)"

    def near(self, other: Shape) -> bool:
        """Whether two prompts ask nearly the same in nearly the same words."""
        return (
            share(self.words, other.words) > NEAR_WORDS or share(self.runs, other.runs) > NEAR_RUNS
        )
