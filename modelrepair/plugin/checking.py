"""What is wrong with a spec that a plug-in offers: found when it is loaded, not hours later."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from modelrepair.errors import kind_and_message
from modelrepair.plugin.names import Scope, SetName, Unit
from modelrepair.plugin.options import in_words, typed_name

API = 1
"""The version of the interface that this modelrepair offers."""
_CHOICES: dict[str, tuple[str, ...]] = {"scope": get_args(Scope), "unit": get_args(Unit)}
"""Fields that hold one of a few words."""
_ROLES: tuple[str, ...] = get_args(SetName)


def problem_of(spec: Any) -> str | None:
    """What is wrong with the fields of a spec, in words that name the spec; None where nothing is.

    >>> from modelrepair.plugin.specs import JudgeSpec
    >>> problem_of(JudgeSpec("mine", "judges", load="my_package:MyJudge"))
    >>> problem_of(JudgeSpec("mine", "judges", load="my_package:MyJudge", api=2))
    "'mine' was written for plug-in interface 2, this modelrepair offers 1"

    Args:
        spec: a `ScorerSpec`, `RepairerSpec`, `JudgeSpec` or `ExampleSetSpec`.
    """
    if spec.api != API:
        return (
            f"{spec.name!r} was written for plug-in interface {spec.api}, "
            f"this modelrepair offers {API}"
        )
    for field, known in _CHOICES.items():
        given = getattr(spec, field, known[0])
        if given not in known:
            return (
                f"{spec.name!r} has the {field} {given!r:.80}; this modelrepair knows: "
                f"{', '.join(known)}"
            )
    roles = getattr(spec, "roles", ())
    if not isinstance(roles, tuple | list) or any(role not in _ROLES for role in roles):
        return f"{spec.name!r} has the roles {roles!r:.80}; there are: {', '.join(_ROLES)}"
    wrong = wrong_options(getattr(spec, "options", None))
    return f"{spec.name!r}: {wrong}" if wrong else None


def wrong_options(options: Any) -> str | None:
    """What is wrong with the dataclass of a plug-in's options; None where nothing is.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Mine:
    ...     power: float = "2"
    >>> wrong_options(Mine)
    "its option 'power' has the default '2', expected number"

    Args:
        options: the dataclass; None where there are no options.
    """
    if options is None:
        return None
    if not (isinstance(options, type) and is_dataclass(options)):
        return f"its options are {options!r:.80}, expected a frozen dataclass"
    if not options.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return f"its options, {options.__name__}, are no frozen dataclass"
    try:
        hints = get_type_hints(options)
    except Exception as error:
        return f"the types of its options can't be read: {kind_and_message(error)}"
    for field in fields(options):
        name, annotation = typed_name(field), hints[field.name]
        if not _is_readable(annotation):
            return (
                f"its option {name!r} is of type {in_words(annotation)}; options are of int, "
                "float, str, bool, Literal, or None beside one of them"
            )
        # A factory may read a variable that is set only where the plug-in is used.
        if field.default is not MISSING and not _fits(field.default, annotation):
            return (
                f"its option {name!r} has the default {field.default!r:.80}, "
                f"expected {in_words(annotation)}"
            )
    return None


def _is_readable(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return all(_is_readable(part) for part in parts)
    return get_origin(annotation) is Literal or annotation in (int, float, str, bool)


def _fits(value: Any, annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(annotation))
    if get_origin(annotation) is Literal:
        return any(value == each and type(value) is type(each) for each in get_args(annotation))
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)
