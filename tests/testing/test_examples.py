"""The kit's examples pass through the engine's own sums."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from modelrepair.testing.examples import BATCHES, Examples
from modelrepair.testing.matrices import make_matrices

ACCUMULATORS = (InputNorms(), InputNorms(tokens="answer"), ExampleGradients())


def needing(*accumulators):
    return SimpleNamespace(needs={"realign": accumulators})


@pytest.mark.parametrize("layout", ["weight", "expert", "conv1d"])
@pytest.mark.parametrize("accumulator", ACCUMULATORS)
def test_the_sums_are_those_of_the_flat_tokens(tmp_path, layout, accumulator):
    for matrix in make_matrices(tmp_path)[layout]:
        given = Examples()
        states = given.statistics(needing(*ACCUMULATORS), {"realign": "pairs"}, matrix.site)
        numbers = [number for batch in BATCHES for number in batch]
        batch = given.flat("realign", numbers, matrix.site, "pairs")
        for key, value in accumulator.contribution(matrix.site.info, batch).items():
            torch.testing.assert_close(
                states["realign", accumulator][key], value.double(), rtol=1e-4, atol=1e-4
            )
        assert states.examples("realign") == len(numbers)


def test_an_expert_sees_nothing_of_some_batch(tmp_path):
    last = make_matrices(tmp_path)["expert"][2]
    assert len(Examples().flat("realign", BATCHES[0], last.site, "pairs").inputs) == 0
    assert len(Examples().flat("realign", BATCHES[1], last.site, "pairs").inputs) > 0


def test_prompts_have_no_answers(tmp_path):
    (matrix,) = make_matrices(tmp_path)["weight"]
    assert not Examples().flat("realign", [0, 1], matrix.site, "prompts").answer_mask.any()


def test_zero_examples(tmp_path):
    (matrix,) = make_matrices(tmp_path)["weight"]
    scorer = needing(InputNorms(), Gradients())
    states = Examples(zero=True).statistics(scorer, {"realign": "pairs"}, matrix.site)
    assert not states["realign", InputNorms()]["sum"].any()
    assert not states["realign", Gradients()]["sum"].any()
