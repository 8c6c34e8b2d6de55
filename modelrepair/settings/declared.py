"""What a setting takes, read from its declaration: check and command line have no table of theirs.

A range is declared with `annotated_types`, which pydantic understands and which costs no import.
"""

from __future__ import annotations

import functools
from dataclasses import fields
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Interval

from modelrepair.settings.settings import Settings

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@functools.cache
def declared() -> dict[str, Any]:
    """The type of each setting, its range included."""
    return get_type_hints(Settings, include_extras=True)


def choices_of(name: str) -> tuple[str, ...]:
    """The words that a setting takes; none where it takes more than words.

    >>> choices_of("arithmetic"), choices_of("seed")
    (('float32', 'bfloat16'), ())
    """
    kind = _one(declared()[name])
    return get_args(kind) if get_origin(kind) is Literal else ()


def range_of(name: str) -> Interval | None:
    """The range that is declared for a setting, if one is.

    >>> range_of("scale"), range_of("seed")
    (Interval(gt=None, ge=0, lt=1, le=None), None)
    """
    found = getattr(_one(declared()[name]), "__metadata__", ())
    return next((each for each in found if isinstance(each, Interval)), None)


def number_of(name: str) -> type[int | float] | None:
    """The type of a setting that takes numbers alone.

    >>> number_of("max_length"), number_of("strength"), number_of("ratio")
    (<class 'int'>, <class 'float'>, None)
    """
    kind = _one(declared()[name])
    kind = getattr(kind, "__origin__", kind)
    return kind if kind in (int, float) else None


def default_of(name: str) -> Any:
    """What a setting is where it is not given.

    >>> default_of("max_length"), default_of("scope")
    (1024, None)
    """
    return next(field.default for field in fields(Settings) if field.name == name)


def expected(name: str) -> str | None:
    """What a setting takes, as the hint of a refusal; None where any text or number will do.

    >>> expected("max_length"), expected("scope")
    ('a whole number, 2 or more', "it is one of None, 'row', 'tensor', 'global'")
    """
    if words := choices_of(name):
        optional = (None,) if NoneType in get_args(declared()[name]) else ()
        return f"it is one of {', '.join(map(repr, (*optional, *words)))}"
    span = range_of(name)
    return f"a whole number, {span.ge} or more" if span and number_of(name) is int else None


def fits(name: str, value: object) -> bool:
    """Whether a value is one that the setting takes: of its type, in its range, of its words.

    >>> fits("max_length", 2), fits("max_length", 1), fits("max_length", "2")
    (True, False, False)
    """
    from pydantic import ValidationError

    try:
        _reader(name).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@functools.cache
def _reader(name: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # lazily: no import of the package, and no help, waits for it

    return TypeAdapter(declared()[name])


def _one(kind: Any) -> Any:
    """A type without its None; a union of several stays as it is."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    parts = [part for part in get_args(kind) if part is not NoneType]
    return parts[0] if len(parts) == 1 else kind
