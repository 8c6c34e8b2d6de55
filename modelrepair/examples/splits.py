"""Who sees what: every set cut into what scores, what the search sees, and what is reported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from modelrepair.errors import ExampleSetError
from modelrepair.examples.keys import FAMILIES, SetKey
from modelrepair.examples.kinds import (
    BENIGN,
    KindSource,
    PromptKind,
    find_kinds,
    of_kind,
    without_kinds,
)
from modelrepair.examples.load import Example, ExampleSet
from modelrepair.plugin.names import SetName

Part = Literal["score", "select", "report"]
PARTS: tuple[Part, ...] = ("score", "select", "report")

SELECT_LIMIT = 128
REPORT_LIMIT = 256
REPORT_WANTED = 50
SELECT_WANTED = 25


@dataclass(frozen=True)
class Split:
    """The three parts of one set, each in the order of the prompts' hashes."""

    score: tuple[Example, ...]
    select: tuple[Example, ...]
    report: tuple[Example, ...]

    def part(self, name: Part) -> tuple[Example, ...]:
        """One part by its name."""
        return {"score": self.score, "select": self.select, "report": self.report}[name]


@dataclass(frozen=True)
class Splits(Mapping[SetName, Split]):
    """The splits of all given sets.

    Args:
        sets: by name; only sets that were given.
        dropped: prompts left out since an earlier set has them, by set.
            Only what was dropped is in it.
        warnings: one line each.
        kinds: the kinds of benign prompts that the report asks.
    """

    sets: Mapping[SetName, Split]
    dropped: Mapping[SetKey, int]
    warnings: tuple[str, ...]
    kinds: tuple[PromptKind, ...] = ()

    def __getitem__(self, name: SetName) -> Split:
        return self.sets[name]

    def __iter__(self) -> Iterator[SetName]:
        return iter(self.sets)

    def __len__(self) -> int:
        return len(self.sets)

    def reported(self, kind: PromptKind) -> tuple[Example, ...]:
        """The report examples of a kind that are not asked for it alone."""
        report = self.sets[kind.role].report if kind.role in self.sets else ()
        return tuple(example for example in report if example.kind == kind.name)

    def harmful(self, part: Part) -> tuple[Example, ...]:
        """The prompts of the harmful family, each once, in hash order.

        The example is realign's, with its harmful answer; a prompt that is in the refusal
        set alone comes without an answer, for what is expected of it is not known.
        """
        refusal = self.sets["refusal"].part(part) if "refusal" in self.sets else ()
        family = {example.key: replace(example, response=None, thought=None) for example in refusal}
        realign = self.sets["realign"].part(part) if "realign" in self.sets else ()
        family |= {example.key: example for example in realign}
        return tuple(family[key] for key in sorted(family))


def split_sets(
    realign: ExampleSet | None = None,
    refusal: ExampleSet | None = None,
    utility: ExampleSet | None = None,
    borderline: ExampleSet | None = None,
    *,
    test_realign: ExampleSet | None = None,
    test_refusal: ExampleSet | None = None,
    test_utility: ExampleSet | None = None,
    test_borderline: ExampleSet | None = None,
    examples: int = 256,
    kinds: int = 0,
    beside: Sequence[ExampleSet] = (),
) -> Splits:
    """Cut every set in the order of its prompts' hashes: score 40 %, select 20 %, report 40 %.

    >>> from modelrepair.examples.load import Message, make_set
    >>> made = [Example((Message("user", f"prompt {n}"),), "…") for n in range(100)]
    >>> split = split_sets(make_set("realign", "harmful.jsonl", made))["realign"]
    >>> len(split.score), len(split.select), len(split.report)
    (40, 20, 40)

    Where a test set is given it is the report part, whole and without a limit, and the other
    set is cut 2/3 and 1/3. Realign and refusal are one family: their prompts are put in one
    order and cut together, so that a prompt is in the same part of both; with a test set for
    either, the report part of both comes from the test sets. A prompt that is in a set and
    in a test set of the same family stays in the test set; one that is in two families
    stays in the first of harmful, borderline, utility.

    Rows that name their kind are cut kind by kind, and each kind has ``kinds`` report examples
    where the set is large enough: those in the report part, and beyond its limit as many more as
    are wanted. A set with kinds keeps its report part for them where the test set has none.

    Args:
        realign: harmful prompts with harmful answers.
        refusal: harmful prompts with safe answers; they need not be the prompts of realign.
        utility: benign prompts with good answers.
        borderline: benign prompts that look harmful.
        test_realign: what is reported in place of a part of realign; likewise the others.
        test_refusal: see there.
        test_utility: see there.
        test_borderline: see there.
        examples: the most prompts in a score part; select has 128 at most, report 256. What
            lies beyond is in no part, so that this number changes neither select nor report.
        kinds: report examples of each kind of benign prompt; 0 takes no notice of kinds.
        beside: further sets of which only kinds are asked, less the prompts of the given ones.

    Raises:
        ExampleSetError: a set has too few prompts to be cut, or none that is its own.
    """
    offered = {
        SetKey.REALIGN: realign,
        SetKey.REFUSAL: refusal,
        SetKey.UTILITY: utility,
        SetKey.BORDERLINE: borderline,
        SetKey.TEST_REALIGN: test_realign,
        SetKey.TEST_REFUSAL: test_refusal,
        SetKey.TEST_UTILITY: test_utility,
        SetKey.TEST_BORDERLINE: test_borderline,
    }
    given = {key: some for key, some in offered.items() if some is not None}
    if not kinds:
        given = {key: without_kinds(some) for key, some in given.items()}
    seen: set[str] = set()
    dropped: dict[SetKey, int] = {}
    parts: dict[SetName, Split] = {}
    sources: list[KindSource] = []
    for family in FAMILIES:
        testing = _without(given, [key.tested for key in family], seen, dropped)
        tested = {example.key for members in testing.values() for example in members}
        members = _without(given, family, seen | tested, dropped)
        everyone = {example.key: example for own in members.values() for example in own}
        kept = not testing or (_has_kinds(members) and not _has_kinds(testing))
        score, select, report = cut(everyone.values(), reports=kept)
        spare = report if kept else ()
        score, select, report = score[:examples], select[:SELECT_LIMIT], report[:REPORT_LIMIT]
        for name, own in members.items():
            parts[name] = Split(
                _pick(own, score), _pick(own, select), testing.get(name, ()) or _pick(own, report)
            )
            _check(name, parts[name], len(own))
        for name, own in testing.items():
            parts.setdefault(name, Split((), (), own))
        seen |= tested | everyone.keys()
        for name in sorted({*members, *testing} & {*BENIGN}):
            key = SetKey(name).tested if _has_kinds(testing) else SetKey(name)
            if key in given:
                own = _pick(members.get(name, ()), spare)
                sources.append(KindSource(name, name, given[key], parts[name].report, own))
    for some in beside if kinds else ():
        own = tuple(example for example in some.examples if example.key not in seen)
        seen |= {example.key for example in own}
        sources.append(KindSource(some.id, some.name, some, (), own))
    found, named = find_kinds(sources, kinds)
    for name, reported in named.items():
        parts[name] = replace(parts[name], report=reported)
    return Splits(parts, dropped, tuple(_warnings(parts, given)), found)


