"""The estimate of a repair's time: its laws, and that it is of the right size."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest

import modelrepair
from modelrepair.demo import paths
from modelrepair.pipeline import planning
from modelrepair.preflight.speed import (
    Job,
    Search,
    Shape,
    Speed,
    WorkPart,
    accelerated,
    answered,
    seconds,
)

SHAPE = Shape(inside=10**9, head=10**8, blocks=32)
SLOW = Speed(1e10, 1e9)
JOB = Job(
    [Search(50_000, True, (1, 9), (1, 9), (1, 8))],
    3,
    WorkPart(300, 10_000, 20_000, 60_000),
    WorkPart(700, 30_000, 40_000),
    128,
)


def test_the_least_is_less_than_the_most():
    least, most = seconds(SHAPE, JOB, SLOW)
    assert 0 < least < most


def test_room_for_thoughts_makes_batches_smaller():
    """With room for a long thought fewer prompts fit into a batch, whatever the answers are."""
    wide = replace(SHAPE, hidden=4096)
    part, speed = JOB.report, replace(SLOW, operations=1e15)
    short, long = (answered(wide, part, 128, speed, room) for room in (128, 1152))
    assert long > 4 * short
    least, _ = seconds(wide, replace(JOB, thought=1024), SLOW)
    assert least > seconds(wide, JOB, SLOW)[0], "in the least, too"


def test_a_faster_machine_takes_less():
    fast = Speed(10 * SLOW.operations, 10 * SLOW.bytes)
    for ours, theirs in zip(seconds(SHAPE, JOB, fast), seconds(SHAPE, JOB, SLOW), strict=True):
        assert 0.09 * theirs < ours < 0.11 * theirs


@pytest.mark.parametrize(
    "more",
    [
        replace(JOB, models=4),
        replace(JOB, longest=512),
        replace(JOB, longest=512, thought=64),
        replace(JOB, report=WorkPart(1400, 60_000, 80_000)),
        replace(JOB, searches=[replace(JOB.searches[0], tokens=90_000)]),
        replace(JOB, searches=[replace(JOB.searches[0], rounds=(2, 10))]),
        replace(JOB, searches=[replace(JOB.searches[0], answered=(2, 9))]),
    ],
)
def test_more_work_takes_longer(more):
    for ours, theirs in zip(seconds(SHAPE, more, SLOW), seconds(SHAPE, JOB, SLOW), strict=True):
        assert ours > theirs


def test_thoughts_may_take_time_and_need_not():
    (least, most), (quiet, long) = (
        seconds(SHAPE, JOB, SLOW),
        seconds(SHAPE, replace(JOB, thought=1024), SLOW),
    )
    assert least == quiet
    assert most < long <= math.ceil(most * (128 + 1024) / 128)


def test_a_second_scorer_is_only_tried_where_the_first_does_not_arrive():
    two = replace(JOB, searches=[*JOB.searches, *JOB.searches])
    (least, most), (alone, both) = seconds(SHAPE, JOB, SLOW), seconds(SHAPE, two, SLOW)
    assert least == alone and both > most


def test_gradients_take_four_ways_for_one():
    def scored(backward: bool) -> int:
        only = Job([Search(10**6, backward)], 0, WorkPart(), WorkPart(), 1)
        return seconds(SHAPE, only, SLOW)[0]

    assert scored(True) == pytest.approx(4 * scored(False), rel=1e-3)


def test_nothing_to_do_takes_no_time():
    assert seconds(SHAPE, Job([Search(0, False)], 0, WorkPart(), WorkPart(), 128), SLOW) == (0, 0)


def test_an_accelerator_is_not_guessed_at(monkeypatch, tmp_path):
    node = tmp_path / "nvidia0"
    node.touch()
    assert accelerated("auto", [node]) and not accelerated("cpu", [node])
    monkeypatch.setattr(planning, "accelerated", lambda device: True)
    made = modelrepair.plan(paths.attacked)
    assert (made.seconds_least, made.seconds_most) == (None, None)
    assert any("accelerator" in note for note in made.notes)


def test_an_adapter_takes_the_time_of_its_base(monkeypatch):
    monkeypatch.setattr(planning, "measured_speed", lambda: Speed(1e8, 1e8))
    asked = {"device": "cpu", "ratio": 0.01, "scorer": "wanda", "evaluate": False}
    # What is protected is found on the utility set, and of the weights of a whole model alone.
    asked |= {"realign": paths.sets["realign"], "protect": 0.0}
    whole = modelrepair.plan(paths.reference, **asked, reference="none")
    adapter = modelrepair.plan(paths.adapter, **asked, base=paths.reference)
    assert adapter.block_parameters < whole.block_parameters / 4
    assert whole.seconds_least <= adapter.seconds_least < 1.5 * whole.seconds_least


@pytest.mark.slow
def test_it_is_of_the_right_size(tmp_path: Path):
    asked = {**paths.sets, "device": "cpu", "scorer": "wanda", "ratio": 0.01, "examples": 64,
             "judge": "demo-world", "reference": "none", "borderline": "none"}  # fmt: skip
    asked.pop("test_borderline")
    made = modelrepair.plan(paths.attacked, **asked)
    started = time.monotonic()
    modelrepair.repair(paths.attacked, out=tmp_path / "out", **asked)
    taken = time.monotonic() - started
    # The machine that tests is a busy one.
    assert made.seconds_least / 4 < taken < 8 * made.seconds_most
