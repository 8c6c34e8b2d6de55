"""The sets of the paper's protocol: what aligns, attacks, scores and tests, no prompt in two.

The paper takes the same rows of BeaverTails by their numbers, so that prompts, which repeat there,
stand on both sides. Here a prompt, with case and white space aside, is in one set only: those of
the test come first, then those of the attack, then those that a repair scores with.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from modelrepair import ExampleSetError, UsageError
from modelrepair_lab.encoding import from_world
from modelrepair_lab.paper.places import (
    BEAVERTAILS,
    HEX_PHI,
    TASKS,
    XSTEST,
    Pair,
    Published,
    conversations,
    instructions,
    looking_unsafe,
    records,
    refusals,
)
from modelrepair_lab.saving import whole

RECORD = "sets.json"
OUTSIDE = {HEX_PHI.name: (HEX_PHI, instructions), XSTEST.name: (XSTEST, looking_unsafe)}
"""Sets that are only asked at the end, and how their rows are read."""


@dataclass(frozen=True)
class Sizes:
    """How many examples each set has at most; the defaults are the paper's.

    Args:
        safe: to align with.
        attack: harmful pairs to attack with: n·p, p up to 0.2 of n = 5,000.
        realign: harmful pairs that a repair scores with.
        test: harmful prompts of the harmful score.
        task: of the user's task, to fine-tune on.
        utility: of the same task, that a repair scores with; the paper has none.
        task_test: of the task's test.
    """

    safe: int = 5000
    attack: int = 1000
    realign: int = 2000
    test: int = 1000
    task: int = 5000
    utility: int = 1000
    task_test: int = 1000

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        for name, size in asdict(self).items():
            if size < 1:
                raise UsageError(f"{name} is {size}", hint="it is 1 or more")


@dataclass(frozen=True)
class Sources:
    """What the sets are made of.

    Args:
        places: a folder, file or id, by the name of the data set, in place of its own on the Hub.
        refusals: a file of refusals to BeaverTails' prompts, to align with in place of its safe
            answers.
        tasks: of the user: ``sst2``, ``gsm8k``.
        outside: of ``hex-phi`` and ``xstest``, those that are made.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    refusals: Path | None = None
    tasks: tuple[str, ...] = ("sst2", "gsm8k")
    outside: tuple[str, ...] = ("hex-phi", "xstest")

    def __post_init__(self) -> None:
        """Refuse what is not known."""
        for given, known in ((self.tasks, TASKS), (self.outside, OUTSIDE)):
            for name in given:
                if name not in known:
                    raise UsageError(f"no set is called {name!r}", hint=f"of {', '.join(known)}")


def make_sets(out: Path, sources: Sources | None = None, sizes: Sizes | None = None) -> Any:
    """Write all sets into a folder, whole or not at all; give how many examples each has.

    >>> make_sets(Path("sets"))["counts"]["train/harmful"]                   # doctest: +SKIP
    1000

    ``train`` has what aligns and attacks, ``sets`` what a repair scores with and is tested on,
    ``outside`` the prompts that nothing else has.

    Raises:
        ExampleSetError: a data set can't be had, or holds too few.
        UsageError: the folder is there.
    """
    sources, sizes = sources or Sources(), sizes or Sizes()
    with whole(out) as folder:  # first: what can't be written need not be fetched
        made = {**_harm(sources, sizes), **_tasks(sources, sizes), **_outside(sources)}
        _check_some(made)
        for name, pairs in made.items():
            path = folder / f"{name}.jsonl"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(map(_line, pairs)), encoding="utf-8")
        record = {
            "sizes": asdict(sizes),
            "sources": {
                each.name: sources.places.get(each.name)
                or (f"{each.where}@{each.revision}" if each.revision else each.where)
                for each in _used(sources)
            },
            "refusals": sources.refusals is not None,
            "counts": {name: len(pairs) for name, pairs in made.items()},
        }
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def _check_some(made: Mapping[str, list[Pair]]) -> None:
    """Refuse a set without an example: what needs it would fail much later."""
    for name, pairs in made.items():
        if not pairs:
            raise ExampleSetError(
                f"no example is left for {name}",
                hint="the data set holds too few: take smaller sizes of the sets before it",
            )


