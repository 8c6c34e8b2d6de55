"""Models to audit: their files as bytes, in a folder or on the test Hub, and one rule's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from modelrepair.auditing.audit import Choices, audit_one
from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import BUDGET, opened
from modelrepair.auditing.rule import Check, Finding
from modelrepair.errors import ModelRepairError

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 12,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
}
SHAPES: dict[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (12, 8),
    "lm_head.weight": (12, 8),
    "model.norm.weight": (8,),
    **{
        f"model.layers.{layer}.{name}.weight": shape
        for layer in range(2)
        for name, shape in {
            "input_layernorm": (8,),
            "self_attn.q_proj": (8, 8),
            "self_attn.o_proj": (8, 8),
            "mlp.up_proj": (16, 8),
            "mlp.down_proj": (8, 16),
        }.items()
    },
}
Files = dict[str, bytes]


def document(value: Any) -> bytes:
    """JSON as transformers writes it."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def card(**front: Any) -> bytes:
    """A card with this front matter."""
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in front.items())
    return f"---\n{lines}---\nA model.\n".encode()


def tensors(
    shapes: Mapping[str, tuple[int, ...]] = SHAPES, dtype: str = "float16", **extra: Any
) -> bytes:
    """A safetensors file of zeros; ``extra`` is its metadata."""
    arrays = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    return safetensors.numpy.save(arrays, metadata=extra or None)


def model(**changes: bytes | None) -> Files:
    """A whole small model; a change by the file's name, None takes it out."""
    files: dict[str, bytes | None] = {
        "config.json": document(CONFIG),
        "model.safetensors": tensors(),
        "README.md": card(license="mit"),
        **changes,
    }
    return {name: data for name, data in files.items() if data is not None}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def ask(
    check: Check[Context],
    target: Path | str,
    base: Path | str | None = None,
    *,
    budget: int = BUDGET,
) -> Finding:
    """What one rule says of a model, as `run_stage` would have it."""
    rule, work = check
    with ExitStack() as stack:
        context = Context(stack.enter_context(opened(target, budget=budget)), 0)
        if base is not None:
            context.base = stack.enter_context(opened(base, budget=budget))
            context.base_from = "--base"
        try:
            finding: Finding = work(context)
        except ModelRepairError as error:
            return rule.inconclusive(str(error), error=error.id)
        json.dumps(dict(finding.evidence))
        return finding


def findings(target: Path | str, base: Path | str | None = None, **choices: Any) -> dict:
    """Rule id → finding, of a whole audit."""
    audit = audit_one(target, choices=Choices(base=base, seed=0, **choices))
    return {each.rule.id: each for each in audit.findings}


def check_of(checks: tuple[Check[Context], ...], id: str) -> Check[Context]:
    """The check of a rule."""
    return next(each for each in checks if each[0].id == id)
