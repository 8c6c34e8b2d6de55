"""Help that every terminal can hold."""

from __future__ import annotations

import sys

import click

from modelrepair.text.narrow import NARROW


class Context(click.Context):
    """Gives the help with what the output can't hold as escapes.

    click alone writes UTF-8 to a terminal that says that it knows ASCII.
    """

    def get_help(self) -> str:
        """The help of the command."""
        return escaped(super().get_help(), sys.stdout.encoding)


def escaped(text: str, encoding: str | None) -> str:
    r"""A text as an encoding holds it.

    >>> escaped("naïve 模型", "latin-1")
    'naïve \\u6a21\\u578b'
    """
    known = encoding or "ascii"
    return text.encode(known, NARROW).decode(known)
