"""``modelrepair plan``: what a repair would take, from metadata alone."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from modelrepair.checkpoint.kept_files import by_reason
from modelrepair.cli.gate_options import take_budgets
from modelrepair.cli.options import command as declare
from modelrepair.cli.options import option
from modelrepair.cli.output import Output
from modelrepair.cli.repair_options import repairing_options
from modelrepair.cli.types import as_mapping
from modelrepair.text.units import in_bytes, in_time

MOST_LINES = 8
LABELS = {
    "peak_bytes": "memory, passes",
    "generation_bytes": "memory, generation",
    "memory_found_bytes": "memory, free now",
    "output_bytes": "disk, repaired model",
    "work_bytes": "disk, for a time",
    "disk_found_bytes": "disk, free now",
    "exchanged_bytes": "between ranks, a round",
    "token_bytes": "keys and values, a token",
    "seconds_least": "processor time, at least",
    "seconds_most": "processor time, at most",
}


@declare("plan", loads_plugins=True, has_steps=True)
@click.argument("source")
@repairing_options(push="Plan the push, too: target, rights, bytes.")
@option("--details", is_flag=True, help="Show every figure, and the files left behind, by name.")
def command(output: Output, source: str, *, details: bool, **options: Any) -> int:
    """Say what repairing SOURCE would take: will it run, on what, to where, memory, time.

    Takes the options of fix. Reads names and shapes, never a weight. Exits with the code with which
    fix would refuse before it reads a weight, else 0.
    """
    options["scorer_options"] = as_mapping(options["scorer_options"])
    options["repairer_options"] = as_mapping(options["repairer_options"], "--repairer-option")
    budgets = take_budgets(options)
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")

    import modelrepair

    progress = output.progress()
    plan = modelrepair.plan(source, budgets=budgets, progress=progress, **options)
    document = plan.to_json()
    opening = [] if plan.opening is None else plan.opening.lines()
    output.result(document, *opening, *([_table(source, document)] if details else []))
    if plan.error is not None:
        output.refusal(plan.error.message, plan.error.hint, plan.error.id)
    return int(plan.exit_code)


def _table(source: str, document: dict[str, Any]) -> Table:
    """Every figure, and what a repair leaves behind."""
    said = ("opening", "error", "seconds_grounds")  # above the table, and below it
    document = {name: value for name, value in document.items() if name not in said}
    table = Table(show_header=False, title=source, title_justify="left")
    hub = document.pop("hub", None) or {}
    left = by_reason(document["left_behind"])  # all of it: what leaves a machine is asked for here
    document["left_behind"] = "\n".join(f"{why}: {names}" for why, names in left.items()) or "–"
    for name, value in {**document, **hub}.items():
        table.add_row(LABELS.get(name, name.replace("_", " ")), shown(name, value))
    return table


def shown(name: str, value: Any) -> str:
    """A value of the plan in its unit, which is the end of its name.

    >>> shown("peak_bytes", 3 * 2**30), shown("coverage", 0.991), shown("passes", 3)
    ('3.2 GB', '99.1 %', '3')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and "bytes" in name:
        return in_bytes(value)
    if isinstance(value, int) and "seconds" in name:
        return in_time(value)
    if isinstance(value, float) and ("coverage" in name or "share" in name):
        return f"{value:.1%}".replace("%", " %")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return _lines([f"{key}: {shown(str(key), item)}" for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return _lines([_in_one_line(name, item) for item in value])
    return str(value)


def _in_one_line(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(str(key), item)}" for key, item in value.items())
    return shown(name, value)


def _lines(lines: list[str]) -> str:
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more]) or "–"
