"""What a scorer sees and what it gives: site views, accumulators, statistics, scores."""

from __future__ import annotations

import math

import pytest
import torch

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
