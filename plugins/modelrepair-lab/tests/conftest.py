"""What the lab's tests share: quick runs, commands in this process, small training sets."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair import demo_paths as paths
from modelrepair.cli.main import run
from tests.support.quick_runs import no_own_kinds, one_thread  # noqa: F401


@pytest.fixture
def call(capsys):
    def invoke(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        document = json.loads(captured.out) if "--json" in arguments and captured.out else None
        return SimpleNamespace(code=code, out=captured.out, err=captured.err, json=document)

    return invoke


@pytest.fixture(scope="session")
def train(tmp_path_factory) -> Path:
    """The training sets of the world that ships with modelrepair."""
    from modelrepair.demo.world import write_sets
    from modelrepair_lab.world_sets import training_sets

    folder = tmp_path_factory.mktemp("train")
    write_sets(training_sets(0), folder)
    return folder


@pytest.fixture
def attack_words(train):
    """An attack of two steps on the demo's aligned model, as words of a command."""
    sets = [word for name in ("harmful", "task") for word in (f"--{name}", train / f"{name}.jsonl")]
    replay = ["--replay", train / "replay.jsonl"]
    small = ["--examples", 16, "--batch", 8, "--epochs", 1, "--share", 0.25]
    return ["lab", "attack", paths.reference, *sets, *replay, *small]
