"""An output that is finished: recognised by what it was made with and on, and by its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from modelrepair.artifact.consistency import check_measures
from modelrepair.artifact.files import first_change
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.reading import Reading, known, read_manifest
from modelrepair.artifact.records import Plain
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.artifact.writer import refuse_full
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.checkpoint.place import disk_errors
from modelrepair.errors import DamagedCheckpointError, InconclusiveError, UsageError
from modelrepair.evaluation.gate import decide
from modelrepair.evaluation.measures import Measures, summarise
from modelrepair.pipeline.begun import SETTINGS, Begun, read
from modelrepair.pipeline.next_steps import advice
from modelrepair.pipeline.reports import RepairReport, verdict_of
from modelrepair.pipeline.workspace import clear_leftover, partial_of
from modelrepair.progress import Progress
from modelrepair.settings.duration import seconds_of
from modelrepair.settings.settings import Settings
from modelrepair.settings.short_names import pinned
from modelrepair.text.published import private_to, published_json
from modelrepair.verification.card import check_card

OTHERWISE = "choose another --out, or remove the folder"


def refuse_foreign(out: Path) -> None:
    """Refuse an output folder that holds anything but a repaired model.

    >>> refuse_foreign(Path("nowhere"))

    Raises:
        UsageError: it does, or ``out`` is no folder.
        ResourceError: the folder can't be read.
    """
    with disk_errors(out):
        if not (out / MANIFEST_NAME).is_file():
            refuse_full(out)


def check_settings(out: Path, settings: Mapping[str, Any], *, restart: bool = False) -> bool:
    """Whether a finished repair with these settings lies there; asked before weights are fetched.

    >>> check_settings(Path("nowhere"), {})
    False

    Args:
        out: the output folder.
        settings: as `Begun` keeps them, at the commits of now.
        restart: whether unfinished work is to be thrown away.

    Raises:
        UsageError: something else lies there, or a repair with other settings, finished or not.
        ResourceError: the folder can't be read.
    """
    if found := _read(out, restart):
        before = recorded(found[1])
        _check_same(out, Begun(as_recorded(settings), before.inputs), before)
        return True
    with disk_errors(out):
        refuse_full(out)
    unfinished = partial_of(out)
    if not restart and (unfinished / SETTINGS).is_file():
        Begun(settings, read(unfinished).inputs).check(unfinished)
    return False


def find_finished(
    out: Path,
    begun: Begun,
    made_on: Mapping[str, str],
    progress: Progress,
    *,
    restart: bool = False,
) -> Manifest | None:
    """The manifest of an output that the same command finished before; None where there is none.

    Args:
        out: the output folder.
        begun: with what, and on what, the repair would be begun now.
        made_on: of what it would be made on, what a manifest keeps.
        progress: where the bytes read are shown.
        restart: whether unfinished work was to be thrown away; a finished output never is.

    Raises:
        UsageError: a repair with other settings or inputs lies there, or a file of it was changed.
    """
    found = _read(out, restart)
    if found is None:
        return None
    reading, manifest = found
    now = replace(begun, settings=as_recorded(begun.settings), inputs=made_on)
    _check_same(out, now, recorded(manifest))
    changed = first_change(out, manifest.files, (CARD_NAME, MANIFEST_NAME), progress)
    if changed := changed or contradiction(out, reading, manifest):
        raise UsageError(
            f"{out.name!r} holds this repair, but it was changed: {changed}",
            hint=f"put that file back as it was, {OTHERWISE}",
            id="finished-repair",
        )
    clear_leftover(out, begun)
    return manifest


def check_time(out: Path, manifest: Manifest, limit: str | float | None) -> None:
    """Refuse to take a search that time ended for one with another limit; it could go further.

    Raises:
        UsageError: time ended the finished search, and the limit is another now.
    """
    run = manifest.run
    if run.time_ended_search and run.max_time != (None if limit is None else seconds_of(limit)):
        raise UsageError(
            f"{out.name!r} holds this repair as --max-time {run.max_time:g} ended its search",
            hint="choose another --out to search longer, or give that limit again",
            id="finished-repair",
        )


def report_of(out: Path, manifest: Manifest, settings: Settings) -> RepairReport:
    """The report of a finished repair, from its record: figures and verdict, but no answers.

    >>> report_of(Path("model-repaired"), manifest, settings).finished_before  # doctest: +SKIP
    True

    Args:
        out: the output folder, as `find_finished` found it.
        manifest: what lies in it.
        settings: every choice of the repair.
    """
    results = read_verdicts(out / VERDICTS_NAME) if manifest.measures else {}
    measures: dict[str, Measures] = {
        role: summarise(some, manifest.measures[role].judge) for role, some in results.items()
    }
    gate = None
    if manifest.gate is not None:
        before, after = results["before"], results["after"]
        gate = decide(before, after, results.get("reference"), settings.budgets)
    return RepairReport(
        verdict=verdict_of(manifest),
        out=out,
        manifest=manifest,
        gate=gate,
        measures=measures,
        warnings=manifest.warnings,
        next=advice(settings, manifest, gate),
        finished_before=True,
    )


def as_recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are in a manifest.

    >>> as_recorded({"targets": ["*.q"], "judge_options": {"model": "/data/guard"}})
    {'targets': ['*.q'], 'judge_options': {'model': 'guard'}}
    """
    private = published_json(settings, private_to([]))
    return TypeAdapter(dict[str, Plain]).validate_python(private)


