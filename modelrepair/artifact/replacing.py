"""A finished repair gets another record: beside the old one first, then in its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelrepair.artifact.card import render_card
from modelrepair.artifact.manifest import MANIFEST_NAME, Manifest
from modelrepair.artifact.verdicts import VERDICTS_NAME, Results, write_verdicts
from modelrepair.checkpoint.atomic import exchange, fsync_folder, write_json, write_text
from modelrepair.checkpoint.kept_files import CARD_NAME, card_text
from modelrepair.moving import remove_folder, rename
from modelrepair.text.published import private_to
from modelrepair.text.readable import all_readable

RENEWED = (VERDICTS_NAME, CARD_NAME, MANIFEST_NAME)
"""What is written anew; every other file stays the same file."""
BESIDE, BEFORE = "model", "before"
"""In the work folder: the repair with its new record, and the one that gave way to it."""


def replace_record(
    out: Path, work: Path, manifest: Manifest, changes: Mapping[str, Any], results: Results
) -> Manifest:
    """Write verdicts, card and manifest anew, and put them in place together.

    The whole repair is put together beside the old one, of links to its files: so what takes its
    place in one step is whole, and whoever reads the folder finds the old record or the new one.

    >>> replace_record(out, work, manifest, {"verdict": "passed"}, results)  # doctest: +SKIP
    Manifest(…)

    Args:
        out: the repaired model.
        work: a folder on the same disk.
        manifest: the old one.
        changes: the fields that are others now.
        results: what was measured, by role.

    Returns:
        The manifest as written.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    staged = work / BESIDE
    remove_folder(staged)
    shutil.copytree(
        out,
        staged,
        symlinks=True,
        copy_function=_link,
        ignore=lambda folder, _: _renewed(out, folder),
    )
    verdicts = write_verdicts(staged / VERDICTS_NAME, results)
    files = {**manifest.files, VERDICTS_NAME: verdicts}
    filled = {**changes, "files": dict(sorted(files.items()))}
    made = Manifest.model_validate({**manifest.model_dump(), **all_readable(filled)})
    card = render_card(made, card_text(out), private=private_to([out]))
    write_text(staged / CARD_NAME, card)
    write_json(staged / MANIFEST_NAME, made.model_dump(mode="json"))
    fsync_folder(staged)
    if not exchange(staged, out):
        # The name is free for a moment: `put_back` finds what a kill leaves there.
        rename(out, work / BEFORE)
        rename(staged, out)
    fsync_folder(out.parent)
    return made


def put_back(out: Path, work: Path) -> None:
    """Give a repair its name back that a kill left without: where two folders can't be exchanged.

    >>> put_back(Path("model-repaired"), Path("model-repaired.deciding"))

    Args:
        out: the repaired model.
        work: as for `replace_record`.
    """
    if not out.exists() and (work / BEFORE).is_dir():
        rename(work / BEFORE, out)
        fsync_folder(out.parent)


def _link(source: str, target: str) -> None:
    """The same file under another name; where the disk has no links, a copy."""
    with suppress(OSError):
        os.link(source, target)
        return
    shutil.copy2(source, target)


def _renewed(out: Path, folder: str) -> set[str]:
    """Which files of a folder are not taken over."""
    found = {out / name for name in RENEWED}
    return {path.name for path in found if path.parent == Path(folder)}
