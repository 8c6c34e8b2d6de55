"""What a run will take: the plan of a command, and the refusal to start what can't end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelrepair import preflight
from modelrepair.bench import Chosen, Model, Notes, Sets
from modelrepair.hubplan import hub_plan
from modelrepair.preflight import Plan
from modelrepair.prepare import DEFAULT_SCORERS, check_subject, find_base
from modelrepair.presets import expand
from modelrepair.publish.pushing import PushOptions
from modelrepair.registry.manager import load_registry
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import SubjectKind
from modelrepair.sets import load_sets
from modelrepair.settings import NONE, Settings, check_choices
from modelrepair.source.adapter import read_adapter
from modelrepair.source.resolve import resolve


def plan_of(settings: Settings, pushing: PushOptions | None = None) -> Plan:
    """What a repair with these settings would take, from metadata alone; torch stays out.

    Args:
        settings: every choice of the repair.
        pushing: where the result would go; None where it would stay here.

    Raises:
        ModelRepairError: what `repair` would refuse from the same facts.
    """
    check_choices(settings)
    settings = expand(settings)
    notes = Notes()
    registry = load_registry()
    registered = registry.scorer(settings.scorer or DEFAULT_SCORERS[0])
    spec = registered.spec
    options = parse_options(spec.options, settings.scorer_options, spec.name)
    source = resolve(settings.source, settings.revision, weights=False)
    adapter = read_adapter(source.folder)
    check_subject(settings, adapter)
    base = None if adapter is None else find_base(settings.base, adapter, weights=False)
    subject: SubjectKind = "weight" if settings.reference == "none" else "delta"
    if adapter is not None and not settings.merge:
        subject = "factor"
    sets = load_sets(settings, notes) if settings.realign != NONE else None
    needed = spec.sets(options, subject)
    scored = {name: sets.splits[name].score for name in needed if sets and name in sets.splits}
    made = preflight.plan(
        source,
        base=base,
        merge=settings.merge,
        sets=scored,
        scorer_gradients=spec.gradients,
        iterative=spec.iterative,
        scope=settings.scope or spec.scope,
        token_budget=settings.token_budget,
        max_length=settings.max_length,
    )
    return replace(made, hub=hub_plan(settings, source, made, pushing, base))


def check_room(settings: Settings, source: Model, sets: Sets, chosen: Chosen, out: Path) -> None:
    """Stop before anything is computed where model, memory or disk will not do.

    Raises:
        UnsupportedModelError: quantised weights, code of its own, an encoder-decoder.
        ResourceError: too little memory or disk.
    """
    specs = [registered.spec for registered, _ in chosen.scorers]
    scored = {name: split.score for name, split in sets.splits.items()}
    preflight.check(
        preflight.plan(
            source.source,
            base=None if source.base is None else source.base.source,
            merge=settings.merge,
            sets=scored,
            scorer_gradients=any(spec.gradients for spec in specs),
            iterative=any(spec.iterative for spec in specs),
            scope="global",
            evaluate=settings.evaluate,
            token_budget=settings.token_budget,
            max_length=settings.max_length,
            out=out,
        )
    )
