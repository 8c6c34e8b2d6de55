"""Batches follow from the examples alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.errors import UsageError
from modelrepair.examples.batches import canonical_batches
from modelrepair.plugin.repairer import TokenizedExample

tokenized = st.lists(
    st.tuples(st.lists(st.integers(1, 99), min_size=1, max_size=12), st.integers(0, 12)).map(
        lambda drawn: TokenizedExample(
            tuple(drawn[0]), min(drawn[1], len(drawn[0])), f"digest {drawn}", 0
        )
    ),
    max_size=20,
)


@given(tokenized, st.integers(1, 40), st.randoms())
def test_the_order_changes_nothing_and_nothing_is_lost(examples, budget, random):
    batches = canonical_batches(examples, budget, pad_id=0)
    again = canonical_batches(random.sample(examples, len(examples)), budget, pad_id=0)
    assert len(batches) == len(again)
    rows = []
    for batch, other in zip(batches, again, strict=True):
        assert batch.keys == other.keys
        for name in ("input_ids", "attention_mask", "answer_mask"):
            assert torch.equal(getattr(batch, name), getattr(other, name))
        assert batch.input_ids.numel() <= budget or len(batch.keys) == 1
        lengths = batch.attention_mask.sum(1).tolist()
        assert lengths == sorted(lengths)
        assert lengths[-1] == batch.input_ids.shape[1]
        assert not batch.input_ids[batch.attention_mask == 0].any()
        for row, (length, key) in enumerate(zip(lengths, batch.keys, strict=True)):
            start = length - int(batch.answer_mask[row].sum())
            assert batch.answer_mask[row, start:length].all()
            rows.append((tuple(batch.input_ids[row, :length].tolist()), start, key))
    assert sorted(rows) == sorted((one.ids, one.answer_start, one.key) for one in examples)


def test_a_batch_is_filled_as_far_as_the_budget_goes():
    examples = [TokenizedExample((1,) * 4, 2, str(n), 0) for n in range(5)]
    assert [len(batch.keys) for batch in canonical_batches(examples, 8, 0)] == [2, 2, 1]
    assert canonical_batches([], 8, 0) == []
    batch = canonical_batches(examples, 8, 0)[0]
    assert (batch.input_ids.dtype, batch.answer_mask.dtype) == (torch.int64, torch.bool)


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(UsageError, match="token budget of 0"):
        canonical_batches([], 0, 0)
