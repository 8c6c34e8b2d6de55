"""Adapters as peft makes and saves them, on tiny models, with factors that are not zero."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoHaConfig,
    LoKrConfig,
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    get_peft_model,
)

from tests.support import tiny

TASK = "CAUSAL_LM"

LORA: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("llama", {"target_modules": ["q_proj", "v_proj"]}),
    "all linear, rank-stabilised": (
        "mistral",
        {"target_modules": "all-linear", "use_rslora": True},
    ),
    "patterns of rank and alpha": (
        "qwen3",
        {
            "target_modules": "all-linear",
            "rank_pattern": {"q_proj": 2, "down_proj": 6},
            "alpha_pattern": {"v_proj": 32},
        },
    ),
    "some layers": (
        "llama",
        {"target_modules": ["q_proj", "up_proj"], "layers_to_transform": [0, 2]},
    ),
    "biases": ("qwen2", {"target_modules": ["q_proj", "o_proj"], "bias": "lora_only"}),
    "bias of B": ("qwen2", {"target_modules": ["q_proj", "k_proj"], "lora_bias": True}),
    "saved modules": (
        "llama",
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head", "embed_tokens"]},
    ),
    "head and embedding": ("llama", {"target_modules": ["lm_head", "embed_tokens", "k_proj"]}),
    "transposed layers": ("gpt2", {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}),
    "names that differ": ("gpt_neox", {"target_modules": ["query_key_value"]}),
}
"""Name → architecture and settings of a LoRA whose factors can be repaired."""

OTHERS: dict[str, Any] = {
    "dora": lambda: LoraConfig(r=4, target_modules="all-linear", use_dora=True, task_type=TASK),
    "loha": lambda: LoHaConfig(r=4, target_modules=["q_proj", "up_proj"], task_type=TASK),
    "lokr": lambda: LoKrConfig(r=4, target_modules=["q_proj", "up_proj"], task_type=TASK),
    "ia3": lambda: IA3Config(
        target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], task_type=TASK
    ),
}
"""Name → config of an adapter that can be merged, and has no factors to repair."""

REFUSED: dict[str, Any] = {
    "adalora": lambda: AdaLoraConfig(
        init_r=4, target_r=2, total_step=10, target_modules=["q_proj"], task_type=TASK
    ),
    "prefix": lambda: PrefixTuningConfig(num_virtual_tokens=4, task_type=TASK),
}


def base_model(kind: str, seed: int = 0) -> Any:
    """A tiny model of one architecture; GPT-2 has names of its own for its sizes."""
    if kind == "gpt2":
        from transformers import AutoModelForCausalLM, GPT2Config

        torch.manual_seed(seed)
        sizes = {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 97, "n_positions": 64}
        config = GPT2Config(**sizes, pad_token_id=0, bos_token_id=1, eos_token_id=2)
        return AutoModelForCausalLM.from_config(config).eval()
    return tiny.model(kind, seed)


def save(folder: Path, kind: str, config: Any, seed: int = 0) -> Any:
    """Save base and adapter beside each other; give the model with the adapter in it."""
    base_model(kind).save_pretrained(folder / "base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base_model(kind), config)
        torch.manual_seed(seed + 1)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.2 * torch.randn_like(parameter))
        model.save_pretrained(folder / "adapter")
    return model.eval()


def save_lora(folder: Path, name: str, **changes: Any) -> Any:
    """One of `LORA`."""
    kind, settings = LORA[name]
    return save(folder, kind, LoraConfig(r=4, lora_alpha=6, task_type=TASK, **settings, **changes))


def save_named(folder: Path, name: str) -> str:
    """One of `LORA` or `OTHERS`; its base's architecture."""
    if name in LORA:
        save_lora(folder, name)
        return LORA[name][0]
    save(folder, "llama", OTHERS[name]())
    return "llama"


def load(folder: Path, kind: str, adapter: str = "adapter") -> Any:
    """The adapter as its users load it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(base_model(kind), folder / adapter).eval()


def change_config(folder: Path, **changes: Any) -> None:
    """Change an adapter's config; None removes a field."""
    path = folder / "adapter_config.json"
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: v for name, v in values.items() if v is not None}))
