"""Text that shows itself: what a terminal would obey, and what it would hide, is escaped."""

from __future__ import annotations

import unicodedata

_OBEYED = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
"""Control, format (bidirectional marks, zero width), surrogates, private use, line separators."""


def printable(text: str, *, lines: bool = False, unassigned: bool = True) -> str:
    r"""The text with each character escaped that is none to look at; every script stays.

    >>> printable("model\u202etxt\n0 findings: verified")
    'model\\u202etxt\\n0 findings: verified'

    Args:
        text: data of another person, such as the name of a file.
        lines: whether its line breaks are ours.
        unassigned: whether what this Python's Unicode does not know is escaped, too; a card says
            the same on every Python.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if (lines and character == "\n")
        or not (
            (category := unicodedata.category(character)) in _OBEYED
            or (unassigned and category == "Cn")
        )
        else character.encode("unicode_escape").decode()
        for character in text
    )
