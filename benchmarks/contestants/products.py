"""The bare matrix products of one forward pass: nothing that multiplies less can be faster."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LlamaConfig

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.contestants.batched import batched


def main(arguments: Sequence[str] | None = None) -> None:
    """Multiply."""
    asked = read_asked(arguments)
    config = LlamaConfig.from_pretrained(asked.model)
    hidden, wide = config.hidden_size, config.intermediate_size
    device = torch.device(asked.device)
    shapes = (hidden, hidden), (wide, hidden), (hidden, wide)
    square, up, down = (torch.randn(shape, device=device) for shape in shapes)
    tokens = [batch.input_ids.numel() for batch in batched(asked.examples)]
    inputs = [
        tuple(torch.randn(count, width, device=device) for width in (hidden, wide))
        for count in tokens
    ]
    began = spent()
    for _ in range(config.num_hidden_layers):
        for narrow, broad in inputs:
            for _ in range(4):
                narrow @ square.T
            for _ in range(2):
                narrow @ up.T
            broad @ down.T
    say({"scoring_s": spent() - began})


if __name__ == "__main__":
    main()
