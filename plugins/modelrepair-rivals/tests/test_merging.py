"""SafeMERGE merges the matrices that left alignment, and no other, by the paper's mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.plugin import EditView, SiteInfo
from modelrepair_rivals.merging import SafeMerge, merged_change
from modelrepair_rivals.options import MergingOptions
from modelrepair_rivals.plugin import unaligned_and_safe

SEEDS = st.integers(0, 10_000)


def view(seed: int, name: str = "w") -> EditView:
    generator = torch.Generator().manual_seed(seed)
    weight, reference, unaligned, safe = torch.randn((4, 6, 9), generator=generator)
    models = {"unaligned": unaligned, "safe": safe}
    return EditView(SiteInfo(name, "linear", 0, (6, 9)), weight, reference, models)


def repaired(shown: EditView, share: float, **options) -> torch.Tensor:
    return SafeMerge(MergingOptions(unaligned="a/b", **options)).edit(shown, None, share)


def restated(shown: EditView, share: float, threshold: float, safe: bool) -> np.ndarray:
    """Cosine, choice and mean in plain numpy, entry by entry of the formula."""
    weight, reference = shown.weight.double().numpy(), shown.reference.double().numpy()
    alignment = reference - shown.models["unaligned"].double().numpy()
    change = weight - reference
    projected = alignment @ alignment.T @ change
    flat = float((projected * change).sum())
    near = flat / math.sqrt(float((projected**2).sum() * (change**2).sum()))
    if near >= threshold:
        return weight
    other = shown.models["safe"].double().numpy() - reference if safe else alignment
    return reference + (1 - share) * change + share * other


@pytest.mark.parametrize("safe", [None, "org/safe"])
@pytest.mark.parametrize("threshold", [0.35, 0.7, 1.0])
@settings(max_examples=15)
@given(SEEDS, st.floats(0, 1))
def test_one_edit_is_the_restated_one(threshold, safe, seed, share):
    shown = view(seed)
    found = repaired(shown, share, threshold=threshold, safe=safe)
    expected = restated(shown, share, threshold, safe is not None)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=25)
@given(SEEDS)
def test_nothing_of_the_safe_change_leaves_the_matrix(seed):
    shown = view(seed)
    assert torch.allclose(repaired(shown, 0.0, threshold=1.0), shown.weight, atol=1e-5)


@settings(max_examples=25)
@given(SEEDS)
def test_all_of_the_safe_change_is_the_safe_model(seed):
    shown = view(seed)
    found = repaired(shown, 1.0, threshold=1.0, safe="org/safe")
    assert torch.allclose(found, shown.models["safe"], atol=1e-5)


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 1))
def test_the_mean_of_a_change_with_itself_is_the_change(seed, share):
    delta = view(seed).weight
    assert torch.allclose(merged_change(delta, delta, share), delta, atol=1e-5)


def test_a_change_along_alignment_stays_and_one_across_it_is_merged():
    reference = torch.zeros(2, 2)
    unaligned = -torch.diag(torch.tensor([1.0, 0.0]))
    for change, merged in (([[1.0, 0.0], [0.0, 0.0]], False), ([[0.0, 0.0], [0.0, 1.0]], True)):
        weight = torch.tensor(change)
        info = SiteInfo("experts#1", "linear", 0, (2, 2))
        shown = EditView(info, weight, reference, {"unaligned": unaligned})
        expected = 0.8 * weight - 0.2 * unaligned if merged else weight
        assert torch.allclose(repaired(shown, 0.2), expected)


def test_what_alignment_or_tuning_did_not_touch_stays():
    shown = view(1)
    same = EditView(shown.info, shown.weight, shown.reference, {"unaligned": shown.reference})
    assert repaired(same, 0.5) is same.weight
    tuned = EditView(shown.info, shown.reference, shown.reference, shown.models)
    assert repaired(tuned, 0.5) is tuned.weight


def test_a_safe_model_is_asked_for_where_it_is_named():
    assert set(unaligned_and_safe(MergingOptions("a/b"))) == {"unaligned"}
    named = unaligned_and_safe(MergingOptions("a/b", safe="c/d"))
    assert named == {"unaligned": "a/b", "safe": "c/d"}
