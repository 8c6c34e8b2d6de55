"""Arithmetic on the bits of a checkpoint's entries, the same to the last bit on every machine."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from modelrepair.errors import UnsupportedModelError

_RAW = {"BF16": "<u2", "F16": "<u2", "F32": "<u4", "F64": "<u8", "F8_E4M3": "u1", "F8_E5M2": "u1"}
_VALUES = {
    "BF16": ml_dtypes.bfloat16,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
}


def to_float32(raw: np.ndarray, dtype: str) -> np.ndarray:
    """Return the values that bits stand for; exact for every dtype but F64, which is rounded.

    >>> to_float32(np.array([0x3F80, 0xC000], np.uint16), "BF16").tolist()
    [1.0, -2.0]

    Args:
        raw: unsigned integers, any shape.
        dtype: the safetensors name: BF16, F16, F32, F64, F8_E4M3 or F8_E5M2.

    Raises:
        UnsupportedModelError: a dtype that has no values of its own (integers, block scales).
        ValueError: bits of another width than the dtype's.
    """
    raw = _contiguous(raw, dtype)
    if dtype == "F8_E5M2":
        # The upper half of a float16. ml_dtypes would give all its NaNs the same bits.
        half: np.ndarray = raw.astype(np.uint16) << np.uint16(8)
        return half.view(np.float16).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        values: np.ndarray = raw.view(_VALUES[dtype]).astype(np.float32, copy=False)
    return values


def from_float32(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return the bits of values, rounded to nearest, ties to even.

    >>> from_float32(np.array([1.0, 1.00390625]), "BF16").tolist() == [0x3F80, 0x3F80]
    True

    Args:
        values: float32, any shape.
        dtype: BF16, F16, F32 or F64; F8_E4M3 and F8_E5M2 take exact zeros only.

    Raises:
        UnsupportedModelError: another dtype, or a value other than zero for an 8-bit one.
    """
    values = np.asarray(values, np.float32, order="C")
    target = _raw_dtype(dtype)
    if dtype in ("BF16", "F16", "F32", "F64"):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            bits: np.ndarray = values.astype(_VALUES[dtype], copy=False).view(target)
        if dtype == "BF16":
            # One NaN for all: ml_dtypes would keep the sign.
            bits = np.where(np.isnan(values), target.type(0x7FC0), bits)
        return bits
    if values.view(np.uint32).any():
        raise UnsupportedModelError(
            f"{dtype} weights can be set to zero and to nothing else",
            hint="use --scale 0 and no reference, or repair the model before it was quantised",
        )
    return np.zeros(values.shape, target)


def from_float64(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return the bits of float64 values, rounded to float32 first, as `from_float32` rounds.

    >>> from_float64(np.array([1.0]), "BF16").tolist() == [0x3F80]
    True
    """
    if dtype == "F64":
        return np.asarray(values, np.float64, order="C").view(_raw_dtype(dtype))
    with np.errstate(over="ignore", under="ignore"):
        return from_float32(np.asarray(values).astype(np.float32), dtype)


def masked_values(
    weights: np.ndarray,
    dtype: str,
    reference: np.ndarray | None,
    reference_dtype: str | None,
    scale: float,
) -> np.ndarray:
    """Return the bits of masked entries: what they become when the subject is scaled.

    Without a reference, ``scale · w``, and +0.0 where the scale is 0. With one,
    ``ref + scale · (w − ref)`` in float32, rounded once; where the scale is 0 the reference's
    own value, bit for bit where the dtypes agree.

    >>> weights, reference = np.array([0x4000], np.uint16), np.array([0x3F80], np.uint16)
    >>> half = masked_values(weights, "BF16", reference, "BF16", 0.5)
    >>> to_float32(half, "BF16").tolist()
    [1.5]

    Args:
        weights: the masked entries' bits, ``[n]`` unsigned integers.
        dtype: their dtype, which the result has too.
        reference: the same entries of the reference, ``[n]``, or None.
        reference_dtype: the reference's dtype, or None.
        scale: what the subject is multiplied by.

    Raises:
        UnsupportedModelError: the dtype can't hold the result.
        ValueError: weights and reference differ in shape.
    """
    if reference is None or reference_dtype is None:
        if scale == 0:
            return np.zeros(weights.shape, _raw_dtype(dtype))
        with np.errstate(over="ignore", invalid="ignore"):
            return from_float32(np.float32(scale) * to_float32(weights, dtype), dtype)
    if reference.shape != weights.shape:
        raise ValueError(f"{weights.shape} weights, but {reference.shape} values of the reference")
    if scale == 0 and reference_dtype == dtype:
        return _contiguous(reference, dtype).copy()
    value = to_float32(reference, reference_dtype)
    if scale != 0:
        with np.errstate(over="ignore", invalid="ignore"):
            value = value + np.float32(scale) * (to_float32(weights, dtype) - value)
    return from_float32(value, dtype)


def _raw_dtype(dtype: str) -> np.dtype[np.unsignedinteger]:
    if dtype not in _RAW:
        raise UnsupportedModelError(
            f"weights of dtype {dtype} can't be repaired: expected one of {', '.join(_RAW)}",
            hint="repair the model before it was quantised",
            id="quantised",
        )
    return np.dtype(_RAW[dtype])


def _contiguous(raw: np.ndarray, dtype: str) -> np.ndarray:
    expected = _raw_dtype(dtype)
    if raw.dtype != expected:
        raise ValueError(f"the bits of {dtype} come as {expected}, found {raw.dtype}")
    return np.asarray(raw, order="C")
