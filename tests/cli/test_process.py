"""The command line as a process: exit codes, streams, and what is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import modelrepair

WITHOUT_TORCH = """
import sys
from modelrepair.cli.main import run
code = run(sys.argv[1:])
heavy = {"torch", "transformers", "datasets", "pyarrow", "pandas"} & set(sys.modules)
assert not heavy, heavy
sys.exit(code)
"""


def in_a_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "modelrepair", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_version():
    result = in_a_process("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("modelrepair ")


def test_errors_go_to_stderr_and_json_to_stdout():
    result = in_a_process("fix", "nowhere", "--ratio", "1.5", "--json")
    assert result.returncode == 2
    assert json.loads(result.stdout)["error"]["exit_code"] == 2
    assert len(result.stderr.splitlines()) == 2


def test_a_reader_that_leaves_is_no_error():
    result = subprocess.run(
        f"{sys.executable} -m modelrepair scorers list --json | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""


@pytest.mark.quick("fix --help", "plugins list")
@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "fix --help",
        "scorers list",
        "scorers show contrast",
        "plugins list",
        "demo --help",
    ],
)
def test_torch_stays_out(arguments):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


DATA = Path(modelrepair.__file__).parent / "demo" / "data"
REALIGN = f"--realign={DATA / 'sets' / 'realign.jsonl'}"


@pytest.mark.quick("plan-with-sets", "verify")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["plan", str(DATA / "attacked"), "--scorer=gradient", "--details", REALIGN], 0),
        (
            [
                "plan",
                str(DATA / "attacked"),
                REALIGN,
                "--utility",
                "plain",
            ],
            0,
        ),
        (["verify", str(DATA / "attacked"), "--source", str(DATA / "attacked")], 1),
    ],
    ids=["plan", "plan-with-sets", "verify"],
)
def test_torch_stays_out_of_what_reads_no_model(command, code):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command], capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr


def test_a_broken_plug_in_is_reported_and_stops_nothing(tmp_path):
    (tmp_path / "broken_plugin.py").write_text("import nowhere_to_be_found")
    metadata = tmp_path / "broken_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[modelrepair]\nbroken = broken_plugin\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    listed = in_a_process("scorers", "list", "--json", env=environment)
    assert listed.returncode == 0
    assert "wanda" in listed.stdout
    assert "Warning: plug-in not loaded: broken-plugin 1.0 (broken): ModuleNotF" in listed.stderr

    plugins = json.loads(in_a_process("plugins", "list", "--json", env=environment).stdout)
    broken = next(item for item in plugins["plugins"] if item["distribution"] == "broken-plugin")
    assert broken["status"] == "failed"
    assert "nowhere_to_be_found" in broken["errors"][0]

    chosen = in_a_process("scorers", "show", "broken", env=environment)
    assert chosen.returncode == 5
