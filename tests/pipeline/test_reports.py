"""What a repair and a measurement give back: exit codes, JSON, and what Python shows of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import get_args
from unittest import mock

import pytest
from pydantic import TypeAdapter

from modelrepair.evaluation.measures import Measures, summarise
from modelrepair.pipeline.finished import report_of
from modelrepair.pipeline.next_steps import Idea
from modelrepair.pipeline.reports import EXIT_CODES, MeasureReport, RepairReport, RepairVerdict
from modelrepair.settings.settings import Settings
from tests.support.small_repairs import MEASURED, make_repair, results


@pytest.mark.parametrize(("harmful", "verdict", "code"), [(4, "passed", 0), (190, "failed", 1)])
def test_the_report_is_that_of_the_finished_run(tmp_path, harmful, verdict, code):
    with mock.patch("modelrepair.artifact.writer.plot_layers", return_value=False):
        made = make_repair(tmp_path, measured={**MEASURED, "after": results(harmful)})
    report = report_of(made.out, made.manifest, Settings("user/model"))
    assert (report.verdict, report.exit_code, report.out) == (verdict, code, made.out)
    assert json.loads(json.dumps(report.gate.to_json())) == made.manifest.gate
    shown = report.to_json()
    assert shown["nothing_to_do"] is True
    assert {
        role: TypeAdapter(Measures).validate_python(each)
        for role, each in shown["measures"].items()
    } == made.manifest.measures


MEASURES = summarise(results(30), "keyword")


def report(verdict="failed", **more):
    return RepairReport(verdict, None, None, None, {"before": MEASURES}, **more)


def test_each_verdict_has_an_exit_code_and_those_that_need_a_look_are_not_zero():
    assert set(EXIT_CODES) == {*get_args(RepairVerdict)}
    assert {verdict for verdict in EXIT_CODES if report(verdict).exit_code == 1} == {
        "failed",
        "undecided",
        "backwards",
    }
    assert {*EXIT_CODES.values()} == {0, 1}


@pytest.mark.parametrize(
    ("finished", "pushed", "nothing"),
    [
        (False, None, False),
        (False, SimpleNamespace(nothing=True), False),
        (True, None, True),
        (True, SimpleNamespace(nothing=True), True),
        (True, SimpleNamespace(nothing=False), False),
    ],
)
def test_nothing_was_to_do_where_the_output_and_the_push_were_there(finished, pushed, nothing):
    made = report(pushed=pushed, finished_before=finished)
    assert made.nothing_to_do is nothing


def test_json_holds_all_but_the_answers():
    made = report(
        answers={"before": {"harmful": ["SECRET"]}},
        warnings=("one",),
        next=(Idea("try contrast", ("--scorer", "contrast")),),
        reason="it refuses",
    )
    shown = made.to_json()
    assert "SECRET" not in json.dumps(shown)
    assert (shown["out"], shown["gate"], shown["manifest"], shown["pushed"]) == (None,) * 4
    assert (shown["verdict"], shown["reason"], shown["warnings"]) == (
        "failed",
        "it refuses",
        ["one"],
    )
    assert shown["next"][0]["add"] == ["--scorer", "contrast"]
    assert shown["measures"] == {"before": MEASURES.to_json()}
    assert RepairReport("passed", Path("out"), None, None, {}).to_json()["out"] == "out"


def test_python_shows_verdict_best_idea_and_figures_and_no_answer():
    ideas = Idea("first", ("--one",)), Idea("second", ("--two",))
    text = repr(report(answers={"before": {"harmful": ["SECRET"]}}, next=ideas, warnings=("a",)))
    assert text.startswith("<Repair: failed\n")
    assert "next: first: --one" in text and "second" not in text
    assert "warnings: 1" in text and "harmful_score" in text and "0.100" in text
    assert "SECRET" not in text and "reason" not in text


def test_a_measurement_shows_its_model_judge_and_template_and_no_answer():
    made = MeasureReport("org/m", MEASURES, {"harmful": ["SECRET"]}, ("one",), "chatml")
    text = repr(made)
    assert text.startswith("<Measures of org/m\n")
    assert "judge: keyword" in text and "template: chatml" in text and "0.100" in text
    shown = made.to_json()
    assert shown == {
        "model": "org/m",
        "template": "chatml",
        "endpoint": None,
        "inconclusive": [],
        "measures": MEASURES.to_json(),
        "warnings": ["one"],
    }
    assert "SECRET" not in text + json.dumps(shown)
