"""The other commands: what they ask for and what they print."""

from __future__ import annotations

import click
import pytest

from modelrepair.cli.main import COMMANDS, cli


@pytest.mark.parametrize("name", ["fix", "plan", "measure", "apply", "verify", "demo"])
def test_every_option_says_what_it_does(call, name):
    result = call(name, "--help")
    assert result.code == 0
    command = cli.get_command(click.Context(cli), name)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help.endswith((".", "…")), parameter.name
            assert parameter.opts[0] in result.out


def test_help_and_version(call):
    assert [name for name in COMMANDS if f"\n  {name}" not in call("--help").out] == []
    assert call("--version").out.startswith("modelrepair ")
    assert "Machine:" in call("fix", "-h").out
