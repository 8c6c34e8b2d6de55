"""What an audit measures with, as options of its own: the defaults are those of `Measuring`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from modelrepair.cli.endpoint_options import endpoint_options
from modelrepair.cli.options import Decorator, judge_options, option, section
from modelrepair.cli.types import as_mapping
from modelrepair.errors import UsageError

if TYPE_CHECKING:
    from modelrepair.auditing.behaviour.measured import Measuring


def measuring_options() -> Decorator[Any]:
    """Whether answers are measured, and with what."""

    def decorate(function: Any) -> Any:
        own = section(
            "Behaviour",
            option(
                "--measure",
                is_flag=True,
                help="Measure what TARGET answers, and its base beside it; weights are downloaded.",
            ),
            option("--realign", help="Harmful prompts. Default: beavertails."),
            option("--utility", help="Benign prompts with good answers. Default: plain."),
            option("--borderline", help="Benign prompts that look harmful. Default: borderline."),
            option(
                "--examples",
                type=click.IntRange(min=1),
                help="The most prompts of each set. Default: 256.",
            ),
            option("--max-new-tokens", type=click.IntRange(min=1), help="Length of an answer. "
                   "Default: 128."),
            option("--max-thought-tokens", type=click.IntRange(min=1), help="Length of a thought "
                   "before the answer, beside the answer's own. Default: 1024."),
            option("--device", help="'auto', 'cpu', 'cuda' … Default: auto."),
        )  # fmt: skip
        return own(judge_options()(endpoint_options()(function)))

    return decorate


def measuring_of(options: dict[str, Any]) -> Measuring | None:
    """Take these options out of all of a command's; None without ``--measure``.

    Args:
        options: of the command, by name.

    Raises:
        UsageError: one of them, and no ``--measure``.
    """
    from modelrepair.auditing.behaviour.measured import Measuring

    plain = Measuring()
    names = [each.name for each in fields(Measuring)]
    given: Mapping[str, Any] = {name: options.pop(name) for name in names}
    options_of = as_mapping(given["judge_options"], "--judge-option")
    chosen = {**given, "judge_options": options_of}
    chosen = {
        name: value
        for name, value in chosen.items()
        if value is not None and value != getattr(plain, name)
    }
    if options.pop("measure"):
        return Measuring(**chosen)
    for name in chosen:
        text = "--judge-option" if name == "judge_options" else f"--{name.replace('_', '-')}"
        raise UsageError(f"{text} is of --measure", hint="add --measure, or leave it out")
    return None
