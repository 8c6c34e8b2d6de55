"""Few levels are seen where weights were quantised, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from modelrepair.auditing.lineage.levels import Levels, levels_of
from tests.support.weights import edited, fine_tuned, pruned, quantised, stored

NF4 = np.array([-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0, 0.0796, 0.1609,
                0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0], np.float32)  # fmt: skip


@pytest.fixture
def weights():
    return np.random.default_rng(2).normal(size=(12, 512)).astype(np.float32)


def nf4(w):
    groups = w.reshape(-1, 64)
    scale = np.abs(groups).max(axis=1, keepdims=True)
    nearest = np.abs(groups[..., None] / scale[..., None] - NF4).argmin(axis=-1)
    return (NF4[nearest] * scale).reshape(w.shape)


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (nf4, Levels(4, 64)),
        (quantised(4, 32), Levels(4, 32)),
        (quantised(4, 128), Levels(4, 128)),
        (quantised(4), Levels(4, 0)),
        (quantised(8), Levels(8, 0)),
        (quantised(8, 32), Levels(8, 32)),
        (fine_tuned(0.01), None),
        (pruned, None),
        (edited(0.9, 0.0), None),
    ],
)
def test_levels_are_named(weights, change, expected, dtype):
    before = stored(weights, dtype)
    assert levels_of(stored(change(before), dtype), before) == expected


def test_groups_are_counted_from_the_start_of_the_tensor(weights):
    made = quantised(4, 64)(weights).reshape(-1, 32)
    before = weights.reshape(-1, 32)
    assert levels_of(made[3:], before[3:], first=3 * 32) == Levels(4, 64)


def test_a_base_that_was_quantised_itself_is_no_change(weights):
    base = quantised(8)(weights)
    assert levels_of(base * np.float32(2), base) is None
