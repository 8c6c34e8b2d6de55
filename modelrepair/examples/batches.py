"""Canonical batches: the same examples make the same batches, whatever their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from modelrepair.errors import UsageError
from modelrepair.plugin.repairer import Batch, TokenizedExample


def canonical_batches(
    tokenized: Sequence[TokenizedExample], token_budget: int, pad_id: int
) -> list[Batch]:
    """Sort by length, then digest, and cut where a batch would exceed the budget.

    >>> examples = [TokenizedExample((7,) * n, 1, f"digest {n}") for n in (3, 2, 4)]
    >>> [batch.keys for batch in canonical_batches(examples, token_budget=6, pad_id=0)]
    [('digest 2', 'digest 3'), ('digest 4',)]

    Args:
        tokenized: the examples.
        token_budget: the most tokens in a batch, padding included; a longer example stands alone.
        pad_id: what pads.

    Raises:
        UsageError: the budget is not positive.
    """
    if token_budget < 1:
        raise UsageError(f"a token budget of {token_budget}", hint="give at least 1, such as 2048")
    ordered = sorted(tokenized, key=lambda one: (len(one.ids), one.key, one.ids, one.answer_start))
    return [padded(rows, pad_id) for rows in _cut(ordered, token_budget)]


def _cut(ordered: Sequence[TokenizedExample], budget: int) -> Iterator[list[TokenizedExample]]:
    rows: list[TokenizedExample] = []
    for one in ordered:
        # The examples ascend: the one that comes next is the longest so far.
        if rows and (len(rows) + 1) * len(one.ids) > budget:
            yield rows
            rows = []
        rows.append(one)
    if rows:
        yield rows


def padded(rows: Sequence[TokenizedExample], pad_id: int) -> Batch:
    """One batch of these examples, in their order.

    >>> padded([TokenizedExample((7, 8), 1, "one"), TokenizedExample((7,), 1, "two")], 0).input_ids
    tensor([[7, 8],
            [7, 0]])
    """
    shape = (len(rows), max(len(one.ids) for one in rows))
    input_ids = torch.full(shape, pad_id, dtype=torch.int64)
    attention_mask = torch.zeros(shape, dtype=torch.int64)
    answer_mask = torch.zeros(shape, dtype=torch.bool)
    for row, one in enumerate(rows):
        length = len(one.ids)
        input_ids[row, :length] = torch.tensor(one.ids, dtype=torch.int64)
        attention_mask[row, :length] = 1
        answer_mask[row, one.answer_start : length] = True
    return Batch(input_ids, attention_mask, answer_mask, tuple(one.key for one in rows))
