"""``modelrepair repairers``: what there is to give whole matrices new values."""

from __future__ import annotations

import json

import pytest

from modelrepair.cli.main import run as run_command
from modelrepair.demo import paths
from tests.support.repairing import SETS


@pytest.mark.usefixtures("own_repairers")
def test_the_command_line(capsys, tmp_path):
    assert run_command(["repairers", "list", "--json"]) == 0
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)["repairers"]}
    assert listed["back"]["reference"] and listed["tune"]["trains"]
    assert run_command(["repairers", "show", "back"]) == 0
    assert "needs the reference" in capsys.readouterr().out
    sets = [f"--{role}={path}" for role, path in SETS.items()]
    command = ["fix", str(paths.attacked), f"--reference={paths.reference}", "--judge=demo-world"]
    command += ["--repairer=back", "--examples=12", "--no-evaluate", *sets]
    assert run_command(command) == 2
    assert "--strength" in capsys.readouterr().err
    out = tmp_path / "out"
    assert run_command([*command, "--strength=0.5", f"--out={out}"]) == 0
    shown = capsys.readouterr().out
    assert "by back (test-repairs 1.0) at 0.5" in shown and "modelrepair verify" in shown
    assert run_command(["verify", str(out), "--source", str(paths.attacked)]) == 0


@pytest.mark.parametrize("typed", [(), ("scorers",), ("repairers",), ("plugins",)])
def test_a_bare_command_prints_its_help(call, typed):
    result = call(*typed)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Usage: {' '.join(['modelrepair', *typed])} [OPTIONS] COMMAND")
    assert "Commands:" in result.err
    assert "Error" not in result.err
