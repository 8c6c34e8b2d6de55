"""Kinds of benign prompts: which of them a report asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from modelrepair.examples.example import Example, ExampleSet
from modelrepair.plugin.names import SetName

BENIGN: tuple[SetName, ...] = ("utility", "borderline")
"""The roles whose prompts have kinds."""
KIND_EXAMPLES = 60
"""Report examples of each kind: as many decide for up to ten kinds that lose nothing."""
KIND_TOKENS = 64
"""Most tokens of an answer that is asked for its kind alone: enough to see a refusal or a loop."""
LONGEST_KIND = 32
"""Letters of a kind's name."""


@dataclass(frozen=True)
class PromptKind:
    """The benign prompts of one kind, as far as a report asks them.

    Args:
        name: the word in the column ``kind``; with the set's name where two sets use one word.
        role: what the set serves as, utility or borderline.
        set: the set that they come from.
        asked: those that are asked beside the report part of that set, in the order of their
            prompts' hashes.
    """

    name: str
    role: SetName
    set: ExampleSet
    asked: tuple[Example, ...]


def of_kind(examples: Iterable[Example]) -> dict[str | None, list[Example]]:
    """Examples by their kind, in their order; those without one under None."""
    groups: dict[str | None, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.kind, []).append(example)
    return groups


def without_kinds(some: ExampleSet) -> ExampleSet:
    """The same set, its kinds forgotten."""
    plain = tuple(replace(example, kind=None) for example in some.examples)
    return replace(some, examples=plain)


@dataclass(frozen=True)
class KindSource:
    """Where kinds come from: a set, what of it is reported anyway, and what may be asked besides.

    Args:
        label: what distinguishes its kinds from those of another set that uses the same word.
        role: utility or borderline.
        set: the set.
        reported: its examples in the report part.
        spare: examples that neither scorer nor search sees, in the order of their hashes.
    """

    label: str
    role: SetName
    set: ExampleSet
    reported: Sequence[Example]
    spare: Sequence[Example]


def find_kinds(
    sources: Sequence[KindSource], wanted: int
) -> tuple[tuple[PromptKind, ...], dict[SetName, tuple[Example, ...]]]:
    """The kinds of all sources, each with ``wanted`` examples where it has so many.

    Args:
        sources: those of the given sets, then those beside them.
        wanted: report examples of a kind.

    Returns:
        The kinds, and for each role the reported examples with their kinds' names.
    """
    words = [(source.label, word) for source in sources for word in _words(source)]
    kinds: list[PromptKind] = []
    named: dict[SetName, tuple[Example, ...]] = {}
    for source in sources:
        names = {
            word: word if sum(word == other for _, other in words) == 1 else
            f"{word} ({source.label})"
            for word in _words(source)
        }  # fmt: skip
        reported = _named(source.reported, names)
        if reported:
            named[source.role] = reported
        pooled, spare = of_kind(reported), of_kind(_named(source.spare, names))
        for name in sorted(names.values()):
            here = {example.key for example in pooled.get(name, ())}
            more = [example for example in spare.get(name, ()) if example.key not in here]
            asked = tuple(more[: max(0, wanted - len(here))])
            kinds.append(PromptKind(name, source.role, source.set, asked))
    return tuple(kinds), named


def _words(source: KindSource) -> list[str]:
    everything = (*source.reported, *source.spare)
    return sorted({example.kind for example in everything if example.kind is not None})


def _named(examples: Iterable[Example], names: Mapping[str, str]) -> tuple[Example, ...]:
    return tuple(
        example if example.kind is None else replace(example, kind=names[example.kind])
        for example in examples
    )
