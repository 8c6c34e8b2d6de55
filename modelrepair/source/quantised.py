"""Weights whose numbers mean nothing without scales that lie elsewhere: they are not repaired."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from modelrepair.checkpoint.reader import TensorEntry

KEYS = ("quantization_config", "compression_config", "quantization", "quant_config")
"""Of a config, at any depth: transformers, compressed-tensors, MLX, others."""
FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
"""Written beside the config by ModelOpt, GPTQ and AWQ."""
PLAIN = ("F64", "F32", "F16", "BF16")
COMPUTED = ("bitnet",)
"""Methods that quantise plain weights while they compute: without the key it is another model."""

_COMPANION = re.compile(
    r"(^|[._])(qweight|qzeros|g_idx|scales|qscales|absmax|nested_absmax|quant_map|quant_state"
    r"|SCB|weight_format|w?_?scale|weight_scale|weight_scale_inv|scale_inv|scale_weight"
    r"|input_scale|activation_scale|weight_packed|weight_shape|weight_zero_point|zero_point"
    r"|q_weight|q_scale|q_scale_max|q_groups|q_perm|q_invperm|W_q|trellis|suh|svh|blocks)"
    r"(\.[\w.]+)?$"
)
_SURE = re.compile(
    r"(^|[._])(qweight|qzeros|g_idx|absmax|quant_map|SCB|weight_scale(_inv)?|input_scale"
    r"|weight_packed|(weight_)?zero_point|scale_weight)$"
)
_SCALED = re.compile(r"^(F8_\w+|F6_\w+|F4|[UI](4|8|32))$")
_NEVER_WEIGHTS = ("bias", "masked_bias", "position_ids")


def quantised(config: Mapping[str, Any], entries: Iterable[TensorEntry]) -> str | None:
    """How a model's weights are quantised, by its config and headers; None where they are not.

    >>> quantised({"quantization_config": {"quant_method": "gptq"}}, [])
    'gptq'
    >>> entry = TensorEntry("m.0.q.weight", "model.safetensors", "I8", (4, 4), 0, 16)
    >>> quantised({}, [entry])
    'm.0.q.weight is I8'

    FP8 weights that stand alone are numbers like others; with scales beside them they are not.

    Args:
        config: what ``config.json`` holds.
        entries: the tensors by their headers.
    """
    if (found := _found(config)) is not None:
        return found[1]
    tensors = list(entries)
    # Scales belong to what they scale: a norm's "scale" has float weights beside it.
    scaled = [
        each
        for each in tensors
        if _SCALED.match(each.dtype)
        and len(each.shape) > 1
        and each.name.rpartition(".")[2] not in _NEVER_WEIGHTS
    ]
    for each in scaled:
        if not each.dtype.startswith("F8"):
            return f"{each.name} is {each.dtype}"
    companions = [each.name for each in tensors if _COMPANION.search(each.name)]
    return f"{companions[0]} scales {scaled[0].dtype} weights" if scaled and companions else None


def quantised_model(
    files: Collection[str], config: Mapping[str, Any], entries: Iterable[TensorEntry]
) -> str | None:
    """As `quantised`, or by the name of a file that lies beside the config.

    >>> quantised_model(["quantize_config.json"], {}, [])
    'quantize_config.json'
    """
    return next((name for name in FILES if name in files), None) or quantised(config, entries)


def scales(entries: Iterable[TensorEntry]) -> list[str]:
    """The tensors whose names are those of scales, packed weights or zero points and no others'.

    >>> scales([TensorEntry("m.0.q.weight_scale", "model.safetensors", "F32", (1,), 0, 4)])
    ['m.0.q.weight_scale']
    >>> scales([TensorEntry("m.0.norm.scale", "model.safetensors", "F32", (4,), 0, 16)])
    []

    Args:
        entries: the tensors by their headers.
    """
    return [each.name for each in entries if _SURE.search(each.name)]


def left_in_plain(config: Mapping[str, Any], entries: Iterable[TensorEntry] | None) -> str | None:
    """The key that says that weights are quantised which are not; None where there is none.

    >>> entry = TensorEntry("m.0.q.weight", "model.safetensors", "F16", (4, 4), 0, 32)
    >>> left_in_plain({"quantization_config": {"quant_method": "gptq"}}, [entry])
    'quantization_config'

    Args:
        config: what ``config.json`` holds.
        entries: the tensors by their headers; None where they were not read.
    """
    found = _found(config)
    if found is None or not (tensors := list(entries or ())):
        return None
    key, method = found
    plain = all(each.dtype in PLAIN or len(each.shape) < 2 for each in tensors)
    packed = any(_COMPANION.search(each.name) for each in tensors)
    return None if packed or not plain or method in COMPUTED else key


def _found(config: Any, depth: int = 0) -> tuple[str, str] | None:
    """The key that says that weights are quantised, and how."""
    if not isinstance(config, Mapping) or depth > 3:
        return None
    for key, value in config.items():
        if key in KEYS and value:
            return key, _method(key, value)
        if (found := _found(value, depth + 1)) is not None:
            return found
    return None


def _method(key: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return "method unknown"
    if value.get("quant_method"):
        return str(value["quant_method"])
    if "load_in_4bit" in value or "load_in_8bit" in value:
        return "bitsandbytes"
    return "MLX" if key.startswith("quantization") and "group_size" in value else "method unknown"
