"""The tensors that two models have in common, matrix by matrix, as blocks of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelrepair.checkpoint.bits import from_float32, to_float32
from modelrepair.checkpoint.blocks import BLOCK as LAYER
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import UnsupportedModelError

_PREFIXES = ("model.", "transformer.", "base_model.model.")
_FACTOR = re.compile(r"^base_model\.model\.(?P<path>.+)\.lora_A(\.\w+)?\.weight$")
READ = ("BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2")


@dataclass(frozen=True)
class Factors:
    """What an adapter adds to one matrix: ``scale · up @ down``."""

    up: np.ndarray
    down: np.ndarray
    scale: float


@dataclass(frozen=True)
class Pair:
    """One matrix (or vector, as one row) of both models.

    Args:
        name: of the tensor; an expert of stacked ones has its number behind it.
        shape: of the tensor, or of the expert.
        old: the base's bits, ``[rows, columns]``.
        old_dtype: their dtype.
        new: the model's bits; None for an adapter.
        dtype: their dtype; the base's for an adapter, which adds what it adds when it runs.
        factors: of an adapter.
    """

    name: str
    shape: tuple[int, ...]
    old: np.ndarray
    old_dtype: str
    new: np.ndarray | None
    dtype: str
    factors: Factors | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.old.shape[0], self.old.shape[1]

    @property
    def layer(self) -> int | None:
        """The number of its block."""
        found = LAYER.match(self.name)
        return int(found["index"]) if found else None

    @property
    def projection(self) -> str:
        """Its own name, without the way to it.

        >>> bits = np.zeros((1, 1), np.uint16)
        >>> Pair("layers.3.mlp.up_proj.weight", (1, 1), bits, "F16", bits, "F16").projection
        'up_proj'
        """
        return re.sub(r"(\.weight)?(\[\d+\])?$", "", self.name).rpartition(".")[2]

    @property
    def cast(self) -> bool:
        """Whether the two have different dtypes."""
        return self.old_dtype != self.dtype

    def base(self, low: int, high: int) -> np.ndarray:
        """The base's rows as float32."""
        return to_float32(self.old[low:high], self.old_dtype)

    def change(self, low: int, high: int, base: np.ndarray | None = None) -> np.ndarray:
        """The model's rows less the base's, as float32."""
        if self.factors is not None:
            added: np.ndarray = self.factors.up[low:high] @ self.factors.down
            added *= np.float32(self.factors.scale)
            return added
        assert self.new is not None
        value = to_float32(self.new[low:high], self.dtype)
        old = self.base(low, high) if base is None else base
        if value.flags.writeable and self.dtype != "F32":  # the values of F32 are the bits given
            np.subtract(value, old, out=value)
            return value
        less: np.ndarray = value - old
        return less

    def old_bits(self, low: int, high: int) -> np.ndarray:
        """The base's rows as bits of the model's dtype: what a mere conversion would write."""
        if not self.cast:
            return self.old[low:high]
        if self.dtype.startswith("F8"):
            raise UnsupportedModelError(
                f"{self.name!r} was quantised", hint="compare with a model of the same dtype"
            )
        return from_float32(self.base(low, high), self.dtype)

    def part(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some rows and columns of the base and of the change, as float32."""
        here = np.ix_(rows, columns)
        base = to_float32(self.old[here], self.old_dtype)
        if self.factors is not None:
            factors = self.factors
            added: np.ndarray = factors.up[rows] @ factors.down[:, columns]
            return base, added * np.float32(factors.scale)
        assert self.new is not None
        return base, to_float32(self.new[here], self.dtype) - base


def pairs(
    target: Checkpoint, base: Checkpoint, left_out: dict[str, str], adapter: Mapping[str, Any]
) -> Iterator[Pair]:
    """The matrices and vectors of both models.

    Args:
        target: the model, or an adapter.
        base: what it is compared with.
        left_out: gets the tensors that can't be compared, with the reason.
        adapter: an adapter's config; empty for a model.
    """
    if adapter:
        yield from _adapted(target, base, left_out, adapter)
        return
    seen = set()
    for name, entry in target.entries.items():
        other = partner(name, base)
        if other is None:
            left_out[name] = "the base has no tensor of this name"
            continue
        seen.add(other)
        old = base.entries[other]
        if old.shape != entry.shape:
            left_out[name] = f"shape {list(entry.shape)}, the base's {list(old.shape)}"
        elif entry.dtype not in READ or old.dtype not in READ:
            if entry.dtype != old.dtype or not np.array_equal(target.raw(name), base.raw(other)):
                left_out[name] = f"dtype {entry.dtype}, the base's {old.dtype}"
        elif entry.entries:
            new, bits = target.raw(name), base.raw(other)
            yield from _cut(name, entry.shape, bits, old.dtype, new, entry.dtype)
    tied = "lm_head.weight"
    left_out.update({each: "the model does not have it" for each in base.entries
                     if each not in seen and not each.endswith(tied)})  # fmt: skip


def partner(name: str, base: Checkpoint) -> str | None:
    """The base's name of a tensor: the same, or one that differs by how the whole is named.

    >>> partner("model.norm.weight", Checkpoint(__import__("pathlib").Path(), None, {})) is None
    True
    """
    if name in base.entries:
        return name
    names = [prefix + name for prefix in _PREFIXES]
    names += [name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)]
    if name.endswith("lm_head.weight"):  # written out where the base ties it
        names += [each for each in base.entries if each.endswith("embed_tokens.weight")]
    return next((each for each in names if each in base.entries), None)


def _cut(
    name: str, shape: tuple[int, ...], old: np.ndarray, old_dtype: str, new: np.ndarray, dtype: str
) -> Iterator[Pair]:
    if len(shape) == 3 and 1 not in shape[:2]:
        # Stacked experts: each multiplies for itself.
        for index in range(shape[0]):
            yield Pair(f"{name}[{index}]", shape[1:], old[index], old_dtype, new[index], dtype)
        return
    size = (1, -1) if len(shape) < 2 else (shape[0], -1)
    yield Pair(name, shape, old.reshape(size), old_dtype, new.reshape(size), dtype)


def _adapted(
    target: Checkpoint, base: Checkpoint, left_out: dict[str, str], config: Mapping[str, Any]
) -> Iterator[Pair]:
    if str(config.get("peft_type")).upper() != "LORA" or config.get("use_dora"):
        left_out["*"] = f"an adapter of type {config.get('peft_type')}, or DoRA"
        return
    used = set()
    for name in target.entries:
        found = _FACTOR.match(name)
        if not found:
            continue
        up_name = name.replace(".lora_A", ".lora_B")
        of = partner(f"{found['path']}.weight", base)
        if up_name not in target.entries or of is None or len(base.entries[of].shape) != 2:
            continue
        down, up = (to_float32(target.raw(each), target.entries[each].dtype)
                    for each in (name, up_name))  # fmt: skip
        old, turned = base.raw(of), bool(config.get("fan_in_fan_out"))
        old = old.T if turned else old
        if old.shape != (up.shape[0], down.shape[1]):
            left_out[name] = f"does not fit {of}"
            continue
        used |= {name, up_name}
        factors = Factors(up, down, _scale(config, found["path"], down.shape[0]))
        dtype = base.entries[of].dtype
        yield Pair(of, old.shape, old, dtype, None, dtype, factors)
    left_out.update({each: "no factor of a matrix of the base" for each in target.entries
                     if each not in used and each not in left_out})  # fmt: skip


def _scale(config: Mapping[str, Any], path: str, rank: int) -> float:
    pattern = config.get("alpha_pattern")
    alpha = config.get("lora_alpha")
    for key, value in (pattern if isinstance(pattern, dict) else {}).items():
        if path == key or path.endswith(f".{key}"):
            alpha = value
    alpha = alpha if isinstance(alpha, (int, float)) else rank
    return float(alpha) / (rank**0.5 if config.get("use_rslora") else rank)
