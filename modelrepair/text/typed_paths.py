"""Paths as they are typed, and what systems make of their names."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PureWindowsPath

from modelrepair.errors import UsageError

# Windows keeps these for devices, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_ODD = re.compile(r'[<>:"|?*\\\x00-\x1f]')


def from_home(path: str | Path) -> Path:
    """A path with a user's home in place of ``~``; where there is no such user, as it is typed.

    >>> from_home("~no-such-user/model").parts
    ('~no-such-user', 'model')
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises RuntimeError)


def windows_refuses(name: str) -> str | None:
    """Why Windows holds no file or folder of this name; None where it does.

    >>> windows_refuses("nul.txt"), windows_refuses("config.json")
    ('it is the name of a device', None)

    Args:
        name: without the folders that lead to it.
    """
    if _DEVICE.match(name):
        return "it is the name of a device"
    if name.endswith((".", " ")):
        return "it ends with a dot or a space"
    if odd := _ODD.search(name):
        return f"it holds {odd[0]!r}"
    return None


def refuse_unfit(out: Path) -> None:
    """Refuse an output that this system can't hold: on Windows it may be written to a device.

    >>> refuse_unfit(Path("out"))

    Raises:
        UsageError: it can't.
    """
    if sys.platform != "win32":
        return
    path = PureWindowsPath(str(out))
    for name in path.parts[bool(path.anchor) :]:
        if name != ".." and (why := windows_refuses(name)):
            raise UsageError(f"Windows can't hold {name!r}: {why}", hint="choose another name")


def output_folder(typed: Path) -> Path:
    """The absolute path of a folder to be written as a whole.

    >>> output_folder(Path("out")) == Path.cwd() / "out"
    True

    Raises:
        UsageError: it has no name, this system can't hold it, or the working folder is in it.
    """
    out = from_home(typed).absolute()
    refuse_unfit(out)
    if not out.name:
        raise UsageError(f"the output {str(out)!r} has no name", hint="choose another --out")
    if Path.cwd().is_relative_to(out.resolve()):
        raise UsageError(
            f"the output {str(typed)!r} is the working folder or one above it",
            hint="choose another --out",
        )
    return out
