"""Interrupted at each of its steps and run again, the one line ends in the same bytes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from modelrepair import load_manifest
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.client import environment
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.state import Hub
from tests.support.hub.stopping import stop_at
from tests.support.signals import signals_as_in_a_shell

TARGET = "me/model-repaired"
ROLES = ("realign", "refusal", "utility", "borderline")
LINE = ["fix", "user/model", "--reference=org/aligned", "--judge=demo-world", "--scorer=wanda",
        "--max-new-tokens=4", "--examples=8", "--kind-examples=0",
        *(f"--{role}={role}.jsonl" for role in ROLES),
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
    monkeypatch.setattr("modelrepair.artifact.writer.plot_layers", lambda *_: False)
    monkeypatch.setattr("modelrepair.artifact.writer.plot_frontier", lambda *_: False)
    monkeypatch.chdir(folder)
    return folder


def interrupted(capsys, command: list[str]) -> list[str]:
    """Run a command that a signal ends, and give the command that it says to go on with."""
    capsys.readouterr()
    assert run(command) == 130
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("Error: interrupted")
    return named(hint)


def named(hint: str) -> list[str]:
    """The words of the command in a hint, after the program's name."""
    assert hint.count("modelrepair ") == 1, hint
    return shlex.split(hint.partition("modelrepair ")[2])


def interrupt(hub: Hub) -> None:
    """What Ctrl-C does, while the Hub looks at a request."""
    os.kill(os.getpid(), signal.SIGINT)


STEPS = {
    "answers of the source": ("answers", 1),
    "answers of the reference": ("answers", 1),
    "score": ("wanda, statistics", 1),
    "search": ("teacher-forced", 2),
    "save": ("writing", 1),
    "answers of the result": ("answers", 1),
}
"""Where a run is stopped: in which step, as it is called, and at which beginning of one."""
UPLOAD = ("PUT /upload/", "POST /commit/")


