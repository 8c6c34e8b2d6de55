"""A step of the walk: when it is undone, halved or doubled, and when the walk ends."""

from __future__ import annotations

import pytest

from modelrepair.budgets import Budgets
from modelrepair.search.candidates import choose
from modelrepair.search.search import search
from modelrepair.settings.search_limits import STEP_SCHEDULES
from tests.support.made_up_costs import (
    World,
    nested,
    results,
    walk_fixture,  # noqa: F401
)


def test_the_walk_ends_where_the_target_is_met(walk):
    world = World(harm=lambda share: 0.0 if share > 0.025 else 0.9, reference=tuple(results(0.0)))
    points, study = walk(world)
    assert [round(point.share, 3) for point in points] == [0.01, 0.02, 0.03]
    best = choose(points, world.baseline, Budgets())
    assert best is points[-1]
    assert [point.round for point in points] == [1, 2, 3]
    assert nested(points[0], points[1], study)
    assert nested(points[1], points[2], study)


def test_a_step_that_costs_is_undone_and_halved_as_far_as_it_takes(walk):
    # From 2 % on, a mask of another whole percent costs; smaller steps go further.
    world = World(utility_loss=lambda share: 1.0 if share < 0.0222 else 2.0)
    points, _ = walk(world)
    shares = [point.share for point in points]
    assert shares[:2] == pytest.approx([0.01, 0.02], abs=1e-4)
    assert shares[2] - shares[1] == pytest.approx(0.00125, abs=1e-4)
    assert all(share < 0.0222 for share in shares[:-1])
    assert shares[-1] == pytest.approx(0.0222, abs=2e-4)  # shown, and not taken
    assert choose(points, world.baseline, Budgets()).share < 0.0222
    tried = [0.03, 0.025, 0.0225, 0.02125]  # and from there with what it may be again
    assert world.screened[2:6] == pytest.approx(tried, abs=1e-4)
    # Benign answers alone say that a step costs: harmful ones are not looked at before it holds.
    assert [share for share in world.margins if share in world.screened[2:5]] == []
    assert {point.share for point in points} <= set(world.margins)


def test_tokens_that_fall_from_their_edge_end_no_walk(walk):
    # From 2 % on, three of a hundred benign answers fall, and as a whole they are as likely.
    world = World(utility=lambda share: 1.0 if share < 0.02 else 0.97, refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=4)
    assert [point.share for point in points] == pytest.approx([0.01, 0.02, 0.03, 0.04], abs=1e-3)


@pytest.mark.parametrize(("kept", "furthest"), [(1.0, 0.03), (0.97, 0.0103)])
def test_a_step_that_costs_here_is_looked_at_again_where_scoring_looks(walk, kept, furthest):
    """Three of a hundred answers fall, and less likely ones: how many of the other hundreds do?"""
    world = World(
        utility=lambda share: 1.0 if share < 0.0102 else 0.97,
        utility_loss=lambda share: 1.0 if share < 0.0102 else 1.05,
        refusing=lambda share: 0.0,
        scored=lambda share: 1.0 if share < 0.0102 else kept,
    )
    points, _ = walk(world, rounds=3)
    assert points[-1].share == pytest.approx(furthest, abs=3e-4)
    assert len(world.looked_again) == len(set(world.looked_again)) > 0


def test_a_step_that_jumps_is_undone_and_halved(walk):
    # Another percent raises the margin by 3 nats: too far to see what lies between.
    world = World(margin=lambda share: 300 * share, refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=3)
    assert points[0].share == pytest.approx(0.0025, abs=1e-4)
    assert world.screened[:3] == pytest.approx([0.01, 0.005, 0.0025], abs=1e-4)


def test_a_step_that_hardly_moves_anything_is_doubled_up_to_four_times(walk):
    world = World(margin=lambda share: share, refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=4)
    shares = [0.01, 0.03, 0.07, 0.11]
    assert [point.share for point in points[:4]] == pytest.approx(shares, abs=1e-3)


