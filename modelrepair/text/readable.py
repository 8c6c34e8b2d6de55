"""Names of files as text that every file of ours can hold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelrepair.moving import temporary_folder


def readable(text: str) -> str:
    r"""A text as UTF-8 knows it; bytes of a file's name that are no text as escapes.

    Python keeps such bytes, and in the C locale every letter beyond ASCII, as lone surrogates,
    which neither UTF-8 nor pydantic takes.

    >>> readable("mod\udce8le"), readable("\udce6\udca8\udca1")
    ('mod\\xe8le', '模')
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # another surrogate, as file names of Windows may hold
        return text.encode("utf-8", "backslashreplace").decode()


def all_readable(value: Any) -> Any:
    """A document of which every text is readable.

    >>> all_readable({"a": ("b", 1)})
    {'a': ['b', 1]}
    """
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {all_readable(key): all_readable(item) for key, item in value.items()}
    return list(map(all_readable, value)) if isinstance(value, list | tuple) else value


@contextmanager
def readable_path(folder: Path) -> Iterator[Path]:
    """A folder under a name that libraries written in other languages can take, for a while.

    >>> with readable_path(Path("model")) as path:
    ...     path
    PosixPath('model')
    """
    if readable(str(folder)) == str(folder):
        yield folder
        return
    with temporary_folder() as place:
        link = place / "model"
        try:
            link.symlink_to(folder.absolute(), target_is_directory=True)
        except OSError:  # a disk without links, or Windows, where they need a right
            shutil.copytree(folder, link, copy_function=_link_or_copy)
        yield link


def _link_or_copy(file: str, to: str) -> None:
    """The file under another name; a second one like it where the disk has no such names."""
    try:
        os.link(os.path.realpath(file), to)
    except OSError:
        shutil.copyfile(file, to)
