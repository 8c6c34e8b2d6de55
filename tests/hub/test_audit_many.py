"""Two hundred repositories, every tenth broken in its own way: a right line for each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.support.auditing import card, model
from tests.support.hub.client import environment
from tests.support.hub.faults import Fault

MANY = 200
BASE = "org/base"
BROKEN = {
    "missing": ("error", "hub-not-found"),
    "gated": ("error", "hub"),
    "pickle": ("found", "pickle"),
    "damaged header": ("found", "damaged-weights"),
    "rubbish config": ("inconclusive", "auto-map"),
    "no weights": ("found", "no-safetensors"),
    "base missing": ("found", "base-missing"),
    "busy for a while": ("clear", "pickle"),
    "down": ("error", "hub"),
    "cut": ("inconclusive", "auto-map"),
}
"""What is wrong with a repository, and what has to be said of it."""


def whole(**front: str) -> dict[str, bytes]:
    """A whole model with a tokenizer and a card."""
    vocabulary = {chr(97 + number): number for number in range(12)}
    tokenizer = {"model": {"type": "BPE", "vocab": vocabulary, "merges": []}, "added_tokens": []}
    files = {
        "tokenizer.json": json.dumps(tokenizer).encode(),
        "tokenizer_config.json": b'{"eos_token": "b"}',
    }
    return model(**files, **{"README.md": card(license="mit", **front)})


def fill(hub) -> dict[str, str]:
    """Put the repositories on the Hub; gives what is wrong with each broken one, by id."""
    hub.add(BASE, whole())
    wrong = {}
    for number in range(MANY):
        id, files = f"org/m{number:03}", whole(base_model=BASE)
        if number % 10:
            hub.add(id, files)
            continue
        kind = wrong[id] = list(BROKEN)[number // 10 % len(BROKEN)]
        if kind == "missing":
            continue
        if kind == "pickle":
            files["training_args.bin"] = b"\x80\x04."
        if kind == "damaged header":
            files["model.safetensors"] = b"\xff" * 64
        if kind == "rubbish config":
            files["config.json"] = b"["
        if kind == "no weights":
            files = {"README.md": files["README.md"]}
        if kind == "base missing":
            files["README.md"] = card(base_model="org/gone", license="mit")
        hub.add(id, files, gated=kind == "gated")
        if kind == "busy for a while":
            hub.faults.append(Fault("GET", f"/api/models/{id}", 429, {"Retry-After": "1"}, times=2))
        if kind == "down":
            hub.faults.append(Fault("GET", f"/api/models/{id}", 500))
        if kind == "cut":
            hub.faults.append(Fault("GET", f"/{id}/resolve/.*/config.json", cut=1))
    return wrong


def check(line: dict, kind: str | None) -> None:
    """Whether the line of a repository says what is right."""
    found = {
        row["name"]: row["outcome"]
        for rows in line["stages"].values()
        if rows != "not run"
        for row in rows
    }
    if kind is None:
        assert "error" not in line, line
        assert found["copy"] == "found"
        said = [row["message"] for rows in line["stages"].values() if rows != "not run"
                for row in rows if row["outcome"] == "inconclusive"]  # fmt: skip
        assert said == [], line["model"]
        return
    outcome, name = BROKEN[kind]
    if outcome == "error":
        assert line["error"]["exit_code"] == 3, (kind, line)
        return
    assert found[name] == outcome, (kind, line)


@pytest.mark.slow
def test_each_has_its_line_after_a_kill_and_a_second_run(hub, tmp_path):
    wrong = fill(hub)
    names = [f"org/m{number:03}" for number in range(MANY)]
    (tmp_path / "names").write_text("\n".join(names))
    asked = [sys.executable, "-m", "modelrepair", "audit", "--from", "names", "--state", "state",
             "--format", "jsonl", "--seed", "7"]  # fmt: skip
    where = {"cwd": tmp_path, "env": environment(hub, tmp_path / "home", token=None)}
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, **where) as first:
        before = [json.loads(first.stdout.readline()) for _ in range(60)]
        os.kill(first.pid, signal.SIGKILL)
    done = subprocess.run(asked, capture_output=True, text=True, check=False, **where)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["model"] for line in lines) == names
    for line in lines:
        check(line, wrong.get(line["model"]))
    again = {line["model"]: line for line in lines}
    assert all(again[line["model"]] == line for line in before if "error" not in line), (
        "what was done before the kill is given again as it was"
    )
    assert done.returncode == 1


def test_a_limit_of_the_hub_is_waited_for_and_reported(hub, tmp_path):
    from modelrepair.cli.main import run

    hub.add("org/a", whole())
    hub.add("org/b", whole())
    hub.faults.append(Fault("GET", "/api/models/org/a", 429, {"Retry-After": "3"}, times=2))
    assert run(["audit", "org/a", "org/b", "--base", "none", "--fail-on", "never"]) == 7
