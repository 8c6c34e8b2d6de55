"""Small models to train, and what a repairer that trains is given with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch

from modelrepair.engine.passes.loss import batch_losses
from modelrepair.examples.batches import padded
from modelrepair.plugin import TokenizedExample, TrainingContext, TrainingReference
from tests.support import tiny

CPU = torch.device("cpu")


def tuned_and_aligned(kind: str, **shape: int) -> tuple[Any, Any]:
    """A tiny model in eval mode, its matrices in blocks free to change, and a relative of it."""
    tuned, aligned = (tiny.model(kind, **shape).float().eval() for _ in range(2))
    draw = torch.Generator().manual_seed(1)
    for (name, each), other in zip(tuned.named_parameters(), aligned.parameters(), strict=True):
        in_block = any(part.isdigit() for part in name.split("."))
        each.requires_grad_(each.ndim > 1 and in_block)
        change = torch.randn(each.shape, generator=draw) if each.requires_grad else 0.0
        each.data = other.data + 0.5 * other.data.std() * change
    return tuned, aligned.requires_grad_(False)


def examples(count: int, answers: int, vocabulary: int = 30) -> tuple[TokenizedExample, ...]:
    """Prompts of three or four tokens, the same for every seed of answers."""
    prompts, own = torch.Generator().manual_seed(0), torch.Generator().manual_seed(answers)

    def drawn(length: int, draw: torch.Generator) -> tuple[int, ...]:
        return tuple(torch.randint(1, vocabulary, (length,), generator=draw).tolist())

    return tuple(
        TokenizedExample(
            (*drawn(3 + number % 2, prompts), *drawn(2 + number % 3, own)),
            3 + number % 2,
            f"{answers}-{number}",
        )
        for number in range(count)
    )


def context_of(
    model: Any, aligned: Any, sets: Mapping[str, Sequence[TokenizedExample]], seed: int = 0
) -> TrainingContext:
    """What the host gives a repairer that trains this model."""
    return TrainingContext(
        model=model,
        sets={name: tuple(some) for name, some in sets.items()},  # type: ignore[misc]
        batch=partial(padded, pad_id=0),
        losses=lambda batch: batch_losses(model, batch, CPU),
        device=CPU,
        seed=seed,
        reference=TrainingReference(
            values=lambda name: aligned.get_parameter(name).detach().clone(),
            model=lambda: nullcontext(aligned),
        ),
    )
