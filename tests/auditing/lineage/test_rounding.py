"""The yardstick for what is left unexplained: steps, and the energy of rounding."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.lineage.rounding import grid_of, noise, one_in, steps
from tests.support.weights import stored

TYPES = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32}


@given(st.floats(2**-30, 2**14, width=32), st.sampled_from(sorted(TYPES)))
def test_a_step_leads_to_the_next_value(value, dtype):
    held = np.array([value], TYPES[dtype])
    if held[0] == 0:
        return
    next_one = np.nextafter(held, np.array([np.inf], TYPES[dtype]))
    step = float(next_one[0]) - float(held[0])
    assert steps(held.astype(np.float32), dtype)[0] == pytest.approx(step)


@pytest.mark.parametrize("dtype", sorted(TYPES))
def test_rounding_is_as_large_as_is_said(dtype):
    values = np.random.default_rng(1).normal(size=(200, 200)).astype(np.float64)
    rounded = values.astype(TYPES[dtype]).astype(np.float32)
    added = noise(dtype, rounded, difference=np.zeros_like(rounded))
    found = float(np.square(rounded - values).sum())
    assert abs(found - added.energy) < 4 * added.spread
    assert found < added.most(dtype)


def test_a_narrow_model_that_is_stored_wide_is_seen():
    values = np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32)
    assert grid_of(values, "F32") == "F32"
    assert grid_of(stored(values, "BF16"), "F32") == "BF16"
    assert grid_of(stored(values, "F16"), "F32") == "F16"
    assert grid_of(values, "F8_E4M3") == "F8_E4M3"


def test_twice_rounded_is_twice_the_noise():
    ones = np.ones((4, 4), np.float32)
    once, twice = (noise("BF16", *[ones] * count, difference=0 * ones).energy for count in (1, 2))
    assert twice == pytest.approx(2 * once)
    assert one_in("F16") == 2**-10
