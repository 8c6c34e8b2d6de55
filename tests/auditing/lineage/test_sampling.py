"""Which slices are drawn: within the budget, over all kinds, by the seed alone."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.auditing.lineage.sampling import CHANCE, Slice, Tensor, draw, least_share

LAYERS = {"q_proj": (64, 32), "down_proj": (32, 96), "norm": (32,)}


def tensors(layers, item=2):
    made = [Tensor(f"layers.{layer}.{name}.weight", shape, item)
            for layer in range(layers) for name, shape in LAYERS.items()]  # fmt: skip
    return [*made, Tensor("embed.weight", (300, 32), item)]


@given(st.integers(1, 30), st.integers(1, 10**6), st.integers(0, 2**32 - 1), st.randoms())
def test_slices_fit_the_budget_and_lie_in_their_tensors(layers, budget, seed, shuffle):
    given = tensors(layers)
    drawn = draw(given, seed, budget)
    shapes = {each.name: each for each in given}
    assert sum(each.entries for each in drawn.slices) == drawn.entries <= budget / 2
    for each in drawn.slices:
        tensor = shapes[each.name]
        assert each.width == tensor.width
        assert 0 <= each.first < each.first + each.rows <= tensor.rows
    assert len(set(drawn.slices)) == len(drawn.slices)
    assert 0 <= drawn.scattered <= drawn.clustered <= 1
    shuffle.shuffle(given)
    assert draw(given, seed, budget) == drawn


def test_all_is_drawn_where_it_fits():
    drawn = draw(tensors(2), 1, 10**6)
    assert drawn.whole
    assert (drawn.scattered, drawn.clustered, drawn.out_of_reach) == (0, 0, 0)
    assert {(each.first, each.rows) for each in drawn.slices if "q_proj" in each.name} == {(0, 64)}


def test_another_seed_draws_others_of_every_kind():
    one, two = (draw(tensors(40), seed, 60_000) for seed in (1, 2))
    assert one.slices != two.slices
    for drawn in (one, two):
        assert {each.name.split(".")[-2] for each in drawn.slices} == {*LAYERS, "embed"}


def test_what_has_no_counterpart_is_out_of_reach():
    given = tensors(2)
    entries = sum(math.prod(each.shape) for each in given)
    drawn = draw(given, 1, 10**6, outside=entries)
    assert drawn.out_of_reach == drawn.scattered == 0.5


def caught(drawn, changed):
    """Whether a slice has one of the changed rows."""
    return any(
        (each.name, row) in changed
        for each in drawn.slices
        for row in range(each.first, each.first + each.rows)
    )


@pytest.mark.parametrize("kind", ["q_proj", "down_proj"])
def test_changed_runs_of_rows_are_seen_as_often_as_is_said(kind):
    """Rows in runs, in the kind of tensor that a change of this size hides best in."""
    layers, budget = 60, 120_000
    given = tensors(layers)
    everything = sum(math.prod(each.shape) for each in given)
    share = draw(given, 0, budget).clustered
    rows, width = LAYERS[f"{kind}"]
    run, chance = 8, random.Random(3)
    runs = min(layers * rows // run, math.ceil(share * everything / (run * width)))
    seen = 0
    for seed in range(200):
        places = chance.sample(range(layers * rows // run), runs)
        changed = {
            (f"layers.{place * run // rows}.{kind}.weight", place * run % rows + row)
            for place in places
            for row in range(run)
        }
        seen += caught(draw(given, seed, budget), changed)
    # 95 % of 200 is 190; 3 deviations below.
    assert seen >= 180


def test_the_least_share_is_that_of_even_draws():
    assert (1 - least_share([(1.0, 1000)])) ** 1000 == pytest.approx(1 - CHANCE, rel=0.01)
    assert least_share([(0.9, 900), (0.1, 10)]) > least_share([(0.9, 900), (0.1, 100)])
    assert least_share([]) == 0


def test_a_slice_has_rows_times_width_entries():
    assert Slice("w", 4, 3, 8).entries == 24
