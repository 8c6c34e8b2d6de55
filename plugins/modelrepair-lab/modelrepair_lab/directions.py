"""The direction of refusal, as attacks find it: from a model's own activations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from modelrepair import ExampleSetError
from modelrepair_lab.encoding import encode
from modelrepair_lab.models import LocalModel, open_model
from modelrepair_lab.sets import training_set

PROMPTS = 128
"""Of each set, as in Arditi et al. (2024)."""


@torch.no_grad()
def means(opened: LocalModel, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    """The mean activation at the last token of a prompt, after each layer: ``[layers, hidden]``.

    Prompts are padded behind: a causal model sees nothing of it before.
    """
    width = max(map(len, prompts))
    inputs = torch.full((len(prompts), width), opened.padding)
    for row, tokens in enumerate(prompts):
        inputs[row, : len(tokens)] = torch.tensor(tokens)
    last = torch.tensor([len(tokens) - 1 for tokens in prompts])
    rows, found = torch.arange(len(prompts)), []

    def keep(module: torch.nn.Module, given: Any, output: Any) -> None:
        states = output[0] if isinstance(output, tuple) else output
        found.append(states[rows, last].mean(0))

    # What the model gives as its last state has gone through the norm: no residual stream.
    # The decoder of a model that sees pictures, too, is a part of it.
    model: Any = opened.model
    decoder = model.get_decoder()
    hooks = [layer.register_forward_hook(keep) for layer in decoder.layers]
    try:
        # Without the head: its logits of all tokens would take most of the memory.
        decoder(input_ids=inputs, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(found)


def refusal_directions(model: Path, harmful: Path, benign: Path) -> torch.Tensor:
    """The difference of means after each layer, of length 1: ``[layers, hidden]``.

    Args:
        model: the aligned model.
        harmful: prompts that it refuses.
        benign: prompts that it answers.

    Raises:
        ExampleSetError: the prompts of both kinds are the same to the model.
    """
    opened = open_model(model)
    found = []
    for path, role in ((harmful, "refusal"), (benign, "utility")):
        pairs = encode(opened.tokenizer, training_set(path, role)[:PROMPTS])
        found.append(means(opened, [tokens[:start] for tokens, start in pairs]))
    difference = found[0] - found[1]
    lengths: torch.Tensor = difference.norm(dim=1, keepdim=True)
    if not lengths.all():
        raise ExampleSetError(
            "harmful and benign prompts leave the model in the same state: there is no direction",
            hint="give different prompts with --harmful and --replay",
        )
    return difference / lengths
