"""The layers of a network by what they do: those that mix tokens, and those that follow them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair import UnsupportedModelError
from modelrepair.engine.skeleton import find_blocks
from modelrepair_lab.adapters import base_of

TOKENS = 3
"""Tokens of the text that the layers are tried with."""


@dataclass(frozen=True)
class Layers:
    """The layers of each block whose outputs go to the residual stream.

    Args:
        attentions: what mixes tokens, at most one a block: attention, or what is in its place.
        mlps: the last of each block beside it, at most one a block: an MLP, or its last matrix.
    """

    attentions: tuple[nn.Module, ...]
    mlps: tuple[nn.Module, ...]


@dataclass(frozen=True)
class _Call:
    """The hidden states that a module was given first, and all that it gave."""

    given: Tensor | None
    gave: tuple[Tensor, ...]


def find_layers(model: Any) -> Layers:
    """Find attentions and MLPs by what depends on what, whatever their classes are called.

    A text of three tokens goes through the network. A module whose output at the last token
    depends on what it was given at others is an attention; the last other one that has a matrix is
    the MLP, or its last part where the MLP is no module of its own.

    Args:
        model: a whole causal language model, or a PEFT model around one; it is left as it is.

    Raises:
        UnsupportedModelError: its blocks can't be found.
    """
    inner = base_of(model)
    blocks, _ = find_blocks(inner)
    width = int(inner.config.get_text_config().hidden_size)
    calls = _calls(inner, blocks, width)
    order = {module: place for place, module in enumerate(calls)}
    attentions, mlps = [], []
    for block in blocks:
        found = sorted(_sublayers(block, calls), key=lambda each: order[each[0]])
        attentions += (mixers := [module for module, mixes in found if mixes][:1])
        mlps += [module for module, _ in found if module not in mixers][-1:]
    return Layers(tuple(attentions), tuple(mlps))


def attentions(model: Any) -> tuple[nn.Module, ...]:
    """The modules that mix tokens.

    Raises:
        UnsupportedModelError: there are none that can be told apart.
    """
    return _some(find_layers(model).attentions, model, "attention")


def mlps(model: Any) -> tuple[nn.Module, ...]:
    """The modules whose outputs are those of the MLPs.

    Raises:
        UnsupportedModelError: there are none that can be told apart.
    """
    return _some(find_layers(model).mlps, model, "MLP")


def _some(found: tuple[nn.Module, ...], model: Any, what: str) -> tuple[nn.Module, ...]:
    if not found:
        raise UnsupportedModelError(
            f"no {what} can be told apart in {type(model).__name__}",
            hint="take another defence",
        )
    return found


def _calls(model: Any, blocks: Iterable[nn.Module], width: int) -> dict[nn.Module, _Call]:
    """One run of the network; the first call of each module in a block, in the order they end."""
    calls: dict[nn.Module, _Call] = {}

    def seen(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        given = next((each for each in (*args, *kwargs.values()) if _is_state(each)), None)
        results = result if isinstance(result, (tuple, list)) else (result,)
        gave = tuple(each for each in results if _is_state(each) and each.shape[-1] == width)
        calls.setdefault(module, _Call(given, gave))

    hooks = [
        module.register_forward_hook(seen, with_kwargs=True)
        for block in blocks
        for module in block.modules()
        if module is not block
    ]
    hooks.append(
        model.get_input_embeddings().register_forward_hook(
            lambda module, args, result: result.requires_grad_()
        )
    )
    training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        ids = torch.arange(1, TOKENS + 1, device=device)[None]
        with torch.enable_grad():
            model(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    return calls


def _is_state(value: Any) -> bool:
    """Whether a value has numbers for each token."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    return value.shape[:-1] in ((1, TOKENS), (TOKENS,))


def _sublayers(
    module: nn.Module, calls: Mapping[nn.Module, _Call]
) -> Iterator[tuple[nn.Module, bool]]:
    """The largest modules with matrices that take and give states, and whether each mixes tokens.

    One that gives several states, such as a residual stream beside its own output, is looked into.
    """
    for child in module.children():
        call = calls.get(child)
        if call is None or call.given is None or len(call.gave) != 1:
            yield from _sublayers(child, calls)
        elif any(each.dim() > 1 for each in child.parameters()):
            yield child, _mixes(call.given, call.gave[0])


def _mixes(given: Tensor, gave: Tensor) -> bool:
    """Whether the last token's output depends on the others."""
    last = gave.reshape(-1, gave.shape[-1])[-1].sum()
    (found,) = torch.autograd.grad(last, [given], retain_graph=True, allow_unused=True)
    if found is None:
        return False
    return bool((found.reshape(-1, found.shape[-1])[:-1] != 0).any())
