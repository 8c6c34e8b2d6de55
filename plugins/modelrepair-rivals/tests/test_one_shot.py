"""One-shot fine-tuning takes the refusal nearest to all of them, and learns it alone."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.engine.passes.loss import batch_losses
from modelrepair.examples.batches import padded
from modelrepair.plugin import TokenizedExample, TrainingContext
from modelrepair_rivals.one_shot import OneShot, cosines
from modelrepair_rivals.options import OneShotOptions

WORDS = 8


class Toy(torch.nn.Module):
    """The next token's logits are a row of a table; a second parameter is never used."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.nn.Parameter(torch.randn(WORDS, WORDS, generator=generator))
        self.idle = torch.nn.Parameter(torch.ones(3))

    def forward(self, input_ids, attention_mask, use_cache):
        return type("Output", (), {"logits": self.table[input_ids]})


def context_of(model: Toy, refusals) -> TrainingContext:
    cpu = torch.device("cpu")
    examples = tuple(TokenizedExample(tuple(ids), 1, f"{ids}") for ids in refusals)
    return TrainingContext(
        model=model,
        sets={"refusal": examples},
        batch=lambda rows: padded(rows, 0),
        losses=lambda batch: batch_losses(model, batch, cpu),
        device=cpu,
        seed=0,
    )


def gradient(table: torch.Tensor, ids) -> torch.Tensor:
    """That of the mean loss of an answer, by the formula softmax − one-hot."""
    found = torch.zeros_like(table)
    for seen, following in itertools.pairwise(ids):
        chances = table[seen].softmax(dim=0)
        chances[following] -= 1
        found[seen] += chances / (len(ids) - 1)
    return found


REFUSALS = st.lists(
    st.lists(st.integers(1, WORDS - 1), min_size=2, max_size=5), min_size=1, max_size=12
)


@settings(max_examples=25)
@given(st.integers(0, 1000), REFUSALS)
def test_the_cosines_are_those_of_the_gradients(seed, refusals):
    model = Toy(seed)
    before = model.table.detach().clone()
    own = [gradient(before, ids) for ids in refusals]
    mean = sum(own) / len(own)
    found = cosines(context_of(model, refusals), context_of(model, refusals).sets["refusal"])
    for value, each in zip(found, own, strict=True):
        expected = float((each * mean).sum() / (each.norm() * mean.norm()))
        assert math.isclose(value, expected, abs_tol=1e-5)
    assert torch.equal(model.table, before) and model.table.grad is None


def test_one_step_is_adamw_s_on_the_chosen_refusal():
    """From zero moments a step goes by −rate·g/(|g| + ε): no other refusal has a part in it."""
    refusals = [(1, 2, 3), (4, 5, 6), (1, 2, 3), (1, 2, 4)]
    model = Toy(3)
    before = model.table.detach().clone()
    steps = OneShot(OneShotOptions(rate=0.01, epochs=3, every=2)).train(context_of(model, refusals))
    own = [gradient(before, ids) for ids in refusals]
    mean = sum(own) / len(own)
    near = [float((each * mean).sum() / each.norm()) for each in own]
    chosen = own[near.index(max(near))]
    one = next(OneShot(OneShotOptions(rate=0.01)).train(context_of(other := Toy(3), refusals)))
    assert one == 1
    expected = before - 0.01 * chosen / (chosen.abs() + 1e-8)
    assert torch.allclose(other.table.detach(), expected, atol=1e-5)
    assert list(steps) == [2, 3]
    moved = (model.table.detach() - before).abs().sum(dim=1) > 0
    assert moved.tolist() == (chosen.abs().sum(dim=1) > 0).tolist()


def test_only_the_first_candidates_are_chosen_from():
    refusals = [(1, 2), (3, 4), (3, 4), (3, 4)]
    for candidates, row in ((1, 1), (4, 3)):
        model = Toy(0)
        before = model.table.detach().clone()
        next(OneShot(OneShotOptions(candidates=candidates)).train(context_of(model, refusals)))
        moved = (model.table.detach() - before).abs().sum(dim=1).nonzero().flatten().tolist()
        assert moved == [row]


def test_the_published_values_are_the_default():
    options = OneShotOptions()
    assert (options.rate, options.epochs, options.candidates) == (2e-5, 10, 256)


def test_the_refusal_is_learnt():
    model = Toy(1)
    context = context_of(model, [(1, 2, 3)])
    batch = context.batch(context.sets["refusal"])
    before = float(context.losses(batch).detach().sum())
    assert list(OneShot(OneShotOptions(rate=0.1)).train(context)) == list(range(1, 11))
    assert float(context.losses(batch).detach().sum()) < before / 2


@pytest.mark.parametrize("option", ["epochs", "every", "candidates"])
def test_none_is_no_number_of(option):
    with pytest.raises(ValueError, match=f"{option} is 0, expected 1 or more"):
        OneShotOptions(**{option: 0})
