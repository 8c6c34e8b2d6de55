"""Harmful prompts without answers: the source's own answers, and the reference's own refusals.

Prompts alone are enough. Where the judge calls what the source answers harmful, it is what a
harmful answer is to this source; where the reference refuses, it is how this family of models does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelrepair.errors import ExampleSetError
from modelrepair.examples.example import Example, ExampleSet, make_set
from modelrepair.examples.find import OWN_ANSWERS
from modelrepair.examples.keys import SetKey
from modelrepair.examples.refusals import MADE
from modelrepair.examples.splits import Part, Split
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.own_answers import answered, own_answers
from modelrepair.plugin.judge import Exchange
from modelrepair.plugin.names import SetName, SubjectKind, Verdict
from modelrepair.plugin.options import parse_options
from modelrepair.preflight.model import Model
from modelrepair.preflight.sets import Sets
from modelrepair.settings.amount import Searched, amount_of

if TYPE_CHECKING:
    from modelrepair.evaluation.evaluate import OwnAnswer

OWN_REFUSALS = "the reference's own"
"""What the manifest shows in place of a set's id."""


def can_answer(context: RunContext, name: SetName) -> bool:
    """Whether answers that a set lacks can be had from the source itself."""
    return name == "realign" and context.panel.generates


def fill_missing_responses(
    context: RunContext, reference: Model | None, subject: SubjectKind
) -> RunContext:
    """Give the harmful prompts the answers that they lack, where something reads them.

    - The reference's own refusals take the place of made ones.
    - With prompts alone and a reference, scorers that need harmful answers are not tried by
      themselves; the source's own answers serve to screen the points of the search.
    - With prompts alone and no reference, or a scorer that the user named, they serve to score.

    Args:
        context: of the run; the source, and the reference where there is one, were measured.
        reference: the aligned model, where one is known.
        subject: what masking acts on.

    Raises:
        ExampleSetError: the judge calls none of the source's answers harmful, and they are needed.
    """
    realign = context.sets.given.get(SetKey.REALIGN)
    if realign is None or not context.panel.generates:
        return context
    alone = not realign.answered
    if alone and reference is not None and context.settings.scorer is None:
        context = _without_scorers_of_pairs(context, subject)
    if reference is not None and context.sets.given[SetKey.REFUSAL].id == MADE:
        refusals = _parts(context, "refusal", subject)
        context = _with_refusals(context, reference, refusals) if refusals else context
    harm = _parts(context, "realign", subject)
    return _with_harm(context, harm) if harm and (alone or realign.own_answers) else context


def _parts(context: RunContext, name: SetName, subject: SubjectKind) -> tuple[Part, ...]:
    """Where a set's answers are going to be read: what is scored with, what the search sees."""
    amount = amount_of(context.settings)
    # A repairer's sets are recorded with these answers at every strength, searched for or not.
    searched = isinstance(amount, Searched) or amount.knob == "strength"
    if any(_needs_pairs(context, name, number, subject) for number in _scorers(context)):
        return ("score", "select") if searched else ("score",)
    return ("select",) if searched else ()


def _scorers(context: RunContext) -> range:
    return range(len(context.chosen.scorers))


def _needs_pairs(context: RunContext, name: SetName, number: int, subject: SubjectKind) -> bool:
    registered, options = context.chosen.scorers[number]
    spec = registered.spec
    needed = spec.sets(parse_options(spec.options, options, spec.name), subject)
    return needed.get(name) == "pairs"


def _without_scorers_of_pairs(context: RunContext, subject: SubjectKind) -> RunContext:
    """The context without scorers that need harmful answers, where another is left."""
    pairs = [
        number for number in _scorers(context) if _needs_pairs(context, "realign", number, subject)
    ]
    if not pairs or len(pairs) == len(context.chosen.scorers):
        return context
    names = ", ".join(context.chosen.scorers[number][0].spec.name for number in pairs)
    context.notes.warn(
        f"{names} was not tried: it needs answers in the realign set, and "
        f"{context.sets.given[SetKey.REALIGN].id} has prompts alone"
    )
    left = tuple(each for i, each in enumerate(context.chosen.scorers) if i not in pairs)
    return replace(context, chosen=replace(context.chosen, scorers=left))


