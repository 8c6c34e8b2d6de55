"""`make test-matrix`: which interpreters count, and what the last line says."""

from __future__ import annotations

import pytest

from tests.release.matrix import VERSIONS, main


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
