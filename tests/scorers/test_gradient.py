"""SNIP against its definition: autograd on a linear layer, one example at a time."""

from __future__ import annotations

import pytest
import torch

from modelrepair.scorers.gradient import Gradient
from modelrepair.scorers.options import GradientOptions
from tests.support.linear_model import LENGTHS, own_gradients, problem, statistics_of, view


@pytest.mark.parametrize("reduce", ["mean", "abs"])
def test_the_score_is_its_formula(reduce):
    batch, subject = problem()
    scorer = Gradient(GradientOptions(reduce=reduce), "weight")
    scores = scorer.score(view(subject), statistics_of(scorer, {"realign": batch}))
    own = own_gradients(batch, subject)
    mean = sum(own) / len(LENGTHS)
    absolute = sum((subject * each).abs() for each in own) / len(LENGTHS)
    by_hand = (subject * mean).abs() if reduce == "mean" else absolute
    assert torch.allclose(scores, by_hand, atol=1e-5)
    assert scores.dtype == torch.float32


def test_opposite_examples_cancel_in_the_mean_and_not_in_the_sizes():
    batch, subject = problem(lengths=(2, 2))
    batch.inputs[2:] = batch.inputs[:2]
    batch.output_gradients[2:] = -batch.output_gradients[:2]
    scores = {}
    for reduce in ("mean", "abs"):
        scorer = Gradient(GradientOptions(reduce=reduce), "weight")
        scores[reduce] = scorer.score(view(subject), statistics_of(scorer, {"realign": batch}))
    assert scores["mean"].max() < 1e-5
    assert scores["abs"].min() > 1e-4


@pytest.mark.parametrize("reduce", ["mean", "abs"])
def test_the_number_of_examples_divides(reduce):
    batch, subject = problem()
    scorer = Gradient(GradientOptions(reduce=reduce), "weight")
    once = statistics_of(scorer, {"realign": batch})
    twice = statistics_of(scorer, {"realign": batch})
    twice.sets["realign"].examples *= 2
    one, half = (scorer.score(view(subject), each) for each in (once, twice))
    assert torch.allclose(one, 2 * half)
