"""What is done to weights without training: pruned, quantised, merged, parts left out."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from modelrepair_lab.tensors import Tensors, is_inner, layer_of


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
