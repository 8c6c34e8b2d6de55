"""``modelrepair fix``: repair a model."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.budgets import budget_options, take_budgets
from modelrepair.cli.options import (
    FOLDER,
    SHARE_ABOVE_ZERO,
    SHARE_BELOW_ONE,
    Decorator,
    length_options,
    machine_options,
    measuring_options,
    option,
    push_options,
    scorer_options,
    section,
    set_options,
    source_options,
)
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.report import show_repair
from modelrepair.cli.types import as_mapping


def search_options() -> Decorator[Any]:
    """How masks grow, and what they spare."""
    return section(
        "How entries are chosen",
        option(
            "--scale",
            type=SHARE_BELOW_ONE,
            metavar="FLOAT",
            default=0.0,
            help="What masked entries are multiplied by: 0 removes them, 0.75 shrinks them.",
        ),
        option(
            "--step",
            type=SHARE_ABOVE_ZERO,
            metavar="FLOAT",
            help="Share that an iterative scorer adds in a round; by itself chosen.",
        ),
        option(
            "--max-rounds",
            type=click.IntRange(min=1),
            help="Rounds that an iterative scorer may take.",
        ),
        option(
            "--protect",
            type=SHARE_BELOW_ONE,
            metavar="FLOAT",
            help="Share of the entries, those that utility needs most, that are never masked.",
        ),
        option(
            "--no-fallback",
            "fallback",
            is_flag=True,
            flag_value=False,
            default=True,
            show_default=False,
            help="Without --scorer: try Wanda alone.",
        ),
    )


@declare("fix")
@click.argument("source")
@source_options()
@set_options(tests=True)
@length_options()
@scorer_options()
@search_options()
@section(
    "Measuring",
    option(
        "--no-evaluate",
        "evaluate",
        is_flag=True,
        flag_value=False,
        default=True,
        show_default=False,
        help="Measure nothing; needs a number for --ratio, and the verdict is 'unmeasured'.",
    ),
)
@measuring_options()
@budget_options()
@machine_options()
@section(
    "Result",
    option("--out", type=FOLDER, help="Output folder; by itself ./NAME-repaired."),
    option(
        "--store-values",
        is_flag=True,
        help="Store the masked entries' new values beside the mask, where the reference is "
        "private.",
    ),
)
@section("Pushing", option("--push", is_flag=True, help="Push the saved model to the Hub."))
@push_options()
def command(output: Output, source: str, **options: Any) -> int:
    """Repair SOURCE, a folder or a model on the Hub, and measure what that did.

    Finds the weights responsible for harmful answers, removes them, and writes the repaired
    model with its proof. Exit code 0 where the gate is passed, 1 where it is not.
    """
    searches = options["ratio"] in (None, "auto") and options["preset"] is None
    if not options["evaluate"] and searches:
        raise click.UsageError(
            "--no-evaluate needs a number for --ratio", click.get_current_context()
        )
    options["scorer_options"] = as_mapping(options["scorer_options"])
    budgets = take_budgets(options)

    import modelrepair

    report = modelrepair.repair(source, budgets=budgets, progress=output.progress(), **options)
    shown = show_repair(report, source=source, reference=options["reference"], base=options["base"])
    output.result(report.to_json(), *shown)
    return int(report.exit_code)
