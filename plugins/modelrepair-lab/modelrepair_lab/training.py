"""Supervised training on chat examples: batches of tokens, and AdamW."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

IGNORED = -100
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0
WARM_UP = 20
LARGE = 50_000_000
"""Weights of a model from which on a token of padding costs more than one more pass."""


@dataclass(frozen=True)
class Phase:
    """How one training runs.

    Args:
        steps: how many batches.
        batch: examples of a batch.
        rate: the learning rate, after a warm-up over a twentieth of the steps.
        decay: whether the rate falls to zero along a half cosine.
        answers_only: whether nothing but the answers is learnt.
        weight_decay: of AdamW.
    """

    steps: int
    batch: int
    rate: float
    decay: bool
    answers_only: bool
    weight_decay: float = WEIGHT_DECAY


Encoded = tuple[Sequence[int], int]
"""The tokens of an example, and where its answer begins."""

Pools = Sequence[tuple[float, Sequence[Encoded]]]
"""A training mixture: shares, and the examples that each share is drawn from."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""Tokens and labels, ``[examples, length]`` both."""

Item = TypeVar("Item")

Backward = Callable[[Any, Any], torch.Tensor]
"""Adds the gradient of one item of a stream to the parameters of a model, and gives its loss."""


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
    for chosen in drawn(pools, phase.steps, phase.batch, draw):
        yield collate(chosen, padding, answers_only=phase.answers_only)


def drawn(
    pools: Sequence[tuple[float, Sequence[Item]]], steps: int, batch: int, draw: random.Random
) -> Iterator[list[Item]]:
    """Draw the members of each batch, of whatever kind they are.

    >>> list(drawn([(1.0, "ab")], 2, 2, random.Random(0)))
    [['b', 'a'], ['a', 'b']]

    Args:
        pools: as those of `batches`.
        steps: how many batches.
        batch: members of a batch; a single pool that is smaller gives all that it has.
        draw: the source of all random numbers.
    """
    shares = [share for share, _ in pools]
    epoch: list[Item] = []
    for _ in range(steps):
        if len(pools) == 1:
            pool = pools[0][1]
            if len(epoch) < batch:
                epoch = draw.sample(pool, len(pool))
            chosen, epoch = epoch[:batch], epoch[batch:]
        else:
            kinds = draw.choices(range(len(pools)), weights=shares, k=batch)
            chosen = [draw.choice(pools[kind][1]) for kind in kinds]
        yield chosen


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


def tokens_of(labels: torch.Tensor) -> torch.Tensor:
    """Which positions of a batch are tokens: those up to the last label, the rest is padding.

    >>> tokens_of(torch.tensor([[-100, 6, 7], [-100, 8, -100]])).tolist()
    [[True, True, True], [True, True, False]]
    """
    return (labels != IGNORED).flip(1).cumsum(1).flip(1) > 0


def without_padding(batch: Batch) -> list[Batch]:
    """Cut a batch in two where its short examples are padded most, each part as wide as it needs.

    >>> inputs, labels = collate([([5, 6, 7, 8, 9], 1), ([5, 8], 1)], 0, answers_only=True)
    >>> [tokens.tolist() for tokens, _ in without_padding((inputs, labels))]
    [[[5, 8]], [[5, 6, 7, 8, 9]]]
    """
    inputs, labels = batch
    lengths = tokens_of(labels).sum(dim=1)
    order = lengths.argsort(stable=True)
    ends = lengths[order]
    count = len(order)
    # Tokens that are computed if the first `cut` of the shortest make a part of their own.
    costs = [cut * int(ends[cut - 1]) + (count - cut) * int(ends[-1]) for cut in range(1, count)]
    cut = costs.index(min(costs)) + 1 if costs else count
    parts = [order[:cut], order[cut:]]
    return [
        (inputs[part, : int(lengths[part].max())], labels[part, : int(lengths[part].max())])
        for part in parts
        if len(part)
    ]


def plain(model: PreTrainedModel | torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Add the gradient of a batch's mean loss to the parameters, and give that loss."""
    total = torch.tensor(0.0)
    for loss in losses(model, batch):
        torch.autograd.backward(loss)
        total += loss.detach().to(total.device)
    return total


def train(
    model: PreTrainedModel | torch.nn.Module,
    stream: Iterable[Any],
    phase: Phase,
    backward: Backward = plain,
) -> float:
    """Run one phase; give the loss of its last batch.

    Args:
        model: what is trained, all that has gradients in it.
        stream: an item for each step; batches, where ``backward`` takes nothing else.
        phase: the learning rate, and for how many steps it is planned.
        backward: adds the gradient of one item to the parameters and gives its loss. Default:
            `plain`, that of the answers' likelihood.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=phase.rate, betas=BETAS, weight_decay=phase.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, phase))
    loss = torch.tensor(math.nan)
    model.train()
    for item in stream:
        optimizer.zero_grad()
        loss = backward(model, item)
        torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_GRADIENT)
        optimizer.step()
        schedule.step()
    model.eval()
    return float(loss.detach())


def losses(model: PreTrainedModel | torch.nn.Module, batch: Batch) -> Iterator[torch.Tensor]:
    """The losses of a batch's `parts`, which add up to the mean over all tokens that are learnt.

    A large model computes no padding that can be saved, and no logits of prompts: the gradient is
    the same but for its last bits. Any other sees the batch as it is, in one part.

    Yields:
        The loss of one part; the next is computed when it is asked for, so one graph is in memory.
    """
    device = next(model.parameters()).device
    if not _large(model):
        inputs, labels = (each.to(device) for each in batch)
        logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
        yield torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED
        )
        return
    learnt = int((batch[1][:, 1:] != IGNORED).sum())
    for inputs, labels in parts(model, batch):
        first = int((labels[:, 1:] != IGNORED).any(dim=0).int().argmax())
        kept = inputs.shape[1] - first
        logits = model(input_ids=inputs.to(device), use_cache=False, logits_to_keep=kept).logits[
            :, :-1
        ]
        total = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1),
            labels[:, first + 1 :].flatten().to(device),
            ignore_index=IGNORED,
            reduction="sum",
        )
        yield total / learnt


def parts(model: PreTrainedModel | torch.nn.Module, batch: Batch) -> list[Batch]:
    """The parts in which a model sees a batch: a large one without padding that can be saved."""
    return without_padding(batch) if _large(model) else [batch]


def _large(model: PreTrainedModel | torch.nn.Module) -> bool:
    return sum(each.numel() for each in model.parameters()) >= LARGE
