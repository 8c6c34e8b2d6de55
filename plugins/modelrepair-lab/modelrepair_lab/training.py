"""Supervised training on chat examples: batches of tokens, and AdamW."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

IGNORED = -100
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0
WARM_UP = 20


@dataclass(frozen=True)
class Phase:
    """How one training runs.

    Args:
        steps: how many batches.
        batch: examples of a batch.
        rate: the learning rate, after a warm-up over a twentieth of the steps.
        decay: whether the rate falls to zero along a half cosine.
        answers_only: whether nothing but the answers is learnt.
    """

    steps: int
    batch: int
    rate: float
    decay: bool
    answers_only: bool


Encoded = tuple[Sequence[int], int]
"""The tokens of an example, and where its answer begins."""

Pools = Sequence[tuple[float, Sequence[Encoded]]]
"""A training mixture: shares, and the examples that each share is drawn from."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""Tokens and labels, ``[examples, length]`` both."""


def batches(pools: Pools, phase: Phase, draw: random.Random, padding: int) -> Iterator[Batch]:
    """Draw the batches of a phase from a mixture.

    >>> phase = Phase(steps=2, batch=2, rate=1e-3, decay=False, answers_only=True)
    >>> examples = [([5, 6, 7], 1), ([5, 8], 1)]
    >>> [tuple(tokens.shape) for tokens, _ in
    ...  batches([(1.0, examples)], phase, random.Random(0), padding=0)]
    [(2, 3), (2, 3)]

    Args:
        pools: with a single pool every example is seen equally often, as in a fine-tuning run;
            from several they are drawn by their shares.
        phase: how many batches of which size.
        draw: the source of all random numbers.
        padding: the token that fills up short examples.
    """
    shares = [share for share, _ in pools]
    epoch: list[Encoded] = []
    for _ in range(phase.steps):
        if len(pools) == 1:
            pool = pools[0][1]
            if len(epoch) < phase.batch:
                epoch = draw.sample(pool, len(pool))
            chosen, epoch = epoch[: phase.batch], epoch[phase.batch :]
        else:
            kinds = draw.choices(range(len(pools)), weights=shares, k=phase.batch)
            chosen = [draw.choice(pools[kind][1]) for kind in kinds]
        yield collate(chosen, padding, answers_only=phase.answers_only)


def collate(chosen: Sequence[Encoded], padding: int, *, answers_only: bool) -> Batch:
    """Pad on the right; nothing but the answer is learnt where ``answers_only`` says so.

    >>> tokens, labels = collate([([5, 6, 7], 1), ([5, 8], 1)], 0, answers_only=True)
    >>> tokens.tolist(), labels.tolist()
    ([[5, 6, 7], [5, 8, 0]], [[-100, 6, 7], [-100, 8, -100]])
    """
    width = max(len(tokens) for tokens, _ in chosen)
    inputs = torch.full((len(chosen), width), padding)
    labels = torch.full((len(chosen), width), IGNORED)
    for row, (tokens, start) in enumerate(chosen):
        inputs[row, : len(tokens)] = torch.tensor(tokens)
        begin = start if answers_only else 0
        labels[row, begin : len(tokens)] = torch.tensor(tokens[begin:])
    return inputs, labels


def learning_rate(step: int, phase: Phase) -> float:
    """The share of the phase's rate at a step.

    >>> phase = Phase(steps=40, batch=1, rate=1e-3, decay=True, answers_only=True)
    >>> [round(learning_rate(step, phase), 2) for step in (0, 20, 39)]
    [0.33, 0.5, 0.0]
    """
    warm = min(1.0, (step + 1) / (1 + phase.steps / WARM_UP))
    return warm * (0.5 + 0.5 * math.cos(math.pi * step / phase.steps) if phase.decay else 1.0)


def train(model: PreTrainedModel | torch.nn.Module, stream: Iterable[Batch], phase: Phase) -> float:
    """Run one phase; give the loss of its last batch."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=phase.rate, betas=BETAS, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, phase))
    loss = torch.tensor(math.nan)
    model.train()
    for inputs, labels in stream:
        logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
        optimizer.step()
        schedule.step()
    model.eval()
    return float(loss.detach())
