"""Checks of what a grid says, with one error for each kind of mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from modelrepair import UsageError
from modelrepair.plugin.options import convert


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
