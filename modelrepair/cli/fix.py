"""``modelrepair fix``: repair a model."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.closing import NOTHING, first_lines, last_lines, lines_unpushed
from modelrepair.cli.closing_commands import Asked
from modelrepair.cli.errors import explain
from modelrepair.cli.gate_options import take_budgets
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.repair_options import repairing_options
from modelrepair.cli.summary import show_report
from modelrepair.cli.types import as_mapping


@declare("fix", loads_plugins=True, has_steps=True)
@click.argument("source")
@repairing_options(push="Push the saved model to the Hub.")
def command(output: Output, source: str, **options: Any) -> int:
    """Repair SOURCE, a folder or a model on the Hub, and measure what that did.

    Finds the weights responsible for harmful answers, removes them, and writes the repaired
    model with its proof. Exit code 0 where the gate is passed, 1 where it is not.
    """
    options["scorer_options"] = as_mapping(options["scorer_options"])
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")
    options["repairer_options"] = as_mapping(options["repairer_options"], "--repairer-option")
    budgets = take_budgets(options)

    import modelrepair

    asked = Asked(source, output.typed, options)
    output.standing.said = NOTHING.lower().rstrip(".")
    shown: list[dict[str, Any]] = []

    def show(report: Any) -> None:
        if not shown:
            document = report.to_json()
            shown.append(document)
            output.standing.document = document
            output.standing.said = f"written to {report.out}, and not pushed yet"
            output.show(*show_report(document), *first_lines(document, asked))

    try:
        report = modelrepair.repair(
            source, budgets=budgets, progress=output.progress(), reported=show, **options
        )
    except (Exception, KeyboardInterrupt) as error:
        if shown and shown[0]["out"] is not None:
            output.show(*lines_unpushed(shown[0], asked, explain(error)))
        raise
    show(report)
    document = report.to_json()
    output.result(document, *last_lines(document, asked))
    return int(report.exit_code)
