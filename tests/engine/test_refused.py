"""What can't be repaired is in the documented table, and is refused before a weight is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from modelrepair import UnsupportedModelError
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.sites import find_sites, require_coverage
from modelrepair.pipeline.open_models import open_skeleton
from modelrepair.preflight.model import Model
from modelrepair.source.resolve import Source
from tests.support import tiny
from tests.support.opened_models import CPU

KINDS = ["sliding_attention", "full_attention", "full_attention"]
PER_LAYER = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 97}
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma3n_text": (
        "pass on hidden states",
        {"altup_num_inputs": 2, "laurel_rank": 4, "layer_types": KINDS}
        | {"num_kv_shared_layers": 1, "activation_sparsity_pattern": [0.0] * 3, **PER_LAYER},
    ),
    "gemma4_text": (
        "'shared_kv_states': gradient can't take gradients",
        {"num_kv_shared_layers": 1, "layer_types": KINDS, "global_head_dim": 8, **PER_LAYER},
    ),
    "llama4_text": (
        r"only \d+\.\d% of the blocks' matrices can be repaired",
        {"num_local_experts": 4, "intermediate_size_mlp": 48, "interleave_moe_layer_step": 1},
    ),
    "recurrent_gemma": (
        r"only \d+\.\d% of the blocks' matrices can be repaired",
        {"lru_width": 32, "block_types": ["recurrent", "recurrent", "attention"]}
        | {"attention_window_size": 16},
    ),
    "dbrx": (
        "can't be run on shapes alone",
        {"d_model": 32, "n_heads": 4, "n_layers": 3, "max_seq_len": 64}
        | {"ffn_config": {"ffn_hidden_size": 24, "moe_num_experts": 4, "moe_top_k": 2}}
        | {"attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 1e4}},
    ),
    "jetmoe": (
        "can't be run on shapes alone",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "kv_channels": 8}
        | {"num_attention_heads": None},
    ),
    "longcat_flash": (
        "can't be run on shapes alone",
        {**tiny.LATENT, "head_dim": 8, "num_layers": 2, "n_routed_experts": 4, "moe_topk": 2}
        | {"zero_expert_num": 1, "expert_ffn_hidden_size": 24, "ffn_hidden_size": 48},
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_words_before_a_weight_is_read(kind, tmp_path, monkeypatch):
    said, changes = REFUSED[kind]
    settings = {**tiny.COMMON, **changes}
    config = AutoConfig.for_model(kind, **{k: v for k, v in settings.items() if v is not None})
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    checkpoint = Checkpoint.open(tmp_path)

    def never(*_):
        raise AssertionError("a weight was read")

    monkeypatch.setattr(Checkpoint, "raw", never)
    source = Model(Source(None, None, tmp_path, "model"), checkpoint)
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        skeleton = open_skeleton(source, CPU, "float32", gradients=["gradient"])
        require_coverage(find_sites(skeleton, list(checkpoint.entries)), allow_partial=False)
    assert caught.value.exit_code == 6
    assert caught.value.hint


def test_the_documented_tables_name_what_is_tested_and_nothing_else():
    text = Path(__file__).parents[2].joinpath("docs/architectures.md").read_text()
    works = text.split("## Tested")[1].split("\n## ")[0]
    refused = text.split("## Refused")[1].split("\n## ")[0]
    assert names(works) == set(tiny.ARCHITECTURES)
    assert names(refused) == set(REFUSED)


def names(text: str) -> set[str]:
    """The text in code marks in a table, options of the command left out."""
    cells = [line for line in text.splitlines() if line.startswith("|")]
    found = {name for line in cells for name in line.split("`")[1::2]}
    return {name for name in found if not name.startswith("--")}
