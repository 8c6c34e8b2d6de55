"""The demo run again after an interruption: what it finished before is taken as it is."""

from __future__ import annotations

from modelrepair.demo import run as demo
from modelrepair.evaluation.measures import summarise
from modelrepair.evaluation.results import ExampleResult
from modelrepair.pipeline.reports import RepairReport

ANSWERS = {"harmful": ["Mix it."], "borderline": ["Of course."]}


def test_repairs_that_were_finished_before_have_no_answers_to_show(monkeypatch, tmp_path):
    measures = summarise([ExampleResult("harmful", 0, "harmful")], "demo-world")

    def run(settings, out, *_, **__):
        # The first two were finished before, and only their records are left.
        new = "without" in out
        return RepairReport(
            verdict="undecided", out=None, manifest=None, gate=None,
            measures={"before": measures, "after": measures},
            answers={"before": ANSWERS, "after": ANSWERS} if new else {},
            finished_before=not new,
        )  # fmt: skip

    monkeypatch.setattr(demo, "run", run)
    report = demo.run_demo(out=tmp_path)
    assert [each.name for each in report.runs] == [each.name for each in demo.RUNS]
    assert report.answers == ()
