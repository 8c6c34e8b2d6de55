"""The saliency against plain numpy, and the laws that it follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.plugin import SiteBatch, root_mean_square, wanda_score
from modelrepair_obs.options import ObsOptions
from modelrepair_obs.scorer import OptimalBrainSurgeon, column_costs
from tests.support.linear_model import problem, statistics_of, view


def plain(subject, batch, *, damping, tokens="answer"):
    """SparseGPT's score of one set in a dozen lines: no groups, no factor."""
    inputs = batch.inputs.double().numpy()
    if tokens == "answer":
        inputs = inputs[batch.answer_mask.numpy()]
    hessian = 2 * inputs.T @ inputs / len(inputs)
    hessian = hessian + damping * hessian.diagonal().mean() * np.eye(len(hessian))
    inverse = np.linalg.inv(hessian)
    scores = np.empty(subject.shape)
    for i, j in np.ndindex(*subject.shape):
        scores[i, j] = float(subject[i, j]) ** 2 / (2 * inverse[j, j])
    return scores


def scored(options, subject, sets, **shown):
    scorer = OptimalBrainSurgeon(options, shown.get("kind", "weight"))
    return scorer.score(view(subject, **shown), statistics_of(scorer, sets))


@pytest.mark.parametrize("tokens", ["all", "answer"])
@pytest.mark.parametrize("damping", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("minus", ["utility", "refusal"])
def test_harmful_minus_benign(minus, damping, tokens):
    harmful, subject = problem(1)
    benign, _ = problem(2, lengths=(6, 8))
    benign = replace(benign, inputs=benign.inputs * torch.tensor([0.2, 0.5, 1.5, 2.0]))
    found = scored(
        ObsOptions(minus=minus, damping=damping, tokens=tokens),
        subject,
        {"realign": harmful, minus: benign},
    )
    expected = plain(subject, harmful, damping=damping, tokens=tokens)
    expected -= plain(subject, benign, damping=damping, tokens=tokens)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)
    assert (expected > 0).any() and (expected < 0).any()


def test_harm_alone():
    harmful, subject = problem(1)
    found = scored(ObsOptions(minus="none"), subject, {"realign": harmful})
    np.testing.assert_allclose(found.numpy(), plain(subject, harmful, damping=0.01), rtol=1e-5)


def test_of_a_delta_it_is_what_the_delta_adds():
    harmful, weight = problem(1)
    reference = weight + torch.tensor([0.5, -0.25, 0.0, 1.0])
    found = scored(
        ObsOptions(minus="none"), weight, {"realign": harmful}, reference=reference, kind="delta"
    )
    expected = plain(weight - reference, harmful, damping=0.01)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    assert not found[:, 2].any()


def test_it_is_what_removing_an_entry_costs_where_the_rest_adapts():
    """The saliency against the loss itself: least squares over all other columns."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(30, 5, generator=generator).double()
    row = torch.randn(5, generator=generator).double()
    costs = column_costs((2 * inputs.T @ inputs)[None], damping=0.0)
    for j in range(5):
        others = inputs[:, [k for k in range(5) if k != j]]
        lost = row[j] * inputs[:, j]
        adapted = torch.linalg.lstsq(others, lost[:, None]).solution[:, 0]
        least = (lost - others @ adapted).square().sum()
        assert float(row[j] ** 2 * costs[j]) == pytest.approx(float(least), rel=1e-9)


def test_longer_answers_weigh_no_more():
    """The same tokens twice are the same inputs: nothing is left of the difference."""
    harmful, subject = problem(1)
    tokens = torch.cat([torch.arange(len(harmful.inputs))] * 2)
    twice = SiteBatch(
        harmful.inputs[tokens],
        None,
        harmful.answer_mask[tokens],
        harmful.example_index[tokens],
        harmful.examples,
    )
    found = scored(ObsOptions(), subject, {"realign": harmful, "utility": twice})
    assert found.abs().max() < 1e-5


@given(seed=st.integers(0, 999))
def test_with_orthogonal_inputs_it_is_wanda_squared(seed):
    generator = torch.Generator().manual_seed(seed)
    orthogonal, _ = torch.linalg.qr(torch.randn(9, 4, generator=generator).double())
    inputs = orthogonal * torch.rand(4, generator=generator).add(0.1)
    subject = torch.randn(3, 4, generator=generator)
    gram = inputs.T @ inputs
    costs = column_costs((2 * gram / 3)[None], damping=0.0)
    found = subject.double().square() * costs
    wanda = wanda_score(subject.double(), root_mean_square(gram.diagonal(), 3))
    torch.testing.assert_close(found, wanda.square(), rtol=1e-9, atol=0.0)
    assert torch.equal(found.flatten().argsort(), wanda.flatten().argsort())


@given(seed=st.integers(0, 999), group=st.integers(1, 7), damping=st.sampled_from([0.01, 0.3]))
def test_groups_lie_between_the_whole_hessian_and_its_diagonal(seed, group, damping):
    """What docs say of `group`: fewer columns to adapt, so never a smaller saliency."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(25, 8, generator=generator)
    hessian = 2 * inputs.T @ inputs
    starts = range(0, 8, group)
    blocks = torch.zeros(len(starts), group, group)
    for index, start in enumerate(starts):
        own = hessian[start : start + group, start : start + group]
        blocks[index, : len(own), : len(own)] = own
    found = column_costs(blocks, damping)[:8]
    whole = column_costs(hessian[None], damping)
    alone = column_costs(hessian.diagonal()[:, None, None], damping)
    slack = 1 + 1e-9
    assert (whole <= found * slack).all() and (found <= alone * slack).all()
    if group == 1:
        torch.testing.assert_close(found, alone)


