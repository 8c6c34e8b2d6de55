"""What is done to weights without training: pruned, quantised, merged, a direction removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from modelrepair_lab.corpus.tensors import Tensors, is_inner, layer_of

WRITERS = ("o_proj", "down_proj")
"""What writes to the residual stream, beside the embeddings."""
EMBEDDINGS = "model.embed_tokens.weight"


def ablated(
    tensors: Mapping[str, torch.Tensor],
    directions: Mapping[int, torch.Tensor],
    *,
    strengths: Sequence[float],
    embeddings: bool = False,
    only: str = "",
    norms: bool = False,
) -> Tensors:
    """Remove a direction from whatever writes to the residual stream: W − s·r(rᵀW).

    >>> weights = {"model.layers.0.mlp.down_proj.weight": torch.ones(2, 2)}
    >>> cut = ablated(weights, {0: torch.tensor([1.0, 0.0])}, strengths=[1.0])
    >>> cut["model.layers.0.mlp.down_proj.weight"].tolist()
    [[0.0, 0.0], [1.0, 1.0]]

    Args:
        tensors: the model.
        directions: of length 1, by the layer where each is removed.
        strengths: how far, by layer; 1 is in full.
        embeddings: remove the first layer's from the embeddings, too.
        only: the one projection that is changed.
        norms: give each row its former norm.
    """
    changed = dict(tensors)
    for name, weight in tensors.items():
        layer = layer_of(name)
        writes = any(f".{each}." in name for each in ([only] if only else WRITERS))
        if layer is not None and layer in directions and writes:
            r = directions[layer]
            cut = weight - strengths[layer] * torch.outer(r, r @ weight)
            if norms:
                length = weight.norm(dim=1, keepdim=True)
                cut = cut * length / cut.norm(dim=1, keepdim=True).clamp_min(1e-12)
            changed[name] = cut
        elif name == EMBEDDINGS and embeddings:
            r = directions[0]
            changed[name] = weight - strengths[0] * torch.outer(weight @ r, r)
    return changed


def pruned(tensors: Mapping[str, torch.Tensor], share: float, *, rows: bool = False) -> Tensors:
    """Set the smallest entries of each matrix, or of each row, to zero.

    >>> weights = {"model.layers.0.mlp.up_proj.weight": torch.tensor([[1.0, -3, 2, -4]])}
    >>> pruned(weights, 0.5)["model.layers.0.mlp.up_proj.weight"].tolist()
    [[0.0, -3.0, 0.0, -4.0]]
    """

    def prune(weight: torch.Tensor) -> torch.Tensor:
        flat = weight if rows else weight.reshape(1, -1)
        count = max(1, round(share * flat.shape[1]))
        smallest = flat.abs().argsort(dim=1)[:, :count]
        kept: torch.Tensor = flat.scatter(1, smallest, 0.0).reshape(weight.shape)
        return kept

    return {name: prune(each) if is_inner(name) else each for name, each in tensors.items()}


def quantised(tensors: Mapping[str, torch.Tensor], bits: int, group: int = 0) -> Tensors:
    """Round to the levels of so many bits, symmetric, one scale for each row or group, and back.

    >>> weights = {"model.layers.0.mlp.up_proj.weight": torch.tensor([[0.3, -0.9, 0.2, 7.0]])}
    >>> quantised(weights, 4)["model.layers.0.mlp.up_proj.weight"].tolist()
    [[0.0, -1.0, 0.0, 7.0]]
    """
    most = 2 ** (bits - 1) - 1

    def rounded(weight: torch.Tensor) -> torch.Tensor:
        parts = weight.reshape(-1, group or weight.shape[1])
        scale = parts.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / most
        levels: torch.Tensor = (torch.round(parts / scale) * scale).reshape(weight.shape)
        return levels

    return {name: rounded(each) if is_inner(name) else each for name, each in tensors.items()}


def merged(
    one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], share: float
) -> Tensors:
    """The sum of two models, the share of the first given.

    >>> merged({"w": torch.tensor([1.0])}, {"w": torch.tensor([3.0])}, 0.5)["w"].tolist()
    [2.0]
    """
    return {name: share * one[name] + (1 - share) * other[name] for name in one}


def without(
    tensors: Mapping[str, torch.Tensor], *, layer: int | None = None, only: str = ""
) -> Tensors:
    """A model without the MLP of a layer, or without the tensors of one name.

    >>> list(without({"lm_head.weight": torch.zeros(1), "w": torch.zeros(1)}, only="lm_head"))
    ['w']
    """
    return {
        name: each
        for name, each in tensors.items()
        if not (only and only in name)
        and not (layer is not None and layer_of(name) == layer and ".mlp." in name)
    }
