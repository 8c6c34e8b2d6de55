"""Filters: which rows of a set are taken, as ``column=value``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelrepair.errors import ExampleSetError, UsageError

TRUTH = {"true": True, "false": False}
MOST_SHOWN, LONGEST_SHOWN = 8, 24
"""Values that a complaint may show: few and short ones are labels, others may be private text."""


def parse_filter(text: str) -> tuple[str, str]:
    """``column=value``, split at the first ``=``.

    >>> parse_filter("is_safe=False")
    ('is_safe', 'False')

    Raises:
        UsageError: there is no ``=``, or nothing before it.
    """
    column, equals, value = text.partition("=")
    if not equals or not column.strip():
        raise UsageError(f"the filter {text!r} is not column=value", hint="such as is_safe=False")
    return column.strip(), value


def value_of(record: Mapping[str, Any], column: str) -> Any:
    """A column's value; ``a.b`` is the field b in the column a, unless a column is named so.

    >>> value_of({"category": {"violence": True}}, "category.violence")
    True
    """
    if column in record or "." not in column:
        return record.get(column)
    value: Any = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def has(columns: Iterable[str], column: str) -> bool:
    """Whether a column is there, by its name."""
    return column in columns or column.partition(".")[0] in columns


def matches(value: Any, wanted: str) -> bool:
    """Whether a value is what a filter asks for, in whatever form the file keeps it.

    >>> matches(False, "False"), matches("false", "False"), matches(3, "3.0"), matches(None, "")
    (True, True, True, True)
    """
    if isinstance(value, bool):
        return TRUTH.get(wanted.strip().lower()) is value
    if value is None:
        return wanted.strip().lower() in ("", "null", "none")
    if isinstance(value, str):
        if value.strip().lower() in TRUTH:
            return value.strip().lower() == wanted.strip().lower()
        return value == wanted
    if isinstance(value, Sequence):
        return any(matches(item, wanted) for item in value)
    try:
        return float(value) == float(wanted)
    except (TypeError, ValueError):
        return str(value) == wanted


class Filter:
    """Lets rows through in which every column has one of the values asked for.

    >>> chosen = Filter(("label=safe", "kind=a", "kind=b"))
    >>> chosen.takes({"label": "safe", "kind": "b"}), chosen.takes({"label": "unsafe", "kind": "a"})
    (True, False)

    Args:
        texts: ``column=value`` each. A column that is named twice may have either value.

    Raises:
        UsageError: a text that is not ``column=value``.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.wanted: dict[str, list[str]] = {}
        for column, value in map(parse_filter, texts):
            self.wanted.setdefault(column, []).append(value)
        self.seen: dict[str, set[str]] = {column: set() for column in self.wanted}

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Whether a row is taken; what its columns hold is remembered for `complain`."""
        taken = True
        for column, values in self.wanted.items():
            found = value_of(record, column)
            if len(self.seen[column]) <= MOST_SHOWN:
                self.seen[column].add(str(found))
            taken = taken and any(matches(found, value) for value in values)
        return taken

    def complain(self, id: str) -> ExampleSetError:
        """That no row was taken, and what was there instead."""
        said = " and ".join(
            f"{column}={'|'.join(values)}" for column, values in self.wanted.items()
        )
        shown = [
            f"{column} holds {', '.join(sorted(found))}"
            for column, found in self.seen.items()
            if found
            and len(found) <= MOST_SHOWN
            and all(len(value) <= LONGEST_SHOWN for value in found)
        ]
        hint = "; ".join(shown) or "compare the value with those in the file"
        return ExampleSetError(
            f"{id}: the filter {said} lets no row through", hint=hint, id="set-empty"
        )


def check_columns(id: str, asked: Iterable[str], there: Sequence[str]) -> None:
    """Refuse a column that no row has, with the nearest name.

    Raises:
        ExampleSetError: naming the column and those that there are.
    """
    for column in asked:
        if not has(there, column):
            near = difflib.get_close_matches(column, there, n=1, cutoff=0.6)
            listed = f"there are: {', '.join(there[:12])}" if there else "it has no columns"
            raise ExampleSetError(
                f"{id}: there is no column {column!r}",
                hint=f"did you mean {near[0]!r}? {listed}" if near else listed,
                id="set-columns",
            )
