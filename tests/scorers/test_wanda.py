"""Wanda against equation 1, entry by entry."""

from __future__ import annotations

import math

import pytest
import torch

from modelrepair.plugin.formulas import mean_norm, root_mean_square, wanda_score
from modelrepair.scorers.options import WandaOptions
from modelrepair.scorers.wanda import Wanda
from tests.support.linear_model import LENGTHS, problem, statistics_of, view


def test_the_two_norms_differ_and_agree_on_one_example():
    squares = torch.tensor([9.0, 16.0])
    assert root_mean_square(squares, 1).tolist() == mean_norm(squares.sqrt(), 1).tolist()
    # Two examples of norms 3 and 5: root of 17, and 4.
    assert root_mean_square(torch.tensor([34.0]), 2).item() == pytest.approx(math.sqrt(17))
    assert mean_norm(torch.tensor([8.0]), 2).item() == 4.0


def test_the_delta_is_scored_where_it_is_the_subject():
    batch, subject = problem()
    scorer = Wanda(WandaOptions(), "delta")
    statistics = statistics_of(scorer, {"realign": batch})
    delta = scorer.score(view(subject, reference=subject - 0.5, kind="delta"), statistics)
    norms = root_mean_square(batch.inputs.square().sum(0), len(LENGTHS))
    assert torch.allclose(delta, wanda_score(torch.full_like(subject, 0.5), norms), rtol=1e-4)
    assert delta[:, 0].unique().numel() <= 2  # up to rounding, the weight plays no part


def test_it_needs_input_norms_of_the_harmful_pairs_alone():
    assert list(Wanda(WandaOptions(), "weight").needs) == ["realign"]
    (accumulator,) = Wanda(WandaOptions(norm="mean", tokens="answer"), "weight").needs["realign"]
    assert (accumulator.norm, accumulator.tokens, accumulator.reads) == ("mean", "answer", "inputs")
