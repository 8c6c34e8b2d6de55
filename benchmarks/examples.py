"""Examples of random words for the shapes: as many tokens as a short answer has."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TypedDict

SHORTEST, LONGEST = 30, 132
"""Tokens of an example: 81 on the average."""


class Row(TypedDict):
    """A prompt with its answer, in words that are tokens: ``w17`` is the token 17."""

    prompt: str
    response: str


def write_examples(count: int, vocabulary: int, path: Path) -> Path:
    """Write as many examples, one a line; the first ones of two files are the same.

    Args:
        count: how many.
        vocabulary: how many words there are.
        path: a JSON Lines file.
    """
    draw = random.Random(0)
    lines = []
    for _ in range(count):
        length = draw.randint(SHORTEST, LONGEST)
        words = [f"w{draw.randint(3, vocabulary - 1)}" for _ in range(length)]
        cut = draw.randint(5, length - 5)
        row = Row(prompt=" ".join(words[:cut]), response=" ".join(words[cut:]))
        lines.append(json.dumps(row) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def read_examples(path: Path) -> list[tuple[list[int], int]]:
    """The tokens of each example, and where its answer starts.

    Args:
        path: what `write_examples` wrote.
    """
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row: Row = json.loads(line)
        prompt, response = (
            [int(word[1:]) for word in row[key].split()] for key in ("prompt", "response")
        )
        found.append((prompt + response, len(prompt)))
    return found
