"""The source's own responses, used as targets so that its behaviour is preserved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.example import Example, make_set
from modelrepair.examples.splits import Split
from modelrepair.examples.template_fit import fit
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.plugin.names import SetName
from modelrepair.preflight.model import Model
from modelrepair.preflight.sets import Sets
from modelrepair.progress import CALLED

if TYPE_CHECKING:
    from modelrepair.evaluation.evaluate import OwnAnswer

    Answers = Mapping[str, OwnAnswer | None]


def answer_own(context: RunContext) -> RunContext:
    """Let the source answer every set that was asked for as ``self:SET``.

    Answers are greedy and as long as ``--max-new-tokens`` lets them be; empty, looping and
    garbled ones are left out with their prompts, and counted. Where the template opens a thought,
    the model's own stays before its answer: it answers after no other.

    Raises:
        UnsupportedModelError: the model does not fit into memory whole, so that it can't answer.
        ExampleSetError: no answer is good enough to score with.
    """
    given, splits = dict(context.sets.given), dict(context.sets.splits)
    # Harmful answers wait until it is known that there is something to repair: own_harm.py.
    own = [some for some in given.values() if some.own_answers and some.name != "realign"]
    asked = sorted({some.name for some in own})
    if not asked:
        return context
    if not context.panel.generates:
        raise UnsupportedModelError(
            "the source does not fit into memory whole and can't answer prompts itself",
            hint="give --utility a set with answers, such as plain",
        )
    for name in asked:
        split = splits[name]
        texts = _answers(context, name, [*split.score, *split.select, *split.report])
        splits[name] = filled = Split(
            answered(split.score, texts),
            answered(split.select, texts),
            answered(split.report, texts),
        )
        left_out = sum(text is None for text in texts.values())
        if left_out:
            context.notes.warn(
                f"{left_out} of the source's own answers to the {name} set are empty or "
                "degenerate and were left out"
            )
        if not filled.score:
            raise ExampleSetError(
                f"none of the source's own answers to the {name} set can be used",
                hint=f"give --{name} a set with answers, such as plain",
            )
        for key, some in given.items():
            if some.own_answers and some.name == name:
                made = make_set(name, some.id, answered(some.examples, texts))
                given[key] = replace(made, commit=some.commit, licence=some.licence)
    cut = replace(context.sets.splits, sets=splits)
    cut = fit(cut, context.panel.template, context.notes)
    panel = replace(context.panel, splits=cut)
    return replace(context, sets=Sets(given, cut), panel=panel)


def _answers(context: RunContext, name: SetName, examples: list[Example]) -> Answers:
    return own_answers(context, context.source, examples, f"said-{name}", f"for the {name} set")


def own_answers(
    context: RunContext, model: Model, examples: Sequence[Example], name: str, purpose: str
) -> Answers:
    """A model's own answers by the prompts' keys; the same after an interruption.

    Args:
        context: of the run.
        model: the source, or the reference.
        examples: whose prompts are asked.
        name: of the file that remembers them.
        purpose: what they are for, as the progress says it.
    """
    from modelrepair.evaluation.evaluate import OwnAnswer, answer
    from modelrepair.search.study import remember

    own = model is context.source

    def compute() -> list[OwnAnswer | None]:
        skeleton, read = skeleton_and_read(context, model, aligned=not own)
        return answer(context.panel_of(model), skeleton, read, examples, context.progress)

    with context.progress.step(f"{CALLED['before' if own else 'reference']}, {purpose}"):
        found = remember(context.remembered / f"{name}.json", compute)
    pairs = zip(examples, found, strict=True)
    return {example.key: None if each is None else OwnAnswer(*each) for example, each in pairs}


def answered(
    examples: Sequence[Example], answers: Mapping[str, OwnAnswer | None], *, keep: bool = False
) -> tuple[Example, ...]:
    """The examples with these answers, each behind the thought that led to it.

    Args:
        examples: some of them have an answer here.
        answers: by the prompts' keys.
        keep: whether those without one stay as they are; else they are left out.
    """
    made = []
    for example in examples:
        if (own := answers.get(example.key)) is not None:
            made.append(replace(example, response=own.text, thought=own.thought))
        elif keep:
            made.append(example)
    return tuple(made)
