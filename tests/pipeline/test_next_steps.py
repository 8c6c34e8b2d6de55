"""What to try next after a repair that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelrepair.evaluation.gate import GateResult
from modelrepair.pipeline.next_steps import advice
from modelrepair.settings.settings import Settings


def said(*, gate="failed", missed=(), scorer="wanda", sets=("realign", "utility"), **facts):
    names = ("unit", "ratio", "strength", "preset", "max_rounds", "max_candidates", "max_time")
    given = {name: facts.pop(name) for name in names if name in facts}
    if "repairer" in facts:
        given["repairer"] = facts["repairer"].name
    rules = tuple(SimpleNamespace(name=name, holds_budget=False) for name in missed)
    manifest = SimpleNamespace(
        **{
            "reference": None,
            "subject": "weight",
            "scorer": None if scorer is None else SimpleNamespace(name=scorer),
            "repairer": None,
            "search": (SimpleNamespace(scorer=scorer),),
            "sets": dict.fromkeys(sets),
            **facts,
        }
    )
    result = GateResult(gate, rules, None, backwards=False, reasons=())
    return [(*idea.add, *idea.drop) for idea in advice(Settings("m", **given), manifest, result)]


REFERENCE = ("--reference", "ORG/ALIGNED-MODEL")
OF_A_REPAIRER = ("--repairer", "--repairer-option", "--strength")
CONTRAST = ("--scorer", "contrast", *OF_A_REPAIRER)
DELTA = {"subject": "delta", "reference": SimpleNamespace(id="aligned")}


@pytest.mark.parametrize(
    ("facts", "ideas"),
    [
        ({}, [REFERENCE, CONTRAST]),
        ({"scorer": "contrast"}, [REFERENCE]),
        (DELTA, [CONTRAST]),
        (
            {**DELTA, "sets": ("realign",)},
            [("--scorer", "contrast", "--utility", "plain", *OF_A_REPAIRER)],
        ),
        ({**DELTA, "ratio": 0.01}, [("--ratio",), CONTRAST]),
        ({**DELTA, "preset": "antidote-paper", "ratio": 0.01}, [CONTRAST]),
        ({**DELTA, "scorer": "contrast", "unit": "head"}, [("--unit",)]),
        ({**DELTA, "scorer": "contrast", "unit": "entry"}, [("--examples", "512")]),
        ({"subject": "factor", "scorer": "contrast"}, [("--merge",)]),
        ({**DELTA, "scorer": "contrast"}, [("--examples", "512")]),
        (
            {**DELTA, "scorer": "contrast", "max_rounds": 1, "max_candidates": 99, "max_time": 1.0},
            [("--max-rounds", "--max-time")],
        ),
        (
            {**DELTA, "scorer": "contrast", "missed": ("benign_refusal_rate",)},
            [("--borderline", "borderline")],
        ),
        (
            {**DELTA, "scorer": None, "repairer": SimpleNamespace(name="realign"), "strength": 2.0},
            [("--strength",), CONTRAST],
        ),
    ],
)
def test_what_comes_next(facts, ideas):
    assert said(**facts) == ideas


def test_without_a_utility_set_no_number_of_examples_decides():
    assert said(gate="undecided", sets=("realign",)) == [("--utility", "plain")]


def test_a_scorer_that_was_tried_is_not_named_again():
    both = (SimpleNamespace(scorer="wanda"), SimpleNamespace(scorer="contrast"))
    assert said(search=both) == [REFERENCE]


def test_nothing_where_the_repair_passed():
    assert said(gate="passed") == []


def test_nothing_where_nothing_was_measured():
    assert advice(Settings("m"), SimpleNamespace(), None) == ()
