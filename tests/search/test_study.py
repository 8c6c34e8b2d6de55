"""The ladder: how many candidates answer, which are left out, and what is kept on disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrepair.budgets import Budgets
from modelrepair.progress import Progress
from modelrepair.search.candidates import choose, repairs
from modelrepair.search.clock import Clock
from modelrepair.search.search import search
from modelrepair.search.study import cut_point, forget, remember, time_is_up
from modelrepair.settings.search_limits import MOST_GENERATIONS, RATIO_GRIDS
from tests.support.made_up_costs import (
    World,
    results,
    walk_fixture,  # noqa: F401
)


def test_at_most_eight_points_generate_the_largest_first(monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.5)
    ladder = (1e-4, *RATIO_GRIDS["weight"][1:])
    monkeypatch.setitem(RATIO_GRIDS, "weight", tuple(sorted({*ladder, 2e-3, 2e-2})))
    points = search(world.study(monkeypatch, tmp_path), None).points
    assert len(points) == 10
    assert len(world.generated) == MOST_GENERATIONS == 8
    assert world.generated == sorted(world.generated, reverse=True)
    assert [point.results is None for point in points] == [True] * 2 + [False] * 8


def test_rungs_that_mask_nothing_more_are_left_out(monkeypatch, tmp_path):
    """Of rows of 32 and 48 entries, 0.1 % is nothing, and 1 % is nothing too."""
    world = World()
    study = world.study(monkeypatch, tmp_path, scope="row")
    points = search(study, None).points
    assert [point.ratio for point in points] == [3e-2, 0.1]
    assert all(point.share > 0 for point in points)
    assert 0.0 not in world.screened


def test_something_is_measured_where_all_of_it_costs_too_much(monkeypatch, tmp_path):
    world = World(utility=lambda share: 1.0 if share == 0 else 0.5)
    points = search(world.study(monkeypatch, tmp_path), None).points
    assert [point.results is not None for point in points] == [True]
    assert len(world.generated) == 1
    assert not repairs(choose(points, world.baseline, Budgets()), world.baseline, Budgets())


def test_an_interrupted_search_measures_nothing_twice(walk, monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.0 if share > 0.025 else 0.9)
    world.reference = tuple(results(0.0))
    first, study = walk(world)
    seen = (len(world.screened), len(world.generated))
    second = search(study, 0.01).points
    assert (len(world.screened), len(world.generated)) == seen
    assert [point.results for point in second] == [point.results for point in first]


def test_masks_on_disk_are_those_that_may_still_be_chosen(walk, tmp_path):
    world = World(refusing=lambda share: 0.9 if share > 0.025 else 0.1)
    points, _ = walk(world, rounds=4)
    kept = {path.parent for path in tmp_path.rglob("mask") if path.is_dir()}
    assert kept == {p.change.folder.parent for p in points if p.results is not None}
    assert not list(tmp_path.rglob("round-*"))


def test_time_ends_no_search_at_a_candidate_that_is_no_longer_there(monkeypatch, tmp_path):
    """Interrupted further on, a search resumes under a shorter limit."""
    study = World().study(monkeypatch, tmp_path)
    study = replace(study, clock=Clock(limit=0.0))
    point = cut_point(study.scoring, 0, 0.1, None, Progress())
    assert time_is_up(study, point)
    forget(point)
    assert not time_is_up(study, point)


@pytest.mark.parametrize("left", [None, b"", b'{"rows": [', b"\xff\x00"])
def test_what_was_computed_is_kept_and_what_can_not_be_read_is_computed_again(left, tmp_path):
    path, counted = tmp_path / "made" / "kept.json", []

    def compute():
        counted.append(1)
        return {"rows": len(counted)}

    assert remember(path, compute) == remember(path, compute) == {"rows": 1}
    if left is not None:
        path.write_bytes(left)
        assert remember(path, compute) == {"rows": 2}
