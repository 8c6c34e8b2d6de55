"""A finished repair whose answers were left for later: which it is, and with what it is measured.

The manifest holds every setting and the digests of the example sets, and no text of them: the sets
are found again by their names, or named again, and must be the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from modelrepair.artifact.files import first_change
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.reading import known, read_manifest
from modelrepair.artifact.records import JudgeRecord
from modelrepair.budgets import Budgets
from modelrepair.checkpoint.kept_files import files_of
from modelrepair.errors import DamagedCheckpointError, ExampleSetError, UsageError
from modelrepair.examples.example import ExampleSet
from modelrepair.examples.find import is_path
from modelrepair.examples.keys import SetKey
from modelrepair.pipeline.finished import contradiction, recorded
from modelrepair.progress import Progress
from modelrepair.settings.checks import check_choices
from modelrepair.settings.settings import NONE, Settings
from modelrepair.text.redaction import HIDDEN

AGAIN = "repair the model again with --answer-later"
OF_THE_SEARCH: Mapping[str, Any] = {
    "revision": None,
    "merge": False,
    "preset": None,
    "scorer": None,
    "scorer_options": {},
    "repairer": None,
    "repairer_options": {},
    "strength": None,
    "scope": None,
    "unit": None,
    "step": None,
    "max_rounds": None,
}
"""What made the repair, and has no part in measuring it: no plug-in is loaded for it."""

ELSEWHERE = ("endpoint", "endpoint_model")
"""Options of a judge that say where its model answers, and not which it is."""


@dataclass(frozen=True)
class Undecided:
    """A repair that can be decided.

    Args:
        out: its folder.
        manifest: its record.
        settings: every choice of the repair, as far as the record has it.
    """

    out: Path
    manifest: Manifest
    settings: Settings


def read_undecided(out: Path, progress: Progress) -> Undecided:
    """Read a repair that waits for its answers, and prove that it is as it was left.

    >>> read_undecided(Path("model-repaired"), Progress()).manifest.verdict  # doctest: +SKIP
    'unmeasured'

    One that works backwards may be decided again: two servers may have been swapped.

    Args:
        out: its folder. Files that others put into it are no matter.
        progress: where the bytes read are shown.

    Raises:
        UsageError: it is no repair, was decided already, or nothing of it was measured.
        DamagedCheckpointError: its files contradict each other.
        InconclusiveError: it is newer than this program.
    """
    if not (out / MANIFEST_NAME).is_file():
        raise UsageError(
            f"{out.name!r} holds no repair",
            hint="give the folder that `modelrepair fix … --answer-later` wrote",
            id="no-repair",
        )
    reading = read_manifest(out)
    manifest = known(reading)
    if manifest.verdict != "unmeasured" and not manifest.backwards:
        raise UsageError(
            f"{out.name!r} was decided already: {manifest.verdict}",
            hint=f"its card has the figures; for other answers, {AGAIN} and another --out",
            id="decided-already",
        )
    if not manifest.measures:
        raise UsageError(
            f"nothing was measured of {out.name!r}, and its utility has to be",
            hint=f"{AGAIN} in place of --no-evaluate",
            id="decided-already",
        )
    changed = first_change(out, manifest.files, {*files_of(out)}, progress)
    if changed := changed or contradiction(out, reading, manifest):
        raise DamagedCheckpointError(
            f"{out.name!r} is not as the repair left it: {changed}",
            hint="put that back as it was, or repair the model again",
        )
    return Undecided(out, manifest, _settings(manifest))


def _settings(manifest: Manifest) -> Settings:
    """The settings that a manifest holds; those of a later version are left to that."""
    found = recorded(manifest).settings
    values: dict[str, Any] = {}
    for each in fields(Settings):
        if each.name in found:
            value = found[each.name]
            values[each.name] = tuple(value) if isinstance(value, list) else value
    try:
        values["budgets"] = Budgets(**found.get("budgets", {}))
        settings = Settings(**values)
        check_choices(settings)
    except (TypeError, UsageError) as error:
        raise DamagedCheckpointError(
            f"the manifest's settings can't be used: {error}", hint=AGAIN
        ) from None
    return settings


def measuring_settings(
    undecided: Undecided,
    sets: Mapping[SetKey, str | Path | None],
    base: str | None,
    judge_options: Mapping[str, Any],
) -> Settings:
    """The settings with which a repair's answers are measured.

    Args:
        undecided: the repair.
        sets: those that were named again.
        base: what an adapter adapts, where its config does not name it.
        judge_options: those that were named again: a manifest holds no secret and no path.

    Raises:
        UsageError: a set or an option that the manifest can't hold was not named again.
    """
    named: dict[str, Any] = {}
    for key in SetKey:
        text = sets.get(key)
        kept = getattr(undecided.settings, key)
        if text is None and kept not in (None, NONE) and is_path(kept) and not Path(kept).exists():
            raise UsageError(
                f"the {key} set was the file {kept!r}, and the manifest does not hold its place",
                hint=f"name it again with {key.option}",
                id="set-missing",
            )
        named[key] = kept if text is None else str(text)
    options = {**undecided.settings.judge_options, **judge_options}
    if hidden := [name for name, value in options.items() if value == HIDDEN]:
        raise UsageError(
            f"the judge's option {hidden[0]!r} is a secret, which no manifest holds",
            hint=f"give it again with --judge-option {hidden[0]}=…",
            id="plugin-option",
        )
    return replace(
        undecided.settings,
        **{**OF_THE_SEARCH, **named},
        source=str(undecided.out),
        base=base,
        judge_options=options,
    )


def check_same_sets(
    manifest: Manifest, given: Mapping[SetKey, ExampleSet], *, whole: bool = False
) -> None:
    """Refuse other example sets than those of the repair.

    Args:
        manifest: of the repair, with the digests of its sets.
        given: as they were read now.
        whole: whether these are all of them.

    Raises:
        ExampleSetError: one is another, or one more or less.
    """
    for key, some in given.items():
        then = manifest.sets.get(str(key))
        if then is None:
            raise ExampleSetError(
                f"the repair had no {key} set", hint=f"leave {key.option} out", id="other-sets"
            )
        if then.digest != some.digest:
            raise ExampleSetError(
                f"{some.id} is not the {key} set of the repair, {then.id}: the digests differ",
                hint=f"name that set with {key.option}",
                id="other-sets",
            )
    missing = [key for key in manifest.sets if whole and SetKey(key) not in given]
    if missing:
        raise ExampleSetError(
            f"the {missing[0]} set of the repair, {manifest.sets[missing[0]].id}, is not given",
            hint=f"name that set with {SetKey(missing[0]).option}",
            id="other-sets",
        )


def check_same_judge(manifest: Manifest, judge: JudgeRecord) -> None:
    """Refuse another judge than that of the repair; its model may answer elsewhere.

    Args:
        manifest: of the repair.
        judge: who judges now.

    Raises:
        UsageError: it has other options, or is another model.
    """
    then = manifest.judge
    assert then is not None, "what was measured has a judge"
    for name in sorted({*then.options, *judge.options} - {*ELSEWHERE}):
        one, two = then.options.get(name), judge.options.get(name)
        if one != two:
            raise UsageError(
                f"--judge-option {name} is {two}, and was {one} in the repair",
                hint="leave it out, or give it as it was",
                id="other-judge",
            )
    here = not {*ELSEWHERE} & judge.options.keys()
    if here and then.inputs != judge.inputs:
        raise UsageError(
            f"the judge {then.name} is another model than in the repair",
            hint="give the same model, at the same commit",
            id="other-judge",
        )
