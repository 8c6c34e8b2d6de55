"""Tiny random models of many dense architectures, saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

disable_progress_bar()  # tests look at what our own commands write to stderr

COMMON = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 97,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

DENSE: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 8},
    "qwen2": {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen3": {"tie_word_embeddings": True},
    "gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "gemma3_text": {
        "sliding_window": 8,
        "layer_types": ["sliding_attention"] * 2 + ["full_attention"],
    },
    "opt": {
        "ffn_dim": 48,
        "word_embed_proj_dim": 32,
        "num_key_value_heads": None,
        "head_dim": None,
    },
    "gpt_neox": {"num_key_value_heads": None, "head_dim": None},
    "phi": {"num_key_value_heads": 4},
    "granite": {"logits_scaling": 2.0, "residual_multiplier": 0.5},
    "olmo2": {},
    "cohere": {},
    "stablelm": {},
    "starcoder2": {},
    "glm": {"partial_rotary_factor": 0.5},
}


def config(kind: str, **changes: Any) -> Any:
    """The tiny configuration of one architecture."""
    settings = {**COMMON, **DENSE[kind], **changes}
    return AutoConfig.for_model(kind, **{k: v for k, v in settings.items() if v is not None})


def model(kind: str, seed: int = 0, **changes: Any) -> Any:
    """A tiny random model, float32, in eval mode."""
    torch.manual_seed(seed)
    made = AutoModelForCausalLM.from_config(config(kind, **changes)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            # Norm weights of one and biases of zero would hide a parameter that is left out.
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def save(
    kind: str,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    shard: str | None = None,
    **changes: Any,
) -> Any:
    """Save a tiny random model and give it back as it was saved."""
    made = model(kind, **changes).to(dtype)
    made.save_pretrained(folder, max_shard_size=shard or "50GB")
    return made.to(torch.float32)
