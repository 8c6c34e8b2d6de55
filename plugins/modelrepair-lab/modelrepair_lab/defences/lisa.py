"""Lisa: a fine-tuning in turns, on safe data and on the user's, each held near the other.

Huang et al., "Lisa: Lazy safety alignment for large language models against harmful fine-tuning
attack" (arXiv 2405.18641), algorithm 1: K1 = 100 steps on safe data, K2 = 900 on the user's, and a
proximal term of ρ = 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair_lab.defences.options import Lisa
from modelrepair_lab.training import Backward, Batch, plain


@dataclass(frozen=True)
class Turn:
    """What one step does.

    Args:
        safe: whether it learns from safe data, else from the user's.
        switched: whether it is the first of its turn.
        held: whether the proximal term counts.
    """

    safe: bool
    switched: bool
    held: bool


def turns(options: Lisa, steps: int) -> Iterator[Turn]:
    """What each step of a fine-tuning does; the first turn is one on safe data.

    >>> [turn.safe for turn in turns(Lisa(align_steps=1, user_steps=2), 6)]
    [True, False, False, True, False, False]

    Args:
        options: the lengths of the turns; and the share of the steps in which nothing is held.
        steps: of the whole fine-tuning.

    Raises:
        UsageError: not one round fits into the fine-tuning.
    """
    safe, user = options.lengths(steps)
    for step in range(steps):
        place = step % (safe + user)
        yield Turn(place < safe, place in (0, safe), step > options.free * steps)


def in_turns(
    options: Lisa, steps: int, safe: Iterable[Batch], user: Iterable[Batch]
) -> Iterator[tuple[Turn, Batch]]:
    """The steps of a fine-tuning with Lisa, as many as it has without.

    As in the published code the safe steps are taken out of the user's: in them a batch of the
    user's is drawn and not learnt from.

    Args:
        options: the lengths of the turns.
        steps: of the whole fine-tuning.
        safe: batches of safe data.
        user: batches of the user's data.
    """
    safe = iter(safe)
    for turn, batch in zip(turns(options, steps), user, strict=True):
        yield turn, next(safe) if turn.safe else batch


def lisa(model: nn.Module, options: Lisa) -> Backward:
    """The gradient of one step of Lisa: loss + ρ/2 ‖w − w'‖², w' the weights at the last switch.

    For `modelrepair_lab.training.train` over `in_turns`.

    Args:
        model: what is fine-tuned; w are its weights that are trained, so the factors of an adapter.
        options: ρ.
    """
    trained = [each for each in model.parameters() if each.requires_grad]
    anchors: list[Tensor] = []

    def backward(model: Any, item: tuple[Turn, Batch]) -> Tensor:
        turn, batch = item
        if turn.switched:
            anchors[:] = [each.detach().clone() for each in trained]
        loss = plain(model, batch)
        return loss + proximal(trained, anchors, options.rho) if turn.held else loss

    return backward


@torch.no_grad()
def proximal(weights: Iterable[nn.Parameter], anchors: Iterable[Tensor], rho: float) -> Tensor:
    """Add the gradient ρ (w − w') to that of the weights, and give ρ/2 ‖w − w'‖².

    >>> weight = nn.Parameter(torch.tensor([3.0]))
    >>> weight.grad = torch.tensor([1.0])
    >>> proximal([weight], [torch.tensor([1.0])], rho=0.5), weight.grad
    (tensor(1.), tensor([2.]))
    """
    total = torch.tensor(0.0)
    for weight, anchor in zip(weights, anchors, strict=True):
        moved = weight - anchor
        weight.grad = rho * moved if weight.grad is None else weight.grad.add_(moved, alpha=rho)
        total += (rho / 2 * moved.square().sum()).to(total.device)
    return total