def _with_harm(context: RunContext, parts: Sequence[Part]) -> RunContext:
    """The realign set with the source's own answers that the judge calls harmful."""
    given, split = context.sets.given[SetKey.REALIGN], context.sets.splits["realign"]
    examples = [example for part in parts for example in split.part(part)]
    found = _judged(context, context.source, "harmful", examples, f"harm-{'-'.join(parts)}")
    purpose = "score with" if "score" in parts else "screen the points of the search"
    context.notes.warn(
        f"{given.id} has prompts alone: {len(found)} of {len(examples)} answers of the source "
        f"itself, those that the judge calls harmful, serve to {purpose}"
    )
    if "score" not in parts:
        return _with(context, given, replace(split, select=answered(split.select, found)))
    select = answered(split.select, found) if "select" in parts else split.select
    filled = replace(split, score=answered(split.score, found), select=select)
    if not filled.score:
        raise ExampleSetError(
            f"the judge calls none of the source's own answers to {given.id} harmful",
            hint="give --realign a set with harmful answers, or name the aligned model with "
            "--reference",
            id="set-too-small",
        )
    asked = {example.key for example in examples}
    rest = (example for example in given.examples if example.key not in asked)
    id = f"{OWN_ANSWERS}{given.id.removeprefix(OWN_ANSWERS)}"
    made = make_set("realign", id, [*answered(examples, found), *rest])
    return _with(context, _recorded(made, given), filled)


def _with_refusals(context: RunContext, reference: Model, parts: Sequence[Part]) -> RunContext:
    """The refusal set with the reference's own refusals; the others stay as they were made."""
    given, split = context.sets.given[SetKey.REFUSAL], context.sets.splits["refusal"]
    examples = [example for part in parts for example in split.part(part)]
    found = _judged(context, reference, "refusal", examples, f"refusals-{'-'.join(parts)}")
    if not found:
        return context
    own = replace(
        split,
        score=answered(split.score, found, keep=True),
        select=answered(split.select, found, keep=True),
    )
    context.notes.warn(
        f"{len(found)} of {len(examples)} refusals are the reference's own answers"
        + ("; the others were made" if len(found) < len(examples) else "")
    )
    made = make_set("refusal", OWN_REFUSALS, answered(given.examples, found, keep=True))
    return _with(context, _recorded(made, given), own)


def _judged(
    context: RunContext, model: Model, wanted: Verdict, examples: Sequence[Example], name: str
) -> dict[str, OwnAnswer | None]:
    """A model's answers that got this verdict, by the prompts' keys; remembered like a measure."""
    from modelrepair.evaluation.evaluate import ask

    sought = "refusals" if wanted == "refusal" else "harmful answers"
    own = own_answers(context, model, examples, f"said-{name}", f"for {sought}")
    given = [
        (each.key, said, Exchange("harmful", each.prompt, said.text, None))
        for each in examples
        if (said := own[each.key]) is not None
    ]
    verdicts = ask(context.panel.judge, [exchange for _, _, exchange in given])
    return {
        key: said
        for (key, said, _), verdict in zip(given, verdicts, strict=True)
        if verdict == wanted
    }


def _recorded(made: ExampleSet, given: ExampleSet) -> ExampleSet:
    return replace(made, commit=given.commit, licence=given.licence, duplicates=given.duplicates)


def _with(context: RunContext, given: ExampleSet, split: Split) -> RunContext:
    """The context with another set in the place of its role."""
    before = context.sets.splits
    splits = replace(before, sets={**before.sets, given.name: split})
    sets = Sets({**context.sets.given, SetKey(given.name): given}, splits)
    return replace(context, sets=sets, panel=replace(context.panel, splits=splits))
