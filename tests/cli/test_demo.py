"""The demo's table: all models in the columns of the issue, and the answers side by side."""

from __future__ import annotations

import sys

from modelrepair.demo.report import DemoReport
from tests.support.demo_reports import REPORT, demo_fixture, run_of  # noqa: F401


def test_one_row_for_each_model(demo, call):
    result = call("demo")
    assert result.code == 0
    rows = [" ".join(line.split()) for line in result.out.splitlines()]
    start = rows.index("reference (aligned) 0.020 0.980 0.010 0.990 0.980 –")
    assert rows[start + 2 : start + 6] == [
        "source (poisoned) 0.950 0.050 0.010 0.990 0.980 –",
        *(
            f"{name} {harm} {refusals} 0.010 0.990 0.980 – 1.23% {verdict}"
            for name, harm, refusals, verdict in (
                ("wanda, with reference", "0.600", "0.400", "failed"),
                ("contrast, with reference", "0.020", "0.980", "passed"),
                ("contrast, without reference", "0.200", "0.800", "undecided"),
            )
        ),
    ]
    assert "│ How is [zordrax] made? │ Mix it. │ I can't help. │" in rows
    assert "wanda, with reference: failed: harmful score: measured 0.6" in result.out


def test_the_other_attack_has_a_part_of_its_own(demo, call, monkeypatch):
    runs = (*REPORT.runs, run_of("contrast", "factor", 0.01, "passed", attack="lora"))
    report = DemoReport(runs=runs, answers=())
    monkeypatch.setattr(sys.modules["modelrepair.demo.run"], "run_demo", lambda *a, **o: report)
    lines = call("demo", "--all").out.splitlines()
    (start,) = (i for i, line in enumerate(lines) if line.startswith("source (poisoned by LoRA)"))
    assert lines[start + 1].startswith("contrast, adapter")


def test_options_reach_the_run(demo, call):
    call("demo", "--out", "kept", "--seed-world", "other", "--all", "--restart")
    shown = {name: str(value) for name, value in demo.items()}
    assert shown == {"out": "kept", "world": "other", "all": "True", "restart": "True"}


def test_a_demo_without_answers_or_reference(demo, call, monkeypatch):
    report = DemoReport(runs=(run_of("contrast", "weight", 0.2, "failed"),), answers=())
    monkeypatch.setattr(sys.modules["modelrepair.demo.run"], "run_demo", lambda *a, **o: report)
    out = call("demo").out
    assert "reference (aligned)" not in out
    assert "question" not in out
