"""Which change to make: what a scorer's or a repairer's search finds on the select split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.checkpoint.config import block_matrices
from modelrepair.checkpoint.edits import DenseEdit, Edit, MaskEdit
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import EmptyMaskError, ResourceError, UsageError
from modelrepair.evaluation.results import ExampleResult
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.fill_missing import can_answer
from modelrepair.pipeline.open_models import fits_whole, open_skeleton, weights_of
from modelrepair.plugin.names import SetName, SetUse, SubjectKind
from modelrepair.plugin.registry import make_repairer, make_scorer, repairer_options
from modelrepair.preflight.model import Model
from modelrepair.preflight.needs import lacking, needs_of, require_reference
from modelrepair.preflight.plugin_code import code_digest
from modelrepair.preflight.plugins import SelectedPlugins
from modelrepair.preflight.sets import score_batches, score_tokens
from modelrepair.settings.amount import Fixed, Searched, amount_of
from modelrepair.settings.presets import quota_of
from modelrepair.settings.settings import Arithmetic
from modelrepair.settings.subject import subject_for
from modelrepair.settings.units import scope_of
from modelrepair.source.reference import check_same_shapes
from modelrepair.source.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelrepair.plugin.loading import Registered
    from modelrepair.plugin.repairer import SiteRepairer, TrainingRepairer
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
        names = [entry.name for entry in block_matrices(folder, source.whole.entries)]
        check_same_shapes(source.whole, models[name].checkpoint, names, f"the {name} model")
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
        _require_for_repairer(context, reference)
    else:
        _require_for_scorer(context, 0, subject)


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
        scoring = _scoring(context, reference, subject, 0)
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
        if number > 0 and (missing := _missing_set(context, _needed(context, number, subject))):
            context.notes.warn(f"{registered.spec.name} was not tried: it needs {missing[1]}")
            break
        scoring = _scoring(context, reference, subject, number)
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
        methods.append(SearchMethod(study.name, searched.rounds, searched.answered))
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
    _require_for_repairer(context, reference)
    settings, amount = context.settings, amount_of(context.settings)
    strength = amount.value if isinstance(amount, Fixed) else None
    repairer = make_repairer(registered, settings.repairer_options)
    made: Repairing | Training
    points: Iterable[Candidate]
    if registered.spec.trains:
        made = _training(context, reference, repairer)  # type: ignore[arg-type]
        points, look = training.candidates(made, context.progress, strength), follow
    else:
        made = _repairing(context, reference, repairer)  # type: ignore[arg-type]
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
    method = SearchMethod(registered.spec.name, searched.rounds, searched.answered)
    return ChosenChange(made, best, tried, (method,), searched.stopped)


def _on_select(
    context: RunContext, reference: Model | None, measure: Measure
) -> tuple[tuple[ExampleResult, ...], tuple[ExampleResult, ...] | None]:
    """The results of source and reference on the select split."""
    aligned = measure(reference, "reference") if reference else None
    return measure(context.source, "before"), aligned


def _scoring(
    context: RunContext, reference: Model | None, subject: SubjectKind, number: int
) -> Scoring:
    """One scorer, made for this subject, with the batches of the sets that it needs."""
    from modelrepair.search.scoring import Scoring

    settings = context.settings
    registered, options = context.chosen.scorers[number]
    _require_for_scorer(context, number, subject)
    protect = settings.protect
    if protect is None:
        protect = 0.10 if subject == "weight" and "utility" in context.sets.splits else 0.0
    delta = reference if subject == "delta" else None
    return Scoring(
        skeleton=context.skeleton,
        sites=context.sites,
        weights=weights_of(
            context.source, context.device, settings.arithmetic, delta, scale=settings.scale
        ),
        registered=registered,
        scorer=make_scorer(registered, options, subject),
        subject=subject,
        scope=scope_of(settings, registered.spec),
        units=context.units,
        batches=score_batches(context.panel, context.notes),
        protect=protect,
        folder=_folder(context, f"scorer-{number}", registered),
        quota=quota_of(settings.preset),
    )


def _repairing(context: RunContext, reference: Model | None, repairer: SiteRepairer) -> Repairing:
    """A repairer, with the models and the batches that it needs."""
    from modelrepair.search.editing import Repairing

    settings, chosen = context.settings, context.chosen
    assert chosen.repairer is not None
    passed = context.skeleton, weights_of(context.source, context.device, settings.arithmetic)
    if repairer.needs and repairer.statistics_of == "reference" and reference is not None:
        passed = (
            open_skeleton(reference, context.device, settings.arithmetic),
            weights_of(reference, context.device, settings.arithmetic, aligned=True),
        )
    return Repairing(
        skeleton=context.skeleton,
        sites=context.sites,
        weights=weights_of(context.source, context.device, settings.arithmetic, reference),
        registered=chosen.repairer,
        repairer=repairer,
        models={
            name: weights_of(model, context.device, settings.arithmetic)
            for name, model in chosen.models.items()
        },
        passed=passed,
        batches=score_batches(context.panel, context.notes),
        folder=_folder(context, "repairer", chosen.repairer),
    )


def _training(context: RunContext, reference: Model | None, repairer: TrainingRepairer) -> Training:
    """A repairer that trains, with a model of its own and the sets as tokens.

    It trains in float32 whatever else computes in: a step is often smaller than what bfloat16 can
    add to a weight.
    """
    from modelrepair.examples.batches import padded
    from modelrepair.search.training import Training

    chosen = context.chosen
    assert chosen.repairer is not None
    spec, device = chosen.repairer.spec, context.device
    arithmetic: Arithmetic = "float32"
    if not fits_whole(context.source, context.device, copies=spec.copies):
        raise ResourceError(
            f"{spec.name} trains the whole model in float32, with gradients and an optimizer's "
            f"moments, {spec.copies} copies of it: that does not fit into memory",
            hint="take a larger machine, or a repairer that does not train",
            id="not-enough-memory",
        )
    pad = context.panel.template.tokenizer.pad_token_id or 0
    aligned = None
    if spec.reference and reference is not None:
        aligned = (
            open_skeleton(reference, device, arithmetic),
            weights_of(reference, device, arithmetic, aligned=True),
        )
    return Training(
        skeleton=context.skeleton,
        trained=open_skeleton(context.source, device, arithmetic),
        sites=context.sites,
        weights=weights_of(context.source, device, arithmetic),
        registered=chosen.repairer,
        repairer=repairer,
        sets=score_tokens(context.panel, context.notes),
        batch=lambda examples: padded(examples, pad),
        seed=context.settings.seed,
        folder=_folder(context, "repairer", chosen.repairer),
        aligned=aligned,
        warn=context.notes.warn,
    )


def _require_for_scorer(context: RunContext, number: int, subject: SubjectKind) -> None:
    if missing := _missing_set(context, _needed(context, number, subject)):
        raise lacking(context.chosen.scorers[number][0].spec, *missing)


def _require_for_repairer(context: RunContext, reference: Model | None) -> None:
    assert context.chosen.repairer is not None
    spec = context.chosen.repairer.spec
    require_reference(spec, reference)
    if missing := _missing_set(context, needs_of(spec, context.chosen.repairer_options, "weight")):
        raise lacking(spec, *missing)


def _needed(context: RunContext, number: int, subject: SubjectKind) -> Mapping[SetName, SetUse]:
    registered, options = context.chosen.scorers[number]
    return needs_of(registered.spec, options, subject)


def _missing_set(
    context: RunContext, needed: Mapping[SetName, SetUse]
) -> tuple[SetName, str] | None:
    """The first set that a plug-in lacks or that lacks answers, and how to say it."""
    for name, use in needed.items():
        if name not in context.sets.splits:
            return name, f"a {name} set"
        given = context.sets.given[SetKey(name)]
        if use == "pairs" and not given.answered and not can_answer(context, name):
            return name, f"answers in the {name} set, and {given.id} has prompts alone"
    return None


def _folder(context: RunContext, name: str, registered: Registered[Any]) -> Path:
    """Where a plug-in's work lies: not where other code of it was at work before."""
    origin = f"{registered.spec.name} {registered.distribution} {code_digest(registered)}"
    code = hashlib.sha256(origin.encode()).hexdigest()[:16]
    return context.workspace.work / f"{name}-{code}"


@dataclass(frozen=True)
class SearchMethod:
    """A scorer or repairer that searched: its rounds, and the candidates that answered prompts."""

    name: str
    rounds: int
    candidates: int


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
