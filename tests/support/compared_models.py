"""A small random checkpoint, and what is done to models: each with a known answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

DTYPES = {
    "BF16": ml_dtypes.bfloat16,
    "F16": np.float16,
    "F32": np.float32,
}
Tensors = dict[str, np.ndarray]
HIDDEN, INNER, LAYERS, VOCABULARY = 128, 192, 4, 160
SHAPES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
WRITERS = ("o_proj", "down_proj")


def save(folder: Path, tensors: Mapping[str, np.ndarray], dtype: str = "BF16") -> Path:
    """Write tensors as a model of one file, rounded to a dtype."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = DTYPES[dtype]
    kept = {key: np.ascontiguousarray(value).astype(kind) for key, value in tensors.items()}
    save_file(kept, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return folder


def weights(seed: int = 0, dtype: str = "BF16") -> Tensors:
    """A base, as float32 values that the dtype has."""
    generator = np.random.default_rng(seed)
    shapes = {
        f"model.layers.{layer}.{name}.weight": shape
        for layer in range(LAYERS)
        for name, shape in SHAPES.items()
    }
    shapes["model.embed_tokens.weight"] = (VOCABULARY, HIDDEN)
    shapes["model.norm.weight"] = (HIDDEN,)
    kind = DTYPES[dtype]
    return {
        name: (generator.standard_normal(shape) * 0.05).astype(kind).astype(np.float32)
        for name, shape in shapes.items()
    }


def unit(seed: int, size: int = HIDDEN) -> np.ndarray:
    """A random direction."""
    vector = np.random.default_rng(seed).standard_normal(size)
    return np.asarray(vector / np.linalg.norm(vector))


def ablated(base: Tensors, *, strength: float = 1.0, own: bool = False) -> Tensors:
    """A direction taken out of all that writes to the residual stream."""
    changed = dict(base)
    for number, (name, value) in enumerate(base.items()):
        r = unit(number if own else 7)
        if any(each in name for each in WRITERS):
            changed[name] = value - strength * np.outer(r, r @ value)
        elif "embed" in name:
            changed[name] = value - strength * np.outer(value @ r, r)
    return changed


def each_matrix(base: Tensors, change: Callable[[np.random.Generator, np.ndarray], np.ndarray],
                only: tuple[str, ...] = ("_proj",)) -> Tensors:  # fmt: skip
    """Every matrix of the blocks changed by a function of it."""
    generator = np.random.default_rng(5)
    return {
        name: change(generator, value) if any(each in name for each in only) else value
        for name, value in base.items()
    }


def adapted(base: Tensors, rank: int = 4, size: float = 0.02) -> Tensors:
    """A low-rank adapter merged into each matrix."""

    def merge(generator: np.random.Generator, value: np.ndarray) -> np.ndarray:
        up = generator.standard_normal((value.shape[0], rank))
        return value + size * up @ generator.standard_normal((rank, value.shape[1])) / rank**0.5

    return each_matrix(base, merge)


def trained(base: Tensors, size: float = 0.1) -> Tensors:
    """All weights moved, with a leading direction that is the same in all layers.

    Training does both: gradients of all layers have some directions of the residual stream in
    common.
    """
    r = unit(3)

    def move(generator: np.random.Generator, value: np.ndarray) -> np.ndarray:
        noise = generator.standard_normal(value.shape) * value.std()
        common = np.outer(r, generator.standard_normal(value.shape[1])) * value.std() * 3
        return value + size * (noise + (common if value.shape[0] == HIDDEN else 0))

    return each_matrix(base, move)


def edited(base: Tensors, share: float = 0.02) -> Tensors:
    """Some entries set to zero, chosen by nothing of theirs."""
    return each_matrix(base, lambda g, v: np.where(g.random(v.shape) < share, 0, v))


def pruned(base: Tensors, share: float = 0.3, *, rows: bool = False) -> Tensors:
    """The smallest entries of each matrix or row set to zero."""

    def prune(_: np.random.Generator, value: np.ndarray) -> np.ndarray:
        size = np.abs(value)
        limit = (
            np.quantile(size, share, axis=1, keepdims=True) if rows else np.quantile(size, share)
        )
        return np.where(size <= limit, 0, value)

    return each_matrix(base, prune)
