"""One-shot safety fine-tuning (Zhang et al., arXiv 2601.01887): one refusal, learnt for ten epochs.

The paper chooses the refusal by an optimization of two levels: after training on it, the model is
to answer harmful prompts as the aligned model did, and all others as before. This is read to first
order. One step on refusal i moves the weights by −η·g_i. Where the training begins, the divergence
on other prompts has no gradient, and that on harmful prompts has the gradient ḡ of the refusals,
which are the aligned model's answers. So the refusal with the largest cosine of g_i and ḡ is taken:
the optimizer makes steps of one length of gradients of any length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from modelrepair.plugin import TokenizedExample, TrainingContext
from modelrepair_rivals.options import OneShotOptions

BATCH = 8
"""Refusals that are run at once for the mean gradient: memory, not results."""


def cosines(context: TrainingContext, examples: Sequence[TokenizedExample]) -> list[float]:
    """The cosine of each refusal's gradient with the mean gradient of all of them.

    Args:
        context: the model, which keeps its values and has no gradients afterwards.
        examples: the refusals.

    Returns:
        One number for each, from −1 to 1; 0 where a gradient is 0.
    """
    for start in range(0, len(examples), BATCH):
        losses = context.losses(context.batch(examples[start : start + BATCH]))
        torch.autograd.backward(losses.sum() / len(examples))
    mean = _taken(context)
    found = []
    for example in examples:
        torch.autograd.backward(context.losses(context.batch([example])).sum())
        own = _taken(context)
        norms = math.sqrt(_product(own, own) * _product(mean, mean))
        found.append(_product(own, mean) / norms if norms else 0.0)
    return found


def _taken(context: TrainingContext) -> list[Tensor | None]:
    """The gradients of the parameters, which are taken away from them."""
    gradients = [each.grad for each in context.parameters]
    for each in context.parameters:
        each.grad = None
    return gradients


def _product(one: Sequence[Tensor | None], two: Sequence[Tensor | None]) -> float:
    return sum(
        float((a.double() * b.double()).sum())
        for a, b in zip(one, two, strict=True)
        if a is not None and b is not None
    )


class OneShot:
    """AdamW on one chosen refusal; its strength is the epochs, 10 as published, one step each."""

    def __init__(self, options: OneShotOptions) -> None:
        self._options = options

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Choose the refusal, train on it, and stop every few epochs."""
        options = self._options
        examples = context.sets["refusal"][: options.candidates]
        near = cosines(context, examples)
        chosen = context.batch([examples[near.index(max(near))]])
        optimizer = torch.optim.AdamW(
            context.parameters, lr=options.rate, weight_decay=options.decay
        )
        for epoch in range(1, options.epochs + 1):
            torch.autograd.backward(context.losses(chosen).mean())
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if epoch % options.every == 0 or epoch == options.epochs:
                yield epoch
