"""The published loop, restated from its description: Wanda as the code of Antidote runs it.

The whole model in memory as float32. Block by block, one example at a time: hooks add up the
squared norms of each input, the top of every row is found by a full sort and zeroed, and a
second forward of the block recomputes what the next one sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.examples import read_examples


class _Norms:
    """The running mean over examples of an input's squared norms, one number a column."""

    def __init__(self, layer: nn.Linear) -> None:
        self.layer, self.seen = layer, 0
        self.mean = torch.zeros(layer.in_features, device=layer.weight.device)

    def __call__(self, _layer: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        values = inputs[0].reshape(-1, inputs[0].shape[-1]).float().T
        self.mean *= self.seen / (self.seen + 1)
        self.seen += 1
        self.mean += torch.norm(values, p=2, dim=1) ** 2 / self.seen


class _Caught(Exception):
    """The first block was called: the rest of the model is not run."""


class _Catcher(nn.Module):
    """Keeps what the first block is called with."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block, self.calls = block, list[tuple[Tensor, dict[str, Any]]]()

    def forward(self, hidden: Tensor, **call: Any) -> None:
        """Keep it, and stop."""
        self.calls.append((hidden, call))
        raise _Caught

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.block, name)


def prune(model: Any, examples: Sequence[Sequence[int]], ratio: float) -> int:
    """Zero the top share of every row of every linear layer in the blocks; how many that were.

    Args:
        model: a causal language model.
        examples: their tokens.
        ratio: share of a row.
    """
    blocks = model.model.layers
    first = blocks[0]
    blocks[0] = catcher = _Catcher(first)
    for ids in examples:
        try:
            model(torch.tensor([ids], device=model.device), use_cache=False)
        except _Caught:
            continue
    blocks[0] = first
    states = [hidden for hidden, _ in catcher.calls]
    masks = []
    for block in blocks:
        layers = [each for each in block.modules() if isinstance(each, nn.Linear)]
        norms = [_Norms(layer) for layer in layers]
        hooks = [each.layer.register_forward_hook(each) for each in norms]
        for hidden, (_, call) in zip(states, catcher.calls, strict=True):
            block(hidden, **call)
        for hook in hooks:
            hook.remove()
        for each in norms:
            scores = each.layer.weight.data.abs() * each.mean.sqrt()
            order = torch.sort(scores, dim=-1, stable=True)[1]
            kept = order[:, : int(scores.shape[1] * (1 - ratio))]
            mask = torch.ones_like(scores).scatter_(1, kept, 0).bool()
            masks.append((each.layer, mask))
        states = [
            _hidden(block(hidden, **call))
            for hidden, (_, call) in zip(states, catcher.calls, strict=True)
        ]
    for layer, mask in masks:
        layer.weight.data[mask] = 0
    return sum(int(mask.sum()) for _, mask in masks)


def _hidden(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Load, score and zero."""
    asked = read_asked(arguments)
    load: Any = AutoModelForCausalLM.from_pretrained
    model = load(asked.model, dtype=torch.float32).to(asked.device)
    began = spent()
    with torch.no_grad():
        masked = prune(model, [ids for ids, _ in read_examples(asked.examples)], asked.ratio)
    say({"masked": masked, "scoring_s": spent() - began})


if __name__ == "__main__":
    main()
