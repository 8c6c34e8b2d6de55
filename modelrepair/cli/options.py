"""Options that several commands share, each declared once."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from modelrepair.cli.types import name_value, number_within, ratio

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class Command(click.Command):
    """A command during whose work whatever others print goes to stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its own result goes out through `Output`, which kept the stdout."""
        with contextlib.redirect_stdout(sys.stderr):
            return super().invoke(ctx)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ours, with the two options that all have."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def call(*arguments: Any, json: bool, debug: bool, **options: Any) -> Any:
            return function(*arguments, **options)  # `Output` has read both already

        with_options = apply(
            click.option("--json", is_flag=True, help="Print one JSON document and nothing else."),
            click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        )(call)
        help_names = {"help_option_names": ["-h", "--help"], "show_default": True}
        return click.command(name, cls=Command, context_settings=help_names, **settings)(
            click.pass_obj(with_options)
        )

    return decorate


def apply(*options: Decorator[Any]) -> Decorator[Any]:
    """Several options as one decorator, shown in this order."""

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def source_options() -> Decorator[Any]:
    """What is repaired, and which tensors of it."""
    return apply(
        click.option("--revision", help="Branch, tag or commit of SOURCE on the Hub."),
        click.option(
            "--reference",
            default="auto",
            help="The aligned model that SOURCE was fine-tuned from: a Hub id, a folder, 'none', "
            "or 'auto' for the one that its card declares.",
        ),
        click.option(
            "--subject",
            type=click.Choice(["auto", "delta", "weight"]),
            default="auto",
            help="What masking acts on: the difference from the reference, or the weight itself.",
        ),
        click.option(
            "--targets",
            multiple=True,
            metavar="GLOB",
            help="Only tensors whose name in the file matches; may be repeated.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="GLOB",
            help="Leave these tensors out; may be repeated.",
        ),
        click.option(
            "--allow-partial",
            is_flag=True,
            help="Go on where less than 95 % of the parameters can be repaired.",
        ),
    )


SETS = {
    "realign": "harmful prompts with harmful answers",
    "refusal": "harmful prompts with safe answers; made from --realign where not given",
    "utility": "benign prompts with good answers",
    "borderline": "benign prompts that look harmful",
}


def set_options(*, tests: bool) -> Decorator[Any]:
    """The example sets; with ``tests``, also the sets that only the report is made on."""
    options = [
        click.option(f"--{name}", type=FILE, metavar="FILE", help=f"JSONL: {text}.")
        for name, text in SETS.items()
    ]
    if tests:
        options += [
            click.option(
                f"--test-{name}",
                type=FILE,
                metavar="FILE",
                help=f"JSONL: report on these instead of a part of --{name}.",
            )
            for name in SETS
        ]
    return apply(*options)


def length_options() -> Decorator[Any]:
    """How much of the sets is used."""
    return apply(
        click.option(
            "--examples",
            type=click.IntRange(min=1),
            default=256,
            help="At most so many examples of each set are scored on.",
        ),
        max_length_option(),
    )


def max_length_option() -> Decorator[Any]:
    """Where an example is cut."""
    return click.option(
        "--max-length",
        type=click.IntRange(min=2),
        default=1024,
        help="Tokens of an example; what is cut is counted.",
    )


def scorer_options() -> Decorator[Any]:
    """Which entries are chosen, and how many."""
    return apply(
        click.option(
            "--scorer",
            help="A name from `modelrepair scorers list`, or path/file.py:Class; by itself Wanda, "
            "then contrast where no Wanda repair meets the gate.",
        ),
        click.option(
            "--scorer-option",
            "scorer_options",
            type=name_value,
            multiple=True,
            metavar="NAME=VALUE",
            help="An option of the scorer; may be repeated.",
        ),
        click.option(
            "--scope",
            type=click.Choice(["row", "tensor", "global"]),
            help="Where the highest scores are cut; by itself the scorer's own.",
        ),
        click.option(
            "--ratio",
            type=ratio,
            metavar="FLOAT|auto",
            default="auto",
            help="Share of the entries to mask, or 'auto' to search for it.",
        ),
    )


def measuring_options() -> Decorator[Any]:
    """Who judges, and how long the answers are."""
    return apply(
        click.option(
            "--judge", default="keyword", help="Who calls an answer harmful, harmless or refusal."
        ),
        click.option(
            "--max-new-tokens",
            type=click.IntRange(min=1),
            default=128,
            help="Length of a generated answer.",
        ),
    )


def machine_options() -> Decorator[Any]:
    """Where and how it is computed."""
    return apply(
        click.option("--device", default="auto", help="'auto', 'cpu', 'cuda', 'cuda:1', 'mps' …"),
        click.option(
            "--arithmetic",
            type=click.Choice(["float32", "bfloat16"]),
            default="float32",
            help="Precision of the computation; the files keep theirs.",
        ),
        click.option(
            "--token-budget",
            type=click.IntRange(min=1),
            default=2048,
            help="Tokens of a batch; part of what makes a repair repeatable.",
        ),
        click.option("--seed", type=int, default=0, help="Seed of whatever is drawn."),
    )


SHARE_BELOW_ONE = number_within(0, 1, open_high=True)
SHARE_ABOVE_ZERO = number_within(0, 1, open_low=True, open_high=True)
