"""The yardstick: a plain forward of the same blocks, that reads and converts the same files.

With ``--scorer gradient``, a plain forward and backward that leaves the gradients of the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama as llama

from benchmarks.contestants.asked import read_asked, say, spent
from benchmarks.contestants.batched import batched
from modelrepair.engine.passes.loss import batch_losses
from modelrepair.plugin.repairer import Batch


def forward(folder: Path, batches: Sequence[Batch], device: str) -> list[Tensor]:
    """Walk the blocks of a Llama, one in memory at a time; what the last one gives.

    Args:
        folder: of the model.
        batches: what is passed.
        device: what computes.
    """
    config = LlamaConfig.from_pretrained(folder)
    config._attn_implementation = "sdpa"
    rotary = llama.LlamaRotaryEmbedding(config).to(device)
    where = json.loads((folder / "model.safetensors.index.json").read_bytes())["weight_map"]
    embedding = _read(folder, where, "model.embed_tokens.", device)["weight"]
    states = [embedding[batch.input_ids.to(device)] for batch in batches]
    calls = [_call(rotary, state, batch) for state, batch in zip(states, batches, strict=True)]
    for index in range(config.num_hidden_layers):
        with torch.device("meta"):
            block = llama.LlamaDecoderLayer(config, index)
        block.load_state_dict(_read(folder, where, f"model.layers.{index}.", device), assign=True)
        for number, call in enumerate(calls):
            states[number] = block(states[number], **call)
    return states


def backward(folder: Path, batches: Sequence[Batch], device: str) -> None:
    """The gradients of a whole model in memory, as ``loss.backward()`` gives them.

    Args:
        folder: of the model.
        batches: what the loss is of.
        device: what computes.
    """
    load: Any = LlamaForCausalLM.from_pretrained
    model = load(folder, dtype=torch.float32).to(device)
    for each in (model.get_input_embeddings(), model.get_output_embeddings(), model.model.norm):
        each.requires_grad_(False)
    for batch in batches:
        torch.autograd.backward(batch_losses(model, batch, torch.device(device)).sum())


def _read(folder: Path, where: Mapping[str, str], prefix: str, device: str) -> dict[str, Tensor]:
    found = {}
    for name, file in where.items():
        if name.startswith(prefix):
            with safe_open(folder / file, "pt") as opened:
                found[name.removeprefix(prefix)] = opened.get_tensor(name).float().to(device)
    return found


def _call(rotary: Any, state: Tensor, batch: Batch) -> dict[str, Any]:
    """What a block is called with: causal, and blind to padding where there is any."""
    places = torch.arange(state.shape[1], device=state.device)[None]
    mask = None
    if not batch.attention_mask.all():
        seen = batch.attention_mask.bool().to(state.device)
        mask = seen[:, None, None, :] & (places[0][None, :] <= places[0][:, None])
    return {"position_embeddings": rotary(state, places), "attention_mask": mask}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it once."""
    asked = read_asked(arguments)
    batches = batched(asked.examples)
    began = spent()
    if asked.scorer == "gradient":
        backward(asked.model, batches, asked.device)
    else:
        with torch.no_grad():
            forward(asked.model, batches, asked.device)
    say({"scoring_s": spent() - began})


if __name__ == "__main__":
    main()
