"""What a run will take: the plan of a command, and the refusal to start what can't end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from modelrepair import preflight
from modelrepair.aligned import look_at_reference
from modelrepair.bench import Chosen, Model, Notes, Sets
from modelrepair.choosing import scorer_names
from modelrepair.duration import job_of, needs
from modelrepair.errors import ResourceError
from modelrepair.estimate import free_disk
from modelrepair.examples.load import Example
from modelrepair.hubplan import bytes_to_fetch, hub_plan
from modelrepair.kept import left_ahead
from modelrepair.limits import bounds_of
from modelrepair.preflight import Plan, size_of
from modelrepair.prepare import check_subject, find_base
from modelrepair.presets import expand
from modelrepair.publish.destination import check_name
from modelrepair.publish.pushing import PushOptions
from modelrepair.registry.loading import Registered
from modelrepair.registry.manager import judge_options, load_registry, repairer_options
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import RepairerSpec, ScorerSpec, SetName, SubjectKind
from modelrepair.sets import load_sets
from modelrepair.settings import NONE, Settings, check
from modelrepair.source.adapter import Adapter, read_adapter
from modelrepair.source.reference import declared_base
from modelrepair.source.resolve import Source, resolve
from modelrepair.source.thinks import thoughts_of
from modelrepair.timing import Job, Shape, accelerated, measured_speed, seconds


def plan_of(settings: Settings, out: str | None = None, pushing: PushOptions | None = None) -> Plan:
    """What a repair with these settings would take, from metadata alone; torch stays out.

    Args:
        settings: every choice of the repair.
        out: the output folder; by itself one in the working folder.
        pushing: where the result would go; None where it would stay here.

    Raises:
        ModelRepairError: what `repair` would refuse from the same facts.
    """
    check(settings if settings.realign != NONE else replace(settings, realign="later"))
    settings = expand(settings)
    notes = Notes()
    repairer = _repairer(settings)
    specs = [] if repairer is not None else _scorers(settings)
    source = _source_ahead(settings)
    if pushing is not None:
        check_name(pushing, source.name)
    adapter = read_adapter(source.folder)
    check_subject(settings, adapter)
    base = None if adapter is None else _base_ahead(settings, adapter)
    subject = subject_ahead(settings, source, adapter)
    compared = Notes()
    reference = base is not None
    if base is None or settings.reference != "auto":
        reference = look_at_reference(settings, base or source, compared) is not None
    sets = load_sets(settings, notes) if settings.realign != NONE else None
    plugins: list[ScorerSpec | RepairerSpec] = [*specs]
    if repairer is not None:
        repairer_options(repairer, settings.repairer_options)
        plugins = [repairer.spec]
    needed = {name for spec in plugins for name in needs(settings, spec, subject)}
    scored = {name: split.score for name, split in (sets.splits if sets else {}).items()}
    made = _look(
        settings,
        source,
        base,
        plugins,
        {name: examples for name, examples in scored.items() if name in needed},
        None if out is None else Path(out),
    )
    thinks = bool(thoughts_of(source, base, settings.thought_markers).marks)
    made = replace(made, bounds=bounds_of(settings, plugins, subject, sets, reference=reference))
    job = job_of(settings, plugins, subject, sets, reference=reference, thinks=thinks)
    made = replace(made, notes=(*made.notes, *compared.warnings))
    made = with_time(made, settings, job, named=sets is not None)
    if repairer is not None:
        note = f"time is counted without what {repairer.spec.name} itself computes"
        made = replace(made, notes=(*made.notes, note))
    made = replace(made, left_behind=left_ahead(settings, source, base))
    return replace(made, hub=hub_plan(settings, source, made, subject, pushing, base))


def _source_ahead(settings: Settings, commit: str | None = None) -> Source:
    return resolve(
        settings.source,
        settings.revision,
        weights=False,
        commit=commit,
        include=settings.include,
    )


def _base_ahead(settings: Settings, adapter: Adapter | None) -> Source | None:
    if adapter is None:
        return None
    return find_base(settings.base, adapter, weights=False, include=settings.include)


def subject_ahead(settings: Settings, source: Source, adapter: Adapter | None) -> SubjectKind:
    """What would be masked, as far as it is known before a reference was looked at."""
    if adapter is not None and not settings.merge:
        return "factor"
    if settings.subject in ("delta", "weight"):
        return settings.subject
    by_itself = adapter is not None or declared_base(source.folder) is not None
    known = by_itself if settings.reference == "auto" else settings.reference != "none"
    return "delta" if known else "weight"


def with_time(plan: Plan, settings: Settings, job: Job, *, named: bool) -> Plan:
    """A plan with the time that it will take on this machine's processor.

    Args:
        plan: without.
        settings: every choice of the repair.
        job: the work.
        named: whether the example sets are known.
    """
    if accelerated(settings.device):
        note = "time is not estimated for an accelerator: nothing is computed on it here"
        return replace(plan, notes=(*plan.notes, note))
    head = plan.vocabulary * plan.hidden_size
    # Where an adapter's factors are repaired, tokens go through its base's blocks all the same.
    inside = max(plan.block_parameters, plan.parameters - 2 * head)
    shape = Shape(inside, head, plan.blocks, settings.token_budget)
    least, most = seconds(shape, job, measured_speed())
    notes = plan.notes if named else (*plan.notes, "time is counted for full example sets")
    if job.thought and (job.models or any(each.answered[1] for each in job.searches)):
        room = f"thoughts of up to {job.thought:,} tokens (--max-thought-tokens)"
        notes = (*notes, f"the most time is counted with {room} before every answer")
    return replace(plan, seconds_least=least, seconds_most=most, notes=notes)


def _scorers(settings: Settings) -> list[ScorerSpec]:
    registry = load_registry()
    judge_options(registry.judge(settings.judge), settings.judge_options)
    specs = [registry.scorer(name).spec for name in scorer_names(settings)]
    for spec in specs:
        parse_options(spec.options, settings.scorer_options, spec.name)
    return specs


def _repairer(settings: Settings) -> Registered[RepairerSpec] | None:
    return None if settings.repairer is None else load_registry().repairer(settings.repairer)


def check_ahead(
    settings: Settings, sets: Sets, chosen: Chosen, out: Path, commit: str | None
) -> str | None:
    """Stop before a weight is fetched from the Hub where model, memory or disk will not do.

    Args:
        settings: every choice of the repair.
        sets: the example sets.
        chosen: the scorers that may be tried.
        out: where the result will lie.
        commit: of the source, where it was looked up before.

    Returns:
        The commit of the source that was looked at; None for a folder, which is looked at later.

    Raises:
        UnsupportedModelError: quantised weights, code of its own, an encoder-decoder.
        ResourceError: too little memory or disk.
    """
    source = resolve(
        settings.source, settings.revision, weights=False, commit=commit, include=settings.include
    )
    if source.complete:
        return source.commit
    adapter = read_adapter(source.folder)
    check_subject(settings, adapter)
    base = None if adapter is None else _base_ahead(settings, adapter)
    left_ahead(settings, source, base)
    specs = _plugins(chosen)
    scored = {name: split.score for name, split in sets.splits.items()}
    preflight.check(_look(settings, source, base, specs, scored, out))
    check_cache(sum(bytes_to_fetch(each) for each in (source, base) if each is not None))
    return source.commit


def check_cache(needed: int) -> None:
    """Stop where the Hub's cache has no room for what is to be fetched.

    Raises:
        ResourceError: it has not.
    """
    from huggingface_hub import constants

    free = free_disk(Path(constants.HF_HUB_CACHE))
    if free is not None and needed > free:
        raise ResourceError(
            f"{size_of(needed)} are to be downloaded, and the disk of the Hub's cache has "
            f"{size_of(free)} free",
            hint="free disk space, or set HF_HOME to a folder on another disk",
        )


def check_room(settings: Settings, source: Model, sets: Sets, chosen: Chosen, out: Path) -> None:
    """Stop before anything is computed where model, memory or disk will not do.

    Raises:
        UnsupportedModelError: quantised weights, code of its own, an encoder-decoder.
        ResourceError: too little memory or disk.
    """
    specs = _plugins(chosen)
    scored = {name: split.score for name, split in sets.splits.items()}
    base = None if source.base is None else source.base.source
    preflight.check(_look(settings, source.source, base, specs, scored, out))


def _plugins(chosen: Chosen) -> list[ScorerSpec | RepairerSpec]:
    """What may be tried: the scorers, or the one repairer."""
    if chosen.repairer is not None:
        return [chosen.repairer.spec]
    return [registered.spec for registered, _ in chosen.scorers]


def _look(
    settings: Settings,
    source: Source,
    base: Source | None,
    specs: Sequence[ScorerSpec | RepairerSpec],
    sets: Mapping[SetName, Sequence[Example]],
    out: Path | None,
) -> Plan:
    """What the dearest of these plug-ins takes; every scorer spills its scores to the disk."""
    return preflight.plan(
        source,
        base=base,
        merge=settings.merge,
        sets=sets,
        scorer_gradients=any(spec.gradients for spec in specs),
        iterative=any(isinstance(spec, ScorerSpec) and spec.iterative for spec in specs),
        scope="global",
        evaluate=settings.evaluate,
        token_budget=settings.token_budget,
        max_length=settings.max_length,
        out=out,
    )
