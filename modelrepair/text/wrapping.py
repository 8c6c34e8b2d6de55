"""How wide a line may be, and text and tables that fit: nothing breaks inside a word."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.table import Column, Table
    from rich.text import Text

TERMINAL = 80
"""Columns of a terminal that does not say how many it has."""
WITHOUT_TERMINAL = 160
"""Columns of a table where a file or another program reads it."""
WHOLE = re.compile(r"`[^`]+`\S*|(?<=: )(?:modelrepair|hf|python -m) \S.*|\S+")
"""What stays on one line so that it can be copied: a command, a path, an address, a word."""


def width_of(stream: TextIO) -> int | None:
    """How many columns a stream shows; None where it is no terminal and none is asked for."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or TERMINAL
    except (OSError, ValueError):
        return TERMINAL


def wrapped(text: str, width: int | None) -> str:
    r"""A text with line breaks between its words; what is longer than a line stays whole.

    >>> wrapped("finish it with: modelrepair push my-model", 24)
    'finish it with:\n  modelrepair push my-model'

    Args:
        text: one or more lines.
        width: columns; None for lines that have no end.
    """
    if width is None:
        return text
    return "\n".join(each for line in text.split("\n") for each in _lines(line, width))


def fit(table: Table, width: int) -> int:
    """Give a table's columns widths that hold their longest words; give the table's own width.

    Rich alone cuts a word that does not fit, and figures with it.
    """
    if not table.columns:
        return width
    cells = [[_text(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    most = [max(line.cell_len for text in column for line in text.split()) for column in cells]
    least = [
        whole if column.no_wrap else max(_longest_word(text) for text in texts)
        for column, texts, whole in zip(table.columns, cells, most, strict=True)
    ]
    _, right, _, left = table.padding
    lines = 0 if table.box is None else len(cells) + (1 if table.show_edge else -1)
    around = len(cells) * (left + right) + lines
    widths = _shared(least, most, width - around)
    for column, columns in zip(table.columns, widths, strict=True):
        column.width = columns
    return max(width, sum(widths) + around)


def figures(title: str, **settings: object) -> Column:
    """A column whose cells never break: figures, names, commands."""
    from rich.table import Column

    return Column(title, no_wrap=True, **settings)  # type: ignore[arg-type]


def _lines(line: str, width: int) -> list[str]:
    if _cells(line) <= width:
        return [line]  # with its columns, where it has any
    text = line.lstrip(" ")
    indent = " " * (len(line) - len(text))
    lines, filled = [], indent
    for found in WHOLE.finditer(text):
        word = found[0]
        # What is longer than a line wins nothing by one of its own, unless much stands before it.
        long = _cells(f"{indent}  {word}") > width and len(filled) < width // 4
        if filled.strip() and not long and _cells(f"{filled} {word}") > width:
            lines.append(filled)
            filled = f"{indent}  {word}"
        else:
            filled = f"{filled} {word}" if filled.strip() else f"{filled}{word}"
    return [*lines, filled]


def _cells(text: str) -> int:
    from rich.text import Text

    return Text(text).cell_len


def _text(cell: object) -> Text:
    from rich.text import Text

    return cell if isinstance(cell, Text) else Text(str(cell))


def _longest_word(text: Text) -> int:
    return max((_cells(word) for word in text.plain.split()), default=0)


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths between the least and the most: what is left goes to the columns evenly."""
    widths = list(least)
    while sum(widths) < room:
        open_columns = [i for i, width in enumerate(widths) if width < most[i]]
        if not open_columns:
            break
        narrowest = min(open_columns, key=lambda i: widths[i])
        widths[narrowest] += 1
    return widths
