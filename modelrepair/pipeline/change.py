"""Which change to make: what a scorer's or a repairer's search finds on the select split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from modelrepair.checkpoint.edits import DenseEdit, Edit, MaskEdit
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import EmptyMaskError, UsageError
from modelrepair.evaluation.results import ExampleResult
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.searchers import (
    missing_set,
    needed_by,
    repairing_of,
    require_for_repairer,
    require_for_scorer,
    scoring_of,
    training_of,
)
from modelrepair.plugin.names import SubjectKind
from modelrepair.plugin.registry import make_repairer, repairer_options
from modelrepair.preflight.model import Model
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.settings.amount import Fixed, Searched, amount_of
from modelrepair.settings.subject import subject_for
from modelrepair.source.reference import check_same_matrices
from modelrepair.source.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelrepair.search import study as studies
    from modelrepair.search.candidates import Candidate
    from modelrepair.search.editing import Repairing
    from modelrepair.search.scoring import Scoring
    from modelrepair.search.training import Training

Measure = Callable[[Model, Literal["before", "reference"]], tuple[ExampleResult, ...]]
"""Measures a model on the select split, or remembers it."""


def choose_change(context: RunContext, reference: Model | None, measure: Measure) -> ChosenChange:
    """The mask or the edit that the search chose.

    Args:
        context: the source, opened.
        reference: the aligned model, where there is one.
        measure: measures source and reference on the select split.
    """
    find = _find_mask if context.chosen.repairer is None else _find_edit
    found = find(context, reference, measure)
    if context.settings.answer_later:
        from modelrepair.pipeline.screens import note_margin

        note_margin(context, found.point)
    return found


def edit_of(context: RunContext, found: ChosenChange, reference: Model | None) -> Edit:
    """What was found, as the writer takes it."""
    from modelrepair.engine.weights import Masks
    from modelrepair.search.scoring import Scoring

    change, made = found.point.change, found.made
    if not isinstance(change, Masks) or not isinstance(made, Scoring):
        assert not isinstance(change, Masks)
        return DenseEdit(change.get)
    entries = {tensor.name: tensor.entries for tensor in context.sites.tensors}
    of_delta = reference if made.subject == "delta" else None
    return MaskEdit(
        lambda name: change.positions(name, entries[name]),
        of_delta.checkpoint if of_delta else None,
        context.settings.scale,
    )


def with_models(chosen: SelectedPlugins, source: Model) -> SelectedPlugins:
    """The plug-ins, with the models that the repairer needs beside source and reference.

    Raises:
        UnsupportedModelError: one does not fit the source.
    """
    if chosen.repairer is None:
        return chosen
    options = repairer_options(chosen.repairer, chosen.repairer_options)
    models = {}
    for name, place in chosen.repairer.spec.models(options).items():
        found = resolve(place)
        models[name] = Model(found, Checkpoint.open(found.folder))
        folder = (source.base or source).source.folder
        check_same_matrices(folder, source.whole, models[name].checkpoint, f"the {name} model")
    return replace(chosen, models=models)


def require_sets(context: RunContext, subject: SubjectKind, reference: Model | None) -> None:
    """Refuse a plug-in or a protection that lacks something, before anything is measured.

    Raises:
        UsageError: a set is missing, or its answers; or a repairer's reference.
    """
    realign, searched = context.sets.given.get(SetKey.REALIGN), amount_of(context.settings)
    blind = context.settings.evaluate and not context.panel.generates
    if realign is not None and not realign.answered and blind and isinstance(searched, Searched):
        raise UsageError(
            f"no model answers here, and {realign.id} has prompts alone: nothing leads the search",
            hint=f"give --realign a set with harmful answers, or a number for --{searched.knob}",
            id="set-missing",
        )
    if context.chosen.repairer is not None:
        require_for_repairer(context, reference)
    else:
        require_for_scorer(context, 0, subject)


def subject_of(context: RunContext, reference: Model | None) -> SubjectKind:
    """What a mask acts on, now that source and reference are there."""
    named, factors = context.settings, context.source.base is not None
    known = reference is not None
    return subject_for(named.subject, named.preset, factors=factors, reference=known)


def _find_mask(context: RunContext, reference: Model | None, measure: Measure) -> ChosenChange:
    """Let each scorer search in turn, until one arrives on the select split.

    One that only just repairs there, or spends much, is not the last to be asked: the next may do
    better, and the best of all is chosen.
    """
    from modelrepair.pipeline.screens import baseline_of, screened_alone
    from modelrepair.search.candidates import arrives, choose, repairs
    from modelrepair.search.search import fixed, search
    from modelrepair.search.study import Study

    settings = context.settings
    subject = subject_of(context, reference)
    amount = amount_of(settings)
    if isinstance(amount, Fixed):
        scoring = scoring_of(context, reference, subject, 0)
        point = fixed(scoring, amount.value, settings.step, amount.limits, context.progress)
        point = screened_alone(context, scoring, point)
        name = scoring.registered.spec.name
        return ChosenChange(scoring, point, (point,), (SearchMethod(name, point.round, 0),))

    iterative = any(registered.spec.iterative for registered, _ in context.chosen.scorers)
    results = _on_select(context, reference, measure)
    baseline = baseline_of(context, *results, looks_again=iterative)
    tried: list[Candidate] = []
    methods: list[SearchMethod] = []
    stopped = False
    scorings: dict[str, Scoring] = {}
    for number, (registered, _) in enumerate(context.chosen.scorers):
        if number > 0 and (missing := missing_set(context, needed_by(context, number, subject))):
            context.notes.warn(f"{registered.spec.name} was not tried: it needs {missing[1]}")
            break
        scoring = scoring_of(context, reference, subject, number)
        scorings[registered.spec.name] = scoring
        # The benign answers that scoring sees are looked at for iterative scorers alone: only these
        # chose round by round by them.
        compared = baseline if registered.spec.iterative else replace(baseline, scored=())
        study = Study(
            scoring,
            context.panel,
            settings.budgets,
            compared,
            context.progress,
            amount.limits,
            context.clock,
        )
        searched = search(study, settings.step)
        tried += searched.points
        methods.append(SearchMethod.of(study.name, searched))
        best = choose(tried, baseline, settings.budgets)
        judged = best, baseline, settings.budgets
        stopped = searched.stopped
        if stopped or (repairs(*judged) and arrives(*judged)):
            break
    return ChosenChange(scorings[best.scorer], best, tuple(tried), tuple(methods), stopped)


def _find_edit(context: RunContext, reference: Model | None, measure: Measure) -> ChosenChange:
    """Let the repairer make its candidates, and choose one on the select split."""
    from modelrepair.pipeline.screens import baseline_of, screened_alone
    from modelrepair.search import editing as repairing
    from modelrepair.search import training
    from modelrepair.search.candidates import choose
    from modelrepair.search.search import climb, follow
    from modelrepair.search.study import Searched, Study

    registered = context.chosen.repairer
    assert registered is not None
    require_for_repairer(context, reference)
    settings, amount = context.settings, amount_of(context.settings)
    strength = amount.value if isinstance(amount, Fixed) else None
    repairer = make_repairer(registered, settings.repairer_options)
    made: Repairing | Training
    points: Iterable[Candidate]
    if registered.spec.trains:
        made = training_of(context, reference, repairer)  # type: ignore[arg-type]
        points, look = training.candidates(made, context.progress, strength), follow
    else:
        made = repairing_of(context, reference, repairer)  # type: ignore[arg-type]
        ladder = made.repairer.strengths if strength is None else (strength,)
        points, look = repairing.candidates(made, ladder, context.progress), climb
    if isinstance(amount, Fixed):
        found = next(iter(points), None)
        found = None if found is None else screened_alone(context, made, found)
        tried: tuple[Candidate, ...] = () if found is None else (found,)
        searched, best = Searched(tried, rounds=1), found
    else:
        baseline = baseline_of(context, *_on_select(context, reference, measure))
        limits = amount.limits
        study = Study(
            made, context.panel, settings.budgets, baseline, context.progress, limits, context.clock
        )
        searched = look(study, islice(points, limits.rounds))
        tried = searched.points
        best = choose(tried, baseline, settings.budgets) if tried else None
    if best is None:
        where = "at any strength" if strength is None else f"at a strength of {strength:g}"
        raise EmptyMaskError(
            f"{registered.spec.name} changed nothing {where}",
            hint="check its options, how many steps it takes where it trains, and whether source "
            "and reference are the same model",
            id="nothing-changed",
        )
    method = SearchMethod.of(registered.spec.name, searched)
    return ChosenChange(made, best, tried, (method,), searched.stopped)


def _on_select(
    context: RunContext, reference: Model | None, measure: Measure
) -> tuple[tuple[ExampleResult, ...], tuple[ExampleResult, ...] | None]:
    """The results of source and reference on the select split."""
    aligned = measure(reference, "reference") if reference else None
    return measure(context.source, "before"), aligned


@dataclass(frozen=True)
class SearchMethod:
    """A scorer or repairer that searched: its rounds, and the candidates that answered prompts.

    Args:
        name: of the scorer or repairer.
        rounds: how many it took.
        candidates: how many candidates answered.
        eased: the rounds after which its penalty was smaller.
        momentum: the first round with momentum.
        halved: the rounds whose step went too far, as answers showed, and was halved.
    """

    name: str
    rounds: int
    candidates: int
    eased: tuple[int, ...] = ()
    momentum: int | None = None
    halved: tuple[int, ...] = ()

    @classmethod
    def of(cls, name: str, searched: studies.Searched) -> SearchMethod:
        """What the record says of a search."""
        return cls(name, searched.rounds, searched.answered, **vars(searched.turns))


@dataclass(frozen=True)
class ChosenChange:
    """The change that was chosen, what made it, and all that was looked at on the way.

    ``methods`` searched one after the other; ``stopped`` says that time ended the last of them.
    """

    made: Scoring | Repairing | Training
    point: Candidate
    points: tuple[Candidate, ...]
    methods: tuple[SearchMethod, ...] = ()
    stopped: bool = False
