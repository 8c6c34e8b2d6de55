"""What happened to one slice, where a whole model does not show it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelrepair.auditing.lineage.changes import Weights, change_of
from modelrepair.auditing.lineage.sampling import Slice
from modelrepair.checkpoint.bits import from_float32
from tests.support.weights import edited, fine_tuned, stored

BITS = {"BF16": np.uint16, "F16": np.uint16, "F32": np.uint32}


def change(before, after, dtype="BF16", **more):
    rows, width = before.shape
    two = (Weights(from_float32(each, dtype), dtype) for each in (before, after))
    return change_of(Slice("w", 0, rows, width), *two, **more)


@pytest.fixture
def weights():
    return stored(0.02 * np.random.default_rng(3).normal(size=(64, 512)), "BF16")


@given(st.data(), st.sampled_from(sorted(BITS)))
def test_any_bits_are_equal_to_themselves_and_any_others_are_judged(data, dtype):
    """Infinities, values that are no number and the smallest ones among them."""
    shape = data.draw(st.tuples(st.integers(1, 8), st.integers(1, 32)))
    one, two = (Weights(data.draw(arrays(BITS[dtype], shape)), dtype) for _ in range(2))
    where = Slice("w", 0, *shape)
    assert change_of(where, one, one).kind == "equal"
    found = change_of(where, one, two)
    assert found.changed == np.count_nonzero(one.bits != two.bits)
    assert (found.kind == "equal") == (found.changed == 0)


def test_rows_of_tokens_may_stay_as_they_are(weights):
    trained = weights.copy()
    trained[::4] = fine_tuned(1e-3)(weights[::4])
    assert change(weights, trained).kind == "sparse"
    assert change(weights, trained, by_token=True).kind == "dense"


def test_one_entry_is_an_edit(weights):
    edit = weights.copy()
    edit[5, 7] *= 2
    found = change(weights, edit)
    assert (found.kind, found.changed) == ("sparse", 1)


def test_zeros_among_other_changes_are_counted(weights):
    both = edited(0.01, 0.0)(fine_tuned(1e-3)(weights))
    found = change(weights, both)
    assert found.kind == "dense"
    assert found.zeros == pytest.approx(0.01 * weights.size, rel=0.2)


def test_zeros_that_chance_may_make_are_not_counted(weights):
    """Of entries near zero, some land on it."""
    few = fine_tuned(1e-3)(weights)
    few.flat[:20] = 0
    assert change(weights, few).zeros == 0


def test_a_dtype_without_values_is_compared_by_its_bits():
    one, two = (Weights(np.full((2, 2), value, np.uint8), "U8") for value in (1, 2))
    where = Slice("w", 0, 2, 2)
    assert change_of(where, one, one, read=False).kind == "equal"
    assert change_of(where, one, two, read=False).kind == "unread"


def test_what_the_base_explains_is_a_share_of_the_variance(weights):
    other = 0.02 * np.random.default_rng(8).normal(size=weights.shape)
    half = np.sqrt(0.5) * (weights + other)
    found = change(weights, half.astype(np.float32))
    assert found.explained == pytest.approx(0.5, abs=0.02)
    assert change(weights, other.astype(np.float32)).kind == "unrelated"


def test_the_weights_of_a_norm_are_not_quantised():
    """All near one, they have few values in a group: by chance 16 here, and 17 before."""
    generator = np.random.default_rng(1)
    kinds = set()
    for _ in range(200):
        before = stored(0.98 + 0.021 * generator.normal(size=(1, 128)), "BF16")
        after = stored(before + 0.005 * generator.normal(size=(1, 128)), "BF16")
        kinds.add(change(before, after).kind)
    assert "quantised" not in kinds


def test_what_float16_can_not_hold_is_not_zeroed(weights):
    """Its range is narrower than bfloat16's: the smallest weights become zero in a conversion."""
    small = weights.copy()
    small[:, ::7] *= np.float32(2.0**-24)
    before = Weights(from_float32(stored(small, "BF16"), "BF16"), "BF16")
    after = Weights(from_float32(before.values, "F16"), "F16")
    assert np.count_nonzero(after.values == 0) > 1000
    assert change_of(Slice("w", 0, *weights.shape), before, after).kind == "equal"


def test_a_norm_that_moved_as_a_whole_is_not_scaled():
    """Its entries are all near one: a factor and a step do the same to them."""
    generator = np.random.default_rng(1)
    near_one = stored(1 + 0.002 * generator.normal(size=(1, 256)), "BF16")
    moved = stored(near_one + 0.03 + 0.001 * generator.normal(size=(1, 256)), "BF16")
    assert change(near_one, moved).kind == "dense"
    wide = stored(1 + 0.3 * generator.normal(size=(1, 256)), "BF16")
    assert change(wide, stored(1.5 * wide, "BF16")).kind == "scaled"
