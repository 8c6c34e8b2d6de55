"""A verdict on a repair whose answers were left for later: ask, judge, decide, replace the record.

repair ─► sets ─► answers of source, result, reference ─► gate ─► manifest, card, verdicts
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from modelrepair.artifact.digests import canonical, digest
from modelrepair.artifact.records import AnswersRecord, JudgeRecord, ModelRole
from modelrepair.artifact.replacing import BEFORE, BESIDE, put_back, replace_record
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.checkpoint.place import disk_errors, reserved
from modelrepair.errors import ExampleSetError, UsageError
from modelrepair.evaluation.gate import decide as judge_repair
from modelrepair.evaluation.measures import Measures, figures_of, summarise
from modelrepair.evaluation.results import KINDS, TEXT, ExampleResult
from modelrepair.evaluation.standing import nothing_to_repair, unread
from modelrepair.examples.keys import SetKey
from modelrepair.moving import remove_folder
from modelrepair.pipeline.answerers import (
    Answerer,
    Asking,
    Saved,
    find_answerer,
    results_of,
)
from modelrepair.pipeline.arguments import Place
from modelrepair.pipeline.behind import Behind, open_behind
from modelrepair.pipeline.benign_kinds import kinds_record, note_kinds
from modelrepair.pipeline.how_asked import judge_record
from modelrepair.pipeline.next_steps import advice
from modelrepair.pipeline.open_models import ANSWERED_LATER
from modelrepair.pipeline.reports import RepairReport, verdict_of
from modelrepair.pipeline.standing import check_judgeable, named_unaligned, unaligned
from modelrepair.pipeline.undecided import (
    Undecided,
    check_same_judge,
    check_same_sets,
    measuring_settings,
    read_undecided,
)
from modelrepair.preflight.named_sets import named_sets
from modelrepair.preflight.plugins import SelectedPlugins, find_plugins, with_judge
from modelrepair.preflight.sets import load_sets, read_named
from modelrepair.progress import CALLED, Notes, Progress
from modelrepair.settings.settings import Settings
from modelrepair.text.typed_paths import from_home

ASKED = "asked"
"""In the work folder: what was answered so far, a file for each model."""
ROLES: tuple[ModelRole, ...] = ("before", "after", "reference")

Results = dict[ModelRole, list[ExampleResult]]


@dataclass(frozen=True)
class Deciding:
    """Who answers for which model, and what the manifest of the repair can't say.

    Args:
        places: by role: an address, or saved measurements.
        models: by role: what the server calls it; None for the one that it has.
        at_once: requests under way together.
        sets: example sets that are named again.
        base: what an adapter adapts.
        judge_options: those that are given again: secrets, and folders.
    """

    places: Mapping[ModelRole, Place]
    models: Mapping[ModelRole, str | None] = field(default_factory=dict)
    at_once: int = 8
    sets: Mapping[SetKey, str | Path | None] = field(default_factory=dict)
    base: str | None = None
    judge_options: Mapping[str, Any] = field(default_factory=dict)


def run_decide(
    out: Path, asked: Deciding, progress: Progress, *, restart: bool = False
) -> RepairReport:
    """Ask, decide, and replace the record of a repair.

    Args:
        out: the repair's folder.
        asked: who answers.
        progress: where the work is shown.
        restart: throw away the answers that an interrupted run left.
    """
    out = from_home(out).absolute()
    if out.is_symlink():
        out = out.resolve()  # the folder gives way, not the link to it
    work = out.with_name(f"{out.name}.deciding")
    if not out.is_dir() and not (work / BEFORE).is_dir():
        raise UsageError(
            f"there is no folder {out.name!r}",
            hint="give the folder that `modelrepair fix … --answer-later` wrote",
            id="no-such-folder",
        )
    if Path.cwd().is_relative_to(out.resolve()):
        raise UsageError(
            f"{out.name!r} is the working folder, or one above it, and another takes its place",
            hint="run the same command from another folder",
        )
    with reserved(out), _working(out, work, restart=restart):
        return _decided(read_undecided(out, progress), asked, work, progress)


@contextmanager
def _working(out: Path, work: Path, *, restart: bool) -> Iterator[None]:
    """Work beside a repair; what was answered stays where that is interrupted or refused."""
    with disk_errors(out):
        there = {path.name for path in work.iterdir()} if work.is_dir() else set()
        if there - {ASKED, BESIDE, BEFORE} or (work.exists() and not work.is_dir()):
            raise UsageError(
                f"{work.name!r} is in the way and not ours",
                hint="remove it, or give it another name",
                id="output-in-the-way",
            )
        put_back(out, work)
        if restart:
            remove_folder(work)
        try:
            yield
        except BaseException as error:
            put_back(out, work)
            remove_folder(work / BESIDE)
            done = isinstance(error, UsageError) and error.id == "decided-already"
            if done or not any((work / ASKED).glob("*.json")):
                remove_folder(work)
            raise
        remove_folder(work)


def _decided(repair: Undecided, asked: Deciding, work: Path, progress: Progress) -> RepairReport:
    settings = measuring_settings(repair, asked.sets, asked.base, asked.judge_options)
    chosen, behind = _opened(repair, settings)
    judge, notes = judge_record(settings, chosen), Notes()
    check_same_judge(repair.manifest, judge)
    answerers = _answerers(repair, asked, settings, judge)
    asking = Asking(behind, settings, any(isinstance(by, Saved) for by in answerers.values()))
    results, answers = _ask_all(repair, answerers, asking, work, judge, notes, progress)
    _drop_unaligned(repair, results, answers, notes)
    before, aligned = results["before"], results.get("reference")
    for line in unread(before, "source"):
        notes.warn(line)
    note_kinds(behind.panel.splits, settings.kind_examples, before, notes)
    gate = judge_repair(before, results["after"], aligned, settings.budgets)
    measures: dict[str, Measures] = {
        role: summarise(some, judge.name) for role, some in results.items()
    }
    warnings = (*notes.warnings, *chosen.judge_notes)
    report = RepairReport("nothing to repair", None, None, None, measures, warnings=warnings)
    harmless = nothing_to_repair(before, aligned, settings.budgets)
    if harmless and not gate.backwards:
        return replace(report, reason=harmless.reason)
    said = [line for line in repair.manifest.warnings if line != ANSWERED_LATER]
    told = list(dict.fromkeys([*said, *warnings]))
    changes = {
        "measures": measures,
        "answers": answers,
        # No budget need be missed where refusals alone became fewer.
        "verdict": "failed" if gate.backwards else gate.verdict,
        "gate": gate.to_json(),
        "kinds": kinds_record(behind.panel.splits, measures),
        "judge": judge,
        # It may be decided again, and of swapped models nothing is said then.
        "warnings": said if gate.backwards else told,
    }
    made = replace_record(repair.out, work, repair.manifest, changes, results)
    return replace(
        report,
        verdict=verdict_of(made),
        out=repair.out,
        manifest=made,
        gate=gate,
        warnings=tuple(told),
        next=advice(repair.settings, made, gate),
    )


def _ask_all(
    repair: Undecided,
    answerers: Mapping[ModelRole, Answerer],
    asking: Asking,
    work: Path,
    judge: JudgeRecord,
    notes: Notes,
    progress: Progress,
) -> tuple[Results, dict[ModelRole, AnswersRecord]]:
    """The results of each model, with the utility that the repair took of it; what answered."""
    kept = read_verdicts(repair.out / VERDICTS_NAME)
    # Another repair may lie here by now, behind the same address and the same name.
    of = {"repair": digest(repair.manifest), "judge": judge.model_dump(mode="json")}
    results: Results = {}
    answers: dict[ModelRole, AnswersRecord] = {}
    for role, by in answerers.items():
        with progress.step(CALLED[role]) as said:
            found, answers[role] = _answered(role, by, asking, results, work, of, progress)
            said.found(**figures_of(found))
        results[role] = _merged(found, kept.get(role, []), kept["before"])
        whose = f"the {CALLED[role]}{' model' if role == 'after' else ''}"
        if role != "after":
            check_judgeable(results[role], whose)
        if answers[role].route == "chat/completions":
            notes.warn(f"the server of {whose} rendered the messages with its own chat template")
    return results, answers


def _opened(repair: Undecided, settings: Settings) -> tuple[SelectedPlugins, Behind]:
    """The judge, and what renders the prompts of the same sets that the repair had.

    Notes on the sets are in the repair's manifest.
    """
    quiet = Notes()
    chosen = with_judge(find_plugins(settings, quiet))
    given = {key: read_named(each, key.role, quiet) for key, each in named_sets(settings).items()}
    check_same_sets(repair.manifest, given)
    sets = load_sets(settings, quiet, chosen.judge, known=given)
    check_same_sets(repair.manifest, sets.given, whole=True)
    return chosen, open_behind(settings, sets.splits, chosen.judge, quiet)


def _answerers(
    repair: Undecided, asked: Deciding, settings: Settings, judge: JudgeRecord
) -> dict[ModelRole, Answerer]:
    """What answers for each model, all of it looked at before anything is asked."""
    manifest = repair.manifest
    if "reference" in asked.places and manifest.reference is None:
        raise UsageError("the repair has no reference", hint="leave --reference out")
    source = manifest.adapter or manifest.source
    known = {"before": source, "reference": manifest.reference, "after": None}
    found = {
        role: find_answerer(
            role,
            asked.places[role],
            asked.models.get(role),
            asked.at_once,
            judge,
            settings,
            source,
            known[role],
        )
        for role in ROLES
        if role in asked.places
    }
    models = [_identity(by) for by in found.values()]
    for role, model in zip(found, models, strict=True):
        if models.count(model) > 1:
            raise UsageError(
                f"--{role} is the same as another model's answers",
                hint="source, repaired model and reference are three models: name each with its "
                "address and its name there, or its own measurement",
            )
    return found


def _identity(by: Answerer) -> tuple[object, ...]:
    """What two models can't share: the server's name, or all that was measured (a copy has it)."""
    if isinstance(by, Saved):
        return (by.model, by.answers, by.rows)
    return (by.url, by.model)


def _answered(
    role: ModelRole,
    by: Answerer,
    asking: Asking,
    results: Results,
    work: Path,
    of: Mapping[str, Any],
    progress: Progress,
) -> tuple[list[ExampleResult], AnswersRecord]:
    """A model's results; those of a server are remembered where a run is interrupted.

    ``of`` is what they depend on beside the model.
    """
    from modelrepair.search.study import remember

    before = results.get("before", [])
    if isinstance(by, Saved):
        return results_of(by, asking, before, progress)

    def compute() -> dict[str, Any]:
        rows, answers = results_of(by, asking, before, progress)
        return {"rows": [asdict(row) for row in rows], "answers": answers.model_dump(mode="json")}

    kept: dict[str, Any] = {**of, "url": by.url, "model": by.model}
    kept |= {"whole": asking.whole_kinds, "before": [asdict(row) for row in before]}
    key = hashlib.sha256(canonical(kept)).hexdigest()[:16]
    found = remember(work / ASKED / f"{role}-{key}.json", compute)
    rows = [ExampleResult(**row) for row in found["rows"]]
    return rows, AnswersRecord.model_validate(found["answers"])


def _merged(
    answered: Sequence[ExampleResult],
    kept: Sequence[ExampleResult],
    source: Sequence[ExampleResult],
) -> list[ExampleResult]:
    """What was answered now, with the utility and perplexity that the repair took.

    A reference that was left out of an earlier verdict has none any more.

    Raises:
        ExampleSetError: they are not the same examples as the source's.
    """
    text = [each for each in kept if each.set == TEXT]
    forced, report = (_by_example(each) for each in (kept, source))
    found = _by_example(answered).keys()
    if found != report.keys():
        raise ExampleSetError(
            f"{len(found ^ report.keys())} of the report's examples are others than those of the "
            "repair",
            hint="decide it with the versions of modelrepair and transformers that repaired it",
            id="other-sets",
        )

    def both(each: ExampleResult) -> ExampleResult:
        old = forced.get((each.set, each.index))
        if old is None:
            return each
        return replace(each, hits=old.hits, counted=old.counted, loss=old.loss)

    return [*(both(each) for each in answered), *text]


def _by_example(rows: Sequence[ExampleResult]) -> dict[tuple[str, int], ExampleResult]:
    """The rows of the report's sets, without those of kinds and of the text of our own."""
    return {(each.set, each.index): each for each in rows if each.set not in (KINDS, TEXT)}


def _drop_unaligned(
    repair: Undecided, results: Results, answers: dict[ModelRole, AnswersRecord], notes: Notes
) -> None:
    """Leave out a reference that is none, where the user did not name it, as a repair does."""
    harm = unaligned(results.get("reference", ()), "the reference")
    if harm is None:
        return
    if repair.settings.reference != "auto":
        notes.warn(named_unaligned(results["reference"], harm))
        return
    notes.warn(f"{harm}: it is not aligned, and no rule looks at it")
    del results["reference"], answers["reference"]
