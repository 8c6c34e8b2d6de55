"""LoRA adapters on the models of the lab."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from modelrepair import UsageError
from modelrepair_lab.models import LocalModel

ALL = "all-linear"
"""Every linear layer but the head."""


def with_adapter(
    opened: LocalModel, rank: int, targets: str, alpha: float | None = None
) -> PeftModel:
    """A LoRA adapter on a model's linear layers, without dropout.

    Args:
        opened: the model; it becomes part of the result.
        rank: of the adapter.
        targets: ``all-linear``, or names with commas.
        alpha: of the adapter, whose scale is alpha / rank. Default: as large as the rank.

    Raises:
        UsageError: the model has no linear layer of a name.
    """
    names = targets if targets == ALL else _named_layers(opened.model, targets)
    config = LoraConfig(
        r=rank,
        lora_alpha=rank if alpha is None else alpha,  # type: ignore[arg-type]  # a float works
        target_modules=names,
        task_type="CAUSAL_LM",
    )
    adapted: PeftModel = get_peft_model(opened.model, config)
    return adapted


def _named_layers(model: nn.Module, targets: str) -> list[str]:
    """The names with commas between them, each that of a linear layer."""
    linear = (nn.Linear, Conv1D)
    paths = [path for path, each in model.named_modules() if isinstance(each, linear)]
    names = [name.strip() for name in targets.split(",")]
    for name in names:
        # As peft reads a name. Of several it leaves out the ones that fit nothing.
        if not any(path == name or path.endswith(f".{name}") for path in paths):
            known = sorted({path.rpartition(".")[2] for path in paths})
            raise UsageError(
                f"no linear layer of the model is called {name!r}",
                hint=f"it has {', '.join(known)}; or take {ALL}",
            )
    return names


def base_of(model: Any) -> Any:
    """The transformers model itself: of a PEFT model the one that its adapter is on."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
