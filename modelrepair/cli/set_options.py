"""Options of the example sets: which they are, which rows of them, and how much of each."""

from __future__ import annotations

from typing import Any

from modelrepair.cli.options import Decorator, option, section, setting
from modelrepair.cli.types import column_value, columns
from modelrepair.settings.settings import DEFAULT_SETS

SETS = {
    "realign": "harmful prompts, with harmful answers or alone",
    "refusal": "harmful prompts with safe answers; where not given the reference's own, or made",
    "utility": "benign prompts with good answers",
    "borderline": "benign prompts that look harmful",
}
SET = "SET"
"""What stands for a set in the help: a name, a file or folder, or an id on the Hub."""


def set_options(*, tests: bool, defaults: bool) -> Decorator[Any]:
    """The example sets.

    Args:
        tests: also the sets that only the report is made on.
        defaults: whether sets that are not named have defaults.
    """
    options = [
        option(
            f"--{name}",
            metavar=SET,
            default=DEFAULT_SETS.get(name) if defaults else None,
            help=f"{text[:1].upper()}{text[1:]}: a name from docs/example-sets.md, a file or "
            "folder, org/name[:config][:split][@revision] on the Hub"
            + (", or 'none'." if tests and name in ("utility", "borderline") else "."),
        )
        for name, text in SETS.items()
    ]
    if tests:
        options += [
            option(
                f"--test-{name}",
                metavar=SET,
                help=f"Report on these instead of a part of --{name}; filter, columns and limit "
                "of that set hold here too.",
            )
            for name in SETS
        ]
    for name in SETS:
        options += [
            option(
                f"--{name}-filter",
                type=column_value,
                multiple=True,
                metavar="COLUMN=VALUE",
                help=f"Only such rows of --{name}; may be repeated.",
            ),
            option(
                f"--{name}-columns",
                type=columns,
                default={},
                show_default=False,
                metavar="FIELD=COLUMN,…",
                help=f"Which columns of --{name} hold prompt, response …, where their names "
                "are not known.",
            ),
            setting(f"{name}_limit", f"At most so many rows of --{name}, the first ones."),
        ]
    return section("Example sets", *options)


def length_options() -> Decorator[Any]:
    """How much of the sets is used."""
    return section(
        "Example sets",
        setting("examples", "At most so many examples of each set are scored on."),
        setting(
            "kind_examples",
            "Report examples of each kind of benign prompt, 0 for none; see docs/concepts.md.",
        ),
        max_length_option(),
    )


def max_length_option() -> Decorator[Any]:
    """Where an example is cut."""
    return setting("max_length", "Tokens of an example; what is cut is counted.")
