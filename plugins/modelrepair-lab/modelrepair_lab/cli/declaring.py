"""How the lab's commands are declared: as those of modelrepair, of which they are a part."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.options import FOLDER, command, option
from modelrepair.cli.output import Output
from modelrepair.cli.types import as_mapping, name_value

__all__ = [
    "ANSWER_LENGTH",
    "FOLDER",
    "MODELS",
    "Output",
    "as_mapping",
    "command",
    "name_value",
    "named",
    "option",
]

MODELS = click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL...")
"""Several models side by side; `named` takes each apart."""
ANSWER_LENGTH = option(
    "--max-new-tokens", type=click.IntRange(min=1), default=64, help="Length of a generated answer."
)


def named(text: str) -> tuple[str, str]:
    """A model with its name, default: that of its folder.

    >>> named("ours=out/repaired"), named("out/repaired")
    (('ours', 'out/repaired'), ('repaired', 'out/repaired'))
    """
    name, equals, folder = text.partition("=")
    return (name, folder) if equals else (Path(text).name, text)
