"""Asking a model the benign prompts that a report asks for their kind alone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from modelrepair.evaluation.evaluate import answers_to, verdicts_of
from modelrepair.evaluation.kinds import broken_share
from modelrepair.evaluation.panel import Panel
from modelrepair.evaluation.results import KINDS, ExampleResult
from modelrepair.evaluation.sources import AnswerSource
from modelrepair.examples.example import Example
from modelrepair.examples.kinds import KIND_TOKENS, PromptKind
from modelrepair.plugin.names import MeasuredSet
from modelrepair.progress import Progress

FIRST = 12
"""Prompts of a kind after which the source is asked no more of it, where it answers none."""


@dataclass(frozen=True)
class AskedKinds:
    """A prompt with its place among all that are asked for their kinds: the same for each model."""

    index: int
    role: MeasuredSet
    example: Example


def asked_of(kinds: Iterable[PromptKind], without: Iterable[str] = ()) -> list[AskedKinds]:
    """What is asked for its kind alone.

    >>> asked_of([])
    []

    Args:
        kinds: all of them; an example keeps its place whatever is left out.
        without: names of kinds that are not asked.
    """
    out = {*without}
    everything = [(kind.role, example) for kind in kinds for example in kind.asked]
    return [
        AskedKinds(index, "borderline" if role == "borderline" else "utility", example)
        for index, (role, example) in enumerate(everything)
        if example.kind not in out
    ]


def ask(
    panel: Panel,
    asked: Sequence[AskedKinds],
    source: AnswerSource,
    progress: Progress,
    *,
    alone: Container[str] = (),
    tokens: int = KIND_TOKENS,
) -> list[ExampleResult]:
    """A model's answers to these prompts, judged.

    Args:
        panel: what the model is measured with.
        asked: the prompts.
        source: answers for the model.
        progress: where the answers are shown.
        alone: kinds of which a few prompts are looked at first, and no more are asked where every
            answer is refused or broken: of the source, those that no set reports besides.
        tokens: the most of an answer.
    """
    if not asked:
        return []
    short = replace(panel, max_new_tokens=min(tokens, panel.max_new_tokens))

    def results(some: Sequence[AskedKinds]) -> list[ExampleResult]:
        return _results(short, source, some, progress)

    by_kind: dict[str, list[AskedKinds]] = {}
    for one in asked:
        by_kind.setdefault(str(one.example.kind), []).append(one)
    first = {kind: FIRST if kind in alone else len(some) for kind, some in by_kind.items()}
    looked = results([one for kind, some in by_kind.items() for one in some[: first[kind]]])
    rest = [
        one
        for kind, some in by_kind.items()
        if broken_share(looked, kind) < 1
        for one in some[first[kind] :]
    ]
    return sorted([*looked, *results(rest)], key=lambda result: result.index)


def _results(
    panel: Panel, source: AnswerSource, asked: Sequence[AskedKinds], progress: Progress
) -> list[ExampleResult]:
    if not asked:
        return []
    roles: list[MeasuredSet] = ["borderline", "utility"]
    by_role = {role: [one for one in asked if one.role == role] for role in roles}
    prompts = {role: [one.example for one in some] for role, some in by_role.items()}
    answers = answers_to(panel, source, prompts, progress)
    results = []
    for role, some in by_role.items():
        verdicts = verdicts_of(panel.judge, role, prompts[role], answers[role])
        results += [
            ExampleResult(
                set=KINDS,
                index=one.index,
                verdict=verdict,
                unfinished_thought=answer.unfinished_thought,
                kind=one.example.kind,
            )
            for one, verdict, answer in zip(some, verdicts, answers[role], strict=True)
        ]
    return sorted(results, key=lambda result: result.index)
