"""What a run will take: the plan of a command, and the refusal to start what can't end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.blocks import blocks_of, factors_of, is_matrix
from modelrepair.checkpoint.config import of_text, read_config
from modelrepair.checkpoint.coverage import check_coverage, check_globs, check_some_left, chosen
from modelrepair.checkpoint.heads import check_heads
from modelrepair.checkpoint.place import disk_errors, placed
from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.errors import ResourceError
from modelrepair.examples.splits import Splits
from modelrepair.examples.thinks import thoughts_of
from modelrepair.pipeline.ahead import Ahead, look_ahead, output_of
from modelrepair.pipeline.finished import check_settings
from modelrepair.pipeline.first_lines import opening_of
from modelrepair.pipeline.hub_plan import hub_plan
from modelrepair.pipeline.inputs import as_found, at_commits
from modelrepair.pipeline.private import shown_settings
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.device import check_device
from modelrepair.preflight.gpus import gpus_for
from modelrepair.preflight.limits import bounds_of
from modelrepair.preflight.needs import needs_of_all
from modelrepair.preflight.other_models import most_memory
from modelrepair.preflight.plan import Plan, check_plan, plan_model, with_answers
from modelrepair.preflight.plugins import Plugins, find_plugins
from modelrepair.preflight.refusals import Refusals, Stopped
from modelrepair.preflight.sets import Sets, cut_sets
from modelrepair.preflight.sets_ahead import SetsAhead, look_at_sets
from modelrepair.preflight.sizes import free_disk, on_one_disk
from modelrepair.preflight.speed import Job, Shape, accelerated, estimated, measured_speed
from modelrepair.preflight.tokens import token_scale
from modelrepair.preflight.workload import job_of
from modelrepair.progress import Notes, Progress
from modelrepair.publishing.options import PushOptions
from modelrepair.settings.checks import check
from modelrepair.settings.expand import expand
from modelrepair.settings.settings import Settings
from modelrepair.settings.units import unit_of
from modelrepair.source.parts import check_parts
from modelrepair.source.to_fetch import bytes_to_fetch
from modelrepair.text.readable import all_readable
from modelrepair.text.units import in_bytes


def plan_of(
    settings: Settings,
    out: str | None = None,
    pushing: PushOptions | None = None,
    *,
    restart: bool = False,
) -> Plan:
    """What a repair with these settings would take, from metadata alone; torch stays out.

    Args:
        settings: every choice of the repair.
        out: the output folder; default: one in the working folder.
        pushing: where the result would go; None where it would stay here.
        restart: whether unfinished work would be thrown away.

    Raises:
        ModelRepairError: what `repair` would refuse, where nothing could be planned after it.
    """
    check(settings)
    settings = expand(settings)
    notes = Notes()
    plugins = find_plugins(settings, notes)
    refusals = Refusals(keep=True)
    ahead = look_ahead(settings, plugins, out, pushing, notes, refusals)
    seen = look_at_sets(ahead.sets, notes, refusals)
    made = plan_ahead(settings, plugins, ahead, seen, out, notes, refusals, restart=restart)
    hub = hub_plan(settings, ahead, made, pushing)
    return replace(made, notes=(*made.notes, *notes.warnings, *plugins.remarks), hub=hub)


def plan_ahead(
    settings: Settings,
    plugins: Plugins,
    ahead: Ahead,
    seen: SetsAhead,
    out: str | None,
    notes: Notes,
    refusals: Refusals,
    *,
    restart: bool = False,
) -> Plan:
    """Sizes, time and bounds of what was looked at, and the first lines that say so.

    Args:
        settings: every choice of the repair, its preset filled in.
        plugins: what may be tried.
        ahead: what was looked at.
        seen: the example sets, as far as they are known.
        out: the output folder, where one was named.
        notes: what is worth telling.
        refusals: stops the run at the first, or keeps it.
        restart: whether unfinished work is to be thrown away.

    Raises:
        ExampleSetError: the sets can't be cut.
        UsageError: something else lies in the output's place.
        ResourceError: memory or disk will not do.
    """
    sets: Sets | None = None
    with refusals.kept():
        check_device(settings.device)
    with refusals.kept():
        sets = cut_sets(settings, dict(seen.given), notes) if seen.whole else None
    made = size_up(settings, ahead, plugins, sets, out)
    if made.kind.why is None:
        with refusals.kept():
            check_parts(ahead.source, ahead.base)
    with refusals.kept():
        finished = check_output(settings, plugins, ahead, seen, out, restart=restart)
        made = replace(made, finished=finished)
        if not finished:
            check_room(made, ahead, output_of(out, ahead.source))
    reference = ahead.reference.found is not None
    counted = settings, plugins.specs, ahead.subject, sets
    made = replace(made, bounds=bounds_of(*counted, reference=reference))
    thinks = bool(thoughts_of(ahead.source, ahead.base, settings.thought_markers).marks)
    job = job_of(*counted, reference=reference, thinks=thinks)
    if sets is not None:
        folder = (ahead.base or ahead.source).folder
        given = [each for some in sets.given.values() for each in some.examples]
        job = replace(job, scale=token_scale(folder, given, settings.max_length))
    longest = max(math.ceil(each.longest * job.scale[1]) for each in (job.report, job.select))
    prompts = max(job.report.prompts, job.select.prompts)
    made = with_answers(made, prompts, longest + job.longest + job.thought)
    made = with_time(made, job, settings.device, settings.token_budget, named=sets is not None)
    if plugins.repairer is not None:
        note = f"time is counted without what {plugins.repairer.spec.name} itself computes"
        made = replace(made, notes=(*made.notes, note))
    if any(each.role == "judge" and each.parameters for each in made.others):
        note = "time is counted without what the judge's model computes"
        made = replace(made, notes=(*made.notes, note))
    if refusals.keep and made.kind.why is None:
        # A plan goes by names and shapes; a repair asks the model itself before it fetches a
        # weight.
        with refusals.kept():
            check_reach(
                ahead,
                made,
                settings.targets,
                settings.exclude,
                merge=settings.merge,
                allow_partial=settings.allow_partial,
            )
            if any(unit_of(settings, each.spec) == "head" for each, _ in plugins.scorers):
                check_heads(made.source, *_layers(ahead, made))
    made = replace(made, error=Stopped.by(refusals.first))
    folder = output_of(out, ahead.source)
    opening = opening_of(ahead, seen, made, folder, evaluate=settings.evaluate)
    return replace(made, opening=opening)


def say_plan(progress: Progress, made: Plan) -> None:
    """Say the first lines of a run, and in figures what it takes at least and at most.

    Args:
        progress: where it is said.
        made: the plan.
    """
    bounds = made.bounds
    progress.plan(
        "\n".join(made.opening.lines() if made.opening else ()),
        seconds_least=made.seconds_least,
        seconds_most=made.seconds_most,
        memory_bytes=max(made.peak_bytes, made.generation_bytes, most_memory(made.others)),
        rounds=None if bounds is None else bounds.rounds,
        candidates=None if bounds is None else bounds.candidates,
        answers=None if bounds is None else bounds.answers,
    )


def check_output(
    settings: Settings,
    plugins: Plugins,
    ahead: Ahead,
    seen: SetsAhead,
    out: str | None,
    *,
    restart: bool = False,
) -> bool:
    """Whether the output holds this very repair already.

    A registered set is at the commit that it is registered at: it need not be read for that.

    Raises:
        UsageError: something else lies there, or a repair with other settings, finished or not.
    """
    sets = Sets(seen.given, Splits({}, {}, ()))
    named = as_found(settings, ahead.source, ahead.base, ahead.reference.found, sets)
    shown = shown_settings(at_commits(named, ahead.source.commit, sets), plugins).to_json()
    folder = placed(output_of(out, ahead.source), ahead.source.folder)
    with disk_errors(folder):
        return check_settings(folder, all_readable(shown), restart=restart)


def check_reach(
    ahead: Ahead,
    plan: Plan,
    targets: Sequence[str],
    exclude: Sequence[str],
    *,
    merge: bool,
    allow_partial: bool,
) -> None:
    """Stop where too little of the model can be repaired, or nothing of what was chosen.

    Raises:
        UnsupportedModelError: the coverage is too small.
        UsageError: a glob that matches no matrix.
    """
    check_coverage(plan.coverage, plan.skipped, allow_partial=allow_partial)
    factors = ahead.base is not None and not merge
    entries = ahead.read(ahead.source if factors else ahead.base or ahead.source).entries.values()
    matrices = [each for block in blocks_of([*entries], plan.blocks) for each in block]
    matrices = factors_of(entries) if factors else list(filter(is_matrix, matrices))
    names = [each.name for each in matrices if each.name not in plan.skipped]
    whole = [glob for glob in targets if "#" not in glob]
    check_globs(names, whole, [glob for glob in exclude if "#" not in glob])
    if whole == list(targets):
        check_some_left([n for n in names if chosen(n, targets, exclude)])


def _layers(ahead: Ahead, plan: Plan) -> tuple[Mapping[str, Any], list[list[TensorEntry]]]:
    """The config of the model's text part, and the tensors of each of its blocks."""
    whole = ahead.base or ahead.source
    entries = ahead.read(whole).entries.values()
    return of_text(read_config(whole.folder)), blocks_of([*entries], plan.blocks)


