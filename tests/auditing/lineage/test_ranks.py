"""Low ranks are seen through the rounding, and dense changes are not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.auditing.lineage.ranks import random_share, rank_of
from modelrepair.auditing.lineage.rounding import noise
from tests.support.weights import ablated, fine_tuned, low_rank, stored

SHAPES = [(16, 1024), (128, 512), (128, 128), (256, 64)]


def seen(change, shape, dtype="BF16"):
    before = stored(0.02 * np.random.default_rng(1).normal(size=shape), dtype)
    after = stored(change(before), dtype)
    difference = after - before
    return rank_of(difference, noise(dtype, after, difference=difference))


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [1, 4, 16])
def test_a_rank_of_a_quarter_of_the_rows_is_read(rank, shape, dtype):
    found = seen(low_rank(rank), shape, dtype)
    assert found.of == min(shape)
    assert found.low == (4 * rank <= min(shape))
    if found.low:
        assert found.rank == rank


@pytest.mark.parametrize("dtype", ["BF16", "F32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_direction_that_was_cut_out_is_a_rank_of_one(shape, dtype):
    assert seen(ablated, shape, dtype).rank == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1e-4, 3e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_a_dense_change_is_never_of_low_rank(shape, size, decay):
    """Not even where its directions are as unequal as those of real training."""
    rng = np.random.default_rng(4)
    left, _, right = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    lengths = np.arange(1.0, min(shape) + 1) ** -decay
    made = (left * lengths) @ right
    made *= size * np.sqrt(made.size) / np.linalg.norm(made)
    for dtype in ("BF16", "F16", "F32"):
        found = seen(lambda w: (w + made).astype(np.float32), shape, dtype)
        assert found is None or not found.low


def test_what_rounding_hides_has_no_rank():
    assert seen(low_rank(1, 1e-5), (128, 512)) is None
    assert seen(low_rank(1, 1e-5), (128, 512), "F32").rank == 1
    assert seen(low_rank(1), (2, 512)) is None


def test_rows_without_a_change_are_left_out():
    def change(w):
        return np.concatenate([low_rank(1)(w[:8]), w[8:]])

    assert seen(change, (128, 512)).of == 8


@pytest.mark.parametrize("shape", [(32, 32), (64, 1024), (200, 50)])
def test_shares_by_chance_are_those_of_random_matrices(shape):
    lengths = np.linalg.svd(np.random.default_rng(1).normal(size=shape), compute_uv=False) ** 2
    for first in (1, 4, 16):
        expected = lengths[:first].sum() / lengths.sum()
        assert random_share(first, *shape) == pytest.approx(expected, rel=0.12)
    assert seen(fine_tuned(), shape, "F32").shares[16] == pytest.approx(
        random_share(16, *shape), rel=0.12
    )
