"""What a network would say from a hidden state of any of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair.engine.skeleton import find_blocks
from modelrepair_lab.adapters import base_of
from modelrepair_lab.defences.hooks import output_of

Readout = Callable[[Tensor], Tensor]
"""Hidden states ``[..., hidden]`` to logits ``[..., vocabulary]``."""


def readout(model: Any) -> Readout:
    """The final norm and the head of a model, as they follow its last block.

    What stands between the last block and the head is found in a run on one token: the modules
    that are given one another's output, such as a norm, and a projection after it. Numbers that
    logits are multiplied with or bounded by afterwards are left out, as they are by RepNoise.

    Args:
        model: a whole causal language model, or a PEFT model around one.
    """
    inner = base_of(model)
    blocks, _ = find_blocks(inner)
    head = inner.get_output_embeddings()
    inside = {id(module) for module in (*blocks.modules(), *head.modules())}
    chain: list[nn.Module] = []
    state: list[Tensor] = []

    def after_blocks(module: nn.Module, args: Any, result: Any) -> None:
        state[:] = [output_of(result)]

    def after(module: nn.Module, args: Any, result: Any) -> None:
        if state and args and args[0] is state[0] and isinstance(result, Tensor):
            chain.append(module)
            state[:] = [result]

    hooks = [blocks[-1].register_forward_hook(after_blocks)]
    hooks += [
        module.register_forward_hook(after)
        for module in inner.modules()
        if id(module) not in inside
    ]
    training = inner.training
    inner.eval()
    try:
        with torch.no_grad():
            device = next(inner.parameters()).device
            inner(input_ids=torch.ones(1, 1, dtype=torch.long, device=device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
        inner.train(training)

    def read(hidden: Tensor) -> Tensor:
        for module in (*chain, head):
            hidden = module(hidden)
        return hidden

    return read
