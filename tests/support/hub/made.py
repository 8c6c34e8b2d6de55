"""Files too large to hold: their bytes are made from the place that is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from modelrepair.checkpoint.bits import from_float32

Values = Callable[[np.ndarray], np.ndarray]
"""From the places of entries in a file to their values, as float32."""


@dataclass(frozen=True)
class Made:
    """A safetensors file in bfloat16; behaves as bytes where a part of it is taken.

    ``name`` stands for what it holds: two of the same name and header have the same digest.
    """

    name: str
    header: bytes
    entries: int
    values: Values

    def __len__(self) -> int:
        return len(self.header) + 2 * self.entries

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        head = len(self.header)
        first, last = max(0, start - head) // 2, max(0, stop - head + 1) // 2
        made = from_float32(self.values(np.arange(first, last, dtype=np.uint64)), "BF16").tobytes()
        skip = max(0, start - head) - 2 * first
        return self.header[start:stop] + made[skip : skip + max(0, stop - max(start, head))]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.name} {len(self)}".encode() + self.header).hexdigest()


def shards(shapes: Mapping[str, tuple[int, ...]], name: str, values: Values, largest: int):
    """The files of a checkpoint in shards, and its index."""
    parts: list[dict[str, tuple[int, ...]]] = [{}]
    size = 0
    for tensor, shape in shapes.items():
        if size and size + 2 * int(np.prod(shape)) > largest:
            parts.append({})
            size = 0
        parts[-1][tensor] = shape
        size += 2 * int(np.prod(shape))
    files: dict[str, object] = {}
    where: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        header: dict[str, object] = {"__metadata__": {"format": "pt"}}
        at = 0
        for tensor, shape in part.items():
            end = at + 2 * int(np.prod(shape))
            header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
            where[tensor], at = file, end
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        head = len(text).to_bytes(8, "little") + text
        files[file] = Made(f"{name} {number}", head, at // 2, seeded(values, number))
    total = sum(2 * made.entries for made in files.values() if isinstance(made, Made))
    index = {"metadata": {"total_size": total}, "weight_map": where}
    return {**files, "model.safetensors.index.json": json.dumps(index).encode()}


def seeded(values: Values, number: int) -> Values:
    """The same values of other places: each shard has its own."""
    return lambda places: values(places + np.uint64(number << 40))


def normal(places: np.ndarray, seed: int) -> np.ndarray:
    """Independent normal values, each a function of its place and the seed."""
    with np.errstate(over="ignore"):
        mixed = (places + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: np.ndarray = _table()[(mixed >> np.uint64(48)).astype(np.uint16)]
    return found


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=65536).astype(np.float32)


def llama_7b() -> dict[str, tuple[int, ...]]:
    """The 291 tensors of Llama 2 with 7 billion parameters."""
    width, inner, words = 4096, 11008, 32000
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (words, width)}
    for layer in range(32):
        at = f"model.layers.{layer}"
        for name in "qkvo":
            shapes[f"{at}.self_attn.{name}_proj.weight"] = (width, width)
        for name in ("gate", "up"):
            shapes[f"{at}.mlp.{name}_proj.weight"] = (inner, width)
        shapes[f"{at}.mlp.down_proj.weight"] = (width, inner)
        for name in ("input", "post_attention"):
            shapes[f"{at}.{name}_layernorm.weight"] = (width,)
    return {**shapes, "model.norm.weight": (width,), "lm_head.weight": (words, width)}
