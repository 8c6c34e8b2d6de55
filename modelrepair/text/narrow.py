"""Text for streams that hold few letters: our own signs become plain, data its escapes."""

from __future__ import annotations

import codecs

NARROW = "modelrepair.narrow"
"""The way to treat what an encoding lacks, as `str.encode` and streams take it by name."""
_SIGNS = {"–": "-", "…": "...", "·": "-", "→": "->"}


def plain_or_escape(error: UnicodeError) -> tuple[str, int]:
    r"""What is written for the first letter that an encoding lacks, and where the rest begins.

    A sign inside a word is part of a name, which stays exact.

    >>> "[–, –] …, naïve 模, a–b".encode("cp437", NARROW).decode("cp437")
    '[-, -] ..., naïve \\u6a21, a\\u2013b'

    Args:
        error: of an encoder.

    Raises:
        UnicodeError: it is not of an encoder.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, at = error.object, error.start
    inside = text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum()
    escape = text[at].encode("ascii", "backslashreplace").decode()
    return (escape if inside else _SIGNS.get(text[at], escape)), at + 1


codecs.register_error(NARROW, plain_or_escape)