def key(pair: Pair) -> str:
    """Which prompt this is, with case and white space aside: as in a repair.

    >>> key(Pair("How  so?")) == key(Pair("how so? "))
    True
    """
    return from_world([{"prompt": pair.prompt, "response": ""}])[0].key


def distinct(pairs: Iterable[Pair], but: Container[str] = ()) -> Iterator[Pair]:
    """The first pair of each prompt, without prompts that are named.

    >>> [pair.response for pair in distinct([Pair("a", "1"), Pair("A", "2"), Pair("b", "3")])]
    ['1', '3']
    """
    seen: set[str] = set()
    for pair in pairs:
        if (own := key(pair)) not in but and own not in seen:
            seen.add(own)
            yield pair


def _harm(sources: Sources, sizes: Sizes) -> dict[str, list[Pair]]:
    place = sources.places.get(BEAVERTAILS.name)
    rows = list(records(BEAVERTAILS, "30k_train", place))
    last = list(records(BEAVERTAILS, "30k_test", place))
    test = list(islice(distinct(conversations(last, safe=False)), sizes.test))
    tested = {key(pair) for pair in test}
    unsafe = distinct(conversations(rows, safe=False), tested)
    attack = list(islice(unsafe, sizes.attack))
    realign = list(islice(unsafe, sizes.realign))
    # The prompts of the attack have safe answers, too, and the paper aligns with them; those of
    # the test are kept out. A prompt may stand here with several answers.
    chosen = conversations(rows, safe=True) if sources.refusals is None else _refusals(sources)
    safe = dict.fromkeys(pair for pair in chosen if key(pair) not in tested)
    known = {key(pair) for pair in realign}
    answers = distinct(pair for pair in conversations(rows, safe=True) if key(pair) in known)
    return {
        "train/safe": list(islice(safe, sizes.safe)),
        "train/harmful": attack,
        "sets/realign": realign,
        "sets/refusal": list(answers),
        "sets/test-realign": test,
    }


def _refusals(sources: Sources) -> Iterator[Pair]:
    published = Published("refusals", "", ("refusal",))
    return refusals(records(published, "train", str(sources.refusals)))


def _tasks(sources: Sources, sizes: Sizes) -> dict[str, list[Pair]]:
    made: dict[str, list[Pair]] = {}
    for task in sources.tasks:
        some, train, test, read = TASKS[task]
        place = sources.places.get(some.name)
        tested = list(islice(distinct(read(records(some, test, place))), sizes.task_test))
        rest = distinct(read(records(some, train, place)), {key(pair) for pair in tested})
        made[f"train/{task}"] = list(islice(rest, sizes.task))
        made[f"sets/utility-{task}"] = list(islice(rest, sizes.utility))
        made[f"sets/test-utility-{task}"] = tested
    return made


def _outside(sources: Sources) -> dict[str, list[Pair]]:
    made = {}
    for name in sources.outside:
        some, pairs = OUTSIDE[name]
        made[f"outside/{name}"] = list(
            distinct(pairs(records(some, "test", sources.places.get(name))))
        )
    return made


def _used(sources: Sources) -> list[Published]:
    tasks = [TASKS[task][0] for task in sources.tasks]
    return [BEAVERTAILS, *tasks, *(OUTSIDE[name][0] for name in sources.outside)]


def _line(pair: Pair) -> str:
    row: dict[str, Any] = {"prompt": pair.prompt}
    if pair.response is not None:
        row["response"] = pair.response
    if pair.exact:
        row["exact"] = True
    if pair.kind is not None:
        row["kind"] = pair.kind
    return json.dumps(row, ensure_ascii=False) + "\n"
