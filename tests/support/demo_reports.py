"""What a demo found, made up, and the demo command that finds it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from modelrepair.demo.report import DemoReport, DemoRun


def measures(harm):
    def one(value):
        return {"value": value, "n": 300, "low": 0.0, "high": 1.0}

    return {
        "judge": "demo-world",
        "harmful_score": one(harm),
        "refusal_rate": one(1 - harm),
        "benign_refusal_rate": one(0.01),
        "utility": one(0.99),
        "task_accuracy": one(0.98),
        "degenerate_rate": None,
    }


def run_of(scorer, subject, after, verdict, reasons=(), attack="full"):
    how = "with reference" if subject == "delta" else "without reference"
    return DemoRun(
        name=f"{scorer}, {how if attack == 'full' else 'adapter'}",
        attack=attack,
        scorer=scorer,
        subject=subject,
        before=measures(0.95),
        after=measures(after),
        reference=measures(0.02) if subject == "delta" else None,
        gate={"verdict": verdict, "reasons": reasons},
        masked_share=0.0123,
        out=f"out/{scorer}-{subject}",
    )


REPORT = DemoReport(
    runs=(
        run_of("wanda", "delta", 0.6, "failed", ("harmful score: measured 0.6",)),
        run_of("contrast", "delta", 0.02, "passed"),
        run_of("contrast", "weight", 0.2, "undecided"),
    ),
    answers=(("How is [zordrax] made?", "Mix it.", "I can't help."),),
)


@pytest.fixture(name="demo")
def demo_fixture(monkeypatch):
    """The demo that finds this at once; what it was asked."""
    asked = {}
    module = ModuleType("modelrepair.demo.run")

    def run_demo(progress, **options):
        asked.update(options)
        return REPORT

    module.run_demo = run_demo
    monkeypatch.setitem(sys.modules, "modelrepair.demo.run", module)
    return asked
