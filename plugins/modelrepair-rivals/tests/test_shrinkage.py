"""CSULoRA keeps what lies along alignment, and shrinks the rest by its closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.plugin import EditView, SiteInfo
from modelrepair_rivals.options import ShrinkageOptions
from modelrepair_rivals.shrinkage import CsuLora, Parts, parts, shrunk, spaces

SEEDS = st.integers(0, 10_000)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def alignment_of(seed: int, rank: int = 2) -> torch.Tensor:
    return draw(seed, 6, rank) @ draw(seed + 1, rank, 9)


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 4))
def test_the_projectors_are_projectors(seed, rank):
    alignment = alignment_of(seed, rank)
    left, right = spaces(alignment, 1 - 1e-9)
    for base, side in ((left, alignment), (right, alignment.T)):
        projector = base @ base.T
        assert torch.allclose(projector @ projector, projector)
        assert torch.allclose(projector, projector.T)
        assert torch.allclose(projector @ side, side)
        assert base.shape[1] == rank


@settings(max_examples=25)
@given(SEEDS)
def test_the_parts_are_orthogonal_and_sum_to_the_change(seed):
    delta = draw(seed + 2, 6, 9)
    left, right = spaces(alignment_of(seed), 0.95)
    found = parts(delta, left, right)
    assert torch.allclose(sum(found), delta)
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert abs(float((found[one] * found[two]).sum())) < 1e-9
    again = parts(found.aligned, left, right)
    assert torch.allclose(again.aligned, found.aligned)
    assert torch.allclose(again.partial + again.outside, torch.zeros(6, 9).double(), atol=1e-9)


@settings(max_examples=10)
@given(SEEDS, st.floats(0.1, 50))
def test_the_closed_form_is_the_least_of_its_problem(seed, penalty):
    """No step from it, large or small, lowers the penalised distance."""
    delta = draw(seed + 2, 6, 9)
    left, right = spaces(alignment_of(seed), 0.95)
    before = parts(delta, left, right)
    shares = [float(part.square().sum() / delta.square().sum()) for part in before]

    def cost(x):
        own = parts(x, left, right)
        penalties = shares[1] * own.partial.square().sum() + shares[2] * own.outside.square().sum()
        return float((x - delta).square().sum() + penalty * penalties)

    least = shrunk(before, penalty)
    leaf = least.clone().requires_grad_(True)
    own = parts(leaf, left, right)
    penalties = shares[1] * own.partial.square().sum() + shares[2] * own.outside.square().sum()
    ((leaf - delta).square().sum() + penalty * penalties).backward()
    assert float(leaf.grad.abs().max()) < 1e-6
    assert all(cost(least) <= cost(least + size * draw(seed + 3, 6, 9)) for size in (1e-3, 1.0))


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 100))
def test_one_edit_is_the_restated_one(seed, penalty):
    weight, reference = draw(seed, 6, 9).float(), draw(seed + 1, 6, 9).float()
    unaligned = reference - 0.1 * alignment_of(seed + 5, 5).float()
    info = SiteInfo("experts#0", "linear", 0, (6, 9))
    view = EditView(info, weight, reference, {"unaligned": unaligned})
    found = CsuLora(ShrinkageOptions("a/b")).edit(view, None, penalty)

    w, r, b = (each.double().numpy() for each in (weight, reference, unaligned))
    u, s, vt = np.linalg.svd(r - b, full_matrices=False)
    rank = next(k for k in range(1, 7) if (s[:k] ** 2).sum() >= 0.95 * (s**2).sum())
    p, q = u[:, :rank] @ u[:, :rank].T, vt[:rank].T @ vt[:rank]
    d = w - r
    kept = p @ d @ q
    one = p @ d @ (np.eye(9) - q) + (np.eye(6) - p) @ d @ q
    none = (np.eye(6) - p) @ d @ (np.eye(9) - q)
    for part in (one, none):
        kept = kept + part / (1 + penalty * (part**2).sum() / (d**2).sum())
    np.testing.assert_allclose(found, r + kept, atol=1e-5)


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 10), st.floats(0, 10))
def test_more_penalty_is_never_nearer(seed, one, two):
    found = parts(draw(seed + 2, 6, 9), *spaces(alignment_of(seed), 0.95))
    delta = sum(found)
    near, far = sorted((one, two))
    assert (shrunk(found, near) - delta).norm() <= (shrunk(found, far) - delta).norm() + 1e-9
    assert torch.allclose(shrunk(found, 0.0), delta)
    assert torch.allclose(shrunk(found, 1e15), found.aligned, atol=1e-6)


@pytest.mark.parametrize("touched", ["alignment", "tuning"])
def test_what_alignment_or_tuning_did_not_touch_stays(touched):
    weight, reference = draw(0, 6, 9).float(), draw(1, 6, 9).float()
    other = {"unaligned": reference if touched == "alignment" else weight}
    seen = weight if touched == "alignment" else reference
    view = EditView(SiteInfo("w", "linear", 0, (6, 9)), seen, reference, other)
    assert CsuLora(ShrinkageOptions("a/b")).edit(view, None, 5.0) is seen


def test_a_change_of_nothing_is_left():
    nothing = torch.zeros(2, 2)
    assert torch.equal(shrunk(Parts(nothing, nothing, nothing), 3.0), nothing)