@pytest.mark.slow
def test_the_one_line_interrupted_at_every_step(hub, here, monkeypatch, capsys):
    fill(hub)
    command = LINE
    for step, number in STEPS.values():
        with monkeypatch.context() as patch:
            stop_at(patch, step, number)
            command = interrupted(capsys, command)
        assert command == LINE
        assert not (here / OUT).exists()
        assert TARGET not in hub.repos
    for request in UPLOAD:
        fault = hub.fail(*request.split(), act=interrupt, times=1)
        command = interrupted(capsys, command)
        assert command == LINE
        assert fault.seen
    assert run([*command, "--json"]) == 1
    assert len(hub.repos[TARGET].commits) == 2, "made, and filled once"
    assert run([*command, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["verdict"], answer["nothing_to_do"]) == ("failed", True)
    assert answer["pushed"]["nothing_to_push"]
    assert len(hub.repos[TARGET].commits) == 2
    nothing_twice(hub)
    assert_undisturbed(hub, here)


def assert_undisturbed(hub: Hub, here: Path) -> None:
    """Repair and push anew, and compare."""
    resumed, pushed = files_of(here / OUT), hub.repos.pop(TARGET).files()
    shutil.rmtree(here / OUT)
    assert not list(here.glob(f"{OUT}*"))
    assert run(LINE) == 1
    assert same(resumed, files_of(here / OUT))
    assert same(pushed, hub.repos[TARGET].files())


QUICK = ["fix", "user/model", "--reference=org/aligned", "--judge=demo-world", "--scorer=wanda",
         "--ratio=0.01", "--no-evaluate", "--examples=8", f"--out={OUT}",
         *(f"--{role}={role}.jsonl" for role in ROLES)]  # fmt: skip


@pytest.mark.quick("9")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_while_it_fetches(hub, here, tmp_path, sent):
    fill(hub)
    half = hub.repos["org/aligned"].commit().files["model.safetensors"].sha256
    user = environment(hub, tmp_path / "home", token=hub.token)
    process = subprocess.Popen(
        [sys.executable, "-m", "modelrepair", *QUICK], text=True, stderr=subprocess.PIPE,
        env={**user, "HF_HUB_CACHE": str(tmp_path / "cache")}, preexec_fn=signals_as_in_a_shell,
    )  # fmt: skip

    def end(_: Hub) -> None:
        process.send_signal(sent)
        time.sleep(0.5)

    # The first request for these weights is for their header.
    hub.fail("GET", f"/objects/{half}", skip=1, times=1, act=end, cut=1000)
    stderr = process.communicate(timeout=60)[1]
    if sent == signal.SIGINT:
        *_, error, hint = stderr.splitlines()
        assert process.returncode == 130
        assert error.startswith("Error: interrupted") and named(hint) == QUICK
    else:
        assert process.returncode == -signal.SIGKILL
    assert not list(here.glob(f"{OUT}*"))
    assert run(QUICK) == 0
    nothing_twice(hub, but=half)


REQUESTS = (
    "POST /repos/create", "POST /preupload/", "POST /objects/batch", "PUT /upload/",
    "POST /verify", "POST /commit/", "GET /tree/",
)  # fmt: skip
"""What a push asks of the Hub, in this order; the last looks whether all of it arrived."""


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: each.rpartition("/")[0])
def test_a_push_interrupted_at_each_of_its_requests(hub, tmp_path, monkeypatch, capsys, request_):
    on_the_hub(hub, tmp_path)
    monkeypatch.chdir(tmp_path)
    command = ["push", "out", "--to", "me/mine"]
    last = request_ == REQUESTS[-1]
    method, path = request_.split()
    hub.fail(method, f"me/mine.*{path}" if last else path, act=interrupt, times=1, skip=int(last))
    assert interrupted(capsys, command) == command
    assert run([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["nothing_to_push"] == (request_ in REQUESTS[-2:])
    assert files_of(tmp_path / "out").items() <= hub.repos["me/mine"].files().items()
    assert len(hub.repos["me/mine"].commits) == 2, "made, and filled once"


BROKEN = {
    "the line is cut while it fetches": ("GET", "/objects/", {"cut": 1000, "skip": 2}, 3),
    "the Hub fails at the commit": ("POST", "/commit/", {"status": 500}, 3),
    "the line is cut while it uploads": ("PUT", "/upload/", {"cut": 100}, 3),
}


@pytest.mark.quick("the line is cut while it uploads")
@pytest.mark.parametrize("what", BROKEN)
def test_the_command_in_the_hint_finishes_what_was_stopped(hub, here, capsys, what):
    fill(hub)
    method, path, fault, code = BROKEN[what]
    hub.fail(method, path, **fault)
    assert run([*QUICK, "--push", "--force"]) == code
    hint = capsys.readouterr().err.splitlines()[-1]
    hub.faults.clear()
    if "fetches" in what:
        assert "run the same command again" in hint
        again = [*QUICK, "--push", "--force"]
    else:
        again = named(hint)
    assert run(again) == 0
    assert files_of(here / OUT).items() <= hub.repos[TARGET].files().items()
    assert run([*QUICK, "--push", "--force", "--json"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["nothing_to_do"] and document["pushed"]["nothing_to_push"]


def test_one_repair_and_then_its_push_repairs_once(hub, here, capsys):
    fill(hub)
    assert run([*QUICK, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["manifest"]
    assert run([*QUICK, "--push", "--force", "--private", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["manifest"] == made, "time and all"
    assert "wanda" not in captured.err
    assert document["pushed"]["private"] and not document["nothing_to_do"]
    assert run([*QUICK, "--ratio=0.02"]) == 2
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert error.endswith("with other settings or inputs: --ratio was 0.01, is 0.02")
    assert "run that command again" in hint and "choose another --out" in hint
    assert run([*QUICK, "--ratio=0.02", "--out=another"]) == 0
    assert run([*QUICK, "--restart"]) == 2
    assert "--restart throws unfinished work away" in capsys.readouterr().err
    assert run(QUICK) == 0


def in_a_process(
    step: str, number: int, sent: signal.Signals, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """The one line in a process of its own, which a signal ends amid a step."""
    words = [
        sys.executable,
        "-m",
        "tests.support.hub.stopping",
        step,
        str(number),
        sent.name,
        *LINE,
    ]
    return subprocess.run(
        words,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=signals_as_in_a_shell,
    )


@pytest.mark.slow
def test_processes_that_are_killed_or_interrupted_at_every_step(hub, here, tmp_path, capsys):
    fill(hub)
    user = environment(hub, tmp_path / "home", token=hub.token)
    user |= {"HF_HUB_CACHE": str(tmp_path / "cache")}
    for place, (step, number) in enumerate((*STEPS.values(), ("checking the files", 1))):
        sent = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)[place % 3]
        ended = in_a_process(step, number, sent, user)
        if sent == signal.SIGKILL:
            assert ended.returncode == -signal.SIGKILL, ended.stderr
        else:
            assert ended.returncode == 130, ended.stderr
            assert named(ended.stderr.splitlines()[-1]) == LINE
        assert TARGET not in hub.repos
    assert (here / OUT).exists()
    assert run(LINE) == 1
    nothing_twice(hub)
    assert_undisturbed(hub, here)


def named_options(hint: str) -> list[str]:
    """The options that a hint says to add."""
    return shlex.split(hint.partition(" with ")[2].partition(" to ")[0])


@pytest.mark.quick("unfinished")
@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
def test_a_branch_that_moved_is_named_before_anything_is_fetched(
    hub, here, monkeypatch, capsys, finished
):
    fill(hub)
    old = hub.repos["user/model"].head
    if finished:
        assert run(QUICK) == 0
        assert run(QUICK) == 0, "nothing to do"
    else:
        with monkeypatch.context() as patch:
            stop_at(patch, "wanda, statistics", 1)
            interrupted(capsys, QUICK)
    weights = files_of(paths.attacked)["model.safetensors"]
    moved = {**files_of(paths.attacked), "model.safetensors": weights[:-1] + b"\0"}
    new = hub.add("user/model", moved)
    hub.sent.clear()
    capsys.readouterr()
    assert run([*QUICK, "--push", "--force"]) == 2
    *_, error, hint = capsys.readouterr().err.splitlines()
    assert error.endswith(f"with other settings or inputs: --revision was {old}, is {new}")
    assert hub.sent.total() < len(weights) / 2, "a header, and no weights"
    finish = [*QUICK, "--push", "--force", *named_options(hint)]
    assert run(finish) == 0
    assert ("wanda" in capsys.readouterr().err) != finished
    assert load_manifest(here / OUT).source.commit == old
    assert files_of(here / OUT).items() <= hub.repos[TARGET].files().items()
    assert len(hub.repos[TARGET].commits) == 2
    assert run(finish) == 0
    assert len(hub.repos[TARGET].commits) == 2


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
    """No file came down twice; a header may have, before its file was here."""
    for path, count in hub.sent.items():
        oid = path.rpartition("/")[2]
        if path.startswith("/objects/") and oid != but:
            assert count < 1.5 * len(hub.objects[oid]), path
    small = Counter(
        path
        for method, path in hub.requests
        if method == "GET" and "/resolve/" in path and not path.endswith(".safetensors")
    )
    assert set(small.values()) == {1}, small
