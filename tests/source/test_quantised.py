"""Quantised weights, however they say so."""

from __future__ import annotations

import pytest

from modelrepair.checkpoint.reader import TensorEntry
from modelrepair.source.quantised import FILES, left_in_plain, quantised, quantised_model


def tensors(**dtypes: str) -> list[TensorEntry]:
    return [
        TensorEntry(f"model.layers.0.{name.replace('__', '.')}", "m", dtype, (4, 4), 0, 16)
        for name, dtype in dtypes.items()
    ]


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": {"quant_method": "gptq"}},
        {"text_config": {"quantization_config": {"quant_method": "fp8"}}},
        {"compression_config": {"format": "pack-quantized"}},
        {"quantization": {"bits": 4, "group_size": 64}},
        {"quantization_config": {"bits": 4}},
    ],
)
def test_by_config(config):
    assert quantised(config, []) is not None


@pytest.mark.parametrize(
    "found",
    [
        tensors(q__weight="F8_E4M3", q__weight_scale_inv="F32"),
        tensors(q__weight="F8_E4M3", q__weight_scale="BF16"),
        tensors(q__weight="F8_E5M2", q__scale_weight="F32"),
        tensors(q__weight="I8", q__SCB="F32"),
        tensors(q__weight="U8"),
        tensors(experts__gate_up_proj="I8"),
        tensors(q__qweight="I32", q__qzeros="I32", q__scales="F16"),
        tensors(q__weight_packed="I32", q__weight_scale="BF16"),
        tensors(q__weight="U32", q__scales="BF16"),
        tensors(experts__gate_up_proj_blocks="U8", experts__gate_up_proj_scales="U8"),
        [*tensors(q__weight="U8"), TensorEntry("q.weight.absmax", "m", "U8", (4,), 0, 4)],
    ],
)
def test_by_headers(found):
    assert quantised({}, found) is not None


@pytest.mark.parametrize(
    "found",
    [
        tensors(q__weight="BF16", norm__scale="F32"),
        tensors(q__weight="F8_E4M3"),
        *(tensors(q__weight=dtype) for dtype in ("F64", "F32", "F16", "BF16")),
        tensors(attn__bias="U8", attn__masked_bias="U8", q__weight="F16", ln__scale="F32"),
        tensors(position_ids="I64", logit_scale="F32", q__weight="F32"),
        tensors(q__weight="F32", q__weight_scale="F32"),
    ],
)
def test_what_is_not(found):
    assert quantised({"quantization_config": None}, found) is None


@pytest.mark.parametrize("name", FILES)
def test_by_a_file_beside_the_config(name):
    assert quantised_model(["config.json"], {}, []) is None
    assert quantised_model(["config.json", name], {}, []) == name


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"quantization": {"bits": 4, "group_size": 64}}, "MLX"),
        ({"quantization_config": {"load_in_4bit": True}}, "bitsandbytes"),
        ({"quantization_config": {"quant_method": "exl2", "bits": 4.0}}, "exl2"),
        ({"quantization_config": [4]}, "method unknown"),
    ],
)
def test_the_method_is_named(config, method):
    assert quantised(config, []) == method


@pytest.mark.parametrize(
    ("method", "entries", "left"),
    [
        ("gptq", tensors(q__weight="BF16"), True),
        ("gptq", tensors(q__weight="BF16", q__qweight="I32"), False),
        ("fp8", tensors(q__weight="F8_E4M3"), False),
        ("fp8", tensors(q__weight="BF16", q__weight_scale_inv="F32"), False),
        ("bitnet", tensors(q__weight="BF16"), False),
        ("gptq", None, False),
    ],
)
def test_a_key_that_was_left_in_plain_weights(method, entries, left):
    found = left_in_plain({"quantization_config": {"quant_method": method}}, entries)
    assert found == ("quantization_config" if left else None)
    assert left_in_plain({}, entries) is None
