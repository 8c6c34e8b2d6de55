"""A disk as Windows keeps it: no file is renamed, replaced or removed that this process holds.

What is held is read from `/proc/self`: open files and maps. It does not show what other programs
hold, nor the sharing modes that Windows knows; a folder's own handles do not count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def held() -> set[Path]:
    """The files that this process has open, or mapped."""
    found = set()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(handle.readlink())
    for line in Path("/proc/self/maps").read_text().splitlines():
        found.update(Path(place) for place in line.split(maxsplit=5)[5:])
    return {path for path in found if path.is_file()}


def in_use(path: str) -> PermissionError:
    """What Windows says of such a file."""
    error = PermissionError(13, "The process cannot access the file: it is being used", path)
    error.winerror = 32
    return error


@contextmanager
def files_in_use_stay() -> Iterator[list[str]]:
    """Refuse it, and list what was asked for, whoever went past the refusal."""
    asked: list[str] = []

    def place(path, folder: int | None) -> Path:
        above = Path() if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
        path = above.absolute() / path
        return path.parent.resolve() / path.name

    def refuse(*paths: Path) -> None:
        for file in held():
            if any(path in (file, *file.parents) for path in paths):
                asked.append(str(file))
                raise in_use(str(file))

    def two(real):
        def act(source, target, *, src_dir_fd=None, dst_dir_fd=None):
            refuse(place(source, src_dir_fd), place(target, dst_dir_fd))
            return real(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

        return act

    def one(real):
        def act(path, *, dir_fd=None):
            refuse(place(path, dir_fd))
            return real(path, dir_fd=dir_fd)

        return act

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename"):
            patch.setattr(os, name, two(getattr(os, name)))
        for name in ("unlink", "remove"):
            patch.setattr(os, name, one(getattr(os, name)))
            os.supports_dir_fd.add(getattr(os, name))  # or `rmtree` takes another way
        yield asked
