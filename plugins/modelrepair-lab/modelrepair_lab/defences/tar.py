"""TAR, reduced: an alignment that simulated fine-tuning attacks are to undo as little as possible.

Tamirisa et al., "Tamper-resistant safeguards for open-weight LLMs" (arXiv 2408.00761), algorithm 1.
Each step attacks a copy of the weights with a few steps of AdamW on harmful answers, takes on the
way the gradient of a loss on held-out harmful answers, and adds it to that of the alignment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from modelrepair_lab.defences.options import Tar
from modelrepair_lab.defences.reference import frozen
from modelrepair_lab.training import IGNORED, Backward, Batch, plain, tokens_of

Gradients = list[Tensor]
"""One for each parameter that is trained."""


@dataclass(frozen=True)
class Trial:
    """What one step of TAR learns from.

    Args:
        batch: refusals and benign answers, as an ordinary alignment has them.
        kept: benign answers, whose hidden states stay where the reference has them.
        attacks: harmful answers, a batch for each step of the simulated attack.
        held_out: harmful answers that are in no attack.
    """

    batch: Batch
    kept: Batch
    attacks: Sequence[Batch]
    held_out: Batch


def tar(model: Any, options: Tar) -> Backward:
    """The gradient of one step of TAR on a `Trial`, for `modelrepair_lab.training.train`.

    Args:
        model: what is aligned. As it is now it is the reference; a LoRA adapter is left out of it.
        options: the numbers of the simulated attack and the weights of the losses.
    """
    reference = frozen(model)

    def backward(model: Any, trial: Trial) -> Tensor:
        trained = [each for each in model.parameters() if each.requires_grad]
        resistance, gradients = attacked(model, trained, trial, options)
        total = options.weight * resistance
        with torch.no_grad(), reference() as network:
            before = _states(network, trial.kept)
        total += options.retain * plain(model, trial.batch)
        distance = drift(_states(model, trial.kept), before, trial.kept, options)
        torch.autograd.backward(distance)
        for parameter, gradient in zip(trained, gradients, strict=True):
            kept = 0 if parameter.grad is None else options.retain * parameter.grad
            parameter.grad = kept + options.weight * gradient
        return total + options.retain * distance.detach().to(total.device)

    return backward


def attacked(
    model: Any, trained: Sequence[torch.nn.Parameter], trial: Trial, options: Tar
) -> tuple[Tensor, Gradients]:
    """Attack a model, and give loss and gradient of resisting; its weights are put back.

    The gradient is of first order: that of the loss at the attacked weights, as if they were the
    model's own, added up over the steps after which it is taken.

    Args:
        model: the network.
        trained: its parameters that are attacked.
        trial: harmful answers to attack with, and to look at.
        options: steps, learning rate, and how late steps count more.

    Source: arXiv 2408.00761, algorithm 1; weights exp(λ·(i − (K − 1))) as in its code.
    """
    start = [each.detach().clone() for each in trained]
    found = [torch.zeros_like(each) for each in trained]
    loss = torch.tensor(0.0)
    optimizer = torch.optim.AdamW(trained, lr=options.inner_rate)
    for step, batch in enumerate(trial.attacks):
        optimizer.zero_grad()
        plain(model, batch)
        optimizer.step()
        if (step + 1) % options.every:
            continue
        share = math.exp(options.slope * (step - (len(trial.attacks) - 1)))
        certain = share * certainty(model, trial.held_out)
        for total, each in zip(
            found, torch.autograd.grad(certain, trained, allow_unused=True), strict=True
        ):
            if each is not None:
                total += each
        loss += certain.detach().to(loss.device)
    optimizer.zero_grad()
    with torch.no_grad():
        for parameter, value in zip(trained, start, strict=True):
            parameter.copy_(value)
    return loss, found


def certainty(model: Any, batch: Batch) -> Tensor:
    """The negative entropy of what a model expects in answers, in nats, on average over tokens.

    Args:
        model: the network.
        batch: its labels say which positions count.
    """
    device = next(model.parameters()).device
    logits: Tensor = model(input_ids=batch[0].to(device), use_cache=False).logits[:, :-1]
    likely = logits[(batch[1][:, 1:] != IGNORED).to(device)].float().log_softmax(-1)
    return (likely.exp() * likely).sum(-1).mean()


def drift(states: Sequence[Tensor], before: Sequence[Tensor], batch: Batch, options: Tar) -> Tensor:
    """How far hidden states have moved: the mean over tokens and layers of ‖h − h₀‖².

    Args:
        states: of each depth, ``[examples, length, hidden]``.
        before: those of the reference.
        batch: its labels say which positions are tokens.
        options: with ``variant="code"`` the length is not squared, as in the published code.
    """
    real = tokens_of(batch[1]).to(states[0].device)
    moved = torch.stack(
        [(now - then).float()[real] for now, then in zip(states, before, strict=True)]
    )
    if options.variant == "code":
        lengths: Tensor = torch.linalg.vector_norm(moved, dim=-1)
        return lengths.mean()
    return moved.square().sum(-1).mean()


def _states(model: Any, batch: Batch) -> Sequence[Tensor]:
    inputs = batch[0].to(next(model.parameters()).device)
    found: Sequence[Tensor] = model(
        input_ids=inputs, use_cache=False, output_hidden_states=True
    ).hidden_states
    return found
