"""The folder beside the output in which an unfinished repair lies, to be gone on with."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelrepair.bench import Chosen, Model, Sets
from modelrepair.checkpoint.writer import write_json
from modelrepair.errors import GateError, ResourceError, UnsupportedModelError, UsageError
from modelrepair.publish.manifest import MANIFEST_NAME
from modelrepair.publish.output import make_room
from modelrepair.version import version

SETTINGS = "settings.json"
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EFBIG)
HOPELESS = (GateError, UnsupportedModelError, UsageError)
"""What the same command can only run into again."""


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

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Work in the folder; whatever stops the work, keep it where the same command can go on.

        Where nothing was done yet, or where the same command can only fail again, the folder
        would do nothing but stand in the way of a better command.
        """
        try:
            with disk_errors(self.out):
                yield
        except BaseException as error:
            whole = (self.staged / MANIFEST_NAME).exists()
            begun = any(path.is_file() for path in self.work.rglob("*"))
            if not begun or (isinstance(error, HOPELESS) and not whole):
                self.close()
            raise


def open_workspace(out: Path, digest: str, source: Path) -> Workspace:
    """Open the work folder of an output, new or where the same command was interrupted.

    Raises:
        UsageError: the output folder is not empty, lies in the source, or the work folder
            belongs to another command.
        ResourceError: the folder can't be written.
    """
    out = out.expanduser().absolute()
    if not out.name:
        raise UsageError(f"the output {str(out)!r} has no name", hint="choose another --out")
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
        if known.exists() and _digest(known) != digest:
            raise UsageError(
                f"{folder.name!r} holds an unfinished repair with other settings or inputs",
                hint="run that command again to finish it, or remove the folder",
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(known, {"digest": digest})
        workspace = Workspace(folder, out)
        workspace.work.mkdir(exist_ok=True)
    return workspace


def _digest(settings: Path) -> str | None:
    try:
        return str(json.loads(settings.read_bytes())["digest"])
    except (ValueError, TypeError, KeyError):
        return None


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Tell a full disk or a folder that can't be written in one line.

    Raises:
        ResourceError: for either.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ResourceError(
                f"the disk is full beside {out.name!r}",
                hint="free some space and run the same command: it goes on where it stopped",
            ) from error
        if error.errno in FORBIDDEN:
            raise ResourceError(
                f"{out.name!r} can't be written: {error.strerror}", hint="choose another --out"
            ) from error
        raise


def inputs_of(sets: Sets, chosen: Chosen, *models: Model | None) -> dict[str, str]:
    """What a repair is made on, so that an interrupted one is not continued on something else."""
    found = {f"set {name}": some.digest for name, some in sets.given.items()}
    judge = chosen.registered_judge
    found["judge"] = f"{judge.distribution} {judge.version}"
    found |= {f"judge {name}": value for name, value in chosen.judge_inputs.items()}
    found["modelrepair"] = version()
    for number, model in enumerate(models):
        if model is not None:
            for name in model.checkpoint.files:
                stat = (model.source.folder / name).stat()
                found[f"{number} {name}"] = f"{stat.st_size} {stat.st_mtime_ns}"
    return found
