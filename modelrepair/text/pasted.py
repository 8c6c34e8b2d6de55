"""Commands to be pasted into a shell: of this system, or of any.

Double quotes are the ones that POSIX shells, cmd.exe and PowerShell share, and each of these reads
some letters between them in a way of its own. docs/platforms.md lists these letters.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence

_BARE = re.compile(r"-[a-z]|(--)?[\w./][\w./:+=@-]*", re.ASCII)
_BARE_ON_WINDOWS = re.compile(r"-[a-z]|(--)?[\w./\\][\w./:+=@\\-]*")
# PowerShell ends a double-quoted word at these curly quotes, too; no shell takes the others.
_NEVER = '"“”„`%\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff'
_SPOILT = re.compile(rf"[{_NEVER}$!\\]")
# The $ of a share of administrators, \\host\c$\folder, begins no variable of PowerShell.
_SPOILT_ON_WINDOWS = re.compile(rf"[{_NEVER}]|\$(?!\\)")


def pasted(words: Sequence[str]) -> str:
    """Words as one command line for this system: a POSIX shell, or both cmd.exe and PowerShell.

    >>> pasted(["modelrepair", "fix", "my model"])
    'modelrepair fix "my model"'
    """
    if sys.platform == "win32":
        quoted = (_quoted(word, _BARE_ON_WINDOWS, _SPOILT_ON_WINDOWS) for word in words)
        return " ".join(line or _to_type(word) for line, word in zip(quoted, words, strict=True))
    return " ".join(_quoted(word, _BARE, _SPOILT) or shlex.quote(word) for word in words)


def pasted_anywhere(words: Sequence[str]) -> str:
    """Words as one command line that POSIX shells, cmd.exe and PowerShell read in the same way.

    A word that no quotes hold in all of them is left for the reader to type.

    >>> pasted_anywhere(["modelrepair", "fix", "my model", "--scorer", "it costs $x"])
    'modelrepair fix "my model" --scorer TYPE-it-costs-x'
    """
    return " ".join(_quoted(word, _BARE, _SPOILT) or _to_type(word) for word in words)


def words_of(command: str) -> list[str]:
    """The words of a command line that `pasted_anywhere` made.

    >>> words_of('modelrepair fix "my model"')
    ['modelrepair', 'fix', 'my model']
    """
    return shlex.split(command)


def as_argument(path: str) -> str:
    """A path as it is typed where an option could be: ``-x`` would be read as one.

    >>> as_argument("-x"), as_argument("x")
    ('./-x', 'x')
    """
    return f"./{path}" if path.startswith("-") else path


def _quoted(word: str, bare: re.Pattern[str], spoilt: re.Pattern[str]) -> str | None:
    if bare.fullmatch(word):
        return word
    if not word or spoilt.search(word):
        return None
    # The C runtime of Windows takes a backslash before the last quote as its escape.
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", word) + '"'


def _to_type(word: str) -> str:
    return "TYPE-" + re.sub(r"[^\w.-]+", "-", word).strip("-")
