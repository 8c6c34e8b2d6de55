"""The source's own answers: generated once, taken for the good ones, recorded as what they are."""

from __future__ import annotations

import json

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from tests.support.set_files import write_jsonl


def prompts(path, count: int = 30):
    rows = [json.loads(line) for line in paths.sets["utility"].open()][:count]
    return write_jsonl(path, [{"prompt": row["prompt"]} for row in rows])


def test_a_repair_with_the_source_s_own_answers(quick_repair, tmp_path):
    alone = prompts(tmp_path / "prompts.jsonl")
    with pytest.raises(UsageError, match=r"needs answers in the utility set, and prompts\.jsonl"):
        quick_repair("refused", utility=str(alone), scorer="contrast")
    report = quick_repair(utility=f"self:{alone}", scorer="contrast", examples=16)
    record = report.manifest.sets["utility"]
    assert record.id == "self:prompts.jsonl"
    assert record.counts["score"] > 0
    assert "--utility self:prompts.jsonl" in report.manifest.command
    again = quick_repair("again", utility=f"self:{alone}", scorer="contrast", examples=16)
    assert again.manifest.sets == report.manifest.sets
    assert again.manifest.sets["utility"].digest != report.manifest.sets["realign"].digest


def test_a_measurement_takes_no_own_answers(tmp_path, capsys):
    alone = prompts(tmp_path / "prompts.jsonl")
    assert run(["measure", str(paths.attacked), f"--utility=self:{alone}"]) == 2
    assert "a measurement takes answers from a set" in capsys.readouterr().err


def test_prompts_alone_do_for_a_scorer_that_asks_for_no_answers(quick_repair, tmp_path):
    rows = [json.loads(line) for line in paths.sets["realign"].open()]
    alone = write_jsonl(tmp_path / "harm.jsonl", [{"prompt": row["prompt"]} for row in rows])
    report = quick_repair(
        realign=str(alone), refusal=None, utility="none", borderline="none",
        scorer="magnitude", protect=0.0,
    )  # fmt: skip
    assert report.manifest.sets["realign"].id == "harm.jsonl"
    assert "utility" not in report.manifest.sets