def test_a_step_that_raises_the_margin_by_a_fifth_is_doubled(walk):
    world = World(margin=lambda share: 20 * share, refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=3)
    assert [point.share for point in points] == pytest.approx([0.01, 0.03, 0.05], abs=1e-3)


def test_answers_are_asked_for_every_eight_rounds_whatever_the_margin_says(walk):
    world = World(
        harm=lambda share: 0.0 if share > 0.095 else 0.4 if share > 0.075 else 0.9,
        refusing=lambda share: 0.0,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    # Eight rounds on no harm is left, and four more are walked: no refusal is likelier yet.
    assert world.generated == pytest.approx([0.08, 0.16, 0.2], abs=1e-3)
    assert choose(points, world.baseline, Budgets()).share == pytest.approx(0.16, abs=1e-3)


def test_where_the_margin_says_nothing_more_answers_are_asked_for_and_no_step_is_doubled(walk):
    # Every refusal is likelier from the first step on, and harm is left: it falls by and by.
    world = World(
        harm=lambda share: 0.9 if share < 0.005 else 0.35 - 3 * share, margin=lambda share: share
    )
    points, _ = walk(world, rounds=6)
    shares = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    assert [point.share for point in points] == pytest.approx(shares, abs=1e-3)
    assert world.generated == pytest.approx([0.01, 0.03, 0.05, 0.06], abs=1e-3)


def test_the_walk_takes_no_more_rounds_than_it_may_and_measures_the_last(walk):
    world = World(refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=3)
    assert [round(point.share, 3) for point in points] == [0.01, 0.02, 0.03]
    assert [point.results is not None for point in points] == [False, False, True]
    assert choose(points, world.baseline, Budgets()) is points[-1]


def cure(least: float, most: float, left: float = 0.0) -> World:
    """From one share on a mask removes all harm but this; from another it refuses, too."""
    return World(
        harm=lambda share: left if share > least else 0.9,
        refused=lambda share: 0.0 if share < most else 0.2,
        reference=tuple(results(0.0)),
    )


def test_a_step_that_refuses_too_much_is_halved_though_it_removed_the_harm(walk):
    # A mask of 0.4 to 0.6 % is a cure; a larger one refuses a part of the benign prompts, too.
    world = cure(0.004, 0.006)
    points, study = walk(world)
    assert world.generated[:2] == pytest.approx([0.01, 0.005], abs=2e-4)
    best = choose(points, world.baseline, Budgets())
    assert best.share == pytest.approx(0.005, abs=2e-4) and best.round == 1
    assert search(study, 0.01).turns.halved == (1,)  # what was computed is remembered


def test_a_step_that_leaves_more_than_one_answer_over_the_target_is_not_halved(walk):
    # Four answers of a hundred, and two are allowed: what it costs later steps may win back.
    world = cure(0.004, 0.006, left=0.04)
    _, study = walk(world, rounds=3)
    assert search(study, 0.01).turns.halved == ()
    assert world.generated[0] == pytest.approx(0.01, abs=2e-4)


def test_where_half_of_a_step_removes_no_harm_the_walk_goes_on_from_there(walk):
    # From 0.5 % on one more quarter of a percent is a cure, and half a percent is too much.
    world = cure(0.007, 0.008)
    points, _ = walk(world)
    assert world.generated[:2] == pytest.approx([0.01, 0.005], abs=2e-4)
    best = choose(points, world.baseline, Budgets())
    assert 0.007 < best.share < 0.008 and best.round > 1


def test_no_step_is_halved_below_the_smallest_nor_by_more_answers_than_there_may_be(walk):
    world = World(harm=lambda share: 0.0, refused=lambda share: 0.2)
    points, study = walk(world)
    assert len(world.generated) <= study.limits.candidates
    smallest = 0.01 * STEP_SCHEDULES["weight"].smallest
    assert min(point.share for point in points) >= smallest * 0.9
