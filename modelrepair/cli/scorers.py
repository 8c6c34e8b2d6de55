"""``modelrepair scorers``: the installed scorers."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.listing import Listing, list_plugins, show_plugin
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.registry import Registry
from modelrepair.plugin.specs import ScorerSpec


@click.group("scorers")
def command() -> None:
    """List the scorers that are installed, or show one with its options."""


@declare("list", loads_plugins=True)
def list_scorers(output: Output) -> None:
    """List all scorers, our own and those of plug-ins."""
    list_plugins(output, _SCORERS)


@declare("show", loads_plugins=True)
@click.argument("name")
def show_scorer(output: Output, name: str) -> None:
    """Show the scorer NAME, or the one in path/file.py:Class, with its options."""
    show_plugin(output, _SCORERS, name)


def _fields(item: Registered[ScorerSpec]) -> dict[str, Any]:
    spec = item.spec
    return {
        "digest": item.digest,
        "scope": spec.scope,
        "unit": spec.unit,
        "gradients": spec.gradients,
        "iterative": spec.iterative,
        "signed": spec.signed,
        "refill": spec.refill,
    }


def _traits(spec: ScorerSpec) -> str:
    traits = [
        "takes gradients" if spec.gradients else "takes no gradients",
        "works in rounds" if spec.iterative else "scores once",
        "only scores above zero count" if spec.signed else "every score counts",
        *([] if spec.refill else ["what is not eligible keeps its place: masks may be smaller"]),
    ]
    return f"scope {spec.scope}; unit {spec.unit}; {'; '.join(traits)}"


_SCORERS = Listing(
    "scorers",
    Registry.scorers,
    Registry.scorer,
    {"scope": lambda spec: spec.scope, "rounds": lambda spec: "many" if spec.iterative else "one"},
    _fields,
    _traits,
)

command.add_command(list_scorers)
command.add_command(show_scorer)
