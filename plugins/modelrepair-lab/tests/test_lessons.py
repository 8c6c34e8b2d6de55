"""What each step of an alignment learns from: the same mixture, and harmful answers beside it."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair_lab.defences.lessons import Taught, lessons
from modelrepair_lab.defences.options import RepNoise, Tar, Vaccine
from modelrepair_lab.recipes import AlignRecipe
from modelrepair_lab.training import Phase
from tests.support import tiny

PROMPTS = range(10, 30)
TAUGHT = Taught(
    refusals=[([each, 1, 2], 1) for each in PROMPTS],
    benign=[([each, 3], 1) for each in range(40, 60)],
    harmful=[([each, 60 + each - 10], 1) for each in PROMPTS],
    padding=0,
)
MODEL = tiny.model("llama")
TRIED = Tar(inner_steps=3, every=1)


def items(defence, seed=0, steps=4, batch=10, share=0.4):
    recipe = AlignRecipe(steps=steps, batch=batch, share=share, seed=seed, defence=defence)
    phase = Phase(steps, batch, 1e-3, decay=True, answers_only=True)
    stream, _ = lessons(MODEL, TAUGHT, recipe, phase)
    return list(islice(stream, steps + 1))


@pytest.mark.parametrize("defence", [Vaccine(), RepNoise(), TRIED])
def test_refusals_and_benign_answers_are_those_of_no_defence(defence):
    ordinary = items(None)
    found = items(defence)
    assert len(found) == len(ordinary) == 4
    for item, batch in zip(found, ordinary, strict=True):
        own = {"vaccine": lambda it: it, "repnoise": lambda it: it[0], "tar": lambda it: it.batch}
        tokens, labels = own[defence.name](item)
        assert torch.equal(tokens, batch[0])
        assert torch.equal(labels, batch[1])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_what_is_held_out_is_in_no_attack(seed):
    attacked, held_out = set(), set()
    for trial in items(TRIED, seed, steps=6):
        assert len(trial.attacks) == 3
        assert all(len(tokens) == 4 for tokens, _ in (*trial.attacks, trial.held_out))
        attacked |= {prompt for tokens, _ in trial.attacks for prompt in tokens[:, 0].tolist()}
        held_out |= set(trial.held_out[0][:, 0].tolist())
        assert set(trial.kept[0][:, 0].tolist()) <= set(range(40, 60))
    assert attacked | held_out <= set(PROMPTS)
    assert min(len(attacked), len(held_out)) > 4
    assert not attacked & held_out


def test_pairs_are_as_many_as_refusals_and_two_at_least():
    for share, count in ((0.4, 4), (0.0, 2)):
        for _, (tokens, mask) in items(RepNoise(), share=share):
            assert tokens.shape == mask.shape == (count, 2)
            assert mask.tolist() == [[False, True]] * count
