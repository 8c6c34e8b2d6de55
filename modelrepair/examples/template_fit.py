"""Which examples a model's chat template takes: what it would change is left out, and said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError
from modelrepair.examples.example import Example
from modelrepair.examples.splits import Split, Splits
from modelrepair.examples.template import NoRoomError, Template
from modelrepair.plugin.names import SetName
from modelrepair.plugin.repairer import TokenizedExample

if TYPE_CHECKING:
    from modelrepair.progress import Notes


def fit(splits: Splits, template: Template, notes: Notes) -> Splits:
    """Leave out the examples that the template can't render as they are, and count them.

    A template may refuse a conversation's roles, or cut a piece out of an answer; then no one
    knows which tokens are the answer's. The cut of the sets stays as it was: nothing moves up.

    Raises:
        ExampleSetError: it is most of a set; then the set, or the template, is not what it was
            taken for.
    """
    return replace(
        splits,
        sets={name: _fit(name, split, template, notes) for name, split in splits.items()},
        kinds=tuple(
            replace(kind, asked=tuple(each for each in kind.asked if _can_ask(template, each)))
            for kind in splits.kinds
        ),
    )


def _can_ask(template: Template, example: Example) -> bool:
    try:
        template.prompt(example)
    except ExampleSetError:
        return False
    return template.has_room(example)


def _fit(name: SetName, split: Split, template: Template, notes: Notes) -> Split:
    faults: list[ExampleSetError] = []
    unheard = unthought = full = cut = 0

    def taken(examples: Iterable[Example]) -> Iterable[Example]:
        nonlocal unheard, unthought, full, cut
        for example in examples:
            shortened = False
            try:
                shortened = _tokenize(template, example).cut > 0
            except NoRoomError:
                pass  # what does not fit into --max-length is counted where it is used
            except ExampleSetError as error:
                faults.append(error)
                continue
            if not template.has_room(example):
                full += 1
                continue
            cut += shortened and template.max_length == template.context
            unheard += template.leaves_out_system(example)
            unthought += example.thought is not None and not template.thoughts.marks
            yield example

    total = len(split.score) + len(split.select) + len(split.report)
    kept = Split(tuple(taken(split.score)), tuple(taken(split.select)), tuple(taken(split.report)))
    if 2 * len(faults) > total or (faults and split.score and not kept.score):
        raise ExampleSetError(
            f"{len(faults)} of {total} examples of the {name} set can't be used: {faults[0]}",
            hint=faults[0].hint,
            id=faults[0].id,
        )
    if full and full == total:
        raise ExampleSetError(
            f"all {total} prompts of the {name} set fill the model's context of "
            f"{template.context} tokens",
            hint="give a set of shorter prompts",
            id="set-too-long",
        )
    if full:
        notes.warn(
            f"{full} of {total} examples of the {name} set were left out: their prompts fill the "
            f"model's context of {template.context} tokens"
        )
    if cut:
        notes.warn(
            f"{cut} of {total} examples of the {name} set are longer than the model's context of "
            f"{template.context} tokens and are cut there"
        )
    if faults:
        notes.warn(
            f"{len(faults)} of {total} examples of the {name} set were left out; first: {faults[0]}"
        )
    if unheard:
        notes.warn(
            f"the chat template leaves out system prompts: {unheard} of {total} examples of the "
            f"{name} set are read without theirs"
        )
    if unthought:
        notes.warn(
            f"the model has no marks for thoughts: {unthought} of {total} examples of the {name} "
            "set are read without theirs"
        )
    return kept


def _tokenize(template: Template, example: Example) -> TokenizedExample:
    return template.prompt(example) if example.response is None else template.pair(example)