def with_time(plan: Plan, job: Job, device: str, token_budget: int, *, named: bool) -> Plan:
    """A plan with the time that it will take on this machine's processor.

    Args:
        plan: without.
        job: the work.
        device: where it is done, as the user named it.
        token_budget: tokens of a batch.
        named: whether the example sets were read.
    """
    if plan.gpus or accelerated(device):
        note = "time is not estimated for an accelerator: nothing is computed on it here"
        return replace(plan, notes=(*plan.notes, note))
    head = plan.vocabulary * plan.hidden_size
    # Where an adapter's factors are repaired, tokens go through its base's blocks all the same.
    inside = max(plan.block_parameters, plan.parameters - 2 * head)
    shape = Shape(inside, head, plan.blocks, token_budget, plan.hidden_size, plan.context)
    found = estimated(shape, job, measured_speed())
    notes = plan.notes if named else (*plan.notes, "time is counted for full example sets")
    if job.thought and (job.models or any(each.answered[1] for each in job.searches)):
        room = f"thoughts of up to {job.thought:,} tokens (--max-thought-tokens)"
        notes = (*notes, f"the most time is counted with {room} before every answer")
    return replace(
        plan,
        seconds_least=found.least,
        seconds_most=found.most,
        seconds_grounds=found.grounds,
        notes=notes,
    )


