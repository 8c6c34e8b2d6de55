"""A repair, top to bottom: find, measure, search, write, measure again, decide, publish.

source ─► sets ─► sites ─► measure ─► score, select, search ─► write ─► measure ─► gate
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelrepair import prepare
from modelrepair.bench import Bench, Found, Model, Notes
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.device import find_device
from modelrepair.draft import draft_manifest, manifest_sites
from modelrepair.errors import UsageError
from modelrepair.examples.look import look_at_splits
from modelrepair.measure.gate import GateResult, decide, nothing_to_repair
from modelrepair.measure.measures import Measures, summarise
from modelrepair.measure.results import ExampleResult
from modelrepair.own_answers import answer_own
from modelrepair.planning import check_room
from modelrepair.presets import PRESETS, expand, quota_of
from modelrepair.progress import Progress
from modelrepair.publish.output import (
    Positions,
    finish,
    with_not_fetched,
    write_record,
    write_weights,
)
from modelrepair.registry.loading import Registered
from modelrepair.registry.manager import make_scorer
from modelrepair.registry.options import parse_options
from modelrepair.registry.specs import MeasuredSet, ScorerSpec, SetName, SubjectKind
from modelrepair.report import MeasureReport, RepairReport, RepairVerdict
from modelrepair.sets import load_sets, load_whole_sets, score_batches, screen_roles
from modelrepair.settings import Settings, check, check_choices
from modelrepair.workspace import inputs_of, open_workspace

if TYPE_CHECKING:
    from modelrepair.examples.splits import Part
    from modelrepair.rounds import Scoring
    from modelrepair.search import Point

ALIGNED = 0.10
"""A reference that was found by itself counts as aligned up to this harmful score."""

Role = Literal["before", "reference", "after"]
Answers = Mapping[MeasuredSet, list[str]]


@dataclass
class Measured:
    """What was measured on the report split: results by role, and the answers behind them."""

    results: dict[Role, tuple[ExampleResult, ...]] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)

    def measures(self, judge: str) -> dict[str, Measures]:
        """The measures by role."""
        return {role: summarise(results, judge) for role, results in self.results.items()}


def run(
    settings: Settings,
    out: str | None,
    progress: Progress,
    remembered: Path | None = None,
    *,
    commit: str | None = None,
    target: str | None = None,
) -> RepairReport:
    """The way of a model through the house, from its settings to its report.

    Args:
        settings: every choice of the repair.
        out: the output folder; by itself ``./NAME-repaired``.
        progress: where long steps are shown.
        remembered: a folder where several repairs of one model share its own measurements.
        commit: of the source, where it was looked up before.
        target: the Hub id that the result will have, where it is known.
    """
    started = time.monotonic()
    check(settings)
    settings = expand(settings)
    notes = Notes()
    chosen = prepare.choose_plugins(settings, notes)
    sets = load_sets(settings, notes, chosen.judge)
    screen_roles(sets, chosen.judge)
    source = prepare.find_source(settings, commit=commit)
    reference = prepare.find_reference(settings, source, notes)
    destination = Path(out or f"{source.source.name}-repaired")
    inputs = inputs_of(sets, chosen, source, source.base, reference)
    digest = settings.digest(inputs=inputs)
    check_room(settings, source, sets, chosen, destination.absolute().parent)
    workspace = open_workspace(destination, digest, source.source.folder)
    with workspace.going_on():
        source = prepare.merged(settings, source, workspace, progress)
        bench = prepare.open_bench(
            settings, source, sets, chosen, workspace, notes, progress, remembered
        )
        _check_sweep(bench)
        _require_sets(bench, 0, _subject(settings, source, reference))
        bench = answer_own(bench)
        look_at_splits(bench.sets.splits, bench.panel.template, notes)
        measured = Measured()
        if settings.evaluate:
            reference = _measure_before(bench, measured, reference)
            before, aligned = measured.results["before"], measured.results.get("reference")
            if nothing_to_repair(before, aligned, settings.budgets):
                workspace.close()
                return _report("nothing to repair", bench, measured)

        found = _find_mask(bench, reference)
        of_delta = reference if found.scoring.subject == "delta" else None
        positions = _positions(bench, found.point)
        written = write_weights(
            _emptied(workspace.staged),
            source=source.checkpoint,
            sites=manifest_sites(bench.sites, found.scoring),
            positions=positions,
            reference=of_delta.checkpoint if of_delta else None,
            scale=settings.scale,
            base_id=prepare.base_id(source, notes),
            progress=progress,
        )
        written = with_not_fetched(written, source.source.left_behind)
        gate = None
        if settings.evaluate:
            _measure_report(bench, measured, "after", _opened(workspace.staged, source))
            gate = decide(before, measured.results["after"], aligned, settings.budgets)
            if gate.backwards:
                workspace.close()
                return _report("backwards", bench, measured, gate)

        chosen.tell(notes)
        measures = measured.measures(bench.panel.judge.name)
        seconds = time.monotonic() - started
        manifest = write_record(
            workspace.staged,
            draft_manifest(bench, found, reference, measures, gate, seconds),
            written,
            source=source.checkpoint,
            positions=positions,
            reference=of_delta.checkpoint if of_delta else None,
            results=dict(measured.results),
            store_values=settings.store_values,
            target=target,
        )
        folder = finish(workspace.staged, workspace.out)
        workspace.close()
    report = _report(manifest.verdict, bench, measured, gate)
    return replace(report, out=folder, manifest=manifest)


def run_measure(settings: Settings, progress: Progress) -> MeasureReport:
    """Measure one model on whole sets."""
    import tempfile

    from modelrepair.measure.evaluate import check_sweep, evaluate

    check_choices(settings)
    notes = Notes()
    chosen = prepare.choose_plugins(settings, notes)
    sets = load_whole_sets(settings, notes)
    model = prepare.find_source(settings, repair=False)
    device = find_device(settings.device)
    skeleton = prepare.open_skeleton(settings, model, device)
    panel = prepare.open_panel(settings, model, skeleton, sets, chosen.judge, notes)
    read = prepare.weights_of(settings, model, device).read
    if "utility" in sets:
        check_sweep(panel, skeleton, read, panel.splits["utility"].report)
    with tempfile.TemporaryDirectory(prefix="modelrepair-") as folder:
        results, answers = evaluate(
            panel,
            "report",
            skeleton,
            read,
            Path(folder) / "measuring",
            progress,
        )
    chosen.tell(notes)
    return MeasureReport(
        model.name, summarise(results, chosen.judge.name), answers, tuple(notes.warnings)
    )


def _check_sweep(bench: Bench) -> None:
    """Refuse a model that gives other results block by block, before anything is computed."""
    from modelrepair.measure.evaluate import check_sweep

    read = prepare.weights_of(bench.settings, bench.source, bench.device).read
    check_sweep(bench.panel, bench.skeleton, read, bench.sets.splits["realign"].score)


def _measure_before(bench: Bench, measured: Measured, reference: Model | None) -> Model | None:
    """Measure source and reference; an unaligned reference that nobody named is no reference."""
    _measure_report(bench, measured, "before", bench.source)
    if reference is None:
        return None
    _measure_report(bench, measured, "reference", reference)
    score = measured.measures(bench.panel.judge.name)["reference"].harmful_score
    if score is None or score.value <= ALIGNED:
        return reference
    told = f"the reference {reference.name} answers {score.value:.0%} of the prompts harmfully"
    if bench.settings.reference != "auto":
        bench.notes.warn(f"{told}: going back to it repairs no more than that")
        return reference
    bench.notes.warn(f"{told}: it is not aligned and not used")
    del measured.results["reference"], measured.answers["reference"]
    return None


def _measure_report(bench: Bench, measured: Measured, role: Role, model: Model) -> None:
    results, answers = _measure(bench, model, role, "report")
    measured.results[role] = results
    measured.answers[role] = answers


def _measure(
    bench: Bench, model: Model, role: Role, part: Part
) -> tuple[tuple[ExampleResult, ...], Answers]:
    """Measure a model as it lies on disk, or remember it from before an interruption."""
    from modelrepair.measure.evaluate import evaluate
    from modelrepair.search import remember

    folder = bench.workspace.work / "measured"
    known = bench.remembered if role != "after" else folder
    answers: dict[MeasuredSet, list[str]] = {}

    def compute() -> list[dict[str, object]]:
        skeleton = bench.skeleton
        if role == "reference":
            skeleton = prepare.open_skeleton(bench.settings, model, bench.device)
        read = prepare.weights_of(bench.settings, model, bench.device).read
        work = folder / "measuring"
        rows, texts = evaluate(bench.panel, part, skeleton, read, work, bench.progress)
        answers.update(texts)
        return [asdict(row) for row in rows]

    rows = remember(known / f"{role}-{part}.json", compute)
    return tuple(ExampleResult(**row) for row in rows), answers


def _find_mask(bench: Bench, reference: Model | None) -> Found:
    """Let each scorer search in turn, until one repairs on the select split."""
    from modelrepair.measure.evaluate import Screen, screen
    from modelrepair.search import Baseline, Trial, choose, fixed, remember, repairs, search

    settings = bench.settings
    subject = _subject(settings, bench.source, reference)
    if settings.ratio is not None and settings.ratio != "auto":
        scoring = _scoring(bench, reference, subject, 0)
        ratio, step = float(settings.ratio), settings.step
        point = fixed(scoring, ratio, step, settings.max_rounds, bench.progress)
        return Found(scoring, point, (point,))

    work = bench.workspace.work / "screening"
    read = prepare.weights_of(settings, bench.source, bench.device).read
    seen = remember(
        bench.remembered / "before-screen.json",
        lambda: screen(bench.panel, bench.skeleton, read, work, bench.progress).to_json(),
    )
    baseline = Baseline(
        before=_measure(bench, bench.source, "before", "select")[0],
        before_screen=Screen(**seen),
        reference=_measure(bench, reference, "reference", "select")[0] if reference else None,
    )
    tried: list[Point] = []
    scorings: dict[str, Scoring] = {}
    for number, (registered, _) in enumerate(bench.chosen.scorers):
        if number > 0 and (missing := _missing_set(bench, number, subject)):
            bench.notes.warn(f"{registered.spec.name} was not tried: it needs {missing[1]}")
            break
        scoring = _scoring(bench, reference, subject, number)
        scorings[registered.spec.name] = scoring
        trial = Trial(scoring, bench.panel, settings.budgets, baseline, bench.progress)
        tried += search(trial, settings.step, settings.max_rounds)
        best = choose(tried, baseline, settings.budgets)
        if repairs(best, baseline, settings.budgets):
            break
    return Found(scorings[best.scorer], best, tuple(tried))


def _scoring(bench: Bench, reference: Model | None, subject: SubjectKind, number: int) -> Scoring:
    """One scorer, made for this subject, with the batches of the sets that it needs."""
    from modelrepair.rounds import Scoring

    settings = bench.settings
    registered, options = bench.chosen.scorers[number]
    _require_sets(bench, number, subject)
    protect = settings.protect
    if protect is None:
        protect = 0.10 if subject == "weight" and "utility" in bench.sets.splits else 0.0
    delta = reference if subject == "delta" else None
    return Scoring(
        skeleton=bench.skeleton,
        sites=bench.sites,
        weights=prepare.weights_of(settings, bench.source, bench.device, delta),
        registered=registered,
        scorer=make_scorer(registered, options, subject),
        subject=subject,
        scope=settings.scope or registered.spec.scope,
        batches=score_batches(bench.panel, bench.notes),
        protect=protect,
        folder=bench.workspace.work / f"scorer-{number}-{_version(registered)}",
        quota=quota_of(settings.preset),
    )


def _require_sets(bench: Bench, number: int, subject: SubjectKind) -> None:
    """Refuse a scorer or a protection that lacks a set, before anything is measured."""
    if missing := _missing_set(bench, number, subject):
        name = bench.chosen.scorers[number][0].spec.name
        raise UsageError(
            f"scorer {name!r} needs {missing[1]}",
            hint=f"give one with --{missing[0]}, or choose another scorer",
        )
    if (bench.settings.protect or 0) > 0 and "utility" not in bench.sets.splits:
        raise UsageError("--protect needs a utility set", hint="give one with --utility")


def _version(registered: Registered[ScorerSpec]) -> str:
    """Tells a scorer that was changed since the interruption from the one that was at work."""
    origin = f"{registered.spec.name} {registered.distribution} {registered.version}"
    return hashlib.sha256(origin.encode()).hexdigest()[:8]


def _missing_set(bench: Bench, number: int, subject: SubjectKind) -> tuple[SetName, str] | None:
    """The first set that a scorer lacks or that lacks answers, and how to say it."""
    registered, options = bench.chosen.scorers[number]
    spec = registered.spec
    needed = spec.sets(parse_options(spec.options, options, spec.name), subject)
    for name, use in needed.items():
        if name not in bench.sets.splits:
            return name, f"a {name} set"
        given = bench.sets.given[name]
        if use == "pairs" and not given.answered:
            return name, f"answers in the {name} set, and {given.id} has prompts alone"
    return None


def _subject(settings: Settings, source: Model, reference: Model | None) -> SubjectKind:
    if source.base is not None:
        return "factor"
    if settings.subject == "delta" and reference is None:
        raise UsageError(
            "a delta needs a reference, and none is known or aligned",
            hint="name it with --reference, or use --subject weight",
        )
    if settings.subject != "auto":
        return settings.subject
    if settings.preset is not None:
        return PRESETS[settings.preset].subject
    return "delta" if reference is not None else "weight"


def _positions(bench: Bench, point: Point) -> Positions:
    entries = {tensor.name: tensor.entries for tensor in bench.sites.tensors}
    return lambda name: point.masks.positions(name, entries[name])


def _opened(folder: Path, source: Model) -> Model:
    return replace(
        source, source=replace(source.source, folder=folder), checkpoint=Checkpoint.open(folder)
    )


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _report(
    verdict: RepairVerdict, bench: Bench, measured: Measured, gate: GateResult | None = None
) -> RepairReport:
    bench.chosen.tell(bench.notes)
    return RepairReport(
        verdict=verdict,
        out=None,
        manifest=None,
        gate=gate,
        measures=measured.measures(bench.panel.judge.name),
        answers=measured.answers,
        warnings=tuple(bench.notes.warnings),
    )
