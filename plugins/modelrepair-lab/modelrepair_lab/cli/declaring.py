"""How the lab's commands are declared: as those of modelrepair, of which they are a part."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from modelrepair import UsageError
from modelrepair.cli.options import FOLDER, command, option
from modelrepair.cli.output import Output
from modelrepair.cli.types import as_mapping, name_value

__all__ = [
    "ANSWER_LENGTH",
    "FOLDER",
    "MODELS",
    "Output",
    "as_mapping",
    "by_name",
    "command",
    "name_value",
    "option",
]

MODELS = click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL...")
"""Several models side by side; `by_name` takes them apart."""
ANSWER_LENGTH = option(
    "--max-new-tokens", type=click.IntRange(min=1), default=64, help="Length of a generated answer."
)


def by_name(models: Iterable[str]) -> dict[str, str]:
    """The folders of models by their names, default: those of the folders.

    >>> by_name(["ours=out/repaired", "out/attacked"])
    {'ours': 'out/repaired', 'attacked': 'out/attacked'}

    Raises:
        UsageError: two have one name.
    """
    found: dict[str, str] = {}
    for text in models:
        name, folder = _named(text)
        if name in found:
            raise UsageError(
                f"two models have one name, {name!r}: {found[name]} and {folder}",
                hint="name them: NAME=FOLDER",
            )
        found[name] = folder
    return found


def _named(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    # A folder may have the sign in its own name, such as lr=1e-3.
    if equals and not Path(text).is_dir():
        return name, folder
    return Path(text).resolve().name, text
