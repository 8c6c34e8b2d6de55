"""What the demo found, as data: the document has everything, and shares nothing with the run."""

from __future__ import annotations

from dataclasses import asdict, replace

from modelrepair.demo.report import DemoReport
from tests.support.demo_reports import REPORT, demo_fixture, run_of  # noqa: F401


def test_the_document_is_the_issues(demo, call):
    document = call("demo", "--json").json
    assert [run["scorer"] for run in document["runs"]] == ["wanda", "contrast", "contrast"]
    first = document["runs"][0]
    assert set(first) >= {"scorer", "subject", "before", "after", "gate", "masked_share", "out"}
    assert first["gate"]["verdict"] == "failed"
    assert first["before"]["harmful_score"]["value"] == 0.95


def test_a_run_s_document_holds_every_field_as_it_is():
    for run in REPORT.runs:
        assert run.to_json() == asdict(run)


def test_a_run_without_a_reference_says_null():
    (without,) = [run for run in REPORT.runs if run.subject == "weight"]
    assert without.to_json()["reference"] is None
    assert REPORT.runs[0].to_json()["reference"]["harmful_score"]["value"] == 0.02


def test_a_document_can_be_changed_without_a_change_of_the_run():
    run = run_of("wanda", "delta", 0.6, "failed")
    document = run.to_json()
    for name in ("before", "after", "reference", "gate"):
        document[name].clear()
    assert run == run_of("wanda", "delta", 0.6, "failed")


def test_runs_and_answers_keep_their_order():
    answers = (("b?", "1", "2"), ("a?", "3", "4"))
    turned = replace(REPORT, runs=REPORT.runs[::-1], answers=answers).to_json()
    assert [run["subject"] for run in turned["runs"]] == ["weight", "delta", "delta"]
    assert turned["answers"] == [
        {"question": "b?", "before": "1", "after": "2"},
        {"question": "a?", "before": "3", "after": "4"},
    ]
    assert DemoReport(runs=(), answers=()).to_json() == {"runs": [], "answers": []}
