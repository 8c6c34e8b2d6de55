"""A repair, top to bottom: find, measure, search, write, measure again, decide, publish.

source ─► sets ─► sites ─► measure ─► score, select, search ─► write ─► measure ─► gate
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair import ranks
from modelrepair.artifact.writer import (
    WrittenWeights,
    finish,
    with_not_fetched,
    write_record,
    write_weights,
)
from modelrepair.checkpoint.kept_files import classify
from modelrepair.checkpoint.place import placed
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.evaluation.gate import GateResult, decide
from modelrepair.evaluation.standing import nothing_to_repair
from modelrepair.examples.checks import look_at_splits
from modelrepair.moving import emptied
from modelrepair.pipeline.ahead import look_ahead, output_of
from modelrepair.pipeline.begun import Begun
from modelrepair.pipeline.benign_kinds import note_kinds
from modelrepair.pipeline.change import (
    choose_change,
    edit_of,
    require_sets,
    subject_of,
    with_models,
)
from modelrepair.pipeline.context import RunContext
from modelrepair.pipeline.fill_missing import fill_missing_responses
from modelrepair.pipeline.finished import check_time, find_finished, report_of
from modelrepair.pipeline.inputs import as_found, at_commits, check_unchanged, inputs_of, made_on
from modelrepair.pipeline.kept import base_id, check_left
from modelrepair.pipeline.kept_whole import check_output
from modelrepair.pipeline.measured import (
    Measured,
    folder_after,
    measure_before,
    measure_report,
    measure_rest,
    measure_select,
)
from modelrepair.pipeline.models import check_layout, fetch_source, merged
from modelrepair.pipeline.next_steps import advice
from modelrepair.pipeline.open_models import look_inside, open_context, skeleton_and_read
from modelrepair.pipeline.own_answers import answer_own
from modelrepair.pipeline.own_text import text_record
from modelrepair.pipeline.planning import plan_ahead, say_plan, size_up
from modelrepair.pipeline.private import shown_settings
from modelrepair.pipeline.record import draft_manifest, manifest_sites
from modelrepair.pipeline.reference import with_tokens
from modelrepair.pipeline.reports import RepairReport, RepairVerdict
from modelrepair.pipeline.standing import never_aligned
from modelrepair.pipeline.templates import asked_panels, evaluate_with_template, with_own
from modelrepair.pipeline.workspace import work_on
from modelrepair.preflight.model import Model
from modelrepair.preflight.plan import check_plan
from modelrepair.preflight.plugins import find_plugins, with_judge
from modelrepair.preflight.reference import fetch_reference
from modelrepair.preflight.refusals import Refusals
from modelrepair.preflight.sets import load_sets, screen_roles
from modelrepair.preflight.sets_ahead import look_at_sets
from modelrepair.progress import Notes, Progress
from modelrepair.publishing.options import PushOptions
from modelrepair.search.clock import start_clock
from modelrepair.settings.checks import check
from modelrepair.settings.expand import expand
from modelrepair.settings.settings import Settings
from modelrepair.text.readable import all_readable
from modelrepair.text.units import counted

if TYPE_CHECKING:
    from modelrepair.artifact.manifest import Manifest
    from modelrepair.examples.example import Example


def run(
    settings: Settings,
    out: str | None,
    progress: Progress,
    remembered: Path | None = None,
    *,
    pushing: PushOptions | None = None,
    restart: bool = False,
) -> RepairReport:
    """Run a repair from its settings to its report.

    Args:
        settings: every choice of the repair.
        out: the output folder; default ``./NAME-repaired``.
        progress: where long steps are shown.
        remembered: a folder where several repairs of one model share its own measurements.
        pushing: where the result will be pushed; None where it stays here.
        restart: throw away what an unfinished repair left beside the output.
    """
    started = time.monotonic()
    check(settings)
    settings = expand(settings)
    notes = Notes()
    plugins = find_plugins(settings, notes)
    for line in plugins.remarks:
        progress.note(line)
    refusals = Refusals(keep=False)
    ahead = look_ahead(settings, plugins, out, pushing, notes, refusals)
    here = look_at_sets(ahead.sets, notes, refusals)
    target = None if ahead.destination is None else ahead.destination.id
    planned = plan_ahead(settings, plugins, ahead, here, out, Notes(), refusals, restart=restart)
    say_plan(progress, planned)
    chosen = with_judge(plugins)
    sets = load_sets(settings, notes, chosen.judge, ahead.sets, here.given)
    screen_roles(sets, chosen.judge)
    if not planned.finished:
        check_plan(size_up(settings, ahead, plugins, sets, out))
    destination = placed(output_of(out, ahead.source), ahead.source.folder)
    if not (ahead.source.complete or settings.merge):
        # What only the model's own layers show is known before gigabytes are fetched, too.
        look_inside(settings, ahead.model, sets, chosen, Notes())
    layout = ahead.model, settings.arithmetic
    check_layout(*layout, merge=settings.merge, allow_partial=settings.allow_partial)
    source = fetch_source(ahead.model, settings.include)
    reference = fetch_reference(ahead.reference, source)
    settings = as_found(settings, ahead.source, ahead.base, ahead.reference.found, sets)
    shown = shown_settings(at_commits(settings, ahead.source.commit, sets), chosen).to_json()
    chosen = with_models(chosen, source)
    another = None if reference is source.base else reference
    models = {"source": source, "base": source.base, "reference": another, **chosen.models}
    inputs = inputs_of(sets, chosen, models, progress, settings.include)
    begun = Begun(*map(all_readable, (shown, inputs)))
    done = find_finished(destination, begun, made_on(inputs, chosen), progress, restart=restart)
    if done is not None:
        check_time(destination, done, settings.max_time)
        return report_of(destination, done, settings)
    with progress.step("checking what the model needs", total=1) as advance:
        check_left(source, progress, settings.include, merge=settings.merge)
        advance(1)
    with work_on(destination, begun, source.source.folder, restart=restart) as workspace:
        if settings.merge:
            source = merged(source, workspace, progress, settings.include)
        with progress.step("opening the model", total=1) as advance:
            context = open_context(
                settings, source, sets, chosen, workspace, notes, progress, remembered
            )
            advance(1)
        clock = ranks.share(lambda: start_clock(workspace.folder, settings.max_time, started))
        context = replace(context, clock=clock)
        _check_sweep(context)
        reference = with_tokens(context, reference)
        _check_finite(context, reference)
        require_sets(context, subject_of(context, reference), reference)
        context = answer_own(context)
        look_at_splits(context.sets.splits, context.panel.template, notes)
        panels = asked_panels(context)
        measured = Measured()
        if settings.evaluate:
            reference = measure_before(context, measured, reference)
            before, aligned = measured.results["before"], measured.results.get("reference")
            if harmless := nothing_to_repair(before, aligned, settings.budgets):
                workspace.close()
                return _report("nothing to repair", context, measured, reason=harmless.reason)
            if reference is None and (hint := never_aligned(before)):
                notes.warn(hint)
            measure_rest(context, measured, "before", context.source)
            if context.panel.generates:
                wanted = settings.kind_examples
                note_kinds(context.sets.splits, wanted, measured.results["before"], notes)
            if reference is not None:
                measure_rest(context, measured, "reference", reference)

        context = fill_missing_responses(context, reference, subject_of(context, reference))
        panels = with_own(context, panels, reference)
        found = choose_change(context, reference, lambda *which: measure_select(context, *which))
        if found.stopped:
            last = found.methods[-1]
            rounds = counted(last.rounds, "round")
            progress.note(
                f"--max-time ends the search: {last.name} took {rounds}, and "
                f"{last.candidates} of its candidates answered; the best candidate is taken"
            )
        edit = edit_of(context, found, reference)
        base = base_id(source, notes)
        written = ranks.share(
            lambda: write_weights(
                emptied(workspace.staged),
                source=source.checkpoint,
                sites=manifest_sites(context.sites, found.made),
                edit=edit,
                files=classify(
                    source.source.folder,
                    weights=source.checkpoint.files,
                    index=source.checkpoint.index,
                    include=settings.include,
                ),
                base_id=base,
                progress=progress,
            )
        )
        check_output(source.source.folder, workspace.staged, source.name)
        written = with_not_fetched(written, source.source.left_behind)
        for name, what in written.rewritten.items():
            notes.warn(f"{name}: {what}")
        gate, under = None, []
        if settings.evaluate:
            repaired = _opened(workspace.staged, source)
            known = folder_after(context, written)
            measure_report(context, measured, "after", repaired, known)
            measure_rest(context, measured, "after", repaired, known)
            seen = measured.results
        if settings.answers:
            gate = decide(seen["before"], seen["after"], seen.get("reference"), settings.budgets)
            if gate.backwards:
                workspace.close()
                return _report("backwards", context, measured, gate)
            under = evaluate_with_template(context, panels, repaired, known)

        measures = measured.measures(context.panel.judge.name)
        seconds = time.monotonic() - started

        def written_whole() -> tuple[Manifest, Path]:
            text = text_record(context, measured.results)
            draft = draft_manifest(context, found, reference, measures, gate, seconds, under, text)
            _check_inputs(draft, written, workspace.inputs)
            manifest = write_record(
                workspace.staged,
                draft,
                written,
                source=source.checkpoint,
                edit=edit,
                results=dict(measured.results),
                store_values=settings.store_values,
                target=target,
            )
            return manifest, finish(workspace.staged, workspace.out)

        manifest, folder = ranks.share(written_whole)
        workspace.close()
    report = _report(manifest.verdict, context, measured, gate)
    following = advice(settings, manifest, gate)
    return replace(report, out=folder, manifest=manifest, next=following)


def _check_inputs(draft: Manifest, written: WrittenWeights, inputs: Mapping[str, str]) -> None:
    """Refuse a result whose files are others now than when it was begun."""
    source = written.source_files if draft.adapter is None else draft.adapter.files
    check_unchanged(inputs, "source", source)
    for role, origin in (("base", draft.base), ("reference", draft.reference)):
        check_unchanged(inputs, role, {} if origin is None else origin.files)


def _check_sweep(context: RunContext) -> None:
    """Refuse a model that gives other results block by block, before anything is computed."""
    from modelrepair.evaluation.evaluate import check_sweep

    check_sweep(context.panel, *skeleton_and_read(context, context.source), _some(context))


def _some(context: RunContext) -> tuple[Example, ...]:
    """Examples to look at the model with: realign's, else those of what was read; or none."""
    return next((split.score for split in context.sets.splits.values()), ())


def _check_finite(context: RunContext, reference: Model | None) -> None:
    """Refuse a source or reference whose loss is no number, before anything is computed."""
    from modelrepair.evaluation.evaluate import check_finite

    examples, work = _some(context), context.workspace.work / "finite"
    opened = skeleton_and_read(context, context.source)
    check_finite(context.panel, *opened, examples, work)
    if reference is None or not context.settings.evaluate:
        return
    opened = skeleton_and_read(context, reference, aligned=True)
    check_finite(context.panel_of(reference), *opened, examples, work, "the reference")


def _opened(folder: Path, source: Model) -> Model:
    return replace(
        source, source=replace(source.source, folder=folder), checkpoint=Checkpoint.open(folder)
    )


def _report(
    verdict: RepairVerdict,
    context: RunContext,
    measured: Measured,
    gate: GateResult | None = None,
    reason: str = "",
) -> RepairReport:
    return RepairReport(
        verdict=verdict,
        reason=reason,
        out=None,
        manifest=None,
        gate=gate,
        measures=measured.measures(context.panel.judge.name),
        answers=measured.answers,
        warnings=context.warnings,
    )
