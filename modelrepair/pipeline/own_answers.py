"""The source's own responses, used as targets so that its behaviour is preserved."""

from __future__ import annotations

from dataclasses import replace

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.example import Example, make_set
from modelrepair.examples.splits import Split
from modelrepair.examples.template_fit import fit
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.open_models import skeleton_and_read
from modelrepair.plugin.names import SetName
from modelrepair.preflight.sets import Sets


def answer_own(context: RunContext) -> RunContext:
    """Let the source answer every set that was asked for as ``self:SET``.

    Answers are greedy and as long as ``--max-new-tokens`` lets them be; empty, looping and
    garbled ones are left out with their prompts, and counted.

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
        splits[name] = answered = Split(
            _filled(split.score, texts), _filled(split.select, texts), _filled(split.report, texts)
        )
        left_out = sum(text is None for text in texts.values())
        if left_out:
            context.notes.warn(
                f"{left_out} of the source's own answers to the {name} set are empty or "
                "degenerate and were left out"
            )
        if not answered.score:
            raise ExampleSetError(
                f"none of the source's own answers to the {name} set can be used",
                hint=f"give --{name} a set with answers, such as plain",
            )
        for key, some in given.items():
            if some.own_answers and some.name == name:
                made = make_set(name, some.id, _filled(some.examples, texts))
                given[key] = replace(made, commit=some.commit, licence=some.licence)
    cut = replace(context.sets.splits, sets=splits)
    cut = fit(cut, context.panel.template, context.notes)
    panel = replace(context.panel, splits=cut)
    return replace(context, sets=Sets(given, cut), panel=panel)


def _answers(context: RunContext, name: SetName, examples: list[Example]) -> dict[str, str | None]:
    """By the prompts' keys; remembered, for they are the same after an interruption."""
    from modelrepair.evaluation.evaluate import answer
    from modelrepair.search.study import remember

    skeleton, read = skeleton_and_read(context, context.source)
    with context.progress.step(f"source, for the {name} set"):
        texts = remember(
            context.remembered / f"own-{name}.json",
            lambda: answer(context.panel, skeleton, read, examples, context.progress),
        )
    return {example.key: text for example, text in zip(examples, texts, strict=True)}


def _filled(examples: tuple[Example, ...], texts: dict[str, str | None]) -> tuple[Example, ...]:
    return tuple(
        replace(example, response=text, thought=None)
        for example in examples
        if (text := texts.get(example.key)) is not None
    )
