"""The limit of time: how it is typed, what counts, what it ends, and what repeats the result."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import time

import pytest

from modelrepair import UsageError, plan, repair
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.cli.main import run as run_command
from modelrepair.demo import paths
from modelrepair.errors import RepairInterrupted
from modelrepair.search.clock import CLOCK, Clock, start_clock
from tests.support.set_files import first_rows

MASK = "repair/mask.safetensors"


def test_time_before_an_interruption_counts_up_to_the_last_file_that_was_written(tmp_path):
    first = start_clock(tmp_path, "30m", time.monotonic() - 60)
    assert first.before == 0 and 60 <= first.spent() < 70
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "scores.npy").write_bytes(b"")
    began = json.loads((tmp_path / CLOCK).read_bytes())["began"]
    os.utime(tmp_path / "work" / "scores.npy", (began + 200, began + 200))
    second = start_clock(tmp_path, None, time.monotonic())  # killed, and idle ever since
    assert second.before == pytest.approx(200, abs=1)
    os.utime(tmp_path / "work" / "scores.npy", (began, began))
    third = start_clock(tmp_path, 900, time.monotonic())
    assert 200 - 1 <= third.before < 210 and third.limit == 900


@pytest.fixture
def few(tmp_path):
    return first_rows(tmp_path, 16)


@pytest.fixture
def timed(monkeypatch, few, tmp_path):
    """Repairs on a clock that advances by a second at each reading."""
    monkeypatch.chdir(tmp_path)

    def run(limit: float | None, name: str = "timed", **options):
        read = itertools.count(1)
        monkeypatch.setattr(Clock, "spent", lambda self: float(next(read)))
        return repair(
            paths.attacked, out=tmp_path / name, max_time=limit, judge="demo-world", device="cpu",
            reference="none", max_new_tokens=24, **{**few, **options},
        )  # fmt: skip

    return run


def again(manifest, few, name: str) -> list[str]:
    """The card's command, with the places of this machine in place of names."""
    words = shlex.split(manifest.command)[1:]
    words = [str(paths.attacked) if word == paths.attacked.name else word for word in words]
    files = {path.name: str(path) for path in few.values()}
    return [*(files.get(word, word) for word in words), "--out", name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "scorer", "said"),
    [
        pytest.param(3, "contrast", "--max-rounds 3", marks=pytest.mark.slow),
        (1, None, "--max-candidates 1 --no-fallback"),
    ],
)
def test_the_card_s_command_repeats_a_search_that_time_ended(
    timed, few, tmp_path, limit, scorer, said
):
    report = timed(limit, scorer=scorer)
    manifest = report.manifest
    assert said in manifest.command and "--max-time" not in manifest.command
    assert (manifest.run.max_time, manifest.run.time_ended_search) == (limit, True)
    assert "max_time" not in manifest.settings
    (method,) = manifest.methods
    assert method.rounds == max(point.round for point in manifest.search)
    assert method.candidates == sum(point.measures is not None for point in manifest.search) > 0
    assert manifest.command in (report.out / "README.md").read_text()
    assert run_command(again(manifest, few, "again")) == report.exit_code
    masks = [(folder / MASK).read_bytes() for folder in (report.out, tmp_path / "again")]
    assert masks[0] == masks[1]
    repeated = json.loads((tmp_path / "again" / MANIFEST_NAME).read_bytes())
    assert repeated["run"]["time_ended_search"] is False
    assert repeated["methods"] == [method.model_dump()]


@pytest.mark.slow
def test_a_limit_of_another_length_goes_on_where_an_interrupted_one_stood(
    timed, monkeypatch, tmp_path
):
    """Up to where it had come, time is as it was read then; the limit is that of now."""
    from modelrepair.search import walk

    def interrupt(trial, number, *rest):
        if number == 2:
            raise RepairInterrupted("stopped", hint="go on")
        return stepped(trial, number, *rest)

    stepped = walk._stepped
    monkeypatch.setattr(walk, "_stepped", interrupt)
    with pytest.raises(RepairInterrupted):
        timed(50, scorer="contrast")
    assert (tmp_path / "timed.partial" / CLOCK).exists()
    monkeypatch.setattr(walk, "_stepped", stepped)
    report = timed(4, scorer="contrast")
    assert report.manifest.run.time_ended_search
    (method,) = report.manifest.methods
    assert 3 <= method.rounds <= 6  # two were read before, at 1 and 2; from there 1, 2, 3, 4
    with pytest.raises(UsageError, match="as --max-time 4 ended its search"):
        timed(600, scorer="contrast")
    assert timed(4, scorer="contrast").nothing_to_do


@pytest.mark.slow
def test_no_model_gives_more_answers_than_the_plan_says(few, tmp_path, monkeypatch):
    from modelrepair.evaluation import sources

    answered = []

    def counted(model, asking, examples, **options):
        answered.append(len(examples))
        return generate(model, asking, examples, **options)

    generate = sources.generate
    monkeypatch.setattr(sources, "generate", counted)
    few.pop("refusal")  # so that they are the reference's own
    asked = {
        "reference": paths.reference,
        "device": "cpu",
        "judge": "demo-world",
        "scorer": "wanda",
    }
    asked |= {"max_new_tokens": 24, "utility": f"self:{few.pop('utility')}", **few}
    most = plan(paths.attacked, **asked).bounds
    report = repair(paths.attacked, out=tmp_path / "out", max_candidates=2, **asked)
    fewer = plan(paths.attacked, max_candidates=2, **asked).bounds
    assert 0 < sum(answered) <= fewer.answers < most.answers
    (method,) = report.manifest.methods
    assert (method.rounds, method.candidates) <= (fewer.rounds, fewer.answered) == (1, 2)


def test_a_plan_takes_the_limit_and_its_bounds_are_those_without(few):
    asked = {"reference": "none", "device": "cpu", "judge": "demo-world", **few}
    assert plan(paths.attacked, max_time="30m", **asked).bounds == plan(
        paths.attacked, **asked
    ).bounds  # fmt: skip
