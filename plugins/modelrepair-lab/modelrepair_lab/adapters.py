"""LoRA adapters on the models of the lab."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model

from modelrepair_lab.models import LocalModel


def with_adapter(
    opened: LocalModel, rank: int, targets: str, alpha: float | None = None
) -> PeftModel:
    """A LoRA adapter on a model's linear layers, without dropout.

    Args:
        opened: the model; it becomes part of the result.
        rank: of the adapter.
        targets: ``all-linear``, or names with commas.
        alpha: of the adapter, whose scale is alpha / rank. Default: as large as the rank.
    """
    names = targets if targets == "all-linear" else [name.strip() for name in targets.split(",")]
    config = LoraConfig(
        r=rank,
        lora_alpha=rank if alpha is None else alpha,  # type: ignore[arg-type]  # a float works
        target_modules=names,
        task_type="CAUSAL_LM",
    )
    adapted: PeftModel = get_peft_model(opened.model, config)
    return adapted


def base_of(model: Any) -> Any:
    """The transformers model itself: of a PEFT model the one that its adapter is on."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
