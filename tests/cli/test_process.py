"""The command line as a process: exit codes, streams, and what is not imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

WITHOUT_TORCH = """
import sys
from modelrepair.cli.main import run
code = run(sys.argv[1:])
heavy = {"torch", "transformers"} & set(sys.modules)
assert not heavy, heavy
sys.exit(code)
"""


def modelrepair(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "modelrepair", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_version():
    result = modelrepair("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("modelrepair ")


def test_errors_go_to_stderr_and_json_to_stdout():
    result = modelrepair("fix", "nowhere", "--ratio", "1.5", "--json")
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
