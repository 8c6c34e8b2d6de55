"""``modelrepair fix``: repair a model."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.budgets import take_budgets
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.repairing import check_ratio, repairing_options
from modelrepair.cli.report import show_repair
from modelrepair.cli.types import as_mapping


@declare("fix")
@click.argument("source")
@repairing_options(defaults=True, push="Push the saved model to the Hub.")
def command(output: Output, source: str, **options: Any) -> int:
    """Repair SOURCE, a folder or a model on the Hub, and measure what that did.

    Finds the weights responsible for harmful answers, removes them, and writes the repaired
    model with its proof. Exit code 0 where the gate is passed, 1 where it is not.
    """
    check_ratio(options)
    options["scorer_options"] = as_mapping(options["scorer_options"])
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")
    options["repairer_options"] = as_mapping(options["repairer_options"], "--repairer-option")
    budgets = take_budgets(options)

    import modelrepair

    report = modelrepair.repair(source, budgets=budgets, progress=output.progress(), **options)
    shown = show_repair(report, source=source, reference=options["reference"], base=options["base"])
    output.result(report.to_json(), *shown)
    return int(report.exit_code)
