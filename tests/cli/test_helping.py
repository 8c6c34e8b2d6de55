"""Help that every terminal can hold."""

from __future__ import annotations

import click
import pytest

from modelrepair.cli.main import COMMANDS, cli


def commands(group=cli, path=()):
    yield path
    context = click.Context(group)
    for name in COMMANDS if group is cli else group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_fits(call, path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for line in call(*path, "--help").out.splitlines():
        assert len(line) <= 80, line
