"""The estimate of a repair's time: its laws, and that it is of the right size."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import modelrepair
from modelrepair.demo import paths
from modelrepair.pipeline import planning
from modelrepair.preflight.opening import GROUNDS
from modelrepair.preflight.speed import (
    START,
    Job,
    Search,
    Shape,
    Speed,
    WorkPart,
    accelerated,
    answered,
    estimated,
    measured_speed,
)

PLAN = """
import json, sys
import modelrepair
given = json.load(sys.stdin)
plan = modelrepair.plan(**given)
assert "torch" not in sys.modules, "a plan is free of torch"
memory = plan.peak_bytes, max(plan.peak_bytes, plan.generation_bytes)
rounds = plan.seconds_grounds["round"]
print(json.dumps([plan.seconds_least, plan.seconds_most, memory, rounds]))
"""
RUN = """
import json, sys
import modelrepair
modelrepair.repair(**json.load(sys.stdin), progress=modelrepair.EventFile(sys.argv[1]))
"""
SHAPE = Shape(inside=10**9, head=10**8, blocks=32)
SLOW = Speed(1e10, 1e9)
JOB = Job(
    [Search(50_000, True, (1, 9), (1, 9), (1, 8))],
    3,
    WorkPart(300, 10_000, 20_000, 60_000),
    WorkPart(700, 30_000, 40_000),
    128,
)


def test_the_machine_is_asked_once():
    assert measured_speed() is measured_speed()


def seconds(*given) -> tuple[int, int]:
    found = estimated(*given)
    return found.least, found.most


def test_the_least_is_less_than_the_most():
    least, most = seconds(SHAPE, JOB, SLOW)
    assert 0 < least < most


def test_room_for_thoughts_makes_batches_smaller():
    """With room for a long thought fewer prompts fit into a batch, whatever the answers are."""
    wide = replace(SHAPE, hidden=4096)
    part, speed = JOB.report, replace(SLOW, operations=1e15)
    short, long = (answered(wide, part, 128, speed, 0, room) for room in (128, 1152))
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

    assert scored(True) == pytest.approx(4 * scored(False), rel=0.01)


def test_nothing_to_do_takes_the_time_of_a_start():
    nothing = Job([Search(0, False)], 0, WorkPart(), WorkPart(), 128)
    made = estimated(SHAPE, nothing, SLOW)
    assert (made.least, made.most) == tuple(map(math.ceil, START))
    assert [*made.grounds] == ["start"]
    assert seconds(SHAPE, nothing, replace(SLOW, overhead=2.0))[1] == math.ceil(2 * START[1])


def test_the_grounds_add_up():
    made = estimated(SHAPE, replace(JOB, searches=[replace(JOB.searches[0], rounds=(1, 1),
                     screened=(1, 1), answered=(1, 1))]), SLOW)  # fmt: skip
    for end, whole in enumerate((made.least, made.most)):
        start, model, one, candidate = (made.grounds[name][end] for name in GROUNDS)
        assert whole == math.ceil(start + 3 * model + one + candidate + 2 * candidate)


def test_real_tokens_are_fewer_than_those_that_were_counted():
    half = seconds(SHAPE, replace(JOB, scale=(0.5, 1.0)), SLOW)
    assert half[0] < seconds(SHAPE, JOB, SLOW)[0] and half[1] == seconds(SHAPE, JOB, SLOW)[1]


def test_prompts_of_one_length_are_together_where_the_context_is_short():
    part, fast = WorkPart(64, 640, lengths=8, longest=20), Speed(1e15, 1e15)
    short, long = (
        answered(replace(SHAPE, context=most), part, 128, fast, 1, 128) for most in (128, 4096)
    )
    assert short > 3 * long


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


def planned_and_done(tmp_path: Path, **asked) -> tuple[list, list[dict]]:
    """What a plan promised, and the events of the repair; each in a process of its own."""
    given = {**asked, "device": "cpu", "judge": "demo-world", "out": tmp_path / "out"}
    typed = json.dumps(given, default=str)
    events = tmp_path / "events.jsonl"
    promised, _ = (
        subprocess.run([sys.executable, "-c", code, str(events)], input=typed, text=True,
                       stdout=subprocess.PIPE, check=True)
        for code in (PLAN, RUN)
    )  # fmt: skip
    lines = events.read_text(encoding="ascii").splitlines()
    return json.loads(promised.stdout), [json.loads(line) for line in lines]


FIXED = {"reference": "none", "evaluate": False, "refusal": paths.sets["refusal"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [{"scorer": "wanda", "ratio": 0.01},
     {"scorer": "contrast", "ratio": 0.02, "step": 0.005}],
    ids=["one pass", "four rounds of gradients"],
)  # fmt: skip
def test_what_is_known_beforehand_takes_what_was_planned(tmp_path, asked):
    """The work is all known: the range is narrow, and its middle within a factor of 1.5."""
    sets = {name: paths.sets[name] for name in ("realign", "utility", "borderline")}
    (least, most, memory, _), events = planned_and_done(
        tmp_path, source=paths.attacked, **FIXED, **asked, **sets
    )
    finish = events[-1]
    took, middle = finish["processor_seconds"], math.sqrt(least * most)
    assert least <= took <= most
    assert middle / 1.5 <= took <= middle * 1.5
    assert most <= 3 * least
    assert memory == 2 * [pytest.approx(finish["peak_bytes"], rel=0.15)]


@pytest.mark.slow
def test_a_search_takes_what_was_planned(tmp_path):
    """How many rounds and how long answers get is not known: all of it is in the ranges."""
    (least, most, memory, (cheap, dear)), events = planned_and_done(
        tmp_path, source=paths.attacked, reference=paths.reference, scorer="contrast", step=0.005,
        max_rounds=6, examples=64,
        **{name: paths.sets[name] for name in ("realign", "utility", "borderline")},
    )  # fmt: skip
    finish = events[-1]
    assert least <= finish["processor_seconds"] <= most
    assert memory[0] * 0.85 <= finish["peak_bytes"] <= memory[1] * 1.15
    rounds = [each["processor_seconds"] for each in events
              if each["event"] == "end" and each["name"].startswith("contrast, round")]  # fmt: skip
    assert len(rounds) >= 3
    assert cheap / 1.5 <= sorted(rounds)[len(rounds) // 2] <= dear * 1.5
