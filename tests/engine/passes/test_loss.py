"""The two losses that gradients can be of."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.engine.passes.loss import EPSILON, LOSSES, answer_losses, odds_losses


def made(logit: float, tokens: int = 3):
    """One example of equal answer tokens: the logit of the right one, against one other at 0."""
    logits = torch.zeros(1, tokens + 1, 2, dtype=torch.float32)
    logits[..., 1] = logit
    ids = torch.ones(1, tokens + 1, dtype=torch.int64)
    mask = torch.tensor([[False] + [True] * tokens])
    return logits.requires_grad_(True), ids, mask


def gradient(loss, logit: float) -> torch.Tensor:
    logits, ids, mask = made(logit)
    (found,) = torch.autograd.grad(loss(logits, ids, mask).sum(), logits)
    return found[0, :-1].double()


@given(st.floats(-8, 8))
def test_the_gradient_of_the_log_odds_is_that_of_the_likelihood_over_what_is_left_to_certainty(z):
    p = torch.sigmoid(torch.tensor(z, dtype=torch.float64))
    ratio = (1 + EPSILON) / (1 + EPSILON - p)
    likelihood, odds = gradient(answer_losses, z), gradient(odds_losses, z)
    torch.testing.assert_close(odds, ratio * likelihood, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES.values())
def test_a_certain_answer_costs_less_and_prompts_never_count(loss):
    values = []
    for logit in (-2.0, 0.0, 2.0, 20.0):
        logits, ids, mask = made(logit)
        values.append(loss(logits, ids, mask).item())
        logits, ids, _ = made(logit)
        assert loss(logits, ids, torch.zeros_like(mask)).item() == 0
    assert values == sorted(values, reverse=True)
    assert torch.isfinite(torch.tensor(values)).all()


def test_an_unexpected_token_weighs_the_same_in_both():
    likelihood, odds = gradient(answer_losses, -12.0), gradient(odds_losses, -12.0)
    torch.testing.assert_close(odds, likelihood, rtol=1e-4, atol=0)


def test_a_certain_one_weighs_a_hundred_times_as_much():
    likelihood, odds = gradient(answer_losses, 12.0), gradient(odds_losses, 12.0)
    assert (odds / likelihood).max() == pytest.approx(1 + 1 / EPSILON, rel=0.01)
