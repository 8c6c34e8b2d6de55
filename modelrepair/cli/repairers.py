"""``modelrepair repairers``: what there is to give whole matrices new values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.scorers import note_failures, show_plugin
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.options import describe_options
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.specs import RepairerSpec


@click.group("repairers")
def command() -> None:
    """List the repairers that are installed, or show one with its options."""


@declare("list")
def list_repairers(output: Output) -> None:
    """List all repairers; they come with plug-ins."""
    registry = load_registry()
    note_failures(registry, output)
    table = Table("name", "summary", "reference", "distribution")
    for item in registry.repairers():
        where = f"{item.distribution} {item.version}"
        needed = "needed" if item.spec.reference else "–"
        table.add_row(item.spec.name, item.spec.summary, needed, where)
    shown = table if table.row_count else "No repairers: they come with plug-ins."
    output.result({"repairers": [describe(item) for item in registry.repairers()]}, shown)


@declare("show")
@click.argument("name")
def show_repairer(output: Output, name: str) -> None:
    """Show the repairer NAME with its options."""
    item = load_registry().repairer(name)
    spec = item.spec
    traits = [
        "needs the reference" if spec.reference else "needs no reference",
        "trains the whole model" if spec.trains else "edits one matrix at a time",
    ]
    show_plugin(output, item, describe(item), "; ".join(traits))


def describe(item: Registered[RepairerSpec]) -> dict[str, Any]:
    """A repairer as ``--json`` gives it."""
    spec = item.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "distribution": item.distribution,
        "version": item.version,
        "reference": spec.reference,
        "gradients": spec.gradients,
        "trains": spec.trains,
        "api": spec.api,
        "url": spec.url,
        "options": [asdict(option) for option in describe_options(spec.options)],
    }


command.add_command(list_repairers)
command.add_command(show_repairer)
