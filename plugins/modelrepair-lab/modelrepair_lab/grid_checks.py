"""Checks of what a grid says, with one error for each kind of mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from modelrepair import UsageError
from modelrepair.plugin.options import convert
from modelrepair_lab.slugs import slugs


def known(where: str, given: Iterable[str], names: Iterable[str]) -> None:
    """Refuse a name that is not among those that are known.

    >>> known("the grid", ["seeds"], ["seeds", "repair"])

    Raises:
        UsageError: one is not.
    """
    names = list(names)
    for name in given:
        if name not in names:
            raise UsageError(
                f"{where} says {name!r}, which is not known there",
                hint=f"it knows {', '.join(sorted(names))}",
            )


def named(kind: str, row: Mapping[str, Any]) -> str:
    """The name of a table of a grid.

    >>> named("attack", {"name": "SFT"})
    'SFT'

    Raises:
        UsageError: it has none.
    """
    if not isinstance(row.get("name"), str):
        raise UsageError(f"a table [[{kind}]] has no name", hint='write name = "…" in it')
    return str(row["name"])


def flag(where: str, row: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Whether a table of a grid says yes.

    >>> flag("repair 'a'", {"ours": True}, "ours", default=False)
    True

    Raises:
        UsageError: it says something else than true or false.
    """
    value = row.get(name, default)
    if not isinstance(value, bool):
        raise UsageError(f"{where} says {name} = {value!r}", hint="write true or false")
    return value


def several(where: str, row: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """The values of a list in a table of a grid; none where it is not there.

    >>> several("repair 'a'", {"on": ["full"]}, "on")
    ('full',)

    Raises:
        UsageError: it is no list.
    """
    value = row.get(name, ())
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{where} says {name} = {value!r}", hint=f"write a list: {name} = […]")
    return tuple(value)


def apart(what: str, names: Iterable[str]) -> None:
    """Refuse names that are one as file names, where each has a file of its own.

    >>> apart("repair", ["Wanda", "wanda, merged"])

    Raises:
        UsageError: two are one, or one has neither letter nor digit.
    """
    slugs(names, f"{what}s", f"write names with other letters or digits in [[{what}]]")


def numbers(where: str, recipe: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe that a table of a grid gives, each of its type.

    Raises:
        UsageError: one is no field of the recipe.
    """
    defaults = {
        each.name: each.default for each in fields(recipe) if each.name not in ("seed", "defence")
    }
    known(where, row, defaults)
    return {
        name: convert(value, int if defaults[name] is None else type(defaults[name]))
        for name, value in row.items()
    }
