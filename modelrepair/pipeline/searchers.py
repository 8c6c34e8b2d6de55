"""What searches: a scorer or a repairer of a run, with the models and sets that it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.errors import ResourceError
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.fill_missing import can_answer
from modelrepair.pipeline.open_models import fits_whole, open_skeleton, weights_of
from modelrepair.plugin.names import SetName, SetUse, SubjectKind
from modelrepair.plugin.registry import make_scorer
from modelrepair.preflight.model import Model
from modelrepair.preflight.needs import lacking, needs_of, require_reference
from modelrepair.preflight.plugin_code import code_digest
from modelrepair.preflight.sets import score_batches, score_tokens
from modelrepair.settings.presets import quota_of
from modelrepair.settings.settings import Arithmetic
from modelrepair.settings.units import scope_of

if TYPE_CHECKING:
    from modelrepair.plugin.loading import Registered
    from modelrepair.plugin.repairer import SiteRepairer, TrainingRepairer
    from modelrepair.search.editing import Repairing
    from modelrepair.search.scoring import Scoring
    from modelrepair.search.training import Training


def scoring_of(
    context: RunContext, reference: Model | None, subject: SubjectKind, number: int
) -> Scoring:
    """One scorer, made for this subject, with the batches of the sets that it needs."""
    from modelrepair.search.scoring import Scoring

    settings = context.settings
    registered, options = context.chosen.scorers[number]
    require_for_scorer(context, number, subject)
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
        folder=work_folder(context, f"scorer-{number}", registered),
        quota=quota_of(settings.preset),
    )


def repairing_of(context: RunContext, reference: Model | None, repairer: SiteRepairer) -> Repairing:
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
        folder=work_folder(context, "repairer", chosen.repairer),
    )


def training_of(
    context: RunContext, reference: Model | None, repairer: TrainingRepairer
) -> Training:
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
        folder=work_folder(context, "repairer", chosen.repairer),
        aligned=aligned,
        warn=context.notes.warn,
    )


def require_for_scorer(context: RunContext, number: int, subject: SubjectKind) -> None:
    """Refuse a scorer that lacks a set, or its answers.

    Raises:
        UsageError: it does.
    """
    if missing := missing_set(context, needed_by(context, number, subject)):
        raise lacking(context.chosen.scorers[number][0].spec, *missing)


def require_for_repairer(context: RunContext, reference: Model | None) -> None:
    """Refuse a repairer that lacks its reference, a set, or its answers.

    Raises:
        UsageError: it does.
    """
    assert context.chosen.repairer is not None
    spec = context.chosen.repairer.spec
    require_reference(spec, reference)
    if missing := missing_set(context, needs_of(spec, context.chosen.repairer_options, "weight")):
        raise lacking(spec, *missing)


def needed_by(context: RunContext, number: int, subject: SubjectKind) -> Mapping[SetName, SetUse]:
    """The sets that a scorer needs, and what of them."""
    registered, options = context.chosen.scorers[number]
    return needs_of(registered.spec, options, subject)


def missing_set(
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


def work_folder(context: RunContext, name: str, registered: Registered[Any]) -> Path:
    """Where a plug-in's work lies: not where other code of it was at work before."""
    origin = f"{registered.spec.name} {registered.distribution} {code_digest(registered)}"
    code = hashlib.sha256(origin.encode()).hexdigest()[:16]
    return context.workspace.work / f"{name}-{code}"