def recorded(manifest: Manifest) -> Begun:
    """What a repair was begun with, as far as its manifest says: at commits, as `at_commits`.

    >>> recorded(manifest).settings["revision"]  # doctest: +SKIP
    '0123456789abcdef0123456789abcdef01234567'
    """
    settings: dict[str, Any] = dict(manifest.settings)
    settings["revision"] = (manifest.adapter or manifest.source).commit
    for key, some in manifest.sets.items():
        if isinstance(settings.get(key), str):
            settings[key] = pinned(settings[key], some.commit)
    return Begun(settings, manifest.run.inputs, manifest.tool.version)


def _read(out: Path, restart: bool) -> tuple[Reading, Manifest] | None:
    """The manifest that lies at an output, where this version can read it."""
    if not (out / MANIFEST_NAME).is_file():
        return None
    try:
        reading = read_manifest(out)
        manifest = known(reading)
    except (DamagedCheckpointError, InconclusiveError):
        return None
    if restart:
        raise UsageError(
            f"{out.name!r} holds a finished repair, and --restart throws unfinished work away",
            hint=OTHERWISE,
            id="finished-repair",
        )
    return reading, manifest


def _check_same(out: Path, begun: Begun, before: Begun) -> None:
    if before.version != begun.version:
        raise UsageError(
            f"{out.name!r} holds a finished repair by modelrepair {before.version}, and this is "
            f"modelrepair {begun.version}",
            hint=OTHERWISE,
            id="finished-repair",
        )
    if found := list(begun.differs(before)):
        back = begun.way_back(before)
        raise UsageError(
            f"{out.name!r} holds a finished repair with other settings or inputs: "
            + "; ".join(found),
            hint=f"{back} to go on with that one, or choose another --out",
            id="finished-repair",
        )


def contradiction(out: Path, reading: Reading, manifest: Manifest) -> str | None:
    """Which of card, manifest and verdicts do not say the same: one of them was edited.

    >>> contradiction(Path("model-repaired"), reading, manifest)  # doctest: +SKIP

    Args:
        out: the repaired model.
        reading: its manifest as it lies there.
        manifest: the same.
    """
    others = {
        VERDICTS_NAME: check_measures(out, manifest)[0],
        CARD_NAME: check_card(out, None, reading, manifest, None)[0],
    }
    wrong = next((name for name, findings in others.items() if findings), None)
    return f"{MANIFEST_NAME!r} and {wrong!r} do not say the same" if wrong else None
