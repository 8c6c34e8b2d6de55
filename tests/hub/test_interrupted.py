"""Interrupted at each of its steps and run again, the one line ends in the same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from modelrepair import load_manifest
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.publish.manifest import MANIFEST_NAME
from tests.cli.test_process import signals_as_in_a_shell
from tests.hub.client import environment
from tests.hub.repaired import files_of
from tests.hub.server import serve
from tests.hub.state import Hub
from tests.hub.stopping import stop_at

TARGET = "me/model-repaired"
ROLES = ("realign", "refusal", "utility", "borderline")
LINE = ["fix", "user/model", "--reference=org/aligned", "--judge=demo-world", "--scorer=wanda",
        "--max-new-tokens=4", "--examples=8", *(f"--{role}={role}.jsonl" for role in ROLES),
        "--push", "--force"]  # fmt: skip
OUT = "model-repaired"


def fill(hub: Hub) -> None:
    hub.add("user/model", files_of(paths.attacked))
    hub.add("org/aligned", files_of(paths.reference))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with small sets."""
    folder = tmp_path / "here"
    folder.mkdir()
    for role in ROLES:
        lines = paths.sets[role].read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{role}.jsonl").write_text("".join(lines[:15]), encoding="utf-8")
    # A picture takes as long as a search.
    monkeypatch.setattr("modelrepair.publish.output.plot_layers", lambda *_: False)
    monkeypatch.setattr("modelrepair.publish.output.plot_frontier", lambda *_: False)
    monkeypatch.chdir(folder)
    return folder


def interrupted(capsys, command=LINE) -> None:
    """Run a command that a signal ends, and see that it says how to go on."""
    capsys.readouterr()
    assert run(command) == 130
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert (error, hint) == ("Error: interrupted", "Hint: run the same command to go on")


def interrupt(hub: Hub) -> None:
    os.kill(os.getpid(), signal.SIGINT)


STEPS = {
    "answers of the source": ("answers", 1),
    "answers of the reference": ("answers", 1),
    "score": ("wanda, round 1", 1),
    "search": ("teacher-forced", 2),
    "save": ("writing", 1),
    "answers of the result": ("answers", 1),
}
"""Where a run is stopped; each begins where the one before was."""


def test_the_one_line_interrupted_at_every_step(hub, here, monkeypatch, capsys):
    fill(hub)
    for step, number in STEPS.values():
        with monkeypatch.context() as patch:
            stop_at(patch, step, number)
            interrupted(capsys)
        assert not (here / OUT).exists()
        assert not hub.repos.get(TARGET)
    for route in ("PUT /upload/", "POST /commit/"):
        fault = hub.fail(*route.split(), act=interrupt, times=1)
        interrupted(capsys)
        assert fault.seen
        assert load_manifest(here / OUT).verdict == "failed"
    assert run([*LINE, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["pushed"]["target"] == TARGET
    assert len(hub.repos[TARGET].commits) == 2, "made, and filled once"
    assert run([*LINE, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["nothing_to_do"] and answer["pushed"]["nothing_to_push"]
    nothing_twice(hub)

    resumed, pushed = files_of(here / OUT), hub.repos.pop(TARGET).files()
    shutil.rmtree(here / OUT)
    assert [path.name for path in here.iterdir() if "model" in path.name] == []
    assert run([*LINE, "--json"]) == 1
    assert same(resumed, files_of(here / OUT))
    assert same(pushed, hub.repos[TARGET].files())


def same(one: dict[str, bytes], two: dict[str, bytes]) -> bool:
    """Whether files are the same byte for byte, but for what a manifest says of the run."""
    one, two = ({**files, MANIFEST_NAME: without_run(files[MANIFEST_NAME])} for files in (one, two))
    assert [name for name in one.keys() | two.keys() if one.get(name) != two.get(name)] == []
    return True


def without_run(manifest: bytes) -> bytes:
    document = json.loads(manifest)
    assert document.pop("run")
    return json.dumps(document).encode()


def nothing_twice(hub: Hub, but: str = "") -> None:
    """No file came down twice, and no header of weights that are here."""
    for path, count in hub.sent.items():
        oid = path.rpartition("/")[2]
        if path.startswith("/objects/") and oid != but:
            assert count < 1.1 * len(hub.objects[oid]), path
    small = Counter(path for method, path in hub.requests if method == "GET" and "/resolve/" in path)
    assert set(small.values()) == {1}, small
