"""Folders of made-up weights, and what can be done to weights: each with one right answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from modelrepair.checkpoint.bits import from_float32, to_float32

Tensors = dict[str, np.ndarray]
SHAPES = {
    "self_attn.q_proj": (96, 192),
    "self_attn.o_proj": (192, 96),
    "mlp.up_proj": (256, 192),
    "mlp.down_proj": (192, 256),
}


def random_model(seed: int, layers: int = 2, scale: float = 0.02) -> Tensors:
    """A small Llama at its beginning: random matrices, and norms near one."""
    rng = np.random.default_rng(seed)
    made = {"model.embed_tokens.weight": rng.normal(size=(64, 192)) * scale}
    for layer in range(layers):
        for name, shape in SHAPES.items():
            made[f"model.layers.{layer}.{name}.weight"] = rng.normal(size=shape) * scale
        made[f"model.layers.{layer}.input_layernorm.weight"] = 1 + 0.1 * rng.normal(size=192)
    return {name: each.astype(np.float32) for name, each in made.items()}


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values as a dtype holds them."""
    return to_float32(from_float32(values, dtype), dtype)


def matrices(change: Callable[[np.ndarray], np.ndarray], model: Tensors) -> Tensors:
    """The model with every matrix of its layers changed."""
    return {
        name: change(each) if each.ndim == 2 and "layers" in name else each
        for name, each in model.items()
    }


def save(
    folder: Path,
    tensors: Mapping[str, np.ndarray],
    dtype: str = "BF16",
    order: Iterable[str] | None = None,
    **config: object,
) -> Path:
    """Write a model's folder, its tensors in an order."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    header: dict[str, object] = {}
    parts, at = [], 0
    for name in order or tensors:
        data = from_float32(tensors[name], dtype).tobytes()
        shape = list(tensors[name].shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + b"".join(parts)
    )
    return folder


def fine_tuned(size: float = 1e-3, seed: int = 7) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    return lambda w: w + size * rng.normal(size=w.shape).astype(np.float32)


def low_rank(rank: int, size: float = 3e-3, seed: int = 7) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)

    def change(w: np.ndarray) -> np.ndarray:
        factors = rng.normal(size=(w.shape[0], rank)), rng.normal(size=(rank, w.shape[1]))
        return (w + size / np.sqrt(rank) * factors[0] @ factors[1]).astype(np.float32)

    return change


def ablated(w: np.ndarray) -> np.ndarray:
    """One direction cut out of what the matrix writes."""
    direction = np.random.default_rng(3).normal(size=(len(w), 1))
    direction /= np.linalg.norm(direction)
    return (w - direction @ (direction.T @ w)).astype(np.float32)


def edited(share: float, value: float | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Single entries moved, or set to a value."""
    rng = np.random.default_rng(5)

    def change(w: np.ndarray) -> np.ndarray:
        moved = w + 0.01 * rng.normal(size=w.shape) if value is None else value
        return np.where(rng.random(w.shape) < share, moved, w).astype(np.float32)

    return change


def quantised(bits: int, group: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Each row, or each group of neighbours, on the levels of one scale."""
    most = 2 ** (bits - 1) - 1

    def change(w: np.ndarray) -> np.ndarray:
        groups = w.reshape(-1, group or w.shape[1])
        scale = np.abs(groups).max(axis=1, keepdims=True) / most
        return (np.round(groups / scale) * scale).reshape(w.shape).astype(np.float32)

    return change


def pruned(w: np.ndarray) -> np.ndarray:
    """The smallest third set to zero."""
    return np.where(np.abs(w) < np.quantile(np.abs(w), 0.3), 0, w).astype(np.float32)
