"""A slice beside several models: distances, and sums of two."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.auditing.lineage.changes import Weights
from modelrepair.auditing.lineage.parents import nearness
from modelrepair.checkpoint.bits import from_float32
from tests.support.weights import fine_tuned, low_rank, stored


def held(values, dtype="BF16"):
    return Weights(from_float32(np.asarray(values, np.float32), dtype), dtype)


@pytest.fixture
def base():
    return stored(0.02 * np.random.default_rng(3).normal(size=(16, 512)), "BF16")


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.3, 0.7), (1.0, 0.4), (0.9, -0.2)])
def test_a_weighted_sum_is_solved(base, weights, dtype):
    other = stored(fine_tuned(0.01)(base), dtype)
    mixed = weights[0] * base + weights[1] * other
    found = nearness(held(mixed, dtype), {"a": held(base, dtype), "b": held(other, dtype)})
    assert found.tried == (("a", "b"),)
    assert found.mixes[0].weights == pytest.approx(weights, abs=0.02)


@pytest.mark.parametrize("change", [fine_tuned(0.002, 8), low_rank(2)])
def test_a_change_of_its_own_is_no_mix(base, change):
    other = fine_tuned(0.01)(base)
    found = nearness(held(change(base)), {"a": held(base), "b": held(other)})
    assert (found.tried, found.mixes) == ((("a", "b"),), ())
    assert found.distances["a"] < found.distances["b"]


def test_a_copy_or_a_multiple_of_one_is_no_mix(base):
    other = fine_tuned(0.01)(base)
    parents = {"a": held(base), "b": held(other)}
    assert nearness(held(base), parents).tried == ()
    assert nearness(held(2 * base), parents).mixes == ()


def test_parents_that_are_the_same_are_no_pair(base):
    found = nearness(held(fine_tuned()(base)), {"a": held(base), "b": held(base)})
    assert found.tried == ()
