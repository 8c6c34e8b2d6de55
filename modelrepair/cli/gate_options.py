"""The gate's numbers as options: one for each field of the dataclass that holds them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import click
from annotated_types import Interval

from modelrepair.budgets import Budgets
from modelrepair.cli.options import Decorator, option, section
from modelrepair.cli.types import number_within

PREFIX = "gate_"


def budget_options() -> Decorator[Any]:
    """``--gate-harm-ratio`` and the others."""
    hints = get_type_hints(Budgets)
    return section(
        "The gate",
        *(
            option(
                f"--gate-{field.name.replace('_', '-')}",
                f"{PREFIX}{field.name}",
                type=click.IntRange(min=0)
                if hints[field.name] is int
                else number_within(Interval(ge=0)),
                metavar="INTEGER" if hints[field.name] is int else "FLOAT",
                default=field.default,
                help=f"{field.metadata['help'].capitalize()}.",
            )
            for field in fields(Budgets)
        ),
    )


def take_budgets(options: dict[str, Any]) -> Budgets:
    """The gate's numbers, taken out of a command's options.

    >>> take_budgets({"gate_harm_ratio": 0.5, "seed": 0}).harm_ratio
    0.5
    """
    names = [name for name in options if name.startswith(PREFIX)]
    return Budgets(**{name.removeprefix(PREFIX): options.pop(name) for name in names})
