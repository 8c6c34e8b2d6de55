"""Values of options that click has no type for: functions from text to value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, Literal

import click
from annotated_types import Interval

from modelrepair.errors import UsageError
from modelrepair.examples.columns import FIELDS
from modelrepair.settings.amount import check_ratio
from modelrepair.settings.duration import seconds_of

BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def ratio(value: Any) -> float | Literal["auto"]:
    """A share above 0 and below 1, or ``auto``.

    >>> ratio("0.01"), ratio("auto")
    (0.01, 'auto')
    """
    if value == "auto":
        return "auto"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise click.BadParameter(f"{value!r} is neither a number nor 'auto'") from None
    try:
        check_ratio(number)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None
    return number


def number_within(span: Interval) -> Callable[[Any], float]:
    """A reader of finite numbers in a range.

    >>> number_within(Interval(ge=0, le=1))("0.5")
    0.5
    """
    bounds = [
        (word, getattr(operator, each), getattr(span, each))
        for each, word in BOUNDS.items()
        if getattr(span, each) is not None
    ]

    def number(value: Any) -> float:
        try:
            read = float(value)
        except (TypeError, ValueError):
            raise click.BadParameter(f"{value!r} is no number") from None
        if not (math.isfinite(read) and all(holds(read, bound) for _, holds, bound in bounds)):
            said = " and ".join(f"{word} {bound:g}" for word, _, bound in bounds)
            raise click.BadParameter(f"{value} is not {said}")
        return read

    return number


def name_value(value: Any) -> tuple[str, str]:
    """``name=value``, split at the first ``=``.

    >>> name_value("norm=mean")
    ('norm', 'mean')
    """
    name, equals, text = str(value).partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"{value!r} is not name=value")
    return name.strip(), text


def column_value(value: Any) -> str:
    """``column=value``, kept as it is.

    >>> column_value("is_safe=False")
    'is_safe=False'
    """
    column, equals, _ = str(value).partition("=")
    if not equals or not column.strip():
        raise click.BadParameter(f"{value!r} is not column=value")
    return str(value)


def columns(value: Any) -> dict[str, str]:
    """``prompt=…,response=…`` as a mapping.

    >>> columns("prompt=question,response=reply")
    {'prompt': 'question', 'response': 'reply'}
    """
    if isinstance(value, dict):
        return value
    mapping: dict[str, str] = {}
    for part in str(value).split(","):
        name, equals, column = (text.strip() for text in part.partition("="))
        if not (name and equals and column):
            raise click.BadParameter(f"{part!r} is not field=column, such as prompt=question")
        if name not in FIELDS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(FIELDS)}")
        if name in mapping:
            raise click.BadParameter(f"{name!r} is given twice")
        mapping[name] = column
    return mapping


def span_of_time(value: Any) -> float:
    """``30m``, ``2h``, ``1h30m`` or seconds, in seconds.

    >>> span_of_time("1h30m")
    5400.0
    """
    try:
        return seconds_of(value)
    except UsageError as error:
        raise click.BadParameter(f"{error}; {error.hint}") from None


def as_mapping(pairs: Iterable[tuple[str, str]], typed: str = "--scorer-option") -> dict[str, str]:
    """The pairs as a mapping; a name that stands twice is a usage error of the option ``typed``.

    >>> as_mapping([("norm", "mean")])
    {'norm': 'mean'}
    """
    mapping: dict[str, str] = {}
    for key, value in pairs:
        if key in mapping:
            raise click.BadParameter(f"{key!r} is given twice", param_hint=f"'{typed}'")
        mapping[key] = value
    return mapping
