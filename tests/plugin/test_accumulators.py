"""What each statistic is a sum of, restated by hand, and that sums of batches add up."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.plugin.accumulators import ExampleGradients, Gradients, InputNorms
from tests.support.opened_models import INFO, site_batch

OWNERS = [0, 0, 0, 1, 1, 2]
ALL = (
    InputNorms(),
    InputNorms(norm="mean"),
    InputNorms(tokens="answer"),
    InputNorms(tokens="answer", norm="mean"),
    Gradients(),
    ExampleGradients(),
)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return site_batch(torch.randn(6, 4), OWNERS, gradients=torch.randn(6, 3))


def test_rms_norms_are_sums_of_squares_over_tokens(batch):
    found = InputNorms().contribution(INFO, batch)["sum"]
    by_hand = [sum(float(x) ** 2 for x in batch.inputs[:, channel]) for channel in range(4)]
    assert torch.allclose(found, torch.tensor(by_hand))


def test_mean_norms_are_sums_of_the_examples_norms(batch):
    found = InputNorms(norm="mean").contribution(INFO, batch)["sum"]
    parts = (batch.inputs[:3], batch.inputs[3:5], batch.inputs[5:])
    assert torch.allclose(found, sum(part.norm(dim=0) for part in parts))


def test_the_answer_s_tokens_alone_count_where_asked(batch):
    answers = batch.inputs[[1, 2, 4, 5]]
    found = InputNorms(tokens="answer").contribution(INFO, batch)["sum"]
    assert torch.allclose(found, answers.square().sum(0))


def test_gradients_are_the_sum_of_the_examples_own(batch):
    one, single = (
        accumulator.contribution(INFO, batch) for accumulator in (Gradients(), ExampleGradients())
    )
    own = []
    for example in range(3):
        rows = [row for row, owner in enumerate(OWNERS) if owner == example]
        own.append(sum(torch.outer(batch.output_gradients[r], batch.inputs[r]) for r in rows))
    assert torch.allclose(one["sum"], sum(own), atol=1e-6)
    assert torch.allclose(single["sum"], sum(own), atol=1e-6)
    assert torch.allclose(single["absolute"], sum(each.abs() for each in own), atol=1e-6)
    assert (single["absolute"] >= one["sum"].abs() - 1e-5).all()
    assert (single["absolute"] > one["sum"].abs() + 1e-3).any()  # examples cancel each other


def test_an_expert_s_tokens_may_come_in_any_order():
    torch.manual_seed(0)
    owners, inputs, gradients = [2, 0, 1, 0, 2, 1], torch.randn(6, 4), torch.randn(6, 3)
    order = sorted(range(6), key=lambda row: owners[row])
    given = site_batch(inputs, owners, gradients=gradients)
    ordered = site_batch(inputs[order], sorted(owners), gradients=gradients[order])
    one, two = (ExampleGradients().contribution(INFO, each) for each in (given, ordered))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("accumulator", ALL)
def test_nbytes_is_what_the_host_holds(batch, accumulator):
    state = accumulator.contribution(INFO, batch)
    assert accumulator.nbytes(INFO) == sum(8 * tensor.numel() for tensor in state.values())


@pytest.mark.parametrize("accumulator", ALL)
def test_two_equal_accumulators_are_one_key(accumulator):
    again = type(accumulator)(**vars(accumulator))
    assert again == accumulator
    assert hash(again) == hash(accumulator)
    assert len({*ALL, again}) == len(ALL)


@pytest.mark.parametrize("accumulator", [Gradients(), ExampleGradients()])
def test_gradients_are_asked_for_where_there_are_none(accumulator):
    with pytest.raises(ValueError, match="records none"):
        accumulator.contribution(INFO, site_batch(torch.ones(1, 4), [0]))


@pytest.mark.parametrize("accumulator", ALL)
def test_an_example_without_a_token_adds_nothing(batch, accumulator):
    more = site_batch(batch.inputs, OWNERS, gradients=batch.output_gradients, count=5)
    one, two = (accumulator.contribution(INFO, each) for each in (batch, more))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("accumulator", ALL)
def test_no_token_at_all_is_zero(accumulator):
    empty = site_batch(torch.zeros(0, 4), [], gradients=torch.zeros(0, 3), count=2)
    assert not any(state.any() for state in accumulator.contribution(INFO, empty).values())


whole_numbers = st.lists(st.integers(-8, 8), min_size=7, max_size=7)


@given(
    tokens=st.lists(whole_numbers, min_size=2, max_size=8),
    owners=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    cut=st.integers(0, 4),
)
def test_a_batch_is_the_sum_of_its_examples(tokens, owners, cut):
    """Batches of single examples, any two halves, and all at once: the same sums.

    Small whole numbers are exact in float32, so that equal means equal.
    """
    values = torch.tensor(tokens, dtype=torch.float32)
    owners = sorted(owners[: len(tokens)])
    index = torch.tensor(owners)
    whole = site_batch(values[:, :4], owners, gradients=values[:, 4:], count=4)
    for accumulator in ALL:
        together = accumulator.contribution(INFO, whole)
        for groups in ([[0], [1], [2], [3]], [list(range(cut)), list(range(cut, 4))]):
            parts = []
            for group in groups:
                rows = torch.isin(index, torch.tensor(group, dtype=torch.int64))
                part = type(whole)(
                    whole.inputs[rows],
                    whole.output_gradients[rows],
                    whole.answer_mask[rows],
                    whole.example_index[rows],
                    whole.examples,
                )
                parts.append(accumulator.contribution(INFO, part))
            for key, value in together.items():
                added = sum(part[key].double() for part in parts)
                exact = getattr(accumulator, "norm", "rms") == "rms"
                assert (
                    torch.equal(added, value.double())
                    if exact
                    else torch.allclose(added, value.double(), rtol=1e-6)
                )
