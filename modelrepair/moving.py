"""Renames and removals, with patience where another program holds the file for a moment.

Windows lets no file be renamed or removed that a program has open, and antivirus, search index and
backup open each new file for a moment. Elsewhere a refusal is a refusal, and is reported at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelrepair.errors import ResourceError

PATIENCE = 8.0
"""Seconds in which such a program is done, by far."""
HELD = (5, 32, 33, 145)
"""Windows' numbers: access denied, held by another, locked by another, a folder not yet empty."""


def rename(path: Path, to: Path) -> None:
    """Give a file or folder another name on its disk; a file of that name is replaced.

    >>> import tempfile
    >>> one = Path(tempfile.mkdtemp()) / "one"
    >>> one.touch(); rename(one, one.with_name("two")); one.with_name("two").exists()
    True

    Raises:
        ResourceError: another program holds it, and does not let go.
        OSError: whatever else.
    """
    _patiently(lambda: path.replace(to), "renamed", path)


def remove(path: Path) -> None:
    """Remove a file, if it is there; Raises as `rename`.

    >>> remove(Path("nowhere"))
    """
    _patiently(lambda: path.unlink(missing_ok=True), "removed", path)


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing; Raises as `rename`.

    >>> import tempfile
    >>> remove_empty(Path(tempfile.mkdtemp()))
    """
    _patiently(folder.rmdir, "removed", folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, if it is there; Raises as `rename`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "file").touch(); remove_folder(folder); remove_folder(folder); folder.exists()
    False
    """

    def gone() -> None:
        if folder.exists():
            shutil.rmtree(folder)

    _patiently(gone, "removed", folder)


def emptied(folder: Path) -> Path:
    """The folder, made anew with nothing in it; Raises as `rename`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "work"
    >>> (emptied(folder) / "file").touch(); list(emptied(folder).iterdir())
    []
    """
    remove_folder(folder)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def temporary_folder(prefix: str = "modelrepair-", inside: Path | None = None) -> Iterator[Path]:
    """A folder for a while; what another program still holds of it then, is left to the system.

    >>> with temporary_folder() as folder:
    ...     folder.is_dir()
    True

    Args:
        prefix: how its name begins.
        inside: where it lies; None where the system has such folders.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=inside))
    try:
        yield folder
    finally:
        with suppress(ResourceError):
            remove_folder(folder)


def _patiently(act: Callable[[], object], done: str, path: Path) -> None:
    try:
        try:
            act()
        except OSError as error:
            if not _held(error):
                raise
            # Imported here: hardly any run needs it.
            from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

            Retrying(
                retry=retry_if_exception(_held),
                wait=wait_exponential(multiplier=0.05, max=1),
                stop=stop_after_delay(PATIENCE),
                reraise=True,
            )(act)
    except OSError as error:
        if not _held(error):
            raise
        held = Path(error.filename).name if isinstance(error.filename, str) else path.name
        raise ResourceError(
            f"{path.name!r} can't be {done}: another program holds {held!r} open",
            hint="close what shows or scans it, and run the same command: nothing is lost",
            id="file-in-use",
        ) from error


def _held(error: BaseException) -> bool:
    """Whether a program on Windows holds the file; no error of another system has such a number."""
    return getattr(error, "winerror", None) in HELD
