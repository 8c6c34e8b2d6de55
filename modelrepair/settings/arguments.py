"""Arguments of the public functions: as settings, and as those of another function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from inspect import Signature, signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from modelrepair.examples.find import set_name
from modelrepair.settings.settings import KEYS, Settings
from modelrepair.source.address import canonical, named_on_hub, one_revision

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def taking_the_same(
    other: Callable[Parameters, Any],
) -> Callable[[Callable[..., Result]], Callable[Parameters, Result]]:
    """Let a function take the arguments of another one; it gets all of them, by their names.

    >>> def one(x: int, *, y: int = 2) -> int: ...
    >>> @taking_the_same(one)
    ... def two(x: int, **rest: int) -> str:
    ...     return f"{x} {rest}"
    >>> two(1), two(1, y=3)
    ("1 {'y': 2}", "1 {'y': 3}")

    Args:
        other: whose arguments.
    """
    parameters = list(signature(other).parameters.values())

    def decorate(function: Callable[..., Result]) -> Callable[Parameters, Result]:
        own = Signature(parameters, return_annotation=signature(function).return_annotation)

        @functools.wraps(function)
        def call(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
            bound = own.bind(*arguments, **options)
            bound.apply_defaults()
            return function(**bound.arguments)

        call.__signature__ = own  # type: ignore[attr-defined]
        return call

    return decorate


def settings_of(source: str | Path, arguments: Mapping[str, Any]) -> Settings:
    """The settings that a function's arguments name; what is no setting is left out.

    >>> settings_of("user/model", {"ratio": 0.01, "targets": ["*q_proj*"], "out": None}).targets
    ('*q_proj*',)
    >>> settings_of("user/model", {"targets": "*q_proj*"}).targets
    ('*q_proj*',)

    Args:
        source: the model.
        arguments: by name; None stands for the setting's own default. Where a list is meant, a
            single text is one item of it.
    """
    given = {
        each.name: _frozen(arguments[each.name], several=isinstance(each.default, tuple))
        for each in fields(Settings)
        if arguments.get(each.name) is not None
    }
    name = named_on_hub(str(source)) if isinstance(source, str) else None
    if name is not None:
        source, given["revision"] = name.id, one_revision(name, given.get("revision"))
    for key in ("base", "reference"):
        if isinstance(arguments.get(key), str):
            given[key] = canonical(given[key])
    if "also_template" in given:
        given["also_template"] = tuple(map(canonical, given["also_template"]))
    for key in KEYS & given.keys():
        if isinstance(arguments[key], str):
            given[key] = set_name(given[key])
    return Settings(**{**given, "source": str(source)})


def _frozen(value: Any, several: bool) -> Any:
    """A setting as it is kept: paths as text, lists as tuples, mappings as copies."""
    if isinstance(value, (str, Path)):
        return (str(value),) if several else str(value)
    if isinstance(value, Mapping):
        return {key: str(item) if isinstance(item, Path) else item for key, item in value.items()}
    if isinstance(value, Iterable):
        return tuple(str(item) if isinstance(item, Path) else item for item in value)
    return value
