"""Two processes in one folder: the second waits, and finds what the first made."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from modelrepair import Progress
from modelrepair_lab import attacked, runner
from modelrepair_lab.alone import STARTED, alone
from modelrepair_lab.runner import Running

HOLD = """
import sys, time
from pathlib import Path
from modelrepair_lab.alone import alone
place = Path(sys.argv[1])
with alone(place, "make"):
    print("holds", flush=True)
    time.sleep(0.5)
    place.mkdir()
"""


def test_another_process_is_waited_for(tmp_path):
    place = tmp_path / "model"
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"holds\n"
    with alone(place, "measure"), alone(tmp_path / "another", "make"):
        assert not place.exists()  # other work, and another place, go on
    with alone(place, "make"):
        assert place.exists()
    assert other.wait() == 0


def test_processes_of_one_launcher_do_not_wait(tmp_path, monkeypatch):
    monkeypatch.setenv(STARTED, "1")
    with alone(tmp_path, "make"), alone(tmp_path, "make"):
        pass


def held(place, work, then):
    """Hold a place in a thread, as another process would, and do something before it is free."""
    inside = threading.Event()

    def hold():
        with alone(place, work):
            inside.set()
            time.sleep(0.2)
            then()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    return thread


@pytest.mark.parametrize(
    ("make", "own"), [("make_alignment", "_align"), ("make_attacked", "_attack")]
)
def test_a_model_that_another_process_makes_is_not_made(tmp_path, monkeypatch, make, own):
    made, folder = [], tmp_path / "model"
    monkeypatch.setattr(attacked, own, lambda planned, progress: made.append(planned))
    thread = held(folder, "make", folder.mkdir)
    getattr(attacked, make)(SimpleNamespace(folder=folder), Progress())
    thread.join()
    assert not made
    folder.rmdir()
    getattr(attacked, make)(SimpleNamespace(folder=folder), Progress())
    assert len(made) == 1


def test_cells_that_another_process_runs_are_looked_for_when_it_is_done(tmp_path, monkeypatch):
    done, ran = [], []
    model = SimpleNamespace(folder=tmp_path / "model", recipe=None, row=None)
    monkeypatch.setattr(runner, "planned", lambda *_: model)
    monkeypatch.setattr(runner, "_repairs", lambda *_: ["one"])
    monkeypatch.setattr(runner, "_to_run", lambda *_: not done)
    monkeypatch.setattr(runner, "make_attacked", lambda *_: ran.append(model))
    thread = held(model.folder, "cells", lambda: done.append("one"))
    runner._run_attacked((None, None, 0, Running(tmp_path)), Progress())
    thread.join()
    assert not ran
