"""Looks at sets before anything starts: answers that their prompts contain, answers cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError
from modelrepair.examples.example import ExampleSet
from modelrepair.examples.keys import SetKey

if TYPE_CHECKING:
    from modelrepair.examples.splits import Splits
    from modelrepair.examples.template import Template, Tokenized
    from modelrepair.progress import Notes

SHORTEST = 24
"""Characters: shorter answers may well be quoted from their prompts."""


def look_at_answers(key: SetKey, some: ExampleSet, notes: Notes) -> None:
    """Say where prompts hold their own answers: a model would be scored on copying.

    Args:
        key: which set.
        some: the set.
        notes: where the warning goes.

    Raises:
        ExampleSetError: most prompts do; then a column is not what it was taken for.
    """
    answered = [example for example in some.examples if example.response is not None]
    inside = [
        example
        for example in answered
        if len(answer := (example.response or "").strip()) >= SHORTEST and answer in example.prompt
    ]
    if not inside:
        return
    counted = f"{len(inside)} of {len(answered)} examples"
    seen = f"in {counted} of the {key} set the prompt holds the answer"
    if 2 * len(inside) > len(answered):
        raise ExampleSetError(
            f"{some.id}: {seen}",
            hint=f"name the columns: --{key.role}-columns prompt=…,response=…",
            id="set-columns",
        )
    notes.warn(f"{seen}: they show nothing of what the model knows")


def look_at_lengths(name: str, tokenized: Tokenized, max_length: int, notes: Notes) -> None:
    """Say where the length limit takes most of a set away.

    Args:
        name: of the set.
        tokenized: what became of it.
        max_length: the limit in tokens.
        notes: where the warning goes.

    Raises:
        ExampleSetError: no prompt leaves room for an answer.
    """
    total = len(tokenized.examples) + tokenized.dropped
    short = tokenized.cut + tokenized.dropped
    if total and not tokenized.examples:
        raise ExampleSetError(
            f"all {total} prompts of the {name} set are as long as --max-length or longer",
            hint=f"raise --max-length above {max_length}, or give a set of shorter prompts",
            id="set-too-long",
        )
    if 2 * short > total:
        notes.warn(
            f"{short} of {total} examples of the {name} set do not fit into --max-length "
            f"{max_length}: most of what it could say is cut off"
        )


def look_at_room(splits: Splits, template: Template, answer: int, notes: Notes) -> None:
    """Say where the model's context has no room for whole answers.

    Args:
        splits: the sets; every prompt is shorter than the context.
        template: of the model.
        answer: the most tokens of an answer.
        notes: where the warning goes.
    """
    if template.context is None:
        return
    prompts = {
        example.key: example
        for _, split in splits.items()
        for example in (*split.select, *split.report)
    }
    room = template.context - answer
    short = sum(len(template.asked_ids(example)) > room for example in prompts.values())
    if short:
        notes.warn(
            f"the model reads {template.context} tokens at most: after {short} of {len(prompts)} "
            f"prompts that is less than the {answer} of an answer, which is cut there"
        )


def look_at_splits(splits: Splits, template: Template, notes: Notes) -> None:
    """Look at the lengths of what every set scores with, and whether good answers lack thoughts.

    See `look_at_lengths`. A model whose template opens a thought never answers after an empty one.
    """
    for name, split in splits.items():
        look_at_lengths(name, template.examples(split.score), template.max_length, notes)
        if name == "utility" and template.thoughts.opened:
            rows = [each for each in (*split.score, *split.select, *split.report) if each.response]
            if bare := sum(each.thought is None for each in rows):
                notes.warn(
                    f"{bare} of {len(rows)} good answers have no thought before them, and this "
                    "model always writes one: utility is of answers after an empty thought; "
                    "--utility self:SET takes its own answers with its own thoughts"
                )
