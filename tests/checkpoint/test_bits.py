"""The arithmetic on bits agrees with torch's, bit for bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.checkpoint.bits import from_float32, masked_values, to_float32
from modelrepair.errors import UnsupportedModelError

TORCH = {
    "BF16": (torch.bfloat16, np.uint16),
    "F16": (torch.float16, np.uint16),
    "F32": (torch.float32, np.uint32),
    "F64": (torch.float64, np.uint64),
    "F8_E4M3": (torch.float8_e4m3fn, np.uint8),
    "F8_E5M2": (torch.float8_e5m2, np.uint8),
}


def torch_float32(raw, dtype):
    signed = raw.view(raw.dtype.str.replace("u", "i")) if raw.dtype.itemsize > 1 else raw
    return torch.from_numpy(signed.copy()).view(TORCH[dtype][0]).to(torch.float32).numpy()


def torch_bits(values, dtype):
    kind, raw = TORCH[dtype]
    tensor = torch.from_numpy(np.array(values, np.float32)).to(kind)
    signed = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    return tensor.view(signed).numpy().view(raw)


def same_values(found, expected):
    """Bit for bit, but for which of the many NaNs it is: there torch differs from itself."""
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), nan)
    np.testing.assert_array_equal(found.view(np.uint32)[~nan], expected.view(np.uint32)[~nan])


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F8_E4M3", "F8_E5M2"])
def test_every_pattern_reads_as_in_torch(dtype):
    raw = np.arange(2 ** (8 * np.dtype(TORCH[dtype][1]).itemsize), dtype=TORCH[dtype][1])
    same_values(to_float32(raw, dtype), torch_float32(raw, dtype))


def test_a_nan_keeps_its_bits_as_a_float32_and_is_one_as_a_bfloat16():
    raw = np.arange(256, dtype=np.uint8)
    read = to_float32(raw, "F8_E5M2").view(np.uint32)
    half = (raw.astype(np.uint16) << 8).view(np.float16)
    np.testing.assert_array_equal(read, half.astype(np.float32).view(np.uint32))
    assert read[0x7D] != read[0x7F]
    nans = np.array([0x7F800001, 0x7FC00000, 0xFF800001, 0xFFFFFFFF], np.uint32).view(np.float32)
    assert from_float32(nans, "BF16").tolist() == [0x7FC0] * 4


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_every_pattern_survives_the_way_to_float32_and_back(dtype):
    raw = np.arange(1 << 16, dtype=np.uint16)
    values = to_float32(raw, dtype)
    number = ~np.isnan(values)
    back = from_float32(values, dtype)
    np.testing.assert_array_equal(back[number], raw[number])
    assert np.isnan(to_float32(back[~number], dtype)).all()


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32", "F64"])
def test_rounding_is_torchs(dtype):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, 1 << 18, np.uint32)
    # All high halves with the low halves where rounding turns: below, at and above the tie.
    high = np.arange(1 << 16, dtype=np.uint32) << 16
    edges = [high | low for low in (0, 1, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
    values = np.concatenate([bits, *edges]).view(np.float32)
    values = values[~np.isnan(values)]
    np.testing.assert_array_equal(from_float32(values, dtype), torch_bits(values, dtype))


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_float64_is_rounded_to_float32_as_in_torch(value):
    raw = np.array([value]).view(np.uint64)
    same_values(to_float32(raw, "F64"), torch_float32(raw, "F64"))


def test_shapes_stay():
    for shape in ((), (0,), (2, 3), (2, 0, 4)):
        raw = np.zeros(shape, np.uint16)
        assert to_float32(raw, "BF16").shape == from_float32(np.zeros(shape), "F16").shape == shape


def test_a_transposed_view_is_read_right():
    raw = np.arange(6, dtype=np.uint32).reshape(2, 3)
    np.testing.assert_array_equal(to_float32(raw.T, "F32"), to_float32(raw, "F32").T)


@pytest.mark.parametrize("dtype", TORCH)
def test_removing_from_a_weight_is_plus_zero(dtype):
    raw = np.full(3, np.iinfo(TORCH[dtype][1]).max, TORCH[dtype][1])
    result = masked_values(raw, dtype, None, None, 0)
    assert result.dtype == raw.dtype and not result.any()


@pytest.mark.parametrize("dtype", TORCH)
def test_removing_from_a_delta_copies_the_references_bits(dtype):
    reference = np.arange(200, 256).astype(TORCH[dtype][1])
    result = masked_values(np.zeros_like(reference), dtype, reference, dtype, 0)
    np.testing.assert_array_equal(result, reference)
    assert result is not reference and result.base is not reference


@settings(deadline=None)
@given(
    st.sampled_from(["BF16", "F16", "F32"]),
    st.sampled_from(["BF16", "F16", "F32", "F64"]),
    st.sampled_from([0.0, 0.25, 0.75, 1.5]),
    st.integers(0, 2**32 - 1),
)
def test_shrinking_a_delta_is_torchs_float32_arithmetic(dtype, reference_dtype, scale, seed):
    rng = np.random.default_rng(seed)
    weights = torch_bits(rng.normal(size=64), dtype)
    reference = torch_bits(rng.normal(size=64), reference_dtype)
    w, ref = (
        torch.from_numpy(to_float32(*pair))
        for pair in ((weights, dtype), (reference, reference_dtype))
    )
    expected = torch_bits((ref + scale * (w - ref)).numpy(), dtype)
    if scale == 0:
        expected = torch_bits(ref.numpy(), dtype)
    found = masked_values(weights, dtype, reference, reference_dtype, scale)
    np.testing.assert_array_equal(found, expected)


def test_shrinking_a_weight_keeps_the_sign_of_zero():
    raw = np.array([0x8000, 0x3F80], np.uint16)
    assert masked_values(raw, "BF16", None, None, 0.5).tolist() == [0x8000, 0x3F00]


def test_what_cant_be_done_is_refused():
    raw = np.zeros(2, np.uint8)
    assert from_float32(np.zeros(2), "F8_E4M3").tolist() == [0, 0]
    with pytest.raises(UnsupportedModelError, match="set to zero and to nothing else") as error:
        from_float32(np.array([0.0, -0.0]), "F8_E4M3")
    assert error.value.hint
    with pytest.raises(UnsupportedModelError, match="dtype I8 can't be repaired"):
        masked_values(raw, "I8", None, None, 0)
    with pytest.raises(ValueError, match="come as uint16, found uint8"):
        to_float32(raw, "BF16")
    with pytest.raises(ValueError, match="values of the reference"):
        masked_values(raw, "F8_E5M2", np.zeros(3, np.uint8), "F8_E5M2", 0)


def test_no_module_of_the_checkpoint_imports_torch():
    modules = ["bits", "weight_files", "mask", "reader", "writer"]
    code = "".join(f"import modelrepair.checkpoint.{name}\n" for name in modules)
    code += "import modelrepair.search.selection, sys\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
