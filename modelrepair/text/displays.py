"""Which display shows a progress: bars on a terminal, lines elsewhere, or none."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Literal, TextIO

from modelrepair.progress import Progress, Watcher
from modelrepair.text.step_lines import Lines
from modelrepair.text.wrapping import width_of

Watching = Progress | Watcher | Literal["auto"] | None
"""What the public functions take for ``progress``."""


def progress_of(watching: Watching) -> Progress:
    """What a run says itself to, as a caller asked for it.

    >>> progress_of(None) is progress_of(None), type(progress_of(print)).__name__
    (False, 'Progress')

    Args:
        watching: a progress, or a function that is called with each event; None for silence,
            ``"auto"`` for the display of the command line where there is a terminal or a notebook.
    """
    if isinstance(watching, Progress):
        return watching
    if watching == "auto":
        return Progress(*own_display(sys.stderr))
    return Progress() if watching is None else Progress(watching)


def display_of(stream: TextIO) -> Watcher:
    """Bars on a terminal, else a few lines.

    >>> import io
    >>> type(display_of(io.StringIO())).__name__
    'Lines'

    Args:
        stream: where they are shown.
    """
    from rich.console import Console

    from modelrepair.text.step_bars import Bars

    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return Bars(Console(file=stream))
    return Lines(stream, width_of(stream))


def own_display(stream: TextIO) -> tuple[Watcher, ...]:
    """What Python shows where no display was asked for: the same as the command line, or nothing.

    A program without a terminal is silent; a notebook without its widgets has lines.

    Args:
        stream: the standard error.
    """
    from rich.console import Console

    from modelrepair.text.step_bars import Bars

    if Console().is_jupyter:
        # Its bars need a package; without it rich would warn at each of them.
        widgets = importlib.util.find_spec("ipywidgets") is not None
        return (Bars(Console()) if widgets else Lines(stream),)
    return (display_of(stream),) if stream.isatty() else ()
