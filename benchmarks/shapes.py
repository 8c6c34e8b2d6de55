"""Models of random weights, of a shape that is chosen: what is timed needs no trained one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

_SHARD = 400_000_000
"""Bytes of a file of weights, about."""


@dataclass(frozen=True)
class Shape:
    """How wide and how deep a Llama is; the defaults are those of the small ones."""

    hidden: int = 64
    intermediate: int = 176
    blocks: int = 2
    heads: int = 4
    vocabulary: int = 500

    @property
    def config(self) -> dict[str, Any]:
        """What ``config.json`` says of it."""
        return {
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.blocks,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
        }

    @property
    def parameters(self) -> int:
        """How many numbers it has, but for the norms."""
        block = 4 * self.hidden**2 + 3 * self.hidden * self.intermediate
        return self.blocks * block + 2 * self.vocabulary * self.hidden

    def with_blocks(self, blocks: int | None) -> Shape:
        """The same, so many blocks deep; None as it is."""
        return self if blocks is None else replace(self, blocks=blocks)


SHAPES: Mapping[str, Shape] = {
    "tiny": Shape(),
    "28m": Shape(512, 1408, 8, 8, 2_000),
    "349m": Shape(1024, 2816, 24, 16, 20_000),
    "1.3b": Shape(2048, 5632, 22, 32, 32_000),
    "7b": Shape(4096, 11008, 32, 32, 32_000),
}
"""By their number of parameters."""


def largest() -> str:
    """The name of the largest shape that the first GPU holds whole in float32, twice.

    The rivals hold the model whole, and hidden states and gradients beside it.
    """
    free = torch.cuda.mem_get_info()[0]
    return [name for name, shape in SHAPES.items() if 2 * 4 * shape.parameters < free][-1]


def write_model(shape: Shape, folder: Path) -> Path:
    """Write a model in bfloat16, in shards, with a tokenizer of its own; an earlier one stays.

    One shard is in memory at a time.

    Args:
        shape: of a Llama.
        folder: where the model goes.
    """
    if (folder / "config.json").exists():
        return folder
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    config = LlamaConfig(**shape.config, dtype="bfloat16")
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    names = {name: value.shape for name, value in model.named_parameters()}
    _write_weights(names, folder)
    _write_tokenizer(shape.vocabulary, folder)
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(folder)  # last: what has it is whole
    return folder


def _write_weights(names: Mapping[str, torch.Size], folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)

    def drawn(name: str) -> Tensor:
        values = torch.randn(names[name], generator=generator) * 0.02
        return (values + 1 if values.dim() == 1 else values).to(torch.bfloat16)

    write_shards(folder, list(_shards(names)), drawn)


def write_shards(
    folder: Path, groups: Sequence[Sequence[str]], make: Callable[[str], Tensor]
) -> None:
    """Write weights to several files with their index, one file in memory at a time.

    Args:
        folder: where they go.
        groups: the names of each file's tensors.
        make: gives a tensor.
    """
    where: dict[str, str] = {}
    total = 0
    for number, group in enumerate(groups, start=1):
        file = f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        tensors = {name: make(name) for name in group}
        save_file(tensors, folder / file, {"format": "pt"})
        where |= dict.fromkeys(group, file)
        total += sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _shards(names: Mapping[str, torch.Size]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for name, shape in names.items():
        if group and size + 2 * shape.numel() > _SHARD:
            yield group
            group, size = [], 0
        group.append(name)
        size += 2 * shape.numel()
    yield group


def _write_tokenizer(vocabulary: int, folder: Path) -> None:
    """One whose words are ``w0``, ``w1`` and so on: each is the token of its number."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = {f"w{number}": number for number in range(vocabulary)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    make: Any = PreTrainedTokenizerFast
    fast = make(tokenizer_object=tokenizer, unk_token="w0", pad_token="w0", eos_token="w2")
    fast.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
    fast.save_pretrained(folder)
