"""Training sets of the lab: files of this machine, and how many of their examples are taken."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from modelrepair import ExampleSetError
from modelrepair.examples.example import Example
from modelrepair.examples.load import load_set
from modelrepair.plugin import SetName

ROLES: Mapping[str, SetName] = {
    "refusal": "refusal",
    "utility": "utility",
    "harmful": "realign",
    "task": "utility",
    "replay": "utility",
    "alignment": "refusal",
}
"""What the examples of a training set are, in the words of a repair."""


def training_set(path: str | Path, name: str) -> tuple[Example, ...]:
    """The examples of a training set, all with answers.

    Raises:
        ExampleSetError: the file can't be read, or an example has no answer.
    """
    return load_set(path, ROLES[name], answers=True).examples


def compose(
    sets: Mapping[str, Iterable[Example]], counts: Mapping[str, int], seed: int
) -> list[Example]:
    """Draw so many examples of each set, none twice; a larger count holds the smaller one's.

    >>> from modelrepair_lab.encoding import from_world
    >>> benign = from_world([{"prompt": str(n), "response": "yes."} for n in range(9)])
    >>> len(compose({"task": benign}, {"task": 4}, seed=0))
    4

    Raises:
        ExampleSetError: a set is missing or holds too few.
    """
    draw = random.Random(seed)
    chosen: list[Example] = []
    for name, count in counts.items():
        pool = list(sets.get(name, ()))
        if len(pool) < count:
            raise ExampleSetError(
                f"the {name} set holds {len(pool)} examples, and {count} are wanted",
                hint=f"give more of them with --{name}, or take a smaller share or --examples",
            )
        chosen += draw.sample(pool, len(pool))[:count]
    return chosen


def examples_of(path: str | Path, name: SetName) -> tuple[Example, ...]:
    """The examples of a set that is measured on; of borderline ones some may have no answer.

    Raises:
        ExampleSetError: the file can't be read.
    """
    return load_set(path, name).examples


def as_line(example: Example) -> str:
    r"""An example as a line of a set, without its thought and kind.

    >>> from modelrepair_lab.encoding import from_world
    >>> as_line(from_world([{"prompt": "2 + 2?", "response": "4"}])[0])[-24:]
    ' "4"}], "exact": false}\n'
    """
    turns = [asdict(turn) for turn in example.messages]
    if example.response is not None:
        turns.append({"role": "assistant", "content": example.response})
    return json.dumps({"messages": turns, "exact": example.exact}) + "\n"
