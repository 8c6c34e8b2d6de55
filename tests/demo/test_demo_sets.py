"""The demo's sets and tokenizer, which a user meets first, go all the way."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelrepair.demo
from modelrepair.examples.load import load_set
from modelrepair.examples.refusals import make_refusals
from modelrepair.examples.splits import split_sets
from modelrepair.examples.template import Template
from modelrepair.preflight.demand import Demand
from modelrepair.preflight.plan import check_plan as check
from modelrepair.preflight.plan import plan_model as plan
from modelrepair.source.resolve import resolve

DATA = Path(modelrepair.demo.__file__).parent / "data"


@pytest.fixture(scope="module")
def template():
    from transformers import AutoTokenizer

    return Template(AutoTokenizer.from_pretrained(DATA / "attacked"))


@pytest.mark.parametrize("name", ["realign", "refusal", "utility", "borderline"])
def test_every_answer_reads_back(template, name):
    examples = load_set(DATA / "sets" / f"{name}.jsonl", name).examples
    made = template.pairs(one for one in examples if one.response is not None)
    assert (made.cut, made.dropped) == (0, 0)
    for one, pair in zip(examples, made.examples, strict=True):
        answer = template.decode(pair.ids[pair.answer_start :])
        assert "".join(answer.split()) == "".join((one.response or "").split())


def test_the_demo_can_be_planned_and_cut():
    realign = load_set(DATA / "sets" / "realign.jsonl", "realign")
    splits = split_sets(realign, make_refusals(realign))
    sets = {name: split.score for name, split in splits.items()}
    made = plan(resolve(DATA / "attacked"), Demand(sets=sets, gradients=True, iterative=True))
    check(made)
    assert made.coverage == 1.0
    assert [each.examples for each in made.passes] == [48, 48]
