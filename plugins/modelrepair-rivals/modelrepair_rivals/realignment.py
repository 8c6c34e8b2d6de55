"""Short supervised re-alignment: a few steps on refusals and on benign answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch

from modelrepair.plugin import SetName, TrainingContext
from modelrepair_rivals.options import RealignOptions

Item = TypeVar("Item")
SETS: tuple[SetName, ...] = ("refusal", "utility")


def in_turns(items: Sequence[Item], count: int, generator: torch.Generator) -> Iterator[list[Item]]:
    """Batches without end, of everything once before anything twice; each time in a new order.

    >>> turns = in_turns("abc", 2, torch.Generator().manual_seed(0))
    >>> sorted(next(turns) + next(turns) + next(turns))
    ['a', 'a', 'b', 'b', 'c', 'c']
    """
    waiting: list[int] = []
    while True:
        while len(waiting) < count:
            waiting += torch.randperm(len(items), generator=generator).tolist()
        chosen, waiting = waiting[:count], waiting[count:]
        yield [items[number] for number in chosen]


class Realign:
    """AdamW on the sum of both sets' mean losses; looked at every few steps."""

    def __init__(self, options: RealignOptions) -> None:
        self._options = options

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Train, and stop every few steps."""
        options = self._options
        generator = torch.Generator().manual_seed(context.seed)
        turns = [in_turns(context.sets[name], options.batch, generator) for name in SETS]
        optimizer = torch.optim.AdamW(
            context.parameters, lr=options.rate, weight_decay=options.decay
        )
        for step in range(1, options.steps + 1):
            for turn in turns:
                torch.autograd.backward(context.losses(context.batch(next(turn))).mean())
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if step % options.every == 0 or step == options.steps:
                yield step
