"""The folder beside the output in which an unfinished repair lies, to be gone on with."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelrepair.checkpoint.writer import write_json
from modelrepair.errors import ResourceError, UsageError
from modelrepair.publish.output import make_room

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Workspace:
    """``OUT.partial/``: the settings' digest, what is computed, and the model as it is written."""

    folder: Path
    out: Path

    @property
    def work(self) -> Path:
        """Hidden states, scores, masks, measurements: nothing of it is published."""
        return self.folder / "work"

    @property
    def staged(self) -> Path:
        """The model as it is written, renamed to the output when it is whole."""
        return self.folder / "model"

    def close(self) -> None:
        """Remove what is left of an unfinished repair."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_workspace(out: Path, digest: str, source: Path) -> Workspace:
    """Open the work folder of an output, new or where the same command was interrupted.

    Raises:
        UsageError: the output folder is not empty, lies in the source, or the work folder
            belongs to another command.
        ResourceError: the folder can't be written.
    """
    out = out.expanduser().absolute()
    inside = out.resolve()
    if inside == source.resolve() or source.resolve() in inside.parents:
        raise UsageError(f"the output {out.name!r} lies in the source", hint="choose another --out")
    folder = out.with_name(f"{out.name}.partial")
    with disk_errors(out):
        make_room(out)
        known = folder / SETTINGS
        if folder.exists() and not known.exists() and any(folder.iterdir()):
            raise UsageError(
                f"{folder.name!r} is in the way and not ours", hint="remove it, or choose --out"
            )
        if known.exists() and json.loads(known.read_text()).get("digest") != digest:
            raise UsageError(
                f"{folder.name!r} holds an unfinished repair with other settings or inputs",
                hint="run that command again to finish it, or remove the folder",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(known, {"digest": digest})
        workspace = Workspace(folder, out)
        workspace.work.mkdir(exist_ok=True)
    return workspace


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Tell a full disk or a folder that can't be written in one line.

    Raises:
        ResourceError: for either.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"the disk is full beside {out.name!r}",
                hint="free some space and run the same command: it goes on where it stopped",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise ResourceError(
                f"{out.name!r} can't be written: {error.strerror}", hint="choose another --out"
            ) from error
        raise