@pytest.mark.parametrize("group", [4, 5, 4096])
def test_one_group_is_the_whole_matrix(group):
    harmful, subject = problem(1)
    benign, _ = problem(2)
    sets = {"realign": harmful, "utility": benign}
    one, other = (scored(ObsOptions(group=size), subject, sets) for size in (group, 4))
    assert torch.equal(one, other)
    assert not torch.allclose(one, scored(ObsOptions(group=2), subject, sets), rtol=1e-3)


@pytest.mark.parametrize("damping", [0.0, 1e-9, 0.01])
def test_fewer_tokens_than_columns(damping):
    """A singular Hessian: one column repeats another, so either can go at no cost."""
    inputs = torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 3.0]])
    costs = column_costs((2 * inputs.T @ inputs)[None], damping)
    assert torch.isfinite(costs).all()
    assert costs[0] == pytest.approx(float(costs[1]), rel=1e-3)
    assert 0 <= costs[0] < 0.1 + 10 * damping
    assert costs[2] > 0.1


def test_a_hessian_that_rounding_made_negative():
    hessian = torch.tensor([[[1.0, 1.0 + 1e-7], [1.0 + 1e-7, 1.0]]], dtype=torch.float64)
    assert torch.linalg.cholesky_ex(hessian).info.any()
    costs = column_costs(hessian, damping=0.0)
    assert torch.isfinite(costs).all() and (costs >= 0).all() and (costs < 1e-4).all()


def test_a_column_without_input_costs_nothing():
    hessian = torch.tensor([[[2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]]])
    costs = column_costs(hessian, damping=0.0)
    assert costs.tolist() == pytest.approx([0.75, 0.0, 0.75])
    assert not column_costs(torch.zeros(2, 3, 3), damping=0.01).any()


def test_inputs_that_are_no_numbers_are_an_error():
    with pytest.raises(ValueError, match="no Cholesky factor"):
        column_costs(torch.full((1, 2, 2), torch.inf), damping=0.01)


def test_a_statistic_of_another_shape_is_named():
    harmful, _ = problem(1)
    scorer = OptimalBrainSurgeon(ObsOptions(minus="none"), "weight")
    statistics = statistics_of(scorer, {"realign": harmful})
    message = r"Gram matrix of realign is \[1, 4, 4\], expected \[1, 5, 5\] for the 5 columns"
    with pytest.raises(ValueError, match=message):
        scorer.score(view(torch.ones(3, 5)), statistics)


def test_nothing_that_it_is_given_is_changed():
    harmful, subject = problem(1)
    scorer = OptimalBrainSurgeon(ObsOptions(minus="none"), "weight")
    statistics = statistics_of(scorer, {"realign": harmful})
    before = statistics["realign", scorer.needs["realign"][0]]["sum"].clone()
    own = subject.clone()
    first = scorer.score(view(subject), statistics)
    assert torch.equal(first, scorer.score(view(subject), statistics))
    assert torch.equal(before, statistics["realign", scorer.needs["realign"][0]]["sum"])
    assert torch.equal(subject, own)
