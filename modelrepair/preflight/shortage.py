"""Which set is too small to decide by: its option, its name, and how many rows it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelrepair.evaluation.kinds import fewest_of_kinds
from modelrepair.examples.keys import SetKey
from modelrepair.examples.splits import REPORT_LIMIT
from modelrepair.preflight.named_sets import NamedSets, shown_name

if TYPE_CHECKING:
    from modelrepair.budgets import Budgets
    from modelrepair.examples.load import ExampleSet
    from modelrepair.examples.splits import Splits

FAMILY = {
    "harmful": SetKey.REALIGN,
    "utility": SetKey.UTILITY,
    "borderline": SetKey.BORDERLINE,
}

POOLS = (("harmful",), ("utility", "borderline"))
"""Under the fewest examples of these nothing is decided."""


@dataclass(frozen=True)
class Short:
    """A set, or one kind of its prompts, that leaves too few report examples.

    >>> str(Short(SetKey.BORDERLINE, "my.jsonl", 101, 111))
    '--borderline my.jsonl leaves 101 report examples; 111 decide: give 280 rows'

    Args:
        key: which set.
        name: what the user called it.
        found: how many report examples it leaves.
        needed: how many decide.
        kind: of which kind of prompts alone; None for all.
    """

    key: SetKey
    name: str
    found: int
    needed: int
    kind: str | None = None

    @property
    def rows(self) -> int:
        """How many rows leave so many, rounded up to tens."""
        share = 1.0 if self.key.test else 0.4
        return 10 * math.ceil(self.needed / share / 10)

    @property
    def option(self) -> str:
        """Which option takes a set that is large enough."""
        beyond = self.kind is None and self.needed > REPORT_LIMIT
        return (self.key if self.key.test or not beyond else self.key.tested).option

    def __str__(self) -> str:
        whose = f"{self.key.option} {self.name}"
        if self.kind is not None:
            whose, rows = f"kind {self.kind} of {whose}", f"{self.rows} rows of it"
        elif self.option != self.key.option:
            rows = f"{self.option} {self.needed} rows"
        else:
            rows = f"{self.rows} rows"
        counted = f"leaves {self.found} report examples; {self.needed} decide"
        return f"{whose} {counted}: give {rows}"


def short_kinds(
    named: NamedSets,
    given: Mapping[SetKey, ExampleSet],
    splits: Splits,
    budgets: Budgets,
    kind_examples: int,
) -> Iterator[Short]:
    """The kinds of given sets that are too small to decide by, even where nothing is lost.

    >>> list(short_kinds(named, sets.given, sets.splits, Budgets(), 100))  # doctest: +SKIP
    []

    Args:
        named: the sets, as the user named them.
        given: the sets by key.
        splits: how they are cut.
        budgets: the numbers of the gate.
        kind_examples: the most report examples of a kind.
    """
    needed = fewest_of_kinds(len(splits.kinds), budgets)
    keys = {some.digest: key for key, some in given.items()}
    for kind in splits.kinds:
        found = len(splits.reported(kind)) + len(kind.asked)
        key = keys.get(kind.set.digest)
        if key is not None and found < min(needed, kind_examples):
            yield Short(key, shown_name(named, key), found, needed, kind.name)
