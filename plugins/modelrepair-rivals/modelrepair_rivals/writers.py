"""The matrices that write to the hidden states of a model, whatever its modules are called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from modelrepair.plugin import TrainingContext


@dataclass(frozen=True)
class Writer:
    """One matrix.

    Args:
        weight: the parameter that holds it.
        turned: whether it is held as ``[in, out]``, as by GPT-2's layers.
    """

    weight: nn.Parameter
    turned: bool = False

    @property
    def matrix(self) -> Tensor:
        """The matrix as ``[out, in]``: a view, without a gradient."""
        values = self.weight.detach()
        return values.T if self.turned else values

    @property
    def gradient(self) -> Tensor | None:
        """Its gradient as ``[out, in]``."""
        found = self.weight.grad
        return found.T if found is not None and self.turned else found


def writers(context: TrainingContext) -> list[Writer]:
    """The matrices of linear layers that may change and whose outputs are as wide as the states.

    Layers that are given what another one is given, too, read hidden states: queries, keys and
    values, gates. They are no writers, also where their outputs are as wide.

    Args:
        context: the model; its first refusal goes through it once.
    """
    model = context.model
    width = model.get_input_embeddings().weight.shape[1]
    open_to_change = {id(each) for each in context.parameters}
    layers: list[Any] = [each for each in model.modules() if isinstance(each, (nn.Linear, Conv1D))]
    readers = _readers(context, layers)
    found = []
    for layer in layers:
        each = Writer(layer.weight, isinstance(layer, Conv1D))
        if id(layer.weight) in open_to_change and each.matrix.shape[0] == width:
            found += [] if layer in readers else [each]
    return found


def _readers(context: TrainingContext, layers: list[Any]) -> set[Any]:
    """The layers whose input another one gets, too."""
    given: dict[Any, Tensor] = {}  # held until the end: no address stands for two tensors

    def seen(layer: Any, args: tuple[Any, ...], result: Any) -> None:
        if args and isinstance(args[0], Tensor):
            given.setdefault(layer, args[0])

    hooks = [layer.register_forward_hook(seen) for layer in layers]
    try:
        batch = context.batch(context.sets["refusal"][:1])
        with torch.no_grad():
            context.model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
            )
    finally:
        for hook in hooks:
            hook.remove()
    places = {layer: (each.data_ptr(), each.numel()) for layer, each in given.items()}
    times = Counter(places.values())
    return {layer for layer, place in places.items() if times[place] > 1}
