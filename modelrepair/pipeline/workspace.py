"""The working folder OUT.partial/, from which an interrupted repair resumes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from modelrepair import ranks
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.writer import make_room
from modelrepair.checkpoint.place import disk_errors, placed, reserved
from modelrepair.errors import GateError, ResourceError, UnsupportedModelError, UsageError
from modelrepair.moving import remove_folder
from modelrepair.pipeline.begun import SETTINGS, Begun, read
from modelrepair.search.clock import CLOCK

HOPELESS = (GateError, UnsupportedModelError, UsageError)
"""What the same command can only run into again."""
WORK, STAGED = "work", "model"
OURS = (SETTINGS, f"{SETTINGS}.tmp", CLOCK, f"{CLOCK}.tmp", WORK, STAGED)
"""All that we put into a work folder."""


@dataclass(frozen=True)
class Workspace:
    """``OUT.partial/``: the settings and inputs, what is computed, and the model as it is written.

    ``inputs`` are the digests of what the repair is made on, by name.
    """

    folder: Path
    out: Path
    inputs: Mapping[str, str]

    @property
    def work(self) -> Path:
        """Hidden states, scores, masks, measurements: nothing of it is published."""
        return self.folder / WORK

    @property
    def staged(self) -> Path:
        """The model as it is written, renamed to the output when it is whole."""
        return self.folder / STAGED

    def close(self) -> None:
        """Remove what is left of an unfinished repair; the next run removes what can't be now."""
        if ranks.number() == 0:
            with suppress(ResourceError, OSError):
                remove_folder(self.folder)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Work in the folder; whatever stops the work, keep it where the same command can go on.

        Where nothing was done yet, or where the same command can only fail again, the folder
        would only block a better command.
        """
        try:
            with disk_errors(self.out):
                yield
        except BaseException as error:
            whole = (self.staged / MANIFEST_NAME).exists()
            begun = any(path.is_file() for path in self.work.rglob("*"))
            if not begun or (isinstance(error, HOPELESS) and not whole):
                # What failed may have mapped files of the folder: Windows would not remove them.
                traceback.clear_frames(error.__traceback__)
                self.close()
            raise


@contextmanager
def work_on(out: Path, begun: Begun, source: Path, *, restart: bool = False) -> Iterator[Workspace]:
    """Work in an output's folder, which no other run does meanwhile; ranks share it.

    Args:
        out: the output.
        begun: by whom and on what.
        source: the folder of the source, in which no output may lie.
        restart: throw away what an unfinished repair left.

    Raises:
        UsageError: as `open_workspace`, or another run writes there.
        ResourceError: the folder can't be written.
    """
    out = placed(out, source)
    if ranks.number():
        yield ranks.share(lambda: Workspace(partial_of(out), out, begun.inputs))
        return
    with reserved(out):
        opened = open_workspace(out, begun, restart=restart)
        with opened.going_on():
            yield ranks.share(lambda: opened)


def clear_leftover(out: Path, begun: Begun) -> None:
    """Remove what a kill left that came between the last step of a repair and its clean-up.

    Args:
        out: the finished output.
        begun: by whom and on what; unfinished work of another command stays.
    """
    folder = partial_of(out)
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not there or there - set(OURS):
        return
    with suppress(UsageError, ResourceError), reserved(out):
        # The settings are the first thing that is written: without them, a removal was cut short.
        if SETTINGS not in there or not list(begun.differs(read(folder))):
            remove_folder(folder)


def partial_of(out: Path) -> Path:
    """The work folder of an output.

    >>> partial_of(Path("out")).name
    'out.partial'
    """
    return out.with_name(f"{out.name}.partial")


def open_workspace(out: Path, begun: Begun, *, restart: bool = False) -> Workspace:
    """Open the work folder of an output, new or where the same command was interrupted.

    Raises:
        UsageError: the output folder is not empty, or the work folder belongs to another command.
        ResourceError: the folder can't be written.
    """
    folder = partial_of(out)
    with disk_errors(out):
        make_room(out)
        there = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if there - set(OURS):
            raise UsageError(
                f"{folder.name!r} is in the way and not ours",
                hint="remove it, or choose --out",
                id="output-in-the-way",
            )
        if restart:
            remove_folder(folder)
        elif there & {SETTINGS, WORK, STAGED}:
            begun.check(folder)
        folder.mkdir(parents=True, exist_ok=True)
        begun.write(folder)
        opened = Workspace(folder, out, begun.inputs)
        opened.work.mkdir(exist_ok=True)
    return opened
