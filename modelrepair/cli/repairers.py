"""``modelrepair repairers``: the installed repairers."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.listing import Listing, list_plugins, show_plugin
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.registry import Registry
from modelrepair.plugin.specs import RepairerSpec


@click.group("repairers")
def command() -> None:
    """List the repairers that are installed, or show one with its options."""


@declare("list", loads_plugins=True)
def list_repairers(output: Output) -> None:
    """List all repairers; they come with plug-ins."""
    list_plugins(output, _REPAIRERS)


@declare("show", loads_plugins=True)
@click.argument("name")
def show_repairer(output: Output, name: str) -> None:
    """Show the repairer NAME with its options."""
    show_plugin(output, _REPAIRERS, name)


def _fields(item: Registered[RepairerSpec]) -> dict[str, Any]:
    spec = item.spec
    return {"reference": spec.reference, "gradients": spec.gradients, "trains": spec.trains}


def _traits(spec: RepairerSpec) -> str:
    traits = [
        "needs the reference" if spec.reference else "needs no reference",
        "trains the whole model" if spec.trains else "edits one matrix at a time",
    ]
    return "; ".join(traits)


_REPAIRERS = Listing(
    "repairers",
    Registry.repairers,
    Registry.repairer,
    {"reference": lambda spec: "needed" if spec.reference else "–"},
    _fields,
    _traits,
)

command.add_command(list_repairers)
command.add_command(show_repairer)
