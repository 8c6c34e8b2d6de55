"""The sketched spectrum against numpy's exact one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.auditing.difference.spectrum import (
    FLAT_ERROR,
    ULP,
    Sketch,
    blocks,
    counted_rank,
    leading,
    refined,
)

SIZES = st.tuples(st.integers(2, 300), st.integers(2, 300))


def spectrum(matrix, seed=0):
    gathered = Sketch(matrix.shape, seed)
    for low, high in blocks(matrix.shape):
        gathered.add(low, high, matrix[low:high])
    return leading(lambda a, b: matrix[a:b], matrix.shape, gathered)


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_of_a_flat_spectrum_the_largest_is_no_smaller_than_stated(size, seed):
    matrix = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    exact = np.linalg.svd(matrix, compute_uv=False)[0]
    found = spectrum(matrix, seed).values[0]
    assert (1 - FLAT_ERROR) * exact <= found <= exact * 1.0001


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_of_a_low_rank_all_values_are_exact(size, rank, seed):
    generator = np.random.default_rng(seed)
    rank = min(rank, *size)
    matrix = generator.standard_normal((size[0], rank)) @ generator.standard_normal((rank, size[1]))
    matrix = matrix.astype(np.float32)
    exact = np.linalg.svd(matrix.astype(np.float64))
    found = refined(lambda a, b: matrix[a:b], matrix.shape, spectrum(matrix, seed))
    np.testing.assert_allclose(found.values[:rank], exact[1][:rank], rtol=2e-3, atol=1e-3)
    assert abs(found.left[:, 0] @ exact[0][:, 0]) > 0.99 or exact[1][0] < 1.2 * exact[1][1]


def test_the_blocks_cover_every_row_once():
    shape = (1000, 300)
    assert [row for low, high in blocks(shape) for row in range(low, high)] == list(range(1000))
    assert list(blocks((2, 10**9))) == [(0, 1), (1, 2)]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_rank_under_rounding_is_counted(rank, seed):
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((128, 128))
    change = generator.standard_normal((128, rank)) @ generator.standard_normal((rank, 128))
    noise = generator.uniform(-0.5, 0.5, weights.shape) * ULP["BF16"] * weights
    assert counted_rank(change + noise, weights, ULP["BF16"])[0] == rank
    assert counted_rank(noise, weights, ULP["BF16"])[0] == 0
