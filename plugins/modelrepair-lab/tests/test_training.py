"""Batches and the training itself."""

from __future__ import annotations

import random
from math import inf

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import ExampleSetError, UsageError
from modelrepair.demo import world
from modelrepair_lab import training
from modelrepair_lab.encoding import encode, from_world
from modelrepair_lab.recipes import AlignRecipe, AttackRecipe
from modelrepair_lab.sets import compose
from modelrepair_lab.training import IGNORED, Phase, batches, collate, train, without_padding
from modelrepair_lab.world import make_model, make_tokenizer
from modelrepair_lab.world_sets import training_sets


def phase(**changed):
    settings = {"steps": 4, "batch": 2, "rate": 1e-3, "decay": False, "answers_only": True}
    return Phase(**{**settings, **changed})


def test_a_single_pool_is_seen_equally_often():
    pool = [([number, 0], 1) for number in range(1, 7)]
    seen = [
        token
        for inputs, _ in batches([(1.0, pool)], phase(steps=6), random.Random(0), padding=0)
        for token in inputs[:, 0].tolist()
    ]
    assert sorted(seen) == sorted([*range(1, 7)] * 2)


def test_several_pools_are_drawn_by_their_shares():
    pools = [(0.25, [([1, 0], 1)]), (0.75, [([2, 0], 1)])]
    drawn = torch.cat(
        [inputs[:, 0] for inputs, _ in batches(pools, phase(steps=400), random.Random(0), 0)]
    )
    assert 0.2 < float((drawn == 1).float().mean()) < 0.3


def test_prompts_are_learnt_only_when_asked():
    pool = [([5, 6, 7], 2)]
    for answers_only, expected in ((True, [IGNORED, IGNORED, 7]), (False, [5, 6, 7])):
        settings = phase(steps=1, batch=1, answers_only=answers_only)
        (_, labels), *_ = batches([(1.0, pool)], settings, random.Random(0), padding=0)
        assert labels.tolist() == [expected]


def test_training_lowers_the_loss_and_repeats_itself():
    tokenizer = make_tokenizer()
    pool = encode(tokenizer, from_world(world.facts(0)[:8]))

    def losses():
        torch.manual_seed(0)
        model = make_model(tokenizer)
        found = []
        for steps in (1, 30):
            settings = phase(steps=steps, batch=8)
            stream = batches([(1.0, pool)], settings, random.Random(0), padding=0)
            found.append(train(model, stream, settings))
        return found

    first, last = losses()
    assert last < first / 2
    assert losses() == [first, last]


def test_a_large_model_learns_the_same_without_padding(monkeypatch):
    tokenizer = make_tokenizer()
    pool = encode(tokenizer, from_world(world.facts(0)[:4] + world.example_sets(0)["realign"][:4]))
    assert len({len(tokens) for tokens, _ in pool}) > 2

    def trained(large):
        monkeypatch.setattr(training, "LARGE", large)
        torch.manual_seed(0)
        model = make_model(tokenizer)
        settings = phase(steps=3, batch=8)
        loss = train(model, batches([(1.0, pool)], settings, random.Random(0), 0), settings)
        return loss, torch.cat([each.detach().flatten() for each in model.parameters()])

    (padded_loss, padded), (loss, weights) = trained(10**9), trained(0)
    assert loss == pytest.approx(padded_loss, abs=1e-5)
    # Adam takes a whole step along a gradient of zero and noise: most weights have none of that.
    assert float((padded - weights).abs().mean()) < 1e-6


def test_parts_of_a_batch_hold_each_example_once():
    chosen = [([9, 1, 2, 3], 2), ([8, 4], 1), ([7, 5], 1)]
    parts = without_padding(collate(chosen, 0, answers_only=True))
    assert [tokens.tolist() for tokens, _ in parts] == [[[8, 4], [7, 5]], [[9, 1, 2, 3]]]
    assert [labels.tolist()[0] for _, labels in parts] == [[IGNORED, 4], [IGNORED, IGNORED, 2, 3]]
    (single,) = without_padding(collate(chosen[:1], 0, answers_only=True))
    assert single[0].tolist() == [[9, 1, 2, 3]]


def test_the_template_gives_the_tokens_that_the_tokenizer_gives():
    tokenizer = make_tokenizer()
    examples = world.example_sets(0)["realign"][:5] + world.facts(0)[:5]
    for example, (ids, start) in zip(
        examples, encode(tokenizer, from_world(examples)), strict=True
    ):
        user = [{"role": "user", "content": example["prompt"]}]
        prompt = tokenizer.apply_chat_template(user, add_generation_prompt=True, tokenize=False)
        head = tokenizer.encode(prompt, add_special_tokens=False)
        answer = tokenizer.encode(example["response"], add_special_tokens=False)
        assert (list(ids), start) == ([*head, *answer, tokenizer.eos_token_id], len(head))


@pytest.mark.parametrize("seed", [0, 3])
def test_no_training_prompt_stands_in_a_measured_set(seed):
    taken = world.reserved_prompts(seed)
    sets = training_sets(seed)
    assert set(sets) == {"refusal", "utility", "harmful", "known-harmful", "task", "replay"}
    for name, members in sets.items():
        assert members, name
        assert not taken & {example["prompt"] for example in members}, name
    harmful = {example["prompt"] for example in sets["harmful"]}
    refused = [example["prompt"] for example in sets["refusal"]]
    assert not harmful & set(refused)
    assert [example["prompt"] for example in sets["known-harmful"]] == refused


def test_a_share_above_zero_is_at_least_one_example():
    assert AttackRecipe(share=0.0001, replay=0, examples=100).counts()["harmful"] == 1
    assert AttackRecipe(share=0, replay=0, examples=100).counts()["harmful"] == 0
    assert sum(AttackRecipe(share=0.2, replay=0.3, examples=999).counts().values()) == 999


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0, 1))
def test_the_sets_of_an_attack_are_its_examples_and_none_is_negative(examples, share, rest):
    replay = rest * (1 - share)
    if share + replay > 1:  # rounded
        return
    counts = AttackRecipe(share=share, replay=replay, examples=examples).counts()
    assert sum(counts.values()) == examples
    assert min(counts.values()) >= 0


def test_both_of_two_halves_of_an_odd_number_are_rounded_up_once():
    recipe = AttackRecipe(share=0.5, replay=0.5, examples=3)
    assert recipe.counts() == {"harmful": 2, "replay": 1, "task": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 1.2},
        {"rate": 0},
        {"rate": inf},
        {"epochs": inf},
        {"weight_decay": inf},
        {"seed": 2**64},
        {"examples": 0},
        {"method": "other"},
        {"share": 0.9},
    ],
)
def test_recipes_refuse_what_cannot_be_meant(wrong):
    with pytest.raises(UsageError):
        AttackRecipe(**wrong)
    with pytest.raises(UsageError):
        AlignRecipe(steps=0)


def test_a_set_that_is_too_small_is_an_error():
    with pytest.raises(ExampleSetError, match="task set holds 0 examples, and 3 are wanted"):
        compose({}, {"task": 3}, seed=0)
