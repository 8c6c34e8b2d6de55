"""``modelrepair plugins``: what is installed, what of it works, and how one begins."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.plugins_check import command as check_plugin
from modelrepair.cli.plugins_new import command as new_plugin
from modelrepair.plugin.commands import find_commands
from modelrepair.plugin.loading import Plugin
from modelrepair.plugin.registry import load_registry


@click.group("plugins")
def command() -> None:
    """List the plug-ins that are installed, check one, or begin one."""


@declare("list", loads_plugins=True)
def list_plugins(output: Output) -> None:
    """List all plug-ins with their state: active, blocked, refused or failed, and why."""
    from modelrepair.cli.main import COMMANDS

    registry = load_registry()
    table = Table("distribution", "version", "entry point", "status", "hooks, or what is wrong")
    places = []  # a path in a column would leave no room for the others
    documents = []
    for plugin in registry.plugins:
        origin = (plugin.distribution, plugin.version, plugin.entry_point)
        errors = [
            failure.error
            for failure in registry.failures
            if (failure.distribution, failure.version, failure.entry_point) == origin
        ]
        taken = "" if plugin.seconds is None else f", imported in {1000 * plugin.seconds:.0f} ms"
        said = "\n".join([*plugin.hooks, *errors, *(f"warning: {each}" for each in plugin.remarks)])
        table.add_row(*origin, plugin.status, said)
        if plugin.path is not None:
            places.append(f"{plugin.entry_point} of {plugin.distribution}{taken}: {plugin.path}")
        documents.append({**asdict(plugin), "errors": errors})
    for added in find_commands(COMMANDS):
        origin = (added.distribution, added.version, added.name)
        hooks = (f"command {added.name}",)
        errors = [added.error] if added.error else []
        table.add_row(*origin, added.status, "\n".join([*hooks, *errors]))
        shown = Plugin(*origin, status=added.status, hooks=hooks)
        documents.append({**asdict(shown), "errors": errors})
    output.result({"plugins": documents}, table, *places)


command.add_command(list_plugins)
command.add_command(check_plugin)
command.add_command(new_plugin)
