"""The search on made-up costs: which point is chosen, what is undone, when it stops.

Engine and masks are real, on a tiny model; what a mask of some share costs is the test's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from modelrepair.budgets import Budgets
from modelrepair.evaluation.evaluate import Screen
from modelrepair.evaluation.results import ExampleResult
from modelrepair.progress import Silent
from modelrepair.search import study as searching
from modelrepair.search.candidates import Baseline, Candidate, choose, repairs
from modelrepair.search.search import fixed, search
from modelrepair.search.study import Study
from modelrepair.settings.search_limits import MOST_GENERATIONS, RATIO_GRIDS, STEP_SCHEDULES, Limits
from tests.support.scoring import scoring

HARMFUL, UTILITY = 100, 100
Curve = Callable[[float], float]


def results(harm: float, utility: float = 1.0, refused: float = 0.0, broken: float = 0.0):
    """A hundred harmful and a hundred benign prompts with these shares."""
    found = []
    for index in range(HARMFUL):
        verdict = "harmful" if index < round(harm * HARMFUL) else "refusal"
        found.append(ExampleResult("harmful", index, verdict))
    for index in range(UTILITY):
        verdict = "harmless"
        if index < round(refused * UTILITY):
            verdict = "refusal"
        elif index < round((refused + broken) * UTILITY):
            verdict = "degenerate"
        hits = round(1000 * utility)
        found.append(ExampleResult("utility", index, verdict, hits, 1000))
    return found


@dataclass
class World:
    """What a model is like where this share of its entries is masked."""

    harm: Curve = lambda share: 0.9
    utility: Curve = lambda share: 1.0
    utility_loss: Curve = lambda share: 1.0
    refusing: Curve = lambda share: 1.0
    refused: Curve = lambda share: 0.0
    margin: Curve = lambda share: 20 * share
    screened: list[float] = field(default_factory=list)
    generated: list[float] = field(default_factory=list)
    reference: tuple | None = None

    def study(self, monkeypatch, folder: Path, **changes) -> Study:
        made = scoring(folder, **{"scope": "global", **changes})

        def share(read) -> float:
            zeros = sum(int((read(site.name) == 0).sum()) for site in made.sites.chosen)
            return zeros / made.sites.entries

        def screen(panel, skeleton, read, *_):
            self.screened.append(share(read))
            return self.screen(self.screened[-1])

        def evaluate(panel, part, skeleton, read, *_):
            assert part == "select"
            now = share(read)
            self.generated.append(now)
            return results(self.harm(now), self.utility(now), self.refused(now)), {}

        monkeypatch.setattr(searching, "screen", screen)
        monkeypatch.setattr(searching, "evaluate", evaluate)
        panel = type("Panel", (), {"generates": True})
        return Study(made, panel, Budgets(), self.baseline, Silent())

    def screen(self, share: float) -> Screen:
        curves = (self.margin, self.refusing, self.utility, self.utility_loss)
        return Screen(*(curve(share) for curve in curves))

    @property
    def baseline(self) -> Baseline:
        return Baseline(tuple(results(0.9)), self.screen(0.0), self.reference)


@pytest.fixture
def walk(monkeypatch, tmp_path):
    """Walk a world with an iterative scorer whose first step is 1 %."""

    def run(world: World, step: float = 0.01, rounds: int = 40):
        study = world.study(monkeypatch, tmp_path, iterative=True)
        study = replace(study, limits=Limits(rounds=rounds))
        return list(search(study, step).points), study

    return run


def nested(one: Candidate, two: Candidate, study: Study) -> bool:
    pairs = [
        [point.change.positions(site.name, site.entries) for point in (one, two)]
        for site in study.scoring.sites.chosen
    ]
    return all(np.isin(small, large).all() for small, large in pairs)


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


def test_smaller_masks_are_left_where_two_had_no_effect(monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.3 if share > 0.02 else 0.89)
    search(world.study(monkeypatch, tmp_path), None)
    assert [round(share, 3) for share in world.generated] == [0.1, 0.03, 0.01, 0.003]


def test_something_is_measured_where_all_of_it_costs_too_much(monkeypatch, tmp_path):
    world = World(utility=lambda share: 1.0 if share == 0 else 0.5)
    points = search(world.study(monkeypatch, tmp_path), None).points
    assert [point.results is not None for point in points] == [True]
    assert len(world.generated) == 1
    assert not repairs(choose(points, world.baseline, Budgets()), world.baseline, Budgets())


# Iterative scorers: the walk.


def test_the_walk_ends_where_the_target_is_met(walk):
    world = World(harm=lambda share: 0.0 if share > 0.025 else 0.9, reference=tuple(results(0.0)))
    points, study = walk(world)
    assert [round(point.share, 3) for point in points] == [0.01, 0.02, 0.03]
    best = choose(points, world.baseline, Budgets())
    assert best is points[-1]
    assert [point.round for point in points] == [1, 2, 3]
    assert nested(points[0], points[1], study)
    assert nested(points[1], points[2], study)


def test_nothing_is_generated_before_a_fifth_of_the_refusals_is_likelier(walk):
    world = World(
        harm=lambda share: 0.0 if share > 0.035 else 0.9,
        refusing=lambda share: 0.15 if share < 0.025 else 0.25 if share < 0.035 else 0.9,
        reference=tuple(results(0.0)),
    )
    points, _ = walk(world)
    assert [round(share, 3) for share in world.generated] == [0.03, 0.04]
    assert [point.results is None for point in points] == [True, True, False, False]


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


def test_steps_of_an_adapter_s_factors_are_halved_from_a_thousandth_to_three_in_ten_thousand(
    monkeypatch, tmp_path
):
    world = World(
        utility=lambda share: 1.0 if share == 0 else 0.992,
        utility_loss=lambda share: 1.0 if share == 0 else 1.03,
        refusing=lambda share: 0.0,
    )
    study = world.study(monkeypatch, tmp_path, iterative=True)
    study = replace(study, scoring=replace(study.scoring, subject="factor"))
    search(study, None)
    asked = [round(share * study.scoring.sites.entries) for share in world.screened]
    entries = study.scoring.sites.entries
    assert asked == [round(each * entries) for each in (0.001, 0.0005, 0.0003)]


def test_tokens_that_fall_from_their_edge_are_borne_and_no_more_of_them(monkeypatch, tmp_path):
    # As above, but that no answer became less likely: the walk goes on until two points are lost.
    world = World(
        utility=lambda share: 1.0 if share == 0 else 0.992 if share < 0.0045 else 0.97,
        refusing=lambda share: 0.0,
    )
    study = world.study(monkeypatch, tmp_path, iterative=True)
    study = replace(study, scoring=replace(study.scoring, subject="factor"))
    points = search(study, None).points
    assert points[3].share == pytest.approx(0.004, abs=1e-4)
    assert points[-1].screen.utility == 0.97  # shown, and not taken
    assert choose(points, world.baseline, Budgets()).share < 0.0045


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
    margin = lambda share: 20 * share - (0.5 if share > 0.0125 else 0)  # noqa: E731
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


def test_the_walk_takes_no_more_rounds_than_it_may_and_measures_the_last(walk):
    world = World(refusing=lambda share: 0.0)
    points, _ = walk(world, rounds=3)
    assert [round(point.share, 3) for point in points] == [0.01, 0.02, 0.03]
    assert [point.results is not None for point in points] == [False, False, True]
    assert choose(points, world.baseline, Budgets()) is points[-1]


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


def test_an_interrupted_search_measures_nothing_twice(walk, monkeypatch, tmp_path):
    world = World(harm=lambda share: 0.0 if share > 0.025 else 0.9)
    world.reference = tuple(results(0.0))
    first, study = walk(world)
    seen = (len(world.screened), len(world.generated))
    second = search(study, 0.01).points
    assert (len(world.screened), len(world.generated)) == seen
    assert [point.results for point in second] == [point.results for point in first]


# A fixed ratio.


@pytest.mark.parametrize("iterative", [False, True])
def test_a_fixed_ratio_is_met_exactly(tmp_path, iterative):
    made = scoring(tmp_path, scope="global", iterative=iterative)
    point = fixed(made, 0.05, 0.02, Limits(), Silent())
    total = made.sites.entries
    steps = 3 if iterative else 1
    assert point.share * total == pytest.approx(steps * round(0.05 / steps * total))
    assert (point.ratio, point.round) == (pytest.approx(0.05), steps)
    assert not list((tmp_path / "scoring").glob("round-*/*.npy")) or not iterative


def test_a_fixed_ratio_in_no_more_rounds_than_asked(tmp_path):
    made = scoring(tmp_path, scope="global", iterative=True)
    assert fixed(made, 0.05, 0.001, Limits(rounds=2), Silent()).round == 2


def test_masks_on_disk_are_those_that_may_still_be_chosen(walk, tmp_path):
    world = World(refusing=lambda share: 0.9 if share > 0.025 else 0.1)
    points, _ = walk(world, rounds=4)
    kept = {path.parent for path in tmp_path.rglob("mask") if path.is_dir()}
    assert kept == {p.change.folder.parent for p in points if p.results is not None}
    assert not list(tmp_path.rglob("round-*"))
