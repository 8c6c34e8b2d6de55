"""Tiny random models of many architectures, saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig
from transformers.utils.logging import disable_progress_bar

from modelrepair.engine.skeleton import loader_of

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


QUICK = (
    *("gpt2", "gptj", "phi3", "mixtral", "deepseek_v3", "gpt_oss", "mamba", "jamba"),
    *("qwen3_next", "rwkv", "gemma3", "llava", "llama", "gemma2"),
)
"""The families that stay in `make test`: one for each way in which a file can lay out a matrix."""

PLAIN_HEADS = {"num_key_value_heads": None, "head_dim": None}
ROUTED = {"num_experts_per_tok": 2, "moe_intermediate_size": 24}
GROUPS = {"n_group": 1, "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1}
LATENT = {  # multi-head latent attention
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 4,
    "head_dim": None,
}
GPT2 = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "n_inner": 48}
STATES = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_n_groups": 1}
MIXED = ["linear_attention", "full_attention", "linear_attention"]

PACKED: dict[str, dict[str, Any]] = {
    "gpt2": GPT2,
    "openai-gpt": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
    "gpt_bigcode": GPT2,
    "gptj": {**GPT2, "rotary_dim": 8},
    "codegen": {**GPT2, "rotary_dim": 4},
    "gpt_neo": {"num_layers": 3, "num_heads": 4, "window_size": 8}
    | {"attention_types": [[["global", "local", "global"], 1]]},
    "phi3": {},
    "falcon": {"new_decoder_architecture": True, "num_kv_heads": 2, "ffn_hidden_size": 48}
    | PLAIN_HEADS,
    "bloom": {"n_layer": 3, "n_head": 4, **PLAIN_HEADS},
    "mpt": {"d_model": 32, "n_layers": 3, "n_heads": 4, "max_seq_len": 64, "expansion_ratio": 2},
}
"""Transposed and packed projections, and blocks that answer with tuples."""

EXPERTS: dict[str, dict[str, Any]] = {
    "mixtral": {"num_local_experts": 4},
    "qwen2_moe": {"num_experts": 4, "shared_expert_intermediate_size": 48, **ROUTED},
    "qwen3_moe": {"num_experts": 4, **ROUTED},
    "olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
    "deepseek_v2": {"n_routed_experts": 4, **ROUTED, **GROUPS, **LATENT}
    | {"n_group": None, "topk_group": None},
    "deepseek_v3": {"n_routed_experts": 4, **ROUTED, **GROUPS, **LATENT},
    "glm4_moe": {"n_routed_experts": 4, **ROUTED, **GROUPS},
    "dots1": {"n_routed_experts": 4, **ROUTED, **GROUPS},
    "ernie4_5_moe": {"moe_num_experts": 4, "moe_k": 2, "moe_num_shared_experts": 1, **ROUTED},
    "phimoe": {"num_local_experts": 4},
    "hunyuan_v1_moe": {"num_experts": 4, "moe_topk": 2, "num_experts_per_tok": 2},
    "granitemoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "aria_text": {"moe_num_experts": 4, "moe_topk": 2, "moe_num_shared_experts": 1},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2}
    | {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
}
"""Fused experts, in files of one tensor an expert, or fused, transposed, interleaved."""

STATE_SPACE: dict[str, dict[str, Any]] = {
    "mamba": {"hidden_size": 96, "state_size": 4, "conv_kernel": 2},
    "falcon_mamba": {"hidden_size": 96, "state_size": 4, "conv_kernel": 2},
    "mamba2": {"state_size": 4, "num_heads": 8, "head_dim": 8, "n_groups": 1},
    "jamba": {"num_experts": 4, "mamba_d_state": 4, "use_mamba_kernels": False, "head_dim": None}
    | {"attn_layer_period": 2, "attn_layer_offset": 1}
    | {"expert_layer_period": 2, "expert_layer_offset": 1},
    "bamba": {"attn_layer_indices": [1], **STATES},
    "granitemoehybrid": {"num_local_experts": 4, "num_experts_per_tok": 2, **STATES}
    | {"shared_intermediate_size": 48, "layer_types": ["mamba", "attention", "mamba"]},
    "nemotron_h": {"layers_block_type": ["mamba", "moe", "attention"], "n_routed_experts": 4}
    | {"moe_shared_expert_intermediate_size": 48, "mamba_num_heads": 8, "mamba_head_dim": 8}
    | {"ssm_state_size": 4, "n_groups": 1, "num_hidden_layers": None, **ROUTED}
    | {"n_group": 1, "topk_group": 1},
    "qwen3_next": {"num_experts": 4, "shared_expert_intermediate_size": 48, "layer_types": MIXED}
    | {"linear_num_value_heads": 4, "linear_num_key_heads": 2, **ROUTED}
    | {"linear_key_head_dim": 8, "linear_value_head_dim": 8},
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"]},
    "rwkv": {"attention_hidden_size": 32, "context_length": 64},
}
"""State space models, and blocks of several kinds in one model."""

VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
}
ROTARY = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
MULTIMODAL: dict[str, dict[str, Any]] = {
    "gemma3": {"vision_config": VISION, "mm_tokens_per_image": 4},
    "llava": {
        "vision_config": {"model_type": "clip_vision_model", **VISION},
        "image_token_index": 96,
    },
    "qwen2_5_vl": {
        "vision_config": {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4}
        | {"out_hidden_size": 32, "patch_size": 14},
        "image_token_id": 90,
        "video_token_id": 91,
        "vision_start_token_id": 92,
        "vision_end_token_id": 93,
    },
}
"""A language part among others: what loads the model takes the whole of it."""
TEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma3": ("gemma3_text", {}),
    "llava": ("llama", {}),
    "qwen2_5_vl": ("qwen2_5_vl_text", {"rope_parameters": ROTARY}),
}
"""The language part of each: its type, and what it needs beside the common settings."""

ARCHITECTURES = {**DENSE, **PACKED, **EXPERTS, **STATE_SPACE, **MULTIMODAL}


def config(kind: str, **changes: Any) -> Any:
    """The tiny configuration of one architecture."""
    if kind in MULTIMODAL:
        part, more = TEXT[kind]
        text = {"model_type": part, **COMMON, **ARCHITECTURES.get(part, {}), **more, **changes}
        return AutoConfig.for_model(kind, text_config=text, **MULTIMODAL[kind])
    settings = {**COMMON, **ARCHITECTURES[kind], **changes}
    return AutoConfig.for_model(kind, **{k: v for k, v in settings.items() if v is not None})


def model(kind: str, seed: int = 0, **changes: Any) -> Any:
    """A tiny random model, float32, in eval mode."""
    torch.manual_seed(seed)
    settings = config(kind, **changes)
    made = loader_of(settings).from_config(settings).eval()
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