def check_cache(needed: int, written: int = 0) -> None:
    """Stop where the Hub's cache has no room for what is to be fetched.

    Args:
        needed: bytes to be downloaded.
        written: bytes that the repair writes on the same disk.

    Raises:
        ResourceError: it has not.
    """
    from huggingface_hub import constants

    free = free_disk(Path(constants.HF_HUB_CACHE))
    if needed and free is not None and needed + written > free:
        beside = "" if needed > free else f" and {in_bytes(written)} written on one disk"
        raise ResourceError(
            f"{in_bytes(needed)} are to be downloaded{beside}, and the disk of the Hub's cache has "
            f"{in_bytes(free)} free",
            hint="free disk space, or set HF_HOME to a folder on another disk",
            id="not-enough-disk",
        )


def check_room(plan: Plan, ahead: Ahead, out: Path) -> None:
    """Stop before a weight is fetched where memory or disk will not do.

    Args:
        plan: what the repair takes.
        ahead: what would be fetched.
        out: the output folder.

    Raises:
        ResourceError: they will not.
    """
    from huggingface_hub import constants

    check_plan(plan)
    models = [ahead.source, ahead.base]
    if ahead.reference.by != "adapter":
        models.append(ahead.reference.found)
    fetched = sum(bytes_to_fetch(each) for each in models if each and not each.complete)
    fetched += sum(each.download_bytes for each in plan.others)
    shared = on_one_disk(out.absolute().parent, Path(constants.HF_HUB_CACHE))
    check_cache(fetched, (plan.output_bytes + plan.work_bytes) * shared)


def size_up(
    settings: Settings, ahead: Ahead, plugins: Plugins, sets: Sets | None, out: str | None
) -> Plan:
    """What the dearest of these plug-ins takes."""
    specs = plugins.specs
    needed = needs_of_all(plugins, ahead.subject)
    splits = {} if sets is None else sets.splits
    demand = Demand(
        merge=settings.merge,
        sets={name: split.score for name, split in splits.items() if name in needed},
        gradients=any(spec.gradients for spec in specs),
        iterative=any(isinstance(spec, ScorerSpec) and spec.iterative for spec in specs),
        copies=sum(each.copies for each in specs if isinstance(each, RepairerSpec) and each.trains),
        scores=any(isinstance(spec, ScorerSpec) for spec in specs),
        evaluate=settings.evaluate,
        answers=settings.answers,
        token_budget=settings.token_budget,
        max_length=settings.max_length,
    )
    made = plan_model(
        ahead.source,
        demand,
        base=ahead.base,
        out=output_of(out, ahead.source).absolute().parent,
        gpus=gpus_for(settings.device),
        read=ahead.read,
    )
    return replace(made, left_behind=ahead.left_behind, others=ahead.others)
