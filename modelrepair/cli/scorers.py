"""``modelrepair scorers``: what there is to score with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.options import describe_options
from modelrepair.plugin.registry import Registry, load_registry
from modelrepair.plugin.specs import ScorerSpec


@click.group("scorers")
def command() -> None:
    """List the scorers that are installed, or show one with its options."""


@declare("list")
def list_scorers(output: Output) -> None:
    """List all scorers, our own and those of plug-ins."""
    registry = load_registry()
    note_failures(registry, output)
    table = Table("name", "summary", "scope", "rounds", "distribution")
    for item in registry.scorers():
        rounds = "many" if item.spec.iterative else "one"
        where = f"{item.distribution} {item.version}"
        table.add_row(item.spec.name, item.spec.summary, item.spec.scope, rounds, where)
    output.result({"scorers": [describe(item) for item in registry.scorers()]}, table)


@declare("show")
@click.argument("name")
def show_scorer(output: Output, name: str) -> None:
    """Show the scorer NAME, or the one in path/file.py:Class, with its options."""
    item = load_registry().scorer(name)
    spec = item.spec
    traits = [
        "takes gradients" if spec.gradients else "takes no gradients",
        "works in rounds" if spec.iterative else "scores once",
        "only scores above zero count" if spec.signed else "every score counts",
        *([] if spec.refill else ["what is not eligible keeps its place: masks may be smaller"]),
    ]
    show_plugin(output, item, describe(item), f"scope {spec.scope}; {'; '.join(traits)}")


def describe(item: Registered[ScorerSpec]) -> dict[str, Any]:
    """A scorer as ``--json`` gives it."""
    spec = item.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "distribution": item.distribution,
        "version": item.version,
        "digest": item.digest,
        "scope": spec.scope,
        "gradients": spec.gradients,
        "iterative": spec.iterative,
        "signed": spec.signed,
        "refill": spec.refill,
        "api": spec.api,
        "url": spec.url,
        "options": [asdict(option) for option in describe_options(spec.options)],
    }


def show_plugin(
    output: Output, item: Registered[Any], described: dict[str, Any], traits: str
) -> None:
    """One plug-in with its options: what ``show`` answers for scorers and repairers."""
    spec = item.spec
    lines = [
        f"{spec.name}: {spec.summary}",
        f"from {item.distribution} {item.version}" + (f", {spec.url}" if spec.url else ""),
        traits,
    ]
    table = Table("option", "type", "default", "what it does")
    for option in describe_options(spec.options):
        table.add_row(option.name, option.type, option.default, option.help)
    output.result(described, *lines, *([table] if table.row_count else ["no options"]))


def note_failures(registry: Registry, output: Output) -> None:
    """One line on stderr for each plug-in that could not be loaded."""
    for failure in registry.failures:
        output.note(f"Warning: plug-in not loaded: {failure}")


command.add_command(list_scorers)
command.add_command(show_scorer)
