"""How many tokens a model can read at once."""

from __future__ import annotations

from math import isfinite
from typing import Any

from modelrepair.checkpoint.config import CONTEXTS


def context_of(config: Any) -> int | None:
    """The most tokens that a model's positions reach to; None where there is no such end.

    >>> from transformers import GPT2Config, MambaConfig
    >>> context_of(GPT2Config(n_positions=64)), context_of(MambaConfig())
    (64, None)

    Rotary positions that are stretched reach as far as the configuration stretches them: its own
    length, or the original one times the factor, whichever is more.

    Args:
        config: a transformers configuration.
    """
    text = config.get_text_config()
    found = (getattr(text, name, None) for name in CONTEXTS)
    length = next((each for each in found if type(each) is int and each > 0), None)
    if length is None:
        return None
    return max([length, *(_stretched(rope, length) for rope in _ropes(text))])


def reach_of(model: Any) -> int | None:
    """As `context_of` its configuration, less the rows that its positions keep for padding.

    >>> from transformers import RobertaConfig, RobertaModel
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    >>> reach_of(RobertaModel(RobertaConfig(max_position_embeddings=514, **sizes)))
    512
    """
    rows = [
        module.num_embeddings - module.padding_idx - 1
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    known = context_of(model.config)
    return min([*rows, *([] if known is None else [known])], default=None)


def _ropes(config: Any) -> list[dict[str, Any]]:
    """The settings of the rotary positions: one for all layers, or one for each kind of them."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    if not isinstance(rope, dict):
        return []
    return [rope, *(each for each in rope.values() if isinstance(each, dict))]


def _stretched(rope: dict[str, Any], length: int) -> int:
    factor = rope.get("factor")
    original = rope.get("original_max_position_embeddings") or length
    if not isinstance(factor, int | float) or not isinstance(original, int | float):
        return 0
    reach = original * factor
    return int(reach) if isfinite(reach) else 0
