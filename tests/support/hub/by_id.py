"""Repairs by id in this process, of a Hub with the sources: fixtures."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.source.conftest import hub

__all__ = ["QUICK", "fix", "here", "hub"]
QUICK = ["--realign=realign.jsonl", "--utility=none", "--borderline=none", "--judge=demo-world",
         "--scorer=wanda", "--ratio=0.01", "--examples=8", "--no-evaluate", "--json"]  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    shutil.copy(paths.sets["realign"], tmp_path / "realign.jsonl")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fix(hub, here, capsys):
    """Repair by id in this process; exit code and the JSON document."""

    def invoke(*options: str) -> tuple[int, dict]:
        code = run(["fix", *QUICK, *options])
        return code, json.loads(capsys.readouterr().out)

    return invoke
