"""One row of a file of examples, with its place; and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from modelrepair.errors import ExampleSetError

FORM = (
    'one JSON object a line: {"prompt": "…", "response": "…"} '
    'or {"messages": [{"role": "…", "content": "…"}, …]}'
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CONVERSATIONS = ("messages", "conversations", "conversation")
"""Columns that hold a list of turns, and no list of records."""


@dataclass(frozen=True)
class Row:
    """A record and where it stands, so that every complaint can say so.

    Args:
        where: such as ``harmful.jsonl, line 3``.
        record: by column; None where a column is empty.
        fault: why it can't be read, of a row that is to be left out.
    """

    where: str
    record: Mapping[str, Any]
    fault: ExampleSetError | None = None

    def fail(self, what: str, hint: str = f"a set holds {FORM}") -> NoReturn:
        """Refuse this row; ``what`` may be published, and quotes nothing of it; a hint may."""
        fail(self.where, what, hint)


def fail(where: str, what: str, hint: str = f"a set holds {FORM}") -> NoReturn:
    """Refuse what stands at this place."""
    raise ExampleSetError(f"{where}: {what}", hint=hint, id="set-malformed") from None


def kind_of(value: object) -> str:
    """What JSON calls a value.

    >>> kind_of(None), kind_of("x"), kind_of(3.0)
    ('null', 'text', 'a number')
    """
    if isinstance(value, bool):
        return "true or false"
    names = {type(None): "null", str: "text", list: "a list", dict: "an object"}
    if value == []:
        return "an empty list"
    return names.get(type(value), "a number")
