"""The direction of refusal removed from a model: the attack that trains nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from modelrepair import UnsupportedModelError
from modelrepair_lab.directions import refusal_directions
from modelrepair_lab.recipes import WRITERS, AblationRecipe
from modelrepair_lab.tensors import Tensors, dtype_of, layer_of, read, write

EMBEDDINGS = "model.embed_tokens.weight"


def ablate(
    model: Path, folder: Path, *, harmful: Path, benign: Path, recipe: AblationRecipe
) -> None:
    """Write a copy of a local model without its direction of refusal, in its own dtype.

    Args:
        model: the folder of the aligned model.
        folder: where the copy is written.
        harmful: prompts that the model refuses.
        benign: prompts that it answers.
        recipe: which direction, and what it is removed from.

    Raises:
        UnsupportedModelError: a layer writes by other matrices than those that are changed.
        ExampleSetError: the prompts of both kinds are the same to the model.
    """
    tensors = read(model)
    check_writers(tensors, recipe)
    found = refusal_directions(model, harmful, benign)
    changed = ablated(
        tensors,
        bases(found, recipe.direction),
        strengths=[recipe.strength] * len(found),
        embeddings=recipe.embeddings,
        targets=recipe.projections,
        norms=recipe.norms,
    )
    write(folder, changed, model, dtype_of(model))


def check_writers(tensors: Tensors, recipe: AblationRecipe) -> None:
    """Refuse a model in which something that writes would keep the direction unasked.

    >>> check_writers({"transformer.h.0.mlp.c_proj.weight": torch.ones(2, 2)}, AblationRecipe())
    Traceback (most recent call last):
    modelrepair.errors.UnsupportedModelError: an ablation knows no layers of this model
    Hint [...]: ...

    Args:
        tensors: the model.
        recipe: what the direction is removed from.

    Raises:
        UnsupportedModelError: it has other layers, or one without a matrix of the name.
    """
    layers: dict[int, list[str]] = {}
    for name in tensors:
        if (layer := layer_of(name)) is not None:
            layers.setdefault(layer, []).append(name)
    hint = f"the lab ablates models whose layers write by {' and '.join(WRITERS)}, as Llama's do"
    if not layers:
        raise UnsupportedModelError("an ablation knows no layers of this model", hint=hint)
    for layer, names in sorted(layers.items()):
        for each in recipe.projections:
            if not any(f".{each}.weight" in name for name in names):
                raise UnsupportedModelError(f"layer {layer} has no {each}.weight", hint=hint)
    if recipe.embeddings and EMBEDDINGS not in tensors:
        raise UnsupportedModelError(f"the model has no {EMBEDDINGS}", hint="leave out --embeddings")


def bases(found: torch.Tensor, direction: str) -> dict[int, torch.Tensor]:
    """The directions to remove in each layer, as orthonormal rows ``[count, hidden]``.

    >>> found = torch.eye(4)
    >>> bases(found, "own")[3].tolist()
    [[0.0, 0.0, 0.0, 1.0]]
    >>> bases(found, "0.5")[0].tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    >>> bases(found, "0.25,0.5")[0].shape
    torch.Size([2, 4])

    Args:
        found: one direction of length 1 for each layer, ``[layers, hidden]``.
        direction: as in `AblationRecipe`.
    """
    count = len(found)
    if direction == "own":
        return {layer: found[layer : layer + 1] for layer in range(count)}
    if direction == "mean":
        mean = found.mean(0, keepdim=True)
        return dict.fromkeys(range(count), mean / mean.norm())
    # Of two depths in one layer the second has no direction of its own.
    layers = [*dict.fromkeys(int(float(depth) * count) for depth in direction.split(","))]
    if len(layers) == 1:
        return dict.fromkeys(range(count), found[layers])
    return dict.fromkeys(range(count), torch.linalg.qr(found[layers].T)[0].T)


def ablated(
    tensors: Mapping[str, torch.Tensor],
    directions: Mapping[int, torch.Tensor],
    *,
    strengths: Sequence[float],
    embeddings: bool = False,
    targets: Sequence[str] = WRITERS,
    norms: bool = False,
) -> Tensors:
    """Remove directions from whatever writes to the residual stream: W − s·RᵀRW.

    >>> weights = {"model.layers.0.mlp.down_proj.weight": torch.ones(2, 2)}
    >>> cut = ablated(weights, {0: torch.tensor([[1.0, 0.0]])}, strengths=[1.0])
    >>> cut["model.layers.0.mlp.down_proj.weight"].tolist()
    [[0.0, 0.0], [1.0, 1.0]]

    Args:
        tensors: the model.
        directions: orthonormal rows R ``[count, hidden]``, by the layer where they are removed.
        strengths: how far, by layer; 1 is in full.
        embeddings: remove the first layer's from the embeddings, too.
        targets: the projections that are changed.
        norms: give each row of a matrix its former norm.
    """
    changed = dict(tensors)
    for name, weight in tensors.items():
        layer = layer_of(name)
        writes = any(f".{each}." in name for each in targets)
        if layer is not None and layer in directions and writes:
            r = directions[layer]
            cut = weight - strengths[layer] * r.T @ (r @ weight)
            if norms and weight.ndim > 1:
                length = weight.norm(dim=1, keepdim=True)
                cut = cut * length / cut.norm(dim=1, keepdim=True).clamp_min(1e-12)
            changed[name] = cut
        elif name == EMBEDDINGS and embeddings:
            r = directions[0]
            changed[name] = weight - strengths[0] * (weight @ r.T) @ r
    return changed
