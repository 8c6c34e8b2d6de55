"""A result in Python and in a notebook: its figures in a few lines, and no markup of others."""

from __future__ import annotations

import pytest

from modelrepair import load_manifest, plan
from modelrepair.artifact.findings import About, Finding, Verification
from modelrepair.demo import paths
from modelrepair.evaluation.measures import summarise
from modelrepair.pipeline.reports import MeasureReport, RepairReport
from modelrepair.publishing.push import PushReport
from modelrepair.text.display import Glance
from tests.support.small_repairs import MEASURED, make_repair

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = make_repair(tmp_path_factory.mktemp("glance") / "made").out
    manifest = load_manifest(out)
    measures = {role: summarise(rows, "keyword") for role, rows in MEASURED.items()}
    finding = Finding("added", EVIL, None, "is in neither source nor manifest")
    repaired = RepairReport(
        "passed",
        out,
        manifest,
        None,
        measures,
        {"before": {"harmful": ["a harmful answer " * 99]}},
        warnings=("only few", EVIL),
    )
    return {
        "repair": repaired,
        "measure": MeasureReport(EVIL, measures["before"]),
        "plan": plan(paths.attacked),
        "manifest": manifest,
        "push": PushReport(
            *("me/m", "https://huggingface.co/me/m", "new repository", "main", "c0ffee"),
            *(False, None, tuple(f"file-{i}" for i in range(99)), (), "passed"),
        ),
        "verification": Verification.of([finding], {"files": 9}, about=About(summary=EVIL)),
    }


NAMES = ("repair", "measure", "plan", "manifest", "push", "verification")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_and_has_figures(results, name):
    shown = repr(results[name])
    assert len(shown) <= 600
    assert shown.count("\n") < 12
    assert any(letter.isdigit() for letter in shown)
    assert str(results[name]) == shown
    assert "harmful answer " not in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_no_markup_of_others(results, name):
    html = results[name]._repr_html_()
    assert html.startswith("<b>")
    assert "<script" not in html
    if name in ("measure", "verification"):
        assert "&lt;script&gt;" in html


def test_verdict_place_and_measures_of_a_repair(results):
    shown = repr(results["repair"]).splitlines()
    assert shown[0] == "<Repair: passed"
    assert "warnings: 2" in shown[2]
    assert shown[3].split() == ["measure", "before", "after"]
    assert shown[4].startswith("  harmful_score")
    assert "<td>harmful_score</td>" in results["repair"]._repr_html_()


def test_a_long_fact_is_cut_and_a_missing_one_left_out():
    shown = str(Glance("x", {"long": "y" * 100, "none": None, "empty": "", "zero": 0}))
    assert shown == f"<x\n  long: {'y' * 59}…\n  zero: 0>"
