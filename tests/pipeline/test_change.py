"""Which scorers search, one after the other, and whose mask is taken."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair.evaluation.evaluate import Screen
from modelrepair.pipeline import change as finding
from modelrepair.search.candidates import Baseline
from modelrepair.search.study import Searched
from modelrepair.settings.settings import Settings
from tests.support.candidates import SAFE, point
from tests.support.made_up_costs import results, scored


@pytest.mark.parametrize(
    ("first", "in_time", "asked", "taken"),
    [
        (SAFE, True, ["wanda"], "wanda"),  # the target is met: no other is asked
        (results(0.1), True, ["wanda", "contrast"], "contrast"),  # repairs, and misses the target
        # It spends most of a budget.
        (results(0.0, utility=0.997), True, ["wanda", "contrast"], "contrast"),
        (results(0.9), True, ["wanda", "contrast"], "contrast"),
        (results(0.9), False, ["wanda"], "wanda"),
    ],
)
def test_the_next_scorer_searches_where_the_first_has_not_arrived(
    monkeypatch, first, in_time, asked, taken
):
    found = {"wanda": point(0.1, first), "contrast": point(0.2, results(0.01))}
    searched: list[str] = []

    def search(study, step):
        searched.append(study.name)
        # Only a scorer that chose round by round is measured on what scoring sees, too.
        assert bool(study.baseline.scored) == (study.name == "contrast")
        point = replace(found[study.name], scorer=study.name)
        return Searched((point,), rounds=1, stopped=not in_time)

    def scoring(context, reference, subject, number):
        return SimpleNamespace(registered=context.chosen.scorers[number][0])

    baseline = Baseline(tuple(results(0.9)), Screen(0, 0, 1, 1), tuple(SAFE), tuple(scored()))
    monkeypatch.setattr("modelrepair.search.search.search", search)
    monkeypatch.setattr(finding, "scoring_of", scoring)
    monkeypatch.setattr(
        "modelrepair.pipeline.screens.baseline_of", lambda *_, looks_again: baseline
    )
    monkeypatch.setattr(finding, "_on_select", lambda *_: ())
    monkeypatch.setattr(finding, "missing_set", lambda *_: None)
    monkeypatch.setattr(finding, "needed_by", lambda *_: None)
    named = [
        SimpleNamespace(spec=SimpleNamespace(name=name, iterative=name == "contrast"))
        for name in found
    ]
    context = SimpleNamespace(
        settings=Settings(source="x", subject="weight"),
        source=SimpleNamespace(base=None),
        chosen=SimpleNamespace(scorers=[(registered, None) for registered in named]),
        panel=None,
        progress=None,
        clock=None,
        notes=None,
    )
    made = finding._find_mask(context, None, None)
    assert searched == asked
    assert made.point.scorer == taken
    assert made.stopped is not in_time
