"""`make test-matrix`: which interpreters count, and what the last line says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.release.matrix import VERSIONS, find, main, search_path


def run(arguments, here, failing=()):
    """Run it where these versions are found, and these fail; give the code and what was run."""
    ran = []

    def passes(version, python, rest):
        ran.append((version, list(rest)))
        return version not in failing

    code = main(arguments, find=lambda version: version if version in here else None, passes=passes)
    return code, ran


@pytest.mark.parametrize(
    ("here", "failing", "code", "last"),
    [
        (VERSIONS[:2], (), 0, "passed: 3.11, 3.12; failed: none; not found: 3.13, 3.14"),
        (VERSIONS, ("3.12",), 1, "passed: 3.11, 3.13, 3.14; failed: 3.12; not found: none"),
        ((), (), 1, "passed: none; failed: none; not found: 3.11, 3.12, 3.13, 3.14"),
    ],
    ids=["two", "one fails", "none"],
)
def test_the_last_line_names_each_version(here, failing, code, last, capsys):
    assert run([], here, failing)[0] == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_arguments_of_pytest_pass_through():
    code, ran = run(["--python", "3.12", "-m", "not slow", "-n", "2"], VERSIONS)
    assert (code, ran) == (0, [("3.12", ["-m", "not slow", "-n", "2"])])


def test_one_that_is_asked_for_and_missing_fails():
    assert run(["--python", "3.14"], VERSIONS[:3]) == (1, [])


def test_interpreters_of_pyenv_come_before_its_shims(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "shims")
    for name in ("3.1.5", "3.12.1", "3.12.3", "3.13.0"):
        (tmp_path / "versions" / name / "bin").mkdir(parents=True)
    kept = [str(tmp_path / "versions" / name / "bin") for name in ("3.12.1", "3.12.3")]
    assert search_path("3.12").split(os.pathsep) == [*kept, "shims"]
    assert search_path("3.14") == "shims"


def test_the_interpreter_found_is_of_the_version():
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = find(running)
    asked = "import sys; print(*sys.version_info[:2], sep='.')"
    ended = subprocess.run([found, "-c", asked], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == running
