"""Environments of their own: made once, and a failure says what pip says."""

from types import SimpleNamespace

import pytest

from benchmarks import environments
from benchmarks.environments import NotInstalled, python_of


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The commands that would run; one with a package named ``missing`` fails."""
    asked = []

    def call(command, **_):
        asked.append(command)
        (tmp_path / "mine").mkdir(exist_ok=True)
        failed = "missing==1" in command
        return SimpleNamespace(
            returncode=int(failed), stdout="", stderr="ERROR: first\nERROR: none"
        )

    monkeypatch.setattr(environments.subprocess, "run", call)
    return asked


def test_it_is_made_once_with_our_torch(calls, tmp_path):
    python = python_of(["theirs==2"], tmp_path / "mine")
    assert python == str(tmp_path / "mine" / "bin" / "python")
    assert len(calls) == 2 and calls[1][-1].startswith("torch==2.")
    assert python_of(["theirs==2"], tmp_path / "mine") == python and len(calls) == 2
    python_of(["theirs==3"], tmp_path / "mine")
    assert len(calls) == 4


def test_what_can_not_be_installed_says_why_and_is_tried_again(calls, tmp_path):
    for _ in range(2):
        with pytest.raises(NotInstalled, match=r"missing==1 can't be installed: ERROR: none"):
            python_of(["missing==1"], tmp_path / "mine")
    assert len(calls) == 4
