"""``modelrepair lab``: a group of commands, each imported when it is asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = (
    "world",
    "align",
    "attack",
    "table",
    "durability",
    "public",
    "kinds",
    "corpus",
    "paper-sets",
    "outside",
)


class LabGroup(click.Group):
    """Imports the module of a command when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of an experiment."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"modelrepair_lab.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.group("lab", cls=LabGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Make small models that are broken on purpose, and measure what repairs them."""
