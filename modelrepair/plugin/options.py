"""Reads a plug-in's options, as text or values, into the frozen dataclass that declares them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from modelrepair.errors import UsageError
from modelrepair.text.redaction import HIDDEN, is_secret

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class OptionHelp:
    """One option as it is shown: name as typed, type in words, default as text, help."""

    name: str
    type: str
    default: str
    help: str


def typed_name(field: Field[Any]) -> str:
    """The name as users type it: ``lambda`` for the field ``lambda_``."""
    return field.name.rstrip("_")


def in_words(annotation: Any) -> str:
    """A type as users read it: ``number``, ``rms|mean``."""
    if get_origin(annotation) is Literal:
        return "|".join(str(value) for value in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return "|".join([*(in_words(part) for part in parts), "none"])
    return {int: "whole number", float: "number", str: "text", bool: "true|false"}.get(
        annotation, str(annotation)
    )


def describe_options(options: type | None) -> list[OptionHelp]:
    """What a plug-in's options are, for help texts.

    >>> from modelrepair.scorers.options import WandaOptions
    >>> [(option.name, option.type, option.default) for option in describe_options(WandaOptions)]
    [('norm', 'rms|mean', 'rms'), ('tokens', 'all|answer', 'all')]
    """
    if options is None:
        return []
    hints = get_type_hints(options)
    return [
        OptionHelp(
            name=typed_name(field),
            type=in_words(hints[field.name]),
            default=_default(field),
            help=str(field.metadata.get("help", "")),
        )
        for field in fields(options)
    ]


def secrets_among(options: type | None, given: Mapping[str, object]) -> frozenset[str]:
    """The names of given options whose values are never shown.

    >>> sorted(secrets_among(None, {"api_key": "abc", "norm": "rms"}))
    ['api_key']

    Args:
        options: the dataclass that declares them; ``field(metadata={"secret": True})`` marks one.
        given: values by typed name. A text whose name says that it is secret needs no mark.
    """
    marked = {
        typed_name(field)
        for field in (fields(options) if options else ())
        if field.metadata.get("secret")
    }
    named = {name for name, value in given.items() if isinstance(value, str) and is_secret(name)}
    return frozenset((marked & given.keys()) | named)


def hide_secrets(options: type | None, given: Mapping[str, object]) -> dict[str, object]:
    """Given options as they may be shown.

    >>> hide_secrets(None, {"api_key": "abc", "norm": "rms"})
    {'api_key': '…', 'norm': 'rms'}

    Args:
        options: the dataclass that declares them.
        given: values by typed name.
    """
    secrets = secrets_among(options, given)
    return {name: HIDDEN if name in secrets else value for name, value in given.items()}


def parse_options(
    options: type | None,
    given: Mapping[str, object],
    plugin: str,
    typed: str = "--scorer-option",
) -> Any:
    """An instance of the dataclass ``options``, or None where the plug-in declares none.

    >>> from modelrepair.scorers.options import ContrastOptions
    >>> parse_options(ContrastOptions, {"lambda": "0.5"}, "contrast").lambda_
    0.5

    Args:
        options: the frozen dataclass that the plug-in's spec names, or None.
        given: values by typed name; text is read by the field's type.
        plugin: the plug-in's name, for the messages.
        typed: the option of the command line that gives them, for the messages.

    Raises:
        UsageError: an option that the plug-in doesn't know, or a value that doesn't fit.
    """
    known = {typed_name(field): field for field in fields(options)} if options else {}
    for name in given:
        if name not in known:
            raise UsageError(
                f"{plugin} has no option {name!r}", hint=_known(plugin, known), id="plugin-option"
            )
    if options is None:
        return None
    missing = [
        name
        for name, field in known.items()
        if field.default is MISSING and field.default_factory is MISSING and name not in given
    ]
    if missing:
        raise UsageError(
            f"{plugin} needs the option {missing[0]!r}",
            hint=f"give it with {typed} {missing[0]}=…",
            id="plugin-option",
        )
    hints = get_type_hints(options)
    hidden = secrets_among(options, given)
    values: dict[str, object] = {}
    for name, value in given.items():
        annotation = hints[known[name].name]
        try:
            values[known[name].name] = convert(value, annotation)
        except ValueError:
            raise UsageError(
                f"option {name!r} of {plugin} is {HIDDEN if name in hidden else repr(value)}, "
                f"expected {in_words(annotation)}",
                hint=_known(plugin, known),
                id="plugin-option",
            ) from None
    try:
        return options(**values)
    except ValueError as error:  # from the dataclass's own __post_init__
        raise UsageError(
            f"options of {plugin}: {error}", hint=_known(plugin, known), id="plugin-option"
        ) from error


def convert(value: object, annotation: Any) -> object:
    """The value in the annotated type; ValueError where it doesn't fit."""
    if get_origin(annotation) in (Union, UnionType):
        return _convert_union(value, get_args(annotation))
    if get_origin(annotation) is Literal:
        for choice in get_args(annotation):
            if value == choice or value == str(choice):
                return choice
        raise ValueError(value)
    if annotation is bool:
        return _convert_bool(value)
    if annotation is str and isinstance(value, str):
        return value
    if annotation in (int, float) and isinstance(value, (str, int, float)):
        if isinstance(value, bool) or (annotation is int and isinstance(value, float)):
            raise ValueError(value)
        number: float = annotation(value)
        if not math.isfinite(number):
            raise ValueError(value)
        return number
    raise ValueError(value)


def _convert_union(value: object, parts: tuple[Any, ...]) -> object:
    if NoneType in parts and (value is None or value == "none"):
        return None
    for part in parts:
        if part is not NoneType:
            try:
                return convert(value, part)
            except ValueError:
                continue
    raise ValueError(value)


def _convert_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    raise ValueError(value)


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return "none" if field.default is None else str(field.default)
    return "(required)" if field.default_factory is MISSING else str(field.default_factory())


def _known(plugin: str, known: Mapping[str, object]) -> str:
    if not known:
        return f"{plugin} has no options"
    return f"{plugin} knows: {', '.join(known)}"
