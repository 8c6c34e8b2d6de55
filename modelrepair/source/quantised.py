"""Weights whose numbers mean nothing without scales that lie elsewhere: they are not repaired."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelrepair.checkpoint.plain import find_file
from modelrepair.checkpoint.reader import Checkpoint, TensorEntry
from modelrepair.errors import UnsupportedModelError

KEYS = ("quantization_config", "compression_config", "quantization", "quant_config")
"""Of a config, at any depth: transformers, compressed-tensors, MLX, others."""
FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
"""Written beside the config by ModelOpt, GPTQ and AWQ."""
HINT = "repair the model before it was quantised"
_HINTS = {
    "the base's weights": "name the base that it was quantised from with --base",
    "the reference's weights": "name the model that it was quantised from with --reference",
}

_COMPANION = re.compile(
    r"(^|[._])(qweight|qzeros|g_idx|scales|qscales|absmax|nested_absmax|quant_map|quant_state"
    r"|SCB|weight_format|w?_?scale|weight_scale|weight_scale_inv|scale_inv|scale_weight"
    r"|input_scale|activation_scale|weight_packed|weight_shape|weight_zero_point|zero_point"
    r"|q_weight|q_scale|q_scale_max|q_groups|q_perm|q_invperm|W_q|trellis|suh|svh|blocks)"
    r"(\.[\w.]+)?$"
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
    if (found := _key(config)) is not None:
        return found
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
    folder: Path, config: Mapping[str, Any], entries: Iterable[TensorEntry]
) -> str | None:
    """As `quantised`, or by a file that lies beside the config."""
    beside = next((name for name in FILES if find_file(folder, name) is not None), None)
    return beside or quantised(config, entries)


def refuse_quantised(
    folder: Path,
    config: Mapping[str, Any],
    checkpoint: Checkpoint,
    whose: str = "the weights",
) -> None:
    """Refuse a model whose weights are quantised.

    >>> refuse_quantised(Path("model"), {}, Checkpoint(Path("model"), None, {}))

    Raises:
        UnsupportedModelError: they are.
    """
    if (found := quantised_model(folder, config, checkpoint.entries.values())) is not None:
        raise UnsupportedModelError(
            f"{whose} are quantised ({found})", hint=_HINTS.get(whose, HINT)
        )


def _key(config: Any, depth: int = 0) -> str | None:
    if not isinstance(config, Mapping) or depth > 3:
        return None
    for key, value in config.items():
        if key in KEYS and value:
            method = value.get("quant_method") if isinstance(value, Mapping) else None
            return str(method) if method else "method unknown"
        if (found := _key(value, depth + 1)) is not None:
            return found
    return None
