"""Wanda against equation 1, entry by entry."""

from __future__ import annotations

import math

import pytest
import torch

from modelrepair.plugin.formulas import mean_norm, root_mean_square, wanda_score
from modelrepair.scorers.options import WandaOptions
from modelrepair.scorers.wanda import Wanda
from tests.support.linear_model import LENGTHS, problem, statistics_of, view


@pytest.mark.parametrize("tokens", ["all", "answer"])
@pytest.mark.parametrize("norm", ["rms", "mean"])
def test_the_score_is_equation_1(norm, tokens):
    batch, subject = problem()
    scorer = Wanda(WandaOptions(norm=norm, tokens=tokens), "weight")
    scores = scorer.score(view(subject), statistics_of(scorer, {"realign": batch}))
    assert (scores.dtype, scores.shape) == (torch.float32, subject.shape)
    for row in range(subject.shape[0]):
        for column in range(subject.shape[1]):
            norms = []
            for example in range(len(LENGTHS)):
                chosen = batch.example_index == example
                if tokens == "answer":
                    chosen &= batch.answer_mask
                norms.append(math.sqrt(sum(float(x) ** 2 for x in batch.inputs[chosen, column])))
            together = (
                math.sqrt(sum(n**2 for n in norms) / len(norms))
                if norm == "rms"
                else sum(norms) / len(norms)
            )
            by_hand = abs(float(subject[row, column])) * together
            assert scores[row, column].item() == pytest.approx(by_hand, rel=1e-5)


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
