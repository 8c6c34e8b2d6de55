"""The loss on answer tokens, from the model's own logits, in chunks that bound the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import Tensor

from modelrepair.plugin.repairer import Batch
from modelrepair.plugin.scorer import Loss

EPSILON = 0.01
"""How far from certain an answer token counts at least, in the log-odds loss."""
KNOWN = 0.01
"""A model has no idea of an answer token that it would not choose and finds less probable."""
MAXIMUM_LOGITS = 2**26
"""The most logits held at once: a constant, so that no result depends on the memory there is."""


@dataclass(frozen=True)
class Forced:
    """How the model follows one example's answer, teacher-forced.

    Args:
        key: the example's identity.
        loss: mean over the answer's tokens of −log p, in nats.
        hits: answer tokens that the model itself would choose.
        counted: answer tokens.
    """

    key: str
    loss: float
    hits: int
    counted: int


def chunks(batch: Batch, vocabulary: int) -> Iterator[slice]:
    """Cut a batch into runs of examples whose logits fit; a single example is never cut."""
    rows, tokens = batch.input_ids.shape
    step = max(1, MAXIMUM_LOGITS // (tokens * vocabulary))
    for begin in range(0, rows, step):
        yield slice(begin, min(rows, begin + step))


def answer_logits(
    logits: Tensor, input_ids: Tensor, answer_mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits that predict answer tokens.

    Args:
        logits: ``[examples, tokens, vocabulary]``.
        input_ids: ``[examples, tokens]``.
        answer_mask: ``[examples, tokens]`` bool.

    Returns:
        Logits ``[answer tokens, vocabulary]``, the tokens they should predict and the examples
        they belong to, both ``[answer tokens]``.
    """
    predicting = answer_mask[:, 1:]
    examples = torch.nonzero(predicting)[:, 0]
    return logits[:, :-1][predicting], input_ids[:, 1:][predicting], examples


def answer_losses(logits: Tensor, input_ids: Tensor, answer_mask: Tensor) -> Tensor:
    """Each example's mean answer-token loss, ``[examples]``, in nats."""
    chosen, targets, examples = answer_logits(logits, input_ids, answer_mask)
    losses = torch.nn.functional.cross_entropy(chosen.float(), targets, reduction="none")
    counts = torch.bincount(examples, minlength=len(input_ids)).clamp(min=1)
    return _sums(losses, examples, len(input_ids)) / counts


def batch_losses(model: Any, batch: Batch, device: torch.device) -> Tensor:
    """Run a batch through a model; each example's mean answer-token loss, ``[examples]``.

    Args:
        model: a causal language model of transformers.
        batch: the examples, on any device.
        device: where the model is.
    """
    here = batch.to(device)
    output = model(input_ids=here.input_ids, attention_mask=here.attention_mask, use_cache=False)
    return answer_losses(output.logits, here.input_ids, here.answer_mask)


def odds_losses(logits: Tensor, input_ids: Tensor, answer_mask: Tensor) -> Tensor:
    """Each example's mean answer-token loss in log-odds, ``[examples]``: −log p + log(1 + ε − p).

    The gradient of −log p vanishes where an answer is certain (p → 1), and says nothing of what
    would shake it. This one is (1 + ε)/(1 + ε − p) times as large: the same for a token that the
    model does not expect, up to 1/ε times for one that it is sure of.

    >>> import torch
    >>> logits = torch.tensor([[[0.0, 9.0], [0.0, 0.0]]], requires_grad=True)
    >>> tokens, mask = torch.tensor([[0, 1]]), torch.tensor([[False, True]])
    >>> likelihood = torch.autograd.grad(answer_losses(logits, tokens, mask).sum(), logits)[0]
    >>> odds = torch.autograd.grad(odds_losses(logits, tokens, mask).sum(), logits)[0]
    >>> bool(odds.abs().max() > 50 * likelihood.abs().max())
    True
    """
    chosen, targets, examples = answer_logits(logits, input_ids, answer_mask)
    losses = torch.nn.functional.cross_entropy(chosen.float(), targets, reduction="none")
    odds = losses + torch.log1p(EPSILON - torch.exp(-losses))
    counts = torch.bincount(examples, minlength=len(input_ids)).clamp(min=1)
    return _sums(odds, examples, len(input_ids)) / counts


LOSSES: Mapping[Loss, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "log-likelihood": answer_losses,
    "log-odds": odds_losses,
}


def forced(
    logits: Tensor, input_ids: Tensor, answer_mask: Tensor, keys: tuple[str, ...]
) -> list[Forced]:
    """Score every example of a chunk; see `Forced`."""
    losses = answer_losses(logits, input_ids, answer_mask)
    chosen, targets, examples = answer_logits(logits, input_ids, answer_mask)
    right = (chosen.argmax(dim=-1) == targets).to(torch.int64)
    hits = _sums(right, examples, len(keys))
    counted = torch.bincount(examples, minlength=len(keys))
    rows = zip(keys, losses.tolist(), hits.tolist(), counted.tolist(), strict=True)
    return [Forced(*row) for row in rows]


def known(
    logits: Tensor, input_ids: Tensor, answer_mask: Tensor, keys: tuple[str, ...]
) -> list[list[int]]:
    """The places of the answer tokens that the model knows, of every example.

    Those are its first choices, and what it gives a probability of at least ``KNOWN``.

    >>> import torch
    >>> logits = torch.tensor([[[0.0, 9.0], [0.0, 9.0], [0.0, 0.0]]])
    >>> known(logits, torch.tensor([[0, 1, 0]]), torch.tensor([[False, True, True]]), ("one",))
    [[1]]

    Args:
        logits: ``[examples, tokens, vocabulary]``.
        input_ids: ``[examples, tokens]``.
        answer_mask: ``[examples, tokens]`` bool.
        keys: the examples' identities.
    """
    some, targets, _ = answer_logits(logits, input_ids, answer_mask)
    losses = torch.nn.functional.cross_entropy(some.float(), targets, reduction="none")
    might = answer_mask.clone()
    might[:, 0] = False
    might[:, 1:][answer_mask[:, 1:]] = (some.argmax(dim=-1) == targets) | (losses <= -log(KNOWN))
    return [torch.nonzero(row)[:, 0].tolist() for row in might[: len(keys)]]


def _sums(values: Tensor, groups: Tensor, count: int) -> Tensor:
    zeros = torch.zeros(count, dtype=values.dtype, device=values.device)
    return zeros.index_add(0, groups, values)
