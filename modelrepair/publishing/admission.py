"""Which folders may go out: whole, honest, past the gate, and no product of the attack lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelrepair.artifact.files import first_change
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.rewriting import is_local
from modelrepair.artifact.verdicts import VERDICTS_NAME, read_verdicts
from modelrepair.budgets import Budgets
from modelrepair.checkpoint.kept_files import CARD_NAME, CONFIGS, LAB_MARK
from modelrepair.checkpoint.untrusted import read_json
from modelrepair.checkpoint.weight_files import ADAPTER_CONFIG, BASE_KEY
from modelrepair.errors import DamagedCheckpointError, GateError, UnsupportedModelError, UsageError
from modelrepair.evaluation.gate import works_backwards
from modelrepair.progress import Progress
from modelrepair.source.suggestions import did_you_mean, near_paths
from modelrepair.text.typed_paths import windows_refuses
from modelrepair.text.units import counted

WITHOUT_FORCE = {
    "failed": "the gate failed",
    "undecided": "the gate is undecided",
    "unmeasured": "this repair was not measured",
}
WORKS_BACKWARDS = "this repair works backwards"


def admit(folder: Path, *, force: bool) -> Manifest:
    """Look at what a repaired model says of itself; give its manifest where it may go out.

    >>> admit(Path("model-repaired"), force=False)  # doctest: +SKIP
    Manifest(…)

    The weights are not read: `check_files` does that.

    Args:
        folder: the repaired model.
        force: let a repair go that failed, is undecided or unmeasured.

    Raises:
        GateError: the gate was not passed, the repair works backwards, or the figures don't
            follow from the verdicts.
        UnsupportedModelError: the model was broken on purpose.
        UsageError: an adapter whose base is a path of this machine.
        DamagedCheckpointError: no manifest, or one that can't be read.
        InconclusiveError: one that is newer than this program.
    """
    from modelrepair.publishing.options import from_here

    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder.name!r}",
            hint=did_you_mean([from_here(Path(near)) for near in near_paths(folder)])
            + "give the folder of a repaired model",
            id="no-such-folder",
        )
    manifest = load_manifest(folder)
    refuse_lab(folder)
    check_base(folder)
    check_figures(folder, manifest)
    check_verdict(manifest, force)
    return manifest


def refuse_lab(folder: Path) -> None:
    """Never let a model go out that was broken on purpose.

    Raises:
        UnsupportedModelError: its config carries the mark.
    """
    if (name := marked(folder)) is not None:
        raise UnsupportedModelError(
            f"{name} is marked {LAB_MARK}: this model was broken on purpose",
            hint="such models are for experiments on one's own machine and are never pushed",
            id="broken-on-purpose",
        )


def marked(folder: Path) -> str | None:
    """The config that says that a model was broken on purpose; None where none does.

    >>> marked(Path("missing"))
    """
    return next((name for name in CONFIGS if LAB_MARK in _config(folder, name)), None)


def check_base(folder: Path) -> None:
    """Refuse an adapter whose base is named by a path.

    Raises:
        UsageError: it is.
    """
    from modelrepair.publishing.options import check_id

    base = _config(folder, ADAPTER_CONFIG).get(BASE_KEY)
    if base is None:
        return
    try:
        # What looks like an id and is a folder here is a path: it was trained on that folder.
        if not isinstance(base, str) or is_local(base):
            raise UsageError("a path", hint="")
        check_id(base)
    except UsageError:
        raise UsageError(
            f"{BASE_KEY} in {ADAPTER_CONFIG} is a path of this machine",
            hint="write the base's id on the Hub there, or repair it again with --base ID",
            id="adapter-base-unknown",
        ) from None


def check_verdict(manifest: Manifest, force: bool) -> None:
    """Refuse a repair that did not pass the gate, unless it is forced.

    Raises:
        GateError: the gate was not passed, and no --force.
    """
    why = WITHOUT_FORCE.get(manifest.verdict)
    if why and not force:
        raise GateError(
            f"not pushed: {why}",
            hint="run the same fix again: its last lines name what to try next; or push it as it "
            "is with --force, and the card's first line says so",
        )


def check_figures(folder: Path, manifest: Manifest) -> None:
    """Make sure that verdict and measures follow from the examples, and which way they point.

    Raises:
        GateError: they don't, or the repair does harm.
    """
    from modelrepair.artifact.consistency import check_measures

    findings, _ = check_measures(folder, manifest)
    if findings and findings[0].code == "verdicts":
        raise DamagedCheckpointError(
            f"not pushed: {findings[0].line}", hint="push the folder as modelrepair wrote it"
        )
    if findings:
        raise GateError(
            f"not pushed: {findings[0].line}", hint="push the folder as modelrepair wrote it"
        )
    if manifest.backwards or _backwards(folder, manifest):
        raise GateError(
            f"not pushed: {WORKS_BACKWARDS}",
            hint="it does harm instead of removing it; no option lets it out",
            id="works-backwards",
        )


def check_files(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Make sure that the folder holds the files of the manifest, and no others.

    Raises:
        DamagedCheckpointError: a file is missing, changed, or no part of it.
    """
    if problem := first_change(folder, manifest.files, (CARD_NAME, MANIFEST_NAME), progress):
        raise DamagedCheckpointError(
            f"not pushed: {problem}", hint="push the folder as modelrepair wrote it"
        )


def names_warning(manifest: Manifest) -> str | None:
    """The files of a repair that Windows can't hold, where there are some, as a sentence.

    >>> names_warning(manifest)  # doctest: +SKIP
    "Windows can't hold 'a.' (it ends with a dot or a space): the repair can't be downloaded there"
    """
    refused = {
        name: why
        for name in sorted(manifest.files)
        if (why := next(filter(None, map(windows_refuses, name.split("/"))), None))
    }
    if not refused:
        return None
    name, why = next(iter(refused.items()))
    more = f" and {counted(len(refused) - 1, 'more file')}" if len(refused) > 1 else ""
    return f"Windows can't hold {name!r} ({why}){more}: the repair can't be downloaded there"


def _backwards(folder: Path, manifest: Manifest) -> bool:
    if not manifest.measures:
        return False
    results = read_verdicts(folder / VERDICTS_NAME)
    if not {"before", "after"} <= results.keys():
        return False
    return works_backwards(results["before"], results["after"], Budgets())


def _config(folder: Path, name: str) -> dict[str, Any]:
    config = read_json(folder, name)
    return config if isinstance(config, dict) else {}
