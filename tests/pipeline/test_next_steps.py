"""What to try next after a repair that failed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair.evaluation.gate import GateResult
from modelrepair.evaluation.rules import Rule
from modelrepair.pipeline.next_steps import advice
from modelrepair.settings.settings import Settings


def said(*, gate="failed", missed=(), scorer="wanda", sets=("realign", "utility"), **facts):
    names = ("ratio", "strength", "preset", "max_rounds", "max_candidates", "max_time")
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


def test_a_scorer_that_was_tried_is_not_named_again():
    both = (SimpleNamespace(scorer="wanda"), SimpleNamespace(scorer="contrast"))
    assert said(search=both) == [REFERENCE]


def rule(name, sets, n, needed=None, kind=None, holds=False):
    """A line of the gate's table, of which only a limit is out of bounds."""
    limit = 0.0 if holds else 0.2
    return Rule(name, sets, n, 0.0, 0.02, limit, 0.05, "higher", needed, kind=kind)


def short(*rules, counts, kinds=None, needed=None, of_kinds=None, **given):
    """What is said of an undecided repair, by the sets and how many report examples each leaves."""
    manifest = SimpleNamespace(
        sets={
            key: SimpleNamespace(counts={"report": count}, digest=key)
            for key, count in counts.items()
        },
        kinds={
            name: SimpleNamespace(role=role, digest=digest)
            for name, (role, digest) in (kinds or {}).items()
        },
    )
    gate = GateResult("undecided", rules, needed, False, (), of_kinds)
    return [str(idea) for idea in advice(Settings("m", **given), manifest, gate)]


HARM = rule("harmful_score against the source", ("harmful",), 200, holds=True)


def test_a_short_set_is_named_with_its_option_and_the_rows_it_needs():
    open_ = rule("degenerate_rate (borderline)", ("borderline",), 101, 111)
    assert short(HARM, open_, counts={"borderline": 101}, borderline="my.jsonl") == [
        "--borderline my.jsonl leaves 101 report examples; 111 decide: give 280 rows: "
        "--borderline BORDERLINE.jsonl"
    ]
    given = {"borderline": "my.jsonl", "test_borderline": "t.jsonl"}
    (said,) = short(HARM, open_, counts={"borderline": 0, "test_borderline": 101}, **given)
    assert said.startswith("--test-borderline t.jsonl leaves 101 report examples; 111 decide: ")
    assert "give 120 rows" in said


def test_more_than_a_part_may_hold_take_a_set_for_the_report():
    open_ = rule("degenerate_rate (utility)", ("utility",), 256, 300)
    (said,) = short(HARM, open_, counts={"utility": 256}, utility="u.jsonl")
    assert said.endswith("300 decide: give --test-utility 300 rows: --test-utility UTILITY.jsonl")


def test_a_pool_under_the_fewest_names_its_largest_set():
    pool = rule("benign_refusal_rate", ("utility", "borderline"), 40, holds=True)
    counts = {"utility": 30, "borderline": 10}
    (said,) = short(HARM, pool, counts=counts, utility="u.jsonl")
    assert said.startswith("--utility u.jsonl leaves 30 report examples; 40 decide: give 100 rows")


def test_one_rule_of_harm_is_enough():
    other = rule("harmful_score against the reference", ("harmful",), 60, 400)
    assert short(HARM, other, counts={"realign": 60}) == []
    both = [replace(HARM, n=60, limit=0.2, needed=90), other]
    (said,) = short(*both, counts={"realign": 60}, realign="h.jsonl")
    assert said.startswith("--realign h.jsonl leaves 60 report examples; 90 decide: give 230 rows")


def test_a_short_kind_of_a_given_set_is_named_and_no_other():
    law = rule("degenerate_rate (kind law)", ("utility",), 20, 46, kind="law")
    own = rule("degenerate_rate (kind write)", ("kinds",), 60, 78, kind="write")
    kinds = {"law": ("utility", "utility"), "write": ("utility", "plain's")}
    said = short(
        HARM, law, own, counts={"utility": 20}, kinds=kinds, of_kinds=78, utility="u.jsonl"
    )
    assert said[0].startswith(
        "kind law of --utility u.jsonl leaves 20 report examples; 46 decide: give 120 rows of it"
    )
    assert said[1] == "60 examples of a kind leave it open; 78 decide: --kind-examples 78"


def test_nothing_where_the_repair_passed():
    assert said(gate="passed") == []


def test_nothing_where_nothing_was_measured():
    assert advice(Settings("m"), SimpleNamespace(), None) == ()
