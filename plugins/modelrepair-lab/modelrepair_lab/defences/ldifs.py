"""LDIFS: a fine-tuning that holds hidden states where they were, on the user's own data.

Mukhoti et al., "Fine-tuning can cripple your foundation model; preserving features may be the
solution" (arXiv 2308.13320): loss + α · LDIFS, α = 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from modelrepair.engine.skeleton import find_blocks
from modelrepair_lab.adapters import base_of
from modelrepair_lab.defences.hooks import outputs
from modelrepair_lab.defences.layers import mlps
from modelrepair_lab.defences.options import Ldifs
from modelrepair_lab.defences.reference import frozen
from modelrepair_lab.training import Backward, Batch, losses, parts, tokens_of

QUARTERS = 4
"""The published features are the states before the first block and after each quarter of them."""
MOST = 0.1
"""The port in Antidote's code leaves out a layer whose penalty is not below this."""

Pair = tuple[Tensor, Tensor]
"""φ and φ0: the states of a layer after and before fine-tuning, ``[tokens, hidden]`` both."""


def ldifs(model: Any, options: Ldifs) -> Backward:
    """The gradient of one step of LDIFS, for `modelrepair_lab.training.train`.

    Features are states of all tokens, those of the prompts too. Before fine-tuning they are those
    of a copy of the network, or of the network without its adapter.

    Args:
        model: what is fine-tuned, as it is before the first step.
        options: weight and variant.

    Raises:
        UnsupportedModelError: its blocks can't be found, or no MLP for ``code``.
    """
    find, penalty = (mlps, port) if options.variant == "code" else (features, distance)
    layers = find(model)
    before = frozen(model)
    with before() as network:
        held = find(network)

    def backward(model: nn.Module, batch: Batch) -> Tensor:
        seen = parts(model, batch)
        with torch.no_grad(), before() as network, outputs(held) as then:
            for inputs, _ in seen:
                decoder = base_of(network).get_decoder()
                decoder(input_ids=inputs.to(network.device), use_cache=False)
        with outputs(layers) as now:
            loss = torch.stack(list(losses(model, batch))).sum()
        loss = loss + penalty(_by_layer(now, then, seen), options.weight)
        torch.autograd.backward(loss)
        return loss.detach()

    return backward


def features(model: Any) -> tuple[nn.Module, ...]:
    """The embedding and the last block of each quarter of a network: their outputs are features."""
    inner = base_of(model)
    blocks, _ = find_blocks(inner)
    ends = {round(len(blocks) * quarter / QUARTERS) for quarter in range(1, QUARTERS + 1)} - {0}
    return (inner.get_input_embeddings(), *(blocks[end - 1] for end in sorted(ends)))


def distance(layers: Sequence[Pair], weight: float) -> Tensor:
    """α · mean over layers and tokens of ‖φ / ‖φ‖ − φ0 / ‖φ0‖‖².

    >>> one, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    >>> round(float(distance([(one, other), (one, one)], weight=10.0)), 4)
    10.0

    Args:
        layers: φ and φ0 of each layer.
        weight: α.

    Source: arXiv 2308.13320. Its code, written for pictures, divides by the norm over an image's
    patches instead of a state's own, and by the number of channels: α = 10 there is 10 / hidden
    size here, as far as the two compare.
    """
    moved = [
        (normalize(after, dim=-1) - normalize(before, dim=-1)).square().sum(-1).mean()
        for after, before in layers
    ]
    return weight * torch.stack(moved).mean()


def port(layers: Sequence[Pair], weight: float) -> Tensor:
    """The port in Antidote's code: Σ over layers of λ/2 · ‖φ − φ0‖², of those where that is < 0.1.

    A layer that has moved far is not held any more. The sum is over all tokens of a batch, so
    larger batches leave it out sooner.

    >>> near, far = torch.tensor([[0.1]]), torch.tensor([[9.0]])
    >>> at = torch.zeros(1, 1)
    >>> round(float(port([(near, at), (far, at)], weight=1.0)), 4)
    0.005

    Args:
        layers: φ and φ0 of each layer: MLP outputs in Antidote's code, which counts padding, too.
        weight: λ; published 1e-4.

    Source: Antidote's code (arXiv 2408.09600), which its paper calls LDIFS.
    """
    penalties = [weight / 2 * (after - before).square().sum() for after, before in layers]
    zero = torch.zeros_like(penalties[0])
    return torch.stack([each if each < MOST else zero for each in penalties]).sum()


def _by_layer(
    after: Sequence[Tensor], before: Sequence[Tensor], seen: Sequence[Batch]
) -> list[Pair]:
    """The states of each layer, those of all parts together and without padding."""
    count = len(after) // len(seen)
    tokens = [tokens_of(labels).flatten().to(after[0].device) for _, labels in seen]

    def of(states: Sequence[Tensor], layer: int) -> Tensor:
        return torch.cat(
            [
                each.reshape(-1, each.shape[-1])[chosen].float()
                for each, chosen in zip(states[layer::count], tokens, strict=True)
            ]
        )

    return [(of(after, layer), of(before, layer)) for layer in range(count)]
