"""DG-Hard cuts noise off a change, and keeps what stands out of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.plugin import EditView, SiteInfo
from modelrepair_rivals.spectrum import DgHard, median_of_noise, signal, unknown_noise

SEEDS = st.integers(0, 10_000)
SHAPES = st.sampled_from([(40, 40), (30, 90), (90, 30)])


def noise(seed: int, shape) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def spike(seed: int, shape, size: float) -> torch.Tensor:
    """A matrix of rank one with this singular value, in units of the noise's bulk σ·√n."""
    left, right = noise(seed + 1, (shape[0], 1)), noise(seed + 2, (1, shape[1]))
    return size * math.sqrt(max(shape)) * left / left.norm() @ right / right.norm()


def edited(change: torch.Tensor, seed: int, strength: float = 1.0):
    reference = noise(seed + 3, change.shape).float()
    weight = (reference.double() + change).float()
    info = SiteInfo("experts#2", "linear", 0, tuple(change.shape))
    return DgHard(None).edit(EditView(info, weight, reference, {}), None, strength), reference


@pytest.mark.parametrize(
    ("beta", "published"), [(0.05, 1.5194), (0.1, 1.6089), (0.5, 2.1711), (1.0, 2.8582)]
)
def test_the_threshold_is_the_published_table_s(beta, published):
    """Table IV of Gavish and Donoho, for an unknown level of noise."""
    assert abs(unknown_noise((1000, round(1000 * beta))) - published) < 5e-4


@settings(max_examples=25)
@given(st.integers(20, 1000))
def test_the_threshold_is_near_the_published_polynomial(rows):
    beta = rows / 1000
    polynomial = 0.56 * beta**3 - 0.95 * beta**2 + 1.82 * beta + 1.43
    assert abs(unknown_noise((rows, 1000)) - polynomial) < 0.02
    assert unknown_noise((1000, rows)) == unknown_noise((rows, 1000))


@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0])
def test_the_median_is_that_of_the_density(beta):
    """Half of the Marchenko-Pastur mass, by the trapezoidal rule over the law's own variable."""
    low, high = (1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2

    def mass(top):
        x = low + (top - low) * np.linspace(1e-6, 1, 200_001) ** 2  # finer where it is steep
        y = np.sqrt(np.maximum((high - x) * (x - low), 0)) / (
            2 * np.pi * beta * np.maximum(x, 1e-12)
        )
        return float(np.sum((y[1:] + y[:-1]) / 2 * np.diff(x)))

    assert abs(mass(high) - 1) < 1e-3
    assert abs(mass(median_of_noise(beta)) - 0.5) < 1e-3


@settings(max_examples=25)
@given(SEEDS, SHAPES, st.floats(1e-4, 10))
def test_of_pure_noise_the_reference_is_left(seed, shape, size):
    found, reference = edited(size * noise(seed, shape), seed)
    assert torch.equal(found, reference)


@settings(max_examples=25)
@given(SEEDS, SHAPES)
def test_a_spike_above_the_threshold_stays_and_one_below_goes(seed, shape):
    change = noise(seed, shape) + spike(seed, shape, 4.0)
    kept, rank = signal(change, 1.0)
    assert rank == 1
    u, s, v = np.linalg.svd(change.numpy())
    np.testing.assert_allclose(kept, s[0] * np.outer(u[:, 0], v[0]), atol=1e-5)
    assert signal(noise(seed, shape) + spike(seed, shape, 0.5), 1.0)[1] == 0


@settings(max_examples=25)
@given(SEEDS, SHAPES, st.floats(0.1, 2))
def test_one_edit_is_the_restated_one(seed, shape, strength):
    change = noise(seed, shape) + spike(seed, shape, 3.0)
    found, reference = edited(change, seed, strength)
    change = (reference.double() + change).float().double() - reference.double()
    u, s, v = np.linalg.svd(change.numpy(), full_matrices=False)
    s = np.where(s > strength * unknown_noise(shape) * np.median(s), s, 0)
    np.testing.assert_allclose(found, reference.numpy() + (u * s) @ v, atol=1e-5)


@settings(max_examples=25)
@given(SEEDS, SHAPES, st.floats(0.1, 3), st.floats(1, 3))
def test_what_is_left_is_nested_and_does_not_depend_on_the_unit(seed, shape, strength, more):
    change = noise(seed, shape) + spike(seed, shape, 3.0)
    assert signal(change, strength)[1] >= signal(change, strength * more)[1]
    kept, rank = signal(change, strength)
    again, same = signal(1000 * change, strength)
    assert same == rank and torch.allclose(again, 1000 * kept, atol=1e-6)


def test_an_adapter_of_low_rank_stays_as_it_is():
    """Its median singular value is nothing: all that is not is signal."""
    change = noise(0, (40, 3)) @ noise(1, (3, 40))
    kept, _ = signal(change, 1.0)
    assert torch.allclose(kept, change, atol=1e-9)


def test_a_strength_of_nothing_gives_the_matrix_itself():
    found, reference = edited(noise(0, (40, 40)), 0, 1e-9)
    assert torch.equal(found, (reference.double() + noise(0, (40, 40))).float())
