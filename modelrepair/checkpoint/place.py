"""Where an output goes: outside its source, written by one run at a time, on a disk that can."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelrepair.errors import FORBIDDEN, FULL, ResourceError, UsageError
from modelrepair.text.typed_paths import from_home, output_folder

UNWRITABLE = (*FORBIDDEN, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EFBIG)
LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, *FORBIDDEN)
"""Said by disks that know no locks, and of folders in which nothing can be written beside."""


def placed(out: Path, source: Path) -> Path:
    """The absolute path of an output, which may not lie in its own source.

    Raises:
        UsageError: it does, or no output can be there.
    """
    out = output_folder(out)
    inside = out.resolve()
    if inside == source.resolve() or source.resolve() in inside.parents:
        raise UsageError(
            f"the output {out.name!r} lies in the source",
            hint="choose another --out",
            id="output-in-source",
        )
    return out


@contextmanager
def reserved(out: Path) -> Iterator[None]:
    """Hold a lock for an output folder, which the system frees where this process dies.

    The file of the lock lies beside the output, under a name that a file of a user's won't have,
    and is removed while the lock is held: who waits for the removed one tries again. Where there
    can be no lock, there is none.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "out"
    >>> with reserved(out), reserved(out):
    ...     pass
    Traceback (most recent call last):
    modelrepair.errors.UsageError: another run is writing 'out' now
    Hint [...]: ...

    Raises:
        UsageError: another run holds it.
        ResourceError: the folder can't be written.
    """
    from filelock import FileLock, Timeout

    out = from_home(out).absolute()
    lock = FileLock(out.with_name(f"{out.name}.partial.lock"), timeout=0)
    with disk_errors(out):
        _make(out.parent)
        try:
            lock.acquire()
        except Timeout:
            raise UsageError(
                f"another run is writing {out.name!r} now",
                hint="wait until it ends, or choose another --out",
                id="output-in-use",
            ) from None
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes no file that is open
                Path(lock.lock_file).unlink()
            lock.release()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Report a full disk or a folder that can't be written in one line.

    Raises:
        ResourceError: for either.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ResourceError(
                f"the disk is full beside {out.name!r}",
                hint="free some space and run the same command: it resumes where it stopped",
                id="disk-full",
            ) from error
        if error.errno in UNWRITABLE:
            raise ResourceError(
                f"{out.name!r} can't be written: {error.strerror}",
                hint="choose another --out",
                id="not-writable",
            ) from error
        raise
