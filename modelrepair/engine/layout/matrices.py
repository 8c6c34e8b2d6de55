"""The matrices that one parameter holds, and where in the file each of them lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair.engine.layout.conversion import Made
from modelrepair.engine.layout.experts import ExpertPart, is_experts, matrix, parts
from modelrepair.engine.layout.places import Place


@dataclass(frozen=True)
class Matrix:
    """One matrix of a parameter: its place in the file, and which part of its module it is."""

    place: Place
    kind: str
    part: ExpertPart | None = None


def is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies with one weight: nn.Linear, or GPT-2's Conv1D."""
    return isinstance(module, nn.Linear) or _is_conv1d(module)


def why_not(module: nn.Module, leaf: str) -> str | None:
    """Why a parameter of a module can't be pruned, or None where it can."""
    if is_experts(module):
        known = {name for _, name in parts(module)}
        return None if leaf in known else f"{leaf} of the experts is none of their matrices"
    if not is_linear(module):
        return f"{type(module).__name__} is no nn.Linear"
    if not _multiplies(module):
        return f"{type(module).__name__} does more than nn.Linear"
    return None if leaf == "weight" else f"{leaf} of a linear layer"


def matrices(module: nn.Module, leaf: str, parameter: Tensor, file: str | Made) -> list[Matrix]:
    """The matrices of a parameter that can be pruned; none where they can't be found in the file.

    Args:
        module: the module that owns the parameter.
        leaf: the parameter's name in it.
        parameter: the parameter; its shape is all that counts.
        file: the tensor of the file that it is, or the conversion that makes it.
    """
    numbers = None if isinstance(file, str) else file.conversion.trace()[file.target]
    template = torch.empty(parameter.shape, device="meta")
    found = []
    for part, kind in _parts(module, leaf):
        view = _view(module, part, template)
        shape = (view.shape[0], view.shape[1])
        place: Place | None
        if isinstance(file, str):
            strides = (view.stride(0), view.stride(1))
            start = int(view.storage_offset())
            place = Place(file, tuple(parameter.shape), shape, start, strides)
        else:
            place = file.conversion.place(_view(module, part, numbers), shape)
        if place is None:
            return []
        found.append(Matrix(place, kind, part))
    return found


def _parts(module: Any, leaf: str) -> list[tuple[ExpertPart | None, str]]:
    if is_experts(module):
        return [(part, "expert") for part, name in parts(module) if name == leaf]
    return [(None, "conv1d" if _is_conv1d(module) else "linear")]


def _view(module: nn.Module, part: ExpertPart | None, values: Any) -> Tensor:
    """A matrix ``[out, in]`` of a parameter's values."""
    if part is not None:
        return matrix(module, part, values)
    transposed: Tensor = values.T if _is_conv1d(module) else values
    return transposed


def _multiplies(module: Any) -> bool:
    """Whether a linear layer answers as one does: routers made of one choose experts, too."""
    if _is_conv1d(module) or type(module).forward is nn.Linear.forward:
        return True
    answer = module(torch.empty(1, module.in_features, device=module.weight.device))
    return isinstance(answer, Tensor) and tuple(answer.shape) == (1, module.out_features)


def _is_conv1d(module: nn.Module) -> bool:
    """Whether this is GPT-2's linear layer, whose weight is ``[in, out]``."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)
