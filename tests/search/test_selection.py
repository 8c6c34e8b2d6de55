"""Exact selection in all scopes: what a stable sort of all scores at once would choose."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.search import selection
from modelrepair.search.selection import (
    GlobalSelection,
    Spilled,
    select,
    spill,
    top_rows,
    top_tensor,
)
from modelrepair.settings.presets import count

KINDS = ["ties", "one value", "zeros of both signs", "normal", "denormal", "wide"]
SITES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


def draw_scores(rng, shape, kind):
    if kind == "ties":
        values = rng.integers(-2, 3, shape)
    elif kind == "one value":
        values = np.full(shape, 0.25)
    elif kind == "zeros of both signs":
        values = rng.choice([0.0, -0.0, 1e-45, -1e-45], shape)
    elif kind == "normal":
        values = rng.normal(size=shape)
    elif kind == "denormal":
        values = rng.integers(-3, 4, shape) * 1e-45
    else:
        values = np.exp(rng.normal(size=shape) * 30) * rng.choice([1, -1], shape)
    return np.clip(values, -3e38, 3e38).astype(np.float32)


def by_sorting(scores, eligible, k, signed):
    """The definition: sort everything at once, stably, and take the first k that may be taken."""
    flat, allowed = scores.ravel(), eligible.ravel()
    order = np.argsort(-flat.astype(np.float64), kind="stable")
    chosen = [i for i in order if allowed[i] and (not signed or flat[i] > 0)][:k]
    mask = np.zeros(flat.size, bool)
    mask[chosen] = True
    return mask.reshape(scores.shape)


def lying(folder, sites):
    """Where the scores of sites lie, two sites a file."""
    found = []
    for number, (scores, eligible) in enumerate(sites):
        path = folder / f"{number // 2}.scores"
        with path.open("ab" if number % 2 else "wb") as file:
            found.append(Spilled(path, file.tell(), scores.shape))
            spill(file, scores, eligible)
    return found


@pytest.fixture(autouse=True, params=[5, 1 << 22], ids=["small chunks", "one chunk"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(selection, "_CHUNK", request.param)


@settings(deadline=None)
@given(SITES, st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.floats(0, 1), st.booleans())
def test_all_scopes_equal_a_stable_sort(tmp_path_factory, shapes, kind, seed, ratio, signed):
    rng = np.random.default_rng(seed)
    share = rng.choice([0.0, 0.5, 1.0])
    sites = [(draw_scores(rng, shape, kind), rng.random(shape) >= share) for shape in shapes]
    folder = tmp_path_factory.mktemp("scores")
    files = lying(folder, sites)

    rows, tensors, everywhere = (
        list(select(files, scope, ratio, signed=signed)) for scope in ("row", "tensor", "global")
    )
    for number, (scores, eligible) in enumerate(sites):
        k = count(ratio, scores.shape[1])
        expected = [
            by_sorting(row, allowed, k, signed)
            for row, allowed in zip(scores, eligible, strict=True)
        ]
        np.testing.assert_array_equal(rows[number], expected)
        np.testing.assert_array_equal(top_rows(scores, k, eligible, signed=signed), expected)
        k = count(ratio, scores.size)
        whole = by_sorting(scores, eligible, k, signed)
        np.testing.assert_array_equal(tensors[number], whole)
        np.testing.assert_array_equal(top_tensor(scores, k, eligible, signed=signed), whole)

    scores = np.concatenate([scores.ravel() for scores, _ in sites])
    eligible = np.concatenate([eligible.ravel() for _, eligible in sites])
    expected = by_sorting(scores, eligible, count(ratio, scores.size), signed)
    np.testing.assert_array_equal(np.concatenate([mask.ravel() for mask in everywhere]), expected)
    for mask, (scores, _) in zip(everywhere, sites, strict=True):
        assert mask.shape == scores.shape and mask.dtype == bool


@settings(deadline=None, max_examples=40)
@given(SITES, st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_places_that_are_not_refilled_stay_empty(tmp_path_factory, shapes, kind, seed, ratio):
    rng = np.random.default_rng(seed)
    sites = [(draw_scores(rng, shape, kind), rng.random(shape) >= 0.3) for shape in shapes]
    folder = tmp_path_factory.mktemp("scores")
    files = lying(folder, sites)

    def expected(scores, eligible, k):
        return by_sorting(np.abs(scores), eligible, k, True) & (scores > 0)

    for scope in ("row", "tensor"):
        found = list(select(files, scope, ratio, signed=True, refill=False))
        for mask, (scores, eligible) in zip(found, sites, strict=True):
            parts = zip(scores, eligible, strict=True) if scope == "row" else [(scores, eligible)]
            wanted = [expected(s, e, count(ratio, s.size)) for s, e in parts]
            np.testing.assert_array_equal(mask.ravel(), np.concatenate(wanted, axis=None))
    flat, allowed = (np.concatenate([pair[i].ravel() for pair in sites]) for i in (0, 1))
    found = select(files, "global", ratio, signed=True, refill=False)
    together = np.concatenate([mask.ravel() for mask in found])
    np.testing.assert_array_equal(together, expected(flat, allowed, count(ratio, flat.size)))


@settings(deadline=None, max_examples=40)
@given(SITES, st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.booleans())
def test_masks_are_nested(tmp_path_factory, shapes, kind, seed, signed):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("scores")
    scores = [draw_scores(rng, shape, kind) for shape in shapes]
    files = lying(folder, [(values, None) for values in scores])
    ranking = GlobalSelection(files, signed=signed)
    counts = sorted({0, 1, ranking.entries, *rng.integers(0, ranking.entries + 2, 5).tolist()})
    thresholds = ranking.thresholds(counts)
    assert thresholds == [GlobalSelection(files, signed=signed).threshold(k) for k in counts]
    before = [np.zeros(values.shape, bool) for values in scores]
    for k, threshold in zip(counts, thresholds, strict=True):
        masks = [ranking.mask(number, threshold) for number in range(len(files))]
        assert sum(int(mask.sum()) for mask in masks) == min(k, ranking.eligible)
        for smaller, mask in zip(before, masks, strict=True):
            assert not (smaller & ~mask).any()
        before = masks
    for choose, values in ((top_rows, scores[0]), (top_tensor, scores[0])):
        smaller = np.zeros(values.shape, bool)
        for k in counts:
            mask = choose(values, k, signed=signed)
            assert not (smaller & ~mask).any()
            smaller = mask


def test_sites_may_be_empty_and_have_any_shape(tmp_path):
    every = ([1, 5, -np.inf], [5, 2], [])
    files = lying(tmp_path, [(np.array(values, "<f4"), None) for values in every])
    selection = GlobalSelection(files)
    three, all_eligible, none = selection.thresholds([3, 99, 0])
    masks = [selection.mask(file, three).tolist() for file in range(len(files))]
    assert masks == [[False, True, False], [True, True], []]
    assert selection.mask(0, all_eligible).tolist() == [True, True, False]
    assert not any(selection.mask(file, none).any() for file in range(len(files)))


def test_nothing_eligible(tmp_path):
    files = lying(tmp_path, [(np.full((2, 2), -1, np.float32), np.zeros((2, 2), bool))])
    for scope in ("row", "tensor", "global"):
        for signed in (False, True):
            assert not next(select(files, scope, 0.5, signed=signed)).any()


def test_another_quota(tmp_path):
    files = lying(tmp_path, [(np.arange(20, dtype=np.float32).reshape(2, 10), None)])
    official = lambda ratio, entries: entries - int(entries * (1 - ratio))  # noqa: E731
    masks = [next(select(files, "row", 0.05, quota=quota)) for quota in (count, official)]
    assert [int(mask.sum()) for mask in masks] == [0, 2]


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(tmp_path, bad):
    scores = np.array([[1, bad], [2, 3]], np.float32)
    for choose in (top_rows, top_tensor):
        with pytest.raises(ValueError, match="NaN or"):
            choose(scores, 1)
    assert top_tensor(scores, 1, np.isfinite(scores)).tolist() == [[False, False], [False, True]]
    with pytest.raises(ValueError, match="NaN or"):
        lying(tmp_path, [(scores, None)])
    scores.tofile(tmp_path / "a.bin")
    with pytest.raises(ValueError, match=r"'a\.bin' hold a NaN or"):
        GlobalSelection([Spilled(tmp_path / "a.bin", 0, (2, 2))])


def test_files_that_change_are_noticed(tmp_path):
    path = tmp_path / "a.bin"
    np.zeros(8, "<f4").tofile(path)
    ranking = GlobalSelection([Spilled(path, 0, (8,))])
    ranking.thresholds([3])
    for values in (np.ones(8, "<f4"), np.zeros(1, "<f4")):
        values.tofile(path)
        with pytest.raises(RuntimeError, match="changed"):
            ranking.threshold(2)


def test_the_scores_of_a_fortran_array(tmp_path):
    scores = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3) % 3)
    for choose in (top_rows, top_tensor):
        np.testing.assert_array_equal(choose(scores, 1), choose(scores.copy(order="C"), 1))


def test_memory_stays_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "_CHUNK", 1 << 18)
    scores = np.random.default_rng(0).random((4000, 4000), np.float32)
    files = lying(tmp_path, [(scores, None)])
    expected = np.partition(scores.ravel(), -160_000)[-160_000]
    del scores
    tracemalloc.start()
    ranking = GlobalSelection(files)
    threshold = ranking.threshold(160_000)
    assert tracemalloc.get_traced_memory()[1] < 16_000_000
    tracemalloc.stop()
    assert threshold.value == expected
    assert int(ranking.mask(0, threshold).sum()) == 160_000
