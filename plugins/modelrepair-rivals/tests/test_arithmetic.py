"""RESTA adds what alignment changed; DARE drops changes by lot and keeps their mean."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.plugin import EditView, SiteInfo
from modelrepair_rivals.arithmetic import Resta, dare
from modelrepair_rivals.options import ArithmeticOptions

SEEDS = st.integers(0, 10_000)


def view(seed: int, shape=(5, 7), name: str = "w") -> EditView:
    generator = torch.Generator().manual_seed(seed)
    weight, reference, other = torch.randn((3, *shape), generator=generator)
    return EditView(SiteInfo(name, "linear", 0, shape), weight, reference, {"unaligned": other})


def repaired(shown: EditView, strength: float, **options) -> torch.Tensor:
    return Resta(ArithmeticOptions(unaligned="a/b", **options)).edit(shown, None, strength)


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 2))
def test_the_safety_vector_is_added_entry_by_entry(seed, gamma):
    shown = view(seed)
    found = repaired(shown, gamma)
    for i in range(5):
        for j in range(7):
            safety = float(shown.reference[i, j]) - float(shown.models["unaligned"][i, j])
            expected = float(shown.weight[i, j]) + gamma * safety
            assert abs(float(found[i, j]) - expected) < 1e-5


@settings(max_examples=25)
@given(SEEDS)
def test_a_strength_of_nothing_changes_nothing(seed):
    shown = view(seed)
    assert torch.equal(repaired(shown, 0.0), shown.weight)


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 1), st.floats(0, 1))
def test_two_steps_are_one(seed, one, two):
    """What is added does not depend on what was added before."""
    shown = view(seed)
    first = repaired(shown, one)
    between = EditView(shown.info, first, shown.reference, shown.models)
    assert torch.allclose(repaired(between, two), repaired(shown, one + two), atol=1e-5)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([0.1, 0.3, 0.5, 0.9]))
def test_dare_drops_or_scales_each_change(seed, drop):
    delta = view(seed).weight
    found = dare(delta, drop, "w", seed)
    kept = found != 0
    assert torch.allclose(found[kept], delta[kept] / (1 - drop))
    assert torch.equal(dare(delta, drop, "w", seed), found)


@pytest.mark.parametrize("drop", [0.1, 0.3, 0.9])
def test_dare_drops_its_share_and_keeps_the_mean(drop):
    found = dare(torch.ones(200, 200), drop, "w", seed=1)
    assert abs(float((found == 0).float().mean()) - drop) < 0.01
    assert abs(float(found.mean()) - 1) < 0.05


def test_dare_draws_by_seed_and_name():
    delta = torch.ones(20, 20)
    found = [dare(delta, 0.5, *key) for key in (("w", 0), ("w", 1), ("experts#1", 0))]
    assert not any(torch.equal(found[a], found[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


@settings(max_examples=25)
@given(SEEDS)
def test_with_dare_the_rest_of_the_change_is_still_scaled(seed):
    """One edit, restated: reference + drop-and-scale + safety vector."""
    shown = view(seed, name="experts#3")
    found = repaired(shown, 0.5, drop=0.3, seed=seed)
    safety = shown.reference - shown.models["unaligned"]
    left = found - shown.reference - 0.5 * safety
    delta = shown.weight - shown.reference
    for value, change in zip(left.flatten().tolist(), delta.flatten().tolist(), strict=True):
        assert min(abs(value), abs(value - change / 0.7)) < 1e-5
