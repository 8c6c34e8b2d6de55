"""Commands that other packages add: lazy, and no danger to those of ours."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

COMMAND = """
import click

@click.command("{name}")
def command():
    "Greet."
    click.echo("hello from {name}")
"""
BROKEN = "raise RuntimeError('no luck today')"


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Install a distribution that adds one command, as metadata and a module on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delenv("MODELREPAIR_PLUGINS", raising=False)

    def install(distribution: str, name: str, code: str) -> Path:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\nSummary: Says hello\n"
        )
        entry = f"[modelrepair.commands]\n{name} = {module}:command\n"
        (info / "entry_points.txt").write_text(entry)
        importlib.invalidate_caches()
        return site

    yield install
    for name in [
        name for name, m in sys.modules.items() if str(site) in str(m.__dict__.get("__file__"))
    ]:
        del sys.modules[name]


def test_a_package_adds_a_command(add, call):
    add("greeter", "greet", COMMAND.format(name="greet"))
    shown = call("--help").out
    assert "Commands of plug-ins:\n  greet  Says hello (greeter)" in shown
    assert "greeter" not in sys.modules
    assert call("greet").out == "hello from greet\n"


def test_a_broken_command_is_told_when_it_is_used_and_not_before(add, call):
    add("unlucky", "luck", BROKEN)
    assert "  luck  Says hello (unlucky)" in call("--help").out
    assert call("scorers", "list").code == 0
    result = call("luck", "--json")
    assert result.code == 5
    assert result.json["error"]["message"] == (
        "the command 'luck' of unlucky 1.0 could not be loaded: RuntimeError: no luck today"
    )


def test_what_is_no_command_is_told(add, call):
    add("odd", "odd", "command = 3")
    result = call("odd")
    assert result.code == 5
    assert "odd:command is no click command" in result.err


def test_the_name_of_a_command_of_ours_is_refused(add, call):
    add("taker", "plan", COMMAND.format(name="plan"))
    assert "taker" not in call("--help").out
    assert "hello" not in call("plan", "--help").out
    listed = call("plugins", "list", "--json").json["plugins"]
    taker = next(each for each in listed if each["distribution"] == "taker")
    assert taker["status"] == "refused"
    assert taker["errors"] == ["'plan' is a command of modelrepair itself"]


def test_two_packages_with_one_name_are_both_named(add, call):
    add("first-greeter", "greet", COMMAND.format(name="greet"))
    add("second-greeter", "greet", COMMAND.format(name="greet"))
    result = call("greet")
    assert result.code == 2
    assert "first-greeter 1.0 and second-greeter 1.0" in result.err


def test_the_variable_blocks_commands_too(add, call, monkeypatch):
    add("greeter", "greet", COMMAND.format(name="greet"))
    monkeypatch.setenv("MODELREPAIR_PLUGINS", "")
    assert "greeter" not in call("--help").out
    assert call("greet").code == 2
    monkeypatch.setenv("MODELREPAIR_PLUGINS", "greeter")
    assert call("greet").code == 0


def test_help_imports_nothing_of_the_package(add):
    site = add("heavy", "heavy", "import torch\n" + COMMAND.format(name="heavy"))
    code = (
        "import sys; from modelrepair.cli.main import run; run(['--help']); "
        "sys.exit(bool({'torch', 'transformers', 'heavy'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "heavy  Says hello" in done.stdout
