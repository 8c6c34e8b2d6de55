"""Fused experts: which matrices they hold, and what each expert sees of a batch.

transformers keeps the experts of a block in one module with fused parameters, routes the tokens
inside of it, and says in a few attributes how the matrices lie in them
(`transformers.integrations.moe.use_experts_implementation`). No line here knows an architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

ATTRIBUTES = ("num_experts", "has_gate", "has_bias", "is_transposed", "is_concatenated")


@dataclass(frozen=True)
class ExpertPart:
    """One matrix of one expert: ``"gate"``, ``"up"`` or ``"down"``."""

    expert: int
    projection: str

    def __str__(self) -> str:
        return f"{self.expert}.{self.projection}"


@dataclass(frozen=True)
class Routed:
    """What one matrix of one expert sees of a batch.

    Args:
        inputs: ``[tokens of the expert, in]``.
        output: ``[tokens of the expert, out]``; where gradients flow, they flow through it.
        columns: which columns of ``output`` are this matrix's.
        tokens: which of the batch's tokens, counted flat with padding, ``[tokens of the expert]``.
    """

    inputs: Tensor
    output: Tensor
    columns: slice
    tokens: Tensor


Show = Callable[[ExpertPart, Routed], None]


def is_experts(module: nn.Module) -> bool:
    """Whether a module holds fused experts as transformers describes them."""
    if not all(hasattr(module, name) for name in ATTRIBUTES):
        return False
    parameters: dict[str, Any] = dict(module.named_parameters(recurse=False))
    return all(name in parameters and parameters[name].dim() == 3 for name in _leaves(module))


def parts(module: Any) -> Iterator[tuple[ExpertPart, str]]:
    """Every matrix of every expert, with the name of the parameter that it is in."""
    first, last = _leaves(module)
    for expert in range(module.num_experts):
        if module.has_gate:
            yield ExpertPart(expert, "gate"), first
        yield ExpertPart(expert, "up"), first
        yield ExpertPart(expert, "down"), last


def matrix(module: Any, part: ExpertPart, parameter: Tensor) -> Tensor:
    """A view of one matrix of one expert, ``[out, in]``.

    Args:
        module: the experts' module.
        part: which matrix.
        parameter: the fused parameter, or a tensor of its form: ``[experts, …, …]``.
    """
    weight = parameter[part.expert]
    if module.is_transposed:
        weight = weight.T
    return weight[_rows(module, part.projection, weight.shape[0])]


def showing(module: Any, show: Show) -> Callable[..., Tensor]:
    """A forward that computes as the module's own eager one, and shows what each expert sees.

    An expert that no token is routed to is shown, too, with no rows.
    """

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        hidden, index, weights = (*args, *kwargs.values())
        routed = nn.functional.one_hot(index, num_classes=module.num_experts + 1).permute(2, 1, 0)
        result = torch.zeros_like(hidden)
        for expert in range(module.num_experts):
            choice, tokens = torch.where(routed[expert])
            inputs = hidden[tokens]
            first = _linear(module, _leaves(module)[0], expert, inputs)
            middle = module._apply_gate(first) if module.has_gate else module.act_fn(first)
            last = _linear(module, "down_proj", expert, middle)
            for name in ("gate", "up") if module.has_gate else ("up",):
                columns = _rows(module, name, first.shape[-1])
                show(ExpertPart(expert, name), Routed(inputs, first, columns, tokens))
            show(ExpertPart(expert, "down"), Routed(middle, last, slice(None), tokens))
            if not len(tokens):
                continue
            if getattr(module, "has_post_expert_norm", False):
                last = module.post_expert_norm(last)
            weighted = last * weights[tokens, choice, None]
            result.index_add_(0, tokens, weighted.to(result.dtype))
        return result

    return forward


def _leaves(module: Any) -> tuple[str, str]:
    return ("gate_up_proj" if module.has_gate else "up_proj"), "down_proj"


def _rows(module: Any, projection: str, rows: int) -> slice:
    """Which rows of a first matrix, ``[rows, in]``, are the gate's, or the up projection's."""
    if projection == "down" or not module.has_gate:
        return slice(None)
    start = 0 if projection == "gate" else 1
    if module.is_concatenated:
        return slice(start * (rows // 2), (start + 1) * (rows // 2))
    return slice(start, None, 2)


def _linear(module: Any, leaf: str, expert: int, inputs: Tensor) -> Tensor:
    """The same operations as in the experts' own code, so that no bit differs."""
    weight: Tensor = getattr(module, leaf)[expert]
    transposed = module.is_transposed
    outputs = inputs @ weight if transposed else nn.functional.linear(inputs, weight)
    if module.has_bias:
        outputs = outputs + getattr(module, f"{leaf}_bias")[expert]
    return outputs
