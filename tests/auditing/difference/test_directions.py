"""What is a removed direction, and what only looks like one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.difference.difference import changes
from modelrepair.auditing.difference.directions import overlap, unrelated
from modelrepair.auditing.difference.pairs import Pair
from modelrepair.checkpoint.bits import from_float32, to_float32

SEEDS = st.integers(0, 2**32 - 1)


def pair(base, new, dtype="BF16"):
    old = from_float32(base, dtype)
    return Pair("layers.0.o_proj.weight", base.shape, old, dtype, from_float32(new, dtype), dtype)


def matrix(seed, size=(96, 160)):
    base = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    return to_float32(from_float32(base, "BF16"), "BF16")


def directions(seed, size, count=1):
    drawn = np.random.default_rng(seed).standard_normal((size, count))
    return np.linalg.qr(drawn)[0].astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 3), st.floats(0.3, 1), st.sampled_from(["BF16", "F16", "F32"]),
       st.booleans(), st.sampled_from([-1, 1]))  # fmt: skip
def test_removing_directions_is_seen_for_each_dtype_side_and_sign(
    seed, count, strength, dtype, turned, sign
):
    base, r = matrix(seed), sign * directions(seed + 1, 96, count)
    new = base - np.float32(strength) * r @ (r.T @ base)
    found = changes(pair(base.T, new.T, dtype) if turned else pair(base, new, dtype))
    assert found.reading == "removed"
    assert found.removed.count == count
    assert found.removed.side == ("input" if turned else "output")
    assert abs(found.removed.strength - strength) < 0.05
    assert overlap([found.removed.vectors, r]) > 0.99


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.3, 3))
def test_another_change_of_rank_one_is_no_removal(seed, size):
    base, r = matrix(seed), directions(seed + 1, 96)
    other = np.random.default_rng(seed + 2).standard_normal((1, 160)).astype(np.float32)
    found = changes(pair(base, base + np.float32(size) * r @ other))
    assert (found.reading, found.rank) == ("low-rank", 1)


def test_adding_to_a_direction_is_no_removal():
    base, r = matrix(1), directions(2, 96)
    assert changes(pair(base, base + 0.5 * r @ (r.T @ base))).reading == "low-rank"


def test_scaling_and_rows_of_zeros_are_no_removal():
    base = matrix(1)
    assert changes(pair(base, 0.8 * base)).reading == "dense"
    cut = base.copy()
    cut[[3, 70]] = 0
    assert changes(pair(base, cut)).reading == "sparse"


def test_independent_directions_overlap_as_theory_says():
    drawn = [directions(seed, 256) for seed in range(30)]
    assert abs(overlap(drawn) - unrelated(256)) < 0.01
    assert overlap(drawn[:1]) is None