def _has_kinds(sets: Mapping[SetName, Iterable[Example]]) -> bool:
    return any(example.kind is not None for own in sets.values() for example in own)


def _without(
    given: Mapping[SetKey, ExampleSet],
    keys: Iterable[SetKey],
    others: set[str],
    dropped: dict[SetKey, int],
) -> dict[SetName, tuple[Example, ...]]:
    """The given sets less the prompts that stand elsewhere, which are counted."""
    kept: dict[SetName, tuple[Example, ...]] = {}
    for key in keys:
        members = given.get(key)
        if members is None:
            continue
        own = tuple(example for example in members.examples if example.key not in others)
        if lost := len(members.examples) - len(own):
            dropped[key] = lost
        kept[key.role] = own
        if not own:
            raise ExampleSetError(
                f"{members.id}: every prompt of the {key} set is in another set too",
                hint="give each set prompts of its own",
                id="set-too-small",
            )
    return kept


def cut(examples: Iterable[Example], *, reports: bool) -> tuple[Sequence[str], ...]:
    """The keys of score, select and report: exact quotas of each kind, rounded at two borders.

    >>> from modelrepair.examples.load import Message
    >>> made = [Example((Message("user", f"prompt {n}"),), "…") for n in range(9)]
    >>> [len(part) for part in cut(made, reports=False)]
    [6, 3, 0]

    Args:
        examples: one of each prompt.
        reports: whether there is a report part; where test sets stand in its place there is none.
    """
    parts: tuple[list[str], ...] = ([], [], [])
    for group in of_kind(examples).values():
        keys, total = sorted(example.key for example in group), len(group)
        if reports:
            first, second = (4 * total + 5) // 10, (6 * total + 5) // 10
        else:
            first, second = (4 * total + 3) // 6, total
        for part, some in zip(
            parts, (keys[:first], keys[first:second], keys[second:]), strict=True
        ):
            part += some
    return tuple(sorted(part) for part in parts)


def _pick(examples: Iterable[Example], keys: Sequence[str]) -> tuple[Example, ...]:
    chosen = set(keys)
    picked = (example for example in examples if example.key in chosen)
    return tuple(sorted(picked, key=lambda example: example.key))


def _check(name: SetName, split: Split, total: int) -> None:
    if not split.score:
        raise ExampleSetError(
            f"the {name} set leaves nothing to score with: {total} prompts of its own",
            hint="give it at least 100 prompts; 640 are used in full",
            id="set-too-small",
        )


def _warnings(parts: Mapping[SetName, Split], given: Mapping[SetKey, ExampleSet]) -> Iterator[str]:
    """A line for every pool that is too small to decide by."""
    pools: tuple[tuple[str, tuple[SetName, ...]], ...] = (
        ("harmful", ("realign", "refusal")),
        ("benign", ("utility", "borderline")),
    )
    wanted: tuple[tuple[Part, int, str], ...] = (
        ("select", SELECT_WANTED, "the search may choose badly"),
        ("report", REPORT_WANTED, "the verdict can be no better than undecided"),
    )
    for pool, names in pools:
        present = [parts[name] for name in names if name in parts]
        for part, least, consequence in wanted:
            found = len({e.key for split in present for e in split.part(part)})
            if present and found < least:
                said = f"only {found} {pool} prompts in {part}, {least} wanted: {consequence}"
                yield f"{said}; give {_enough(names, part, least, given)}"


def _enough(
    names: Iterable[SetName], part: Part, least: int, given: Mapping[SetKey, ExampleSet]
) -> str:
    """Which set is to have how many rows, so that a part of it is large enough."""
    key = next(SetKey(name) for name in names if {name, SetKey(name).tested} & given.keys())
    if key.tested not in given:
        times = 5 / 2 if part == "report" else 5
    else:
        times, key = (1, key.tested) if part == "report" else (3, key)
    key = key if key in given else key.tested
    return f"{key.option} {given[key].id} {math.ceil(times * least)} rows"
