"""The Gram matrix: adds up over splits, is cut by columns, and takes the bytes that it says."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.plugin import SiteBatch, SiteInfo
from modelrepair_obs.grams import GroupedGram, groups_of


def batch_of(inputs, answers=None):
    count = len(inputs)
    answers = torch.ones(count, dtype=torch.bool) if answers is None else answers
    return SiteBatch(inputs, None, answers, torch.arange(count), tuple(map(str, range(count))))


def site(columns):
    return SiteInfo("w", "linear", 0, (3, columns))


@given(columns=st.integers(1, 5000), group=st.integers(1, 5000))
def test_groups_hold_all_columns_and_are_as_few_as_fit(columns, group):
    found = groups_of(columns, group)
    assert found.size <= group
    assert found.number * found.size >= columns
    assert (found.number - 1) * group < columns
    assert found.number * found.size - columns < found.number  # less than one empty column each


@given(
    columns=st.integers(1, 9),
    group=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    seed=st.integers(0, 99),
)
def test_contributions_add_up_over_any_split(columns, group, cuts, seed):
    inputs = torch.randn(12, columns, generator=torch.Generator().manual_seed(seed))
    gram, where = GroupedGram(group=group), site(columns)
    whole = gram.contribution(where, batch_of(inputs))["sum"]
    parts = inputs.tensor_split(sorted(cuts))
    added = sum(gram.contribution(where, batch_of(part))["sum"].double() for part in parts)
    torch.testing.assert_close(added.float(), whole, rtol=1e-5, atol=1e-5)


def test_blocks_are_those_of_the_whole_matrix():
    inputs = torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    before = inputs.clone()
    found = GroupedGram(group=3).contribution(site(7), batch_of(inputs))["sum"]
    assert found.shape == (3, 3, 3) and found.dtype == torch.float32
    filled = torch.zeros(9, 9)
    filled[:7, :7] = inputs.T @ inputs
    for index, block in enumerate(found):
        part = slice(3 * index, 3 * index + 3)
        torch.testing.assert_close(block, filled[part, part])
    assert torch.equal(inputs, before)


def test_answers_alone_or_all_tokens():
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    answers = torch.tensor([False, True, True, False, False, True])
    batch = batch_of(inputs, answers)
    own = inputs[answers]
    found = GroupedGram(group=4).contribution(site(4), batch)
    torch.testing.assert_close(found["sum"][0], own.T @ own)
    assert found["tokens"].tolist() == [3.0]
    found = GroupedGram(group=4, tokens="all").contribution(site(4), batch)
    torch.testing.assert_close(found["sum"][0], inputs.T @ inputs)
    assert found["tokens"].tolist() == [6.0]


def test_an_expert_without_a_token_adds_nothing():
    found = GroupedGram(group=2).contribution(site(4), batch_of(torch.zeros(0, 4)))["sum"]
    assert found.shape == (2, 2, 2) and not found.any()


@pytest.mark.parametrize(("columns", "group"), [(8, 8), (8, 3), (5, 100), (1, 1)])
def test_it_takes_the_bytes_that_it_says(columns, group):
    gram = GroupedGram(group=group)
    state = gram.contribution(site(columns), batch_of(torch.ones(2, columns)))
    assert gram.nbytes(site(columns)) == sum(each.double().nbytes for each in state.values())


def test_groups_bound_the_memory_of_a_wide_layer():
    wide = site(14336)
    assert GroupedGram(group=14336).nbytes(wide) == 8 * (14336**2 + 1)
    assert GroupedGram(group=2048).nbytes(wide) == 8 * (14336 * 2048 + 1)


def test_equal_settings_are_one_accumulator():
    assert hash(GroupedGram(group=4)) == hash(GroupedGram(group=4))
    assert GroupedGram(group=4) != GroupedGram(group=5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        GroupedGram(group=4).group = 5
