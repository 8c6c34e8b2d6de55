"""The search on made-up costs: which point is chosen, what is undone, when it stops.

Engine and masks are real, on a tiny model; what a mask of some share costs is the test's to say.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from modelrepair.budgets import Budgets
from modelrepair.progress import Progress
from modelrepair.search.candidates import choose, repairs
from modelrepair.search.search import fixed, search
from modelrepair.settings.search_limits import MOST_GENERATIONS, RATIO_GRIDS, STEP_SCHEDULES, Limits
from tests.support.made_up_costs import (
    World,
    nested,
    results,
    walk_fixture,  # noqa: F401
)
from tests.support.scoring import scoring

# One-shot scorers: the ladder.


def test_the_smallest_mask_that_meets_the_target_is_chosen(monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.0 if share > 0.9e-3 else 0.9, reference=tuple(results(0.0)))
    study = world.study(monkeypatch, tmp_path)
    points = search(study, None).points
    # Of the 23,040 entries of all sites 0.001 % is none.
    assert [point.ratio for point in points] == list(RATIO_GRIDS["weight"][1:])
    best = choose(points, world.baseline, Budgets())
    assert best.ratio == 1e-3
    assert repairs(best, world.baseline, Budgets())
    for one, two in pairwise(points):
        assert nested(one, two, study)
        assert one.share <= two.share


def test_the_ladder_stops_where_more_costs_more(monkeypatch, tmp_path):
    world = World(utility=lambda share: 1.0 - 100 * share)
    points = search(world.study(monkeypatch, tmp_path), None).points
    # 1e-3 costs 0.1: over ten times the budget; nothing larger is looked at.
    assert [point.ratio for point in points] == [3e-5, 1e-4, 3e-4, 1e-3]
    assert points[-1].results is None
    assert max(world.generated) < 2e-4  # what costs more than twice the budget never generates


def test_smaller_masks_are_left_where_two_had_no_effect(monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.3 if share > 0.02 else 0.89)
    search(world.study(monkeypatch, tmp_path), None)
    assert [round(share, 3) for share in world.generated] == [0.1, 0.03, 0.01, 0.003]


# Iterative scorers: the walk.


def test_nothing_is_generated_before_a_fifth_of_the_refusals_is_likelier(walk):
    world = World(
        harm=lambda share: 0.0 if share > 0.035 else 0.9,
        refusing=lambda share: 0.15 if share < 0.025 else 0.25 if share < 0.035 else 0.9,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    assert [round(share, 3) for share in world.generated] == [0.03, 0.04]
    assert [point.results is None for point in points] == [True, True, False, False]


@pytest.mark.parametrize(
    ("utility", "smallest"),
    # Some answers that fall on the way come back; a twentieth of all is too much.
    [(0.96, 1), (0.93, 1 / 16)],
)
def test_steps_of_an_adapter_s_factors_are_halved_from_a_thousandth_down(
    monkeypatch, tmp_path, utility, smallest
):
    world = World(
        utility=lambda share: 1.0 if share == 0 else utility,
        utility_loss=lambda share: 1.0 if share == 0 else 1.03,
        refusing=lambda share: 0.0,
    )
    study = world.study(monkeypatch, tmp_path, iterative=True)
    study = replace(study, scoring=replace(study.scoring, subject="factor"))
    study = replace(study, limits=Limits(rounds=1))
    search(study, None)
    asked = [round(share * study.scoring.sites.entries) for share in world.screened]
    steps = [each for each in (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16) if each >= smallest]
    expected = [0.001 * each * study.scoring.sites.entries for each in steps]
    assert asked == pytest.approx(expected, abs=1)


def test_tokens_that_fall_from_their_edge_are_borne_on_factors_until_they_come_back(
    monkeypatch, tmp_path
):
    # As above, but that no answer became less likely: three of a hundred fall, and come back.
    world = World(
        utility=lambda share: 0.97 if 0.0015 < share < 0.0145 else 1.0,
        harm=lambda share: 0.0 if share > 0.0145 else 0.9,
        refusing=lambda share: 0.0,
    )
    study = world.study(monkeypatch, tmp_path, iterative=True)
    study = replace(study, scoring=replace(study.scoring, subject="factor"))
    points = search(study, None).points
    assert [point.share for point in points[:4]] == pytest.approx(
        [0.001, 0.002, 0.003, 0.004], abs=1e-4
    )
    assert choose(points, world.baseline, Budgets()).share > 0.0145


def test_what_a_round_costs_in_refusals_the_next_ones_may_win_back_in_smaller_steps(walk):
    # Generation sees what the screen does not: masks of 2.2 to 3.2 % refuse benign prompts.
    refused = lambda share: 0.3 if 0.022 < share < 0.032 else 0.0  # noqa: E731
    refusing = lambda share: 0.5 + 10 * share  # noqa: E731
    world = World(harm=lambda share: 0.3, refused=refused, refusing=refusing)
    points, study = walk(world)
    steps = [0.01, 0.02, 0.03, 0.035]
    assert [p.share for p in points[:4]] == pytest.approx(steps, abs=1e-4)
    assert all(nested(one, two, study) for one, two in pairwise(points))
    costs = [p.share for p in points if 0.022 < p.share < 0.032]
    assert choose(points, world.baseline, Budgets()).share not in costs
    assert len(world.generated) <= MOST_GENERATIONS


def test_once_harm_has_fallen_a_round_is_asked_where_more_refusals_are_likelier(walk):
    refusing = lambda share: 0.6 if share > 0.035 else 0.5 if share < 0.015 else 0.4  # noqa: E731
    world = World(harm=lambda share: 0.2, refusing=refusing)
    walk(world, rounds=4)
    assert world.generated == pytest.approx([0.01, 0.04], abs=1e-3)


def test_a_round_where_benign_answers_are_less_likely_is_not_asked(walk, monkeypatch):
    # The walk could not end there. Eight rounds without an answer are asked, whatever they cost.
    world = World(utility_loss=lambda share: 1.0 if share < 0.005 or share > 0.095 else 1.6)
    monkeypatch.setitem(STEP_SCHEDULES, "weight", replace(STEP_SCHEDULES["weight"], costs=100))
    walk(world, rounds=10)
    assert world.generated == pytest.approx([0.08, 0.1], abs=1e-3)


def test_where_the_target_is_met_the_walk_goes_on_until_most_refusals_are_likelier(walk):
    world = World(
        harm=lambda share: 0.0 if share > 0.015 else 0.9,
        refusing=lambda share: 20.1 * share,
        utility_loss=lambda share: 1.0 - share,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    # At 2 % two fifths of the refusals are likelier, at 4 % four fifths.
    assert world.generated[-2:] == pytest.approx([0.02, 0.04], abs=1e-3)
    assert choose(points, world.baseline, Budgets()) is points[-1]


def test_beyond_the_target_the_walk_goes_four_rounds_at_most(walk):
    world = World(
        harm=lambda share: 0.0,
        refusing=lambda share: 0.3,
        utility_loss=lambda share: 1.0 + share,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    assert world.generated == pytest.approx([0.01, 0.05], abs=1e-3)
    # What is no better and makes benign answers less likely is not taken.
    assert choose(points, world.baseline, Budgets()) is points[0]


def test_the_least_harm_goes_before_the_smaller_mask_where_both_meet_the_target(walk):
    world = World(
        harm=lambda share: 0.01 if share < 0.045 else 0.0,
        refusing=lambda share: 0.3,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    assert choose(points, world.baseline, Budgets()) is points[-1]


def test_a_round_that_lost_margin_is_asked_where_benign_answers_came_back(walk):
    margin = lambda share: 40 * share - (0.5 if share > 0.0125 else 0)  # noqa: E731
    world = World(
        harm=lambda share: 0.2 if share < 0.0125 else 0.0,
        margin=margin,
        refused=lambda share: 0.3 if share < 0.0125 else 0.0,  # the first round refuses benign ones
        utility_loss=lambda share: 1.05 if 0 < share < 0.0125 else 1.0,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    assert world.generated == pytest.approx([0.01, 0.015], abs=1e-3)
    assert choose(points, world.baseline, Budgets()) is points[-1]


def test_after_each_answer_in_vain_a_tenth_more_of_the_refusals_must_be_likelier(walk):
    world = World(harm=lambda share: 0.9, refusing=lambda share: 5.01 * share)
    walk(world, rounds=11)
    assert world.generated[:4] == pytest.approx([0.04, 0.06, 0.08, 0.1], abs=1e-3)


def test_the_walk_generates_at_most_eight_times(walk):
    world = World(harm=lambda share: 0.4 - share, refusing=lambda share: 0.5 + 5 * share)
    points, _ = walk(world)
    assert len(world.generated) == MOST_GENERATIONS
    assert len(points) == 8


def test_the_last_question_is_kept_for_where_most_refusals_are_likelier(walk):
    refusing = lambda share: 0.3 + 4 * share if share < 0.095 else 0.9  # noqa: E731
    world = World(harm=lambda share: 0.3, refusing=refusing)
    walk(world)
    asked = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.1]
    assert world.generated == pytest.approx(asked, abs=1e-3)


def test_a_round_where_few_refusals_are_likelier_is_not_asked(walk):
    # The first round answers harmfully; the second has more margin, the fourth refusals, too.
    world = World(refusing=lambda share: 0.3 if share < 0.015 or share > 0.035 else 0.1)
    walk(world, rounds=4)
    assert world.generated == pytest.approx([0.01, 0.04], abs=1e-3)


def test_a_first_step_that_costs_is_measured_all_the_same(walk):
    world = World(utility_loss=lambda share: 1.0 if share == 0 else 9.0, utility=lambda s: 1 - s)
    points, _ = walk(world)
    assert len(points) == 1
    assert points[0].share == pytest.approx(0.01 / 64, rel=0.2)
    assert choose(points, world.baseline, Budgets()) is points[0]


def test_the_walk_ends_where_no_entry_is_left(walk, monkeypatch, tmp_path):
    world = World(refusing=lambda share: 0.0)
    study = world.study(monkeypatch, tmp_path, iterative=True, protect=0.97)
    points = search(study, 0.02).points
    assert [point.share for point in points] == pytest.approx([0.02, 0.03], abs=1e-3)
    assert choose(points, world.baseline, Budgets()).results is not None


def test_the_walk_ends_where_next_to_nothing_is_left(walk, monkeypatch, tmp_path):
    # All but 3 % are protected: after 2.99 % there is one in a hundred of a step.
    world = World(harm=lambda share: 0.5)
    study = world.study(monkeypatch, tmp_path, iterative=True, protect=0.97)
    points = search(study, 0.0149).points
    assert [point.share for point in points] == pytest.approx([0.0149, 0.0298], abs=5e-4)
    assert len(world.generated) == 2


# A fixed ratio.


@pytest.mark.parametrize("iterative", [False, True])
def test_a_fixed_ratio_is_met_exactly(tmp_path, iterative):
    made = scoring(tmp_path, scope="global", iterative=iterative)
    point = fixed(made, 0.05, 0.02, Limits(), Progress())
    total = made.sites.entries
    steps = 3 if iterative else 1
    assert point.share * total == pytest.approx(steps * round(0.05 / steps * total))
    assert (point.ratio, point.round) == (pytest.approx(0.05), steps)
    assert not list((tmp_path / "scoring").glob("round-*/*.scores")) or not iterative


def test_a_fixed_ratio_in_no_more_rounds_than_asked(tmp_path):
    made = scoring(tmp_path, scope="global", iterative=True)
    assert fixed(made, 0.05, 0.001, Limits(rounds=2), Progress()).round == 2
