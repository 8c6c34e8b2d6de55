"""Several processes at one repair: the same bits, and a rank that ends is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from modelrepair import ranks
from modelrepair.artifact.digests import digest
from modelrepair.artifact.reading import load_manifest
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from tests.support.repairing import SETS, small

FIX = ("--judge", "demo-world", "--reference", "none", "--token-budget", "64")


def test_alone_nothing_travels(monkeypatch):
    with ranks.together():
        assert (ranks.number(), ranks.count(), ranks.launched()) == (0, 1, 0)
        assert ranks.share(lambda: 3) == 3 and ranks.gather("own") == ["own"]
        assert ranks.own_device("cuda") == "cuda"
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert ranks.expected() == 4 and ranks.count() == 1
    for wrong in ("", "0", "many"):
        monkeypatch.setenv("WORLD_SIZE", wrong)
        assert ranks.expected() == 1


def test_torchrun_says_which_rank_this_is(monkeypatch):
    named = {"TORCHELASTIC_RUN_ID": "none", "RANK": "5", "WORLD_SIZE": "6", "LOCAL_RANK": "1"}
    named["LOCAL_WORLD_SIZE"] = "2"
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert ranks.launched() == 5
    monkeypatch.setattr(ranks, "_now", ranks._launched())
    assert ranks.beside() == 2
    assert [ranks.own_device(name) for name in ("cuda", "cuda:0", "cpu")] == [
        "cuda:1",
        "cuda:0",
        "cpu",
    ]
    ranks.stay_alone()
    assert ranks.launched() == 0


def test_a_program_whose_ranks_work_together_already_is_told(monkeypatch):
    import torch.distributed as dist

    monkeypatch.setattr(ranks, "_launched", lambda: ranks._Ranks(0, 2, 0, 2))
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    with pytest.raises(UsageError, match="in use by this program"), ranks.together():
        pass


@pytest.mark.parametrize(("gpus", "backend"), [(1, "gloo"), (2, "cpu:gloo,cuda:nccl")])
def test_ranks_on_the_processor_need_no_gpu_each(gpus, backend, monkeypatch):
    import torch
    import torch.distributed as dist

    found = []
    monkeypatch.setattr(ranks, "_launched", lambda: ranks._Ranks(0, 2, 0, 2))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", found.append)
    monkeypatch.setattr(dist, "init_process_group", lambda name, **_: found.append(name))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(ranks, "gather", lambda own: [own, own])
    with ranks.together():
        assert ranks.count() == 2
    assert found == ([backend] if gpus < 2 else [0, backend])


def started(count: int, out: Path, sets: dict[str, Path], *options: str) -> subprocess.Popen[str]:
    """A repair of the demo's model by so many ranks; 0 for none of torchrun's."""
    given = [f"--{role}={path}" for role, path in sets.items()]
    command = ["-m", "modelrepair", "fix", str(paths.attacked), "--out", str(out), *given, *FIX]
    if count:
        command = ["-m", "torch.distributed.run", f"--nproc-per-node={count}", *command]
    return subprocess.Popen(
        [sys.executable, *command, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def sets(tmp_path):
    return {role: small(path, tmp_path / path.name, 50) for role, path in SETS.items()}


@pytest.mark.slow
def test_one_two_and_three_ranks_make_the_same_files(tmp_path, sets):
    options = ("--scorer", "contrast", "--max-rounds", "2", "--max-candidates", "1")
    options += ("--max-new-tokens", "8", "--kind-examples", "0")
    made = []
    for count in (0, 1, 2, 3):
        running = started(count, tmp_path / str(count), sets, *options)
        said, errors = running.communicate()
        assert (tmp_path / str(count)).is_dir(), errors
        assert said.count("Written to") == 1 and errors.count("Runs  ") == 1
        made.append(tmp_path / str(count))
    for other in made[1:]:
        assert digest(load_manifest(other)) == digest(load_manifest(made[0]))
        for name in ("model.safetensors", "repair/mask.safetensors", "repair/verdicts.jsonl"):
            assert (other / name).read_bytes() == (made[0] / name).read_bytes(), name


@pytest.mark.slow
def test_a_rank_that_dies_is_named_and_another_number_of_ranks_resumes(tmp_path, sets):
    options = ("--scorer", "contrast", "--ratio", "0.02", "--step", "0.005", "--no-evaluate")
    out = tmp_path / "out"
    running = started(2, out, sets, *options)
    while not list(tmp_path.glob("out.partial/work/**/points/*/point.json")):
        assert running.poll() is None
        time.sleep(0.05)
    for child in psutil.Process(running.pid).children():
        if child.environ().get("RANK") == "1":
            child.kill()
    _, errors = running.communicate()
    assert "Error: rank 1 of 2 ended" in errors and "Hint [rank-lost]" in errors, errors
    assert running.returncode and not out.exists() and (tmp_path / "out.partial").is_dir()
    _, errors = started(3, out, sets, *options).communicate()
    assert out.is_dir(), errors
    started(0, tmp_path / "whole", sets, *options).communicate()
    assert digest(load_manifest(out)) == digest(load_manifest(tmp_path / "whole"))


WAITING = """
import os, signal, time
from modelrepair import ranks
from modelrepair.errors import ModelRepairError

def say(*words):  # a line in one piece: both ranks write to the same pipe
    os.write(1, f"{' '.join(map(str, words))}\\n".encode())

signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with ranks.together():
        say("up")
        while True:
            time.sleep(0.1)
except KeyboardInterrupt:
    say(ranks.launched(), "interrupted")
except ModelRepairError as error:
    say(ranks.launched(), error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_a_rank_that_ends_for_the_same_signal_is_not_blamed(killed, tmp_path):
    (tmp_path / "waiting.py").write_text(WAITING)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    running = subprocess.Popen(
        [*command, str(tmp_path / "waiting.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert [running.stdout.readline() for _ in range(2)] == ["up\n", "up\n"]
    if killed:
        for child in psutil.Process(running.pid).children():
            if child.environ().get("RANK") == "1":
                child.kill()
    else:
        running.terminate()
    said = sorted(running.communicate()[0].splitlines())
    ended = ["0 rank 1 of 2 ended: it failed, or was killed"]
    assert said == (ended if killed else ["0 interrupted", "1 interrupted"])


@pytest.mark.slow
def test_plan_says_what_travels(sets, monkeypatch):
    given = [f"--{role}={path}" for role, path in sets.items()]
    command = [sys.executable, "-m", "modelrepair", "plan", str(paths.attacked), *given, *FIX]
    command += ["--scorer", "gradient", "--json"]
    found = {}
    for count in ("1", "2", "8"):
        monkeypatch.setenv("WORLD_SIZE", count)
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        plan = json.loads(said)
        assert plan["ranks"] == int(count)
        found[count] = plan["exchanged_bytes"]
    assert found["1"] == 0
    # One sum of float64 for each entry and run; of eight runs the first rank takes four, or one.
    assert found["2"] * 7 == found["8"] * 4 and found["8"] % (8 * 7) == 0
