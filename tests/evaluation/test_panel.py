"""What a model is measured with: prompts of a part, and examples as batches."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelrepair.evaluation.panel import Panel, batches_of, tokenize
from modelrepair.examples.example import make_set
from modelrepair.examples.splits import PARTS, split_sets
from modelrepair.plugin.repairer import TokenizedExample
from tests.support.asked import ask, template


def made(count=20, budget=512, **roles):
    sets = {
        role: make_set(role, "made", [ask(f"{role} {n}?", answer) for n in range(count)])
        for role, answer in roles.items()
    }
    return Panel(split_sets(**sets), template("chatml"), None, 32, budget)


@pytest.mark.parametrize("part", PARTS)
def test_the_harmful_family_comes_first_and_only_sets_that_were_given(part):
    found = made(realign="harm", utility="good", borderline="fine").prompts(part)
    assert list(found) == ["harmful", "utility", "borderline"]
    for name, role in (("harmful", "realign"), ("utility",) * 2, ("borderline",) * 2):
        assert found[name]
        assert all(example.prompt.startswith(role) for example in found[name])
    assert list(made(realign="harm").prompts(part)) == ["harmful"]


def test_no_prompt_is_in_two_parts():
    panel = made(realign="harm", utility="good")
    for name in ("harmful", "utility"):
        keys = [example.key for part in PARTS for example in panel.prompts(part)[name]]
        assert len(keys) == len(set(keys)) == 20


def test_refusals_are_asked_as_harmful_prompts_without_their_answer():
    found = made(realign="harm", refusal="I won't").prompts("report")
    assert list(found) == ["harmful"]
    answers = {example.prompt.split()[0]: example.response for example in found["harmful"]}
    assert answers == {"realign": "harm", "refusal": None}


def test_only_examples_with_answers_are_followed_each_under_its_digest():
    answered = [ask(f"how {n}?", "so " * n) for n in range(1, 5)]
    batches = tokenize(made(realign="harm"), [ask("why?"), *answered, ask("when?")])
    keys = [key for batch in batches for key in batch.keys]
    assert sorted(keys) == sorted(example.digest for example in answered)
    assert all(batch.answer_mask.any(dim=1).all() for batch in batches)
    assert tokenize(made(realign="harm"), [ask("why?")]) == []


def test_batches_keep_to_the_panel_s_budget_and_pad_with_its_template_s_token():
    examples = [TokenizedExample((7,) * n, 1, f"{n}") for n in range(1, 9)]
    panel = replace(made(realign="harm", budget=8), template=SimpleNamespace(pad_id=5))
    batches = batches_of(panel, examples)
    assert sum(len(batch.keys) for batch in batches) == 8
    assert all(batch.input_ids.numel() <= 8 for batch in batches)
    padding = [batch.input_ids[batch.attention_mask == 0] for batch in batches]
    assert {int(token) for some in padding for token in some} == {5}
    assert len(batches_of(made(realign="harm", budget=64), examples)) == 1
