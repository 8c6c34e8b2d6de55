"""Vaccine: alignment that holds under the worst small change of the attention outputs.

Huang et al., "Vaccine: perturbation-aware alignment" (arXiv 2402.01109), algorithm 1. A step
has two passes: the first finds the change, the second is learnt from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modelrepair_lab.defences.hooks import changed, outputs
from modelrepair_lab.defences.layers import attentions
from modelrepair_lab.defences.options import Vaccine
from modelrepair_lab.training import Backward, Batch, losses

TINY = 1e-7
"""What keeps a gradient of nothing from being divided by zero, as in the published code."""


def vaccine(model: nn.Module, options: Vaccine) -> Backward:
    """The gradient of one step of Vaccine, for `modelrepair_lab.training.train`.

    Args:
        model: what is aligned, in whose blocks the attentions are found.
        options: rho; as published 2.

    Raises:
        UnsupportedModelError: no attention can be told apart in it.
    """
    layers = attentions(model)

    def backward(model: nn.Module, batch: Batch) -> Tensor:
        found: list[Sequence[Tensor]] = []
        with outputs(layers) as seen:
            for loss in losses(model, batch):
                found.append(torch.autograd.grad(loss, seen))
                seen.clear()
        changes = perturbations([each for part in found for each in part], options.rho)
        total = torch.tensor(0.0)
        with changed(layers, iter(changes)):
            for loss in losses(model, batch):
                torch.autograd.backward(loss)
                total += loss.detach().to(total.device)
        return total

    return backward


def perturbations(gradients: Sequence[Tensor], rho: float) -> list[Tensor]:
    """The change of each layer's output that raises the loss most: rho·g / (sqrt(Σ ‖g‖²) + 1e-7).

    >>> perturbations([torch.tensor([3.0]), torch.tensor([-4.0])], rho=2.0)
    [tensor([1.2000]), tensor([-1.6000])]

    Args:
        gradients: of the loss for each layer's output.
        rho: length of all changes together.

    Source: arXiv 2402.01109, algorithm 1; the 1e-7 is the published code's.
    """
    length = math.sqrt(sum(float(each.square().sum()) for each in gradients))
    return [rho / (length + TINY) * each for each in gradients]
