"""What a plug-in writes, and which random numbers it draws, is seen."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from modelrepair.testing.network import no_network
from modelrepair.testing.watching import Drew, Noted, no_draws, watched


def test_reading_is_fine(tmp_path):
    (tmp_path / "text").write_text("x")
    with watched(tmp_path / "empty") as written, no_network() as tried:
        assert (tmp_path / "text").read_text() == "x"
        os.close(os.open(tmp_path / "text", os.O_RDONLY))
    assert (written, tried) == ([], [])


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("x"),
        lambda path: path.mkdir(),
        lambda path: os.close(os.open(path, os.O_WRONLY | os.O_CREAT)),
        lambda path: path.symlink_to("elsewhere"),
    ],
)
def test_writing_anywhere_is_seen(tmp_path, write):
    with watched(tmp_path / "empty") as written:
        write(tmp_path / "made")
    assert written[0].endswith(("made", "elsewhere"))


def test_what_other_code_writes_is_found_at_home(tmp_path):
    code = "import pathlib; (pathlib.Path.home() / 'made').touch()"
    with watched(tmp_path / "empty") as written:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert written == ["made"]


def test_everything_is_as_before(tmp_path):
    before = (Path.cwd(), Path.home(), os.environ.get("TMPDIR"))
    with pytest.raises(KeyError), watched(tmp_path / "empty"):
        raise KeyError
    assert (Path.cwd(), Path.home(), os.environ.get("TMPDIR")) == before
    with watched(tmp_path / "again") as written:
        pass
    (tmp_path / "later").touch()
    assert written == []


@pytest.mark.parametrize(
    ("draw", "whose"),
    [
        (lambda: torch.rand(1), "torch"),
        (lambda: torch.manual_seed(0), "torch"),
        (lambda: np.random.rand(), "numpy"),
        (lambda: random.random(), "random"),
        (lambda: (random.seed(3), np.random.seed(3)), "numpy and random"),
    ],
)
def test_draws_are_seen_and_undone(draw, whose):
    states = (torch.get_rng_state(), random.getstate())
    with pytest.raises(Drew, match=f"^{whose}$"), no_draws():
        draw()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def test_a_generator_of_its_own_is_fine():
    with no_draws():
        torch.randn(2, generator=torch.Generator().manual_seed(0))
        random.Random(0).random()
        np.random.default_rng(0).random()


def test_what_is_asked_for_is_noted_and_what_is_listed_is_not():
    shown = Noted({"a": 1, "b": 2})
    assert (list(shown), shown.names) == (["a", "b"], set())
    assert (shown["a"], shown.get("c", 3), shown.names) == (1, 3, {"a", "c"})
