"""What to try next after a repair that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelrepair.advice import advice
from modelrepair.measure.gate import GateResult
from modelrepair.settings import Settings


def said(*, gate="failed", missed=(), scorer="wanda", sets=("realign", "utility"), **facts):
    given = {name: facts.pop(name) for name in ("ratio", "strength", "preset") if name in facts}
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
    return [idea.split(":")[0] for idea in advice(Settings("m", **given), manifest, result)]


REFERENCE = "name the aligned model that the source was fine-tuned from with --reference"
EXAMPLES = "give more examples, utility and borderline ones above all, with --examples"
CONTRAST = "take --scorer contrast"
DELTA = {"subject": "delta", "reference": SimpleNamespace(id="aligned")}


@pytest.mark.parametrize(
    ("facts", "ideas"),
    [
        ({}, [REFERENCE, CONTRAST]),
        ({"scorer": "contrast"}, [REFERENCE]),
        (DELTA, [CONTRAST]),
        ({**DELTA, "sets": ("realign",)}, ["take --scorer contrast, with a --utility set"]),
        ({**DELTA, "ratio": 0.01}, ["leave --ratio out", CONTRAST]),
        ({**DELTA, "preset": "antidote-paper", "ratio": 0.01}, [CONTRAST]),
        ({"subject": "factor", "scorer": "contrast"}, ["add --merge"]),
        ({**DELTA, "scorer": "contrast"}, [EXAMPLES]),
        (
            {**DELTA, "scorer": "contrast", "missed": ("benign_refusal_rate",)},
            ["give a --borderline set"],
        ),
        (
            {**DELTA, "scorer": None, "repairer": SimpleNamespace(name="realign"), "strength": 2.0},
            ["leave --strength out", CONTRAST],
        ),
    ],
)
def test_what_comes_next(facts, ideas):
    assert said(**facts) == ideas


def test_a_scorer_that_was_tried_is_not_named_again():
    both = (SimpleNamespace(scorer="wanda"), SimpleNamespace(scorer="contrast"))
    assert said(search=both) == [REFERENCE]


@pytest.mark.parametrize("verdict", ["passed", "undecided"])
def test_nothing_where_the_repair_did_not_fail(verdict):
    assert said(gate=verdict) == []


def test_nothing_where_nothing_was_measured():
    assert advice(Settings("m"), SimpleNamespace(), None) == ()
