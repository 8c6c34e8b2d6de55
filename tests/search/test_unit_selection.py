"""Whole units in the order of their means: never split, never over the ratio, nested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.engine.units import Family, Part, Units
from modelrepair.search.selection import Spilled, spill
from modelrepair.search.unit_selection import (
    FamilyScores,
    least_share,
    mask_of,
    protected_units,
    select_units,
    sums_of,
    top_units,
)
from modelrepair.settings.presets import count

SCOPES = ("tensor", "global")


@st.composite
def drawn(draw):
    """A model of up to three blocks: families of two or three sites, some lines in no unit."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    families, scores = [], {}
    for block in range(draw(st.integers(1, 3))):
        units = draw(st.integers(1, 5))
        parts = []
        for number in range(draw(st.integers(1, 3))):
            axis, lines = draw(st.integers(0, 1)), units * draw(st.integers(1, 3))
            of = rng.permutation(np.arange(lines) % units)
            if draw(st.booleans()):
                of = np.append(of, -1)  # a line that belongs to none
            shape = [0, 0]
            shape[axis], shape[1 - axis] = len(of), draw(st.integers(1, 4))
            name = f"{block}.{number}"
            parts.append(Part(name, axis, of))
            # Few values, so that ties are common; what may not be chosen is -inf.
            values = rng.integers(-2, 3, shape).astype(np.float32)
            values[rng.random(shape) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = -np.inf
            scores[name] = values
        families.append(Family(block, units, tuple(parts)))
    return Units("neuron", tuple(families)), scores


def spilled(folder, scores):
    found, path = {}, folder / "scores"
    with path.open("wb") as file:
        for name, values in scores.items():
            found[name] = Spilled(path, file.tell(), values.shape)
            spill(file, values)
    return found


def by_definition(units, scores, scope, ratio, signed):
    """Each unit's entries gathered one by one, and the best taken until one does not fit."""
    found = {name: np.zeros(values.shape, bool) for name, values in scores.items()}
    groups = [units.families] if scope == "global" else [[each] for each in units.families]
    for families in groups:
        sites = [part.site for each in families for part in each.parts]
        left = count(ratio, sum(scores[name].size for name in sites))
        ranked = []
        for family in families:
            for number in range(family.count):
                entries = {}
                for part in family.parts:
                    lines = part.units == number
                    here = np.zeros(scores[part.site].shape, bool)
                    here[lines if part.axis == 0 else (slice(None), lines)] = True
                    entries[part.site] = here
                values = np.concatenate([scores[n][m] for n, m in entries.items()])
                finite = values[values > -np.inf].astype(np.float64)
                mean = finite.sum() / max(1, len(values))
                if len(finite) and (not signed or mean > 0):
                    ranked.append((mean, len(values), entries))
        for _, size, entries in sorted(ranked, key=lambda each: -each[0]):
            if size > left:
                break
            left -= size
            for name, mask in entries.items():
                found[name] |= mask
    return found


@settings(max_examples=40, deadline=None)
@given(model=drawn(), ratio=st.floats(0, 1), signed=st.booleans(), scope=st.sampled_from(SCOPES))
def test_the_best_whole_units_that_fit_are_chosen(tmp_path_factory, model, ratio, signed, scope):
    units, scores = model
    sites = spilled(tmp_path_factory.mktemp("scores"), scores)
    found = list(select_units(sites, units, scope, ratio, signed=signed))
    wanted = by_definition(units, scores, scope, ratio, signed)
    for name, mask in zip(sites, found, strict=True):
        np.testing.assert_array_equal(mask, wanted[name], err_msg=name)


@settings(max_examples=40, deadline=None)
@given(
    model=drawn(),
    ratios=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    signed=st.booleans(),
    refill=st.booleans(),
    scope=st.sampled_from(SCOPES),
)
def test_units_are_whole_within_the_ratio_and_nested(
    tmp_path_factory, model, ratios, signed, refill, scope
):
    units, scores = model
    sites = spilled(tmp_path_factory.mktemp("scores"), scores)
    small, large = (
        dict(
            zip(
                sites,
                select_units(sites, units, scope, r, signed=signed, refill=refill),
                strict=True,
            )
        )
        for r in ratios
    )
    assert all(not (small[name] & ~large[name]).any() for name in sites)
    for family in units.families:
        chosen = [
            {bool(large[part.site].take(line, part.axis).all())
             for part in family.parts for line in np.flatnonzero(part.units == number)}
            for number in range(family.count)
        ]  # fmt: skip
        assert all(len(each) <= 1 for each in chosen), "split between its lines"
        for part in family.parts:
            assert not large[part.site].take(np.flatnonzero(part.units < 0), part.axis).any()
        of_family = [large[part.site] for part in family.parts]
        if scope == "tensor":
            size = sum(mask.size for mask in of_family)
            assert sum(mask.sum() for mask in of_family) <= count(ratios[1], size)
    whole = sum(mask.size for mask in large.values())
    if scope == "global":
        assert sum(mask.sum() for mask in large.values()) <= count(ratios[1], whole)


@settings(max_examples=15, deadline=None)
@given(model=drawn(), scope=st.sampled_from(SCOPES))
def test_the_least_share_holds_a_unit_and_no_smaller_one_does(tmp_path_factory, model, scope):
    units, scores = model
    scores = {name: np.ones_like(values) for name, values in scores.items()}
    sites = spilled(tmp_path_factory.mktemp("scores"), scores)
    least = least_share(units, {name: each.shape for name, each in sites.items()}, scope)

    def masked(share):
        return sum(mask.sum() for mask in select_units(sites, units, scope, share))

    # Where units differ in size, the best may be larger than the least.
    sizes = {mask for each in units.families for mask in np.bincount(
        np.concatenate([p.units[p.units >= 0] for p in each.parts])).tolist()}  # fmt: skip
    assert masked(min(1.0, least) * 0.4) == 0
    if len(units.families) == 1 and len(sizes) == 1:
        assert masked(least) > 0


def test_a_protected_unit_stays_and_the_next_takes_its_place(tmp_path):
    scores = {"w": np.array([[9.0, 9.0], [5.0, 5.0], [1.0, 1.0]], np.float32)}
    rows = Units("row", (Family(0, 3, (Part("w", 0, np.arange(3)),)),))
    sites = spilled(tmp_path, scores)
    kept = protected_units(
        rows.families, {"w": sums_of(rows.families[0].parts[0], 3, scores["w"])}, {"w": (3, 2)}, 0.3
    )
    assert kept["w"].tolist() == [[True, True], [False, False], [False, False]]
    found = list(select_units(sites, rows, "tensor", 0.4, protected=kept.get))
    assert found[0].tolist() == [[False, False], [True, True], [False, False]]


def test_without_refill_a_negative_unit_keeps_its_place_empty():
    one = FamilyScores(np.array([-3.0, 2.0, 1.0]), np.full(3, 2), np.ones(3, bool), 6)
    found = [
        top_units([one], 4, signed=True, refill=refill)[0].tolist() for refill in (True, False)
    ]
    assert found == [[False, True, True], [False, True, False]]


@pytest.mark.parametrize("k", [0, 3, 4, 5, 8])
def test_equal_units_go_in_the_order_of_families(k):
    two = [FamilyScores(np.ones(2), np.full(2, 2), np.ones(2, bool), 4) for _ in range(2)]
    assert np.concatenate(top_units(two, k)).tolist() == [i < k // 2 for i in range(4)]


def test_a_unit_of_columns_is_masked_in_the_sites_shape():
    assert (
        mask_of(Part("w", 1, np.array([1, -1, 1])), np.array([False, True]), (2, 3)).tolist()
        == [[True, False, True]] * 2
    )
