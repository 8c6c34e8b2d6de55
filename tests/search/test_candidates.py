"""Which of the points that a search looked at is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.budgets import Budgets
from modelrepair.engine.weights import Masks
from modelrepair.evaluation.evaluate import Screen
from modelrepair.search.candidates import (
    Baseline,
    Candidate,
    affordable,
    arrives,
    choose,
    repairs,
)
from tests.support.candidates import SAFE, point
from tests.support.made_up_costs import results, scored

WILD = tuple(results(0.96))


@pytest.mark.parametrize(
    ("points", "reference", "chosen"),
    [
        # With a reference: of those that meet its target the least harm, then the smallest.
        ({0.1: SAFE, 0.2: results(0.02), 0.05: results(0.5)}, SAFE, 0.1),
        ({0.1: results(0.02), 0.2: SAFE, 0.3: SAFE}, SAFE, 0.2),
        # ... and at no cost over the budgets.
        ({0.1: results(0.0, utility=0.9), 0.2: SAFE}, SAFE, 0.2),
        ({0.1: results(0.0, refused=0.1), 0.2: SAFE}, SAFE, 0.2),
        ({0.1: results(0.0, broken=0.1), 0.2: SAFE}, SAFE, 0.2),
        # Where none meets it, and without a reference: the least harm, then the smallest.
        ({0.1: results(0.5), 0.2: results(0.3), 0.3: results(0.3)}, SAFE, 0.2),
        ({0.1: results(0.02), 0.2: SAFE, 0.3: SAFE}, None, 0.2),
        ({0.1: results(0.4), 0.2: results(0.0, utility=0.5)}, None, 0.1),
        # Where all cost too much: what misses by the least.
        ({0.1: results(0.9, utility=0.9), 0.2: results(0.1, utility=0.9)}, None, 0.2),
        ({0.1: results(0.1, broken=0.9), 0.2: results(0.3, refused=0.1)}, None, 0.2),
    ],
)
def test_the_choice(points, reference, chosen):
    made = [point(share, measured) for share, measured in points.items()]
    baseline = Baseline(tuple(results(0.9)), Screen(0, 0, 1, 1), reference and tuple(reference))
    for order in (made, made[::-1]):
        assert choose(order, baseline, Budgets()).share == chosen


@pytest.mark.parametrize("reference", [tuple(SAFE), None])
def test_of_equal_harm_the_likeliest_benign_answers_go_before_the_smaller_mask(reference):
    made = [
        replace(point(share, SAFE), screen=Screen(0, 0, 1, loss))
        for share, loss in {0.1: 1.02, 0.2: 1.0, 0.3: 1.01}.items()
    ]
    baseline = Baseline(tuple(results(0.9)), Screen(0, 0, 1, 1), reference)
    assert choose(made, baseline, Budgets()).share == 0.2


@pytest.mark.parametrize("reference", [tuple(SAFE), None])
def test_of_equal_harm_what_keeps_more_answers_goes_before_what_makes_them_likelier(reference):
    """A loss on the answers that scoring sees counts, a gain there does not: it was learnt."""
    baseline = Baseline(
        tuple(results(0.9, 0.95)), Screen(0, 0, 1, 1), reference, tuple(scored(0.98))
    )

    def made(share, loss, utility, seen):
        measured = replace(point(share, results(0.0, utility)), screen=Screen(0, 0, 1, loss))
        return replace(measured, scored=tuple(scored(seen)))

    more = made(0.2, 1.01, 0.96, 0.98)
    others = {
        "likelier": made(0.1, 1.0, 0.95, 0.98),
        "learnt": made(0.1, 1.0, 0.95, 1.0),
        "lost": made(0.1, 1.0, 0.96, 0.979),
    }
    for other in others.values():
        assert choose([other, more], baseline, Budgets()) is more
    as_many = made(0.1, 1.0, 0.96, 1.0)
    assert choose([as_many, more], baseline, Budgets()) is as_many
    # Where one was not looked at there, its loss is unknown, and no loss is compared.
    unseen = replace(made(0.1, 1.0, 0.95, 0.98), scored=())
    assert choose([unseen, more], baseline, Budgets()) is unseen


def test_points_that_did_not_generate_are_not_chosen():
    unmeasured = Candidate("mine", 1, 0.01, 0.01, Masks(Path("x")))
    baseline = Baseline(tuple(results(0.9)), Screen(0, 0, 1, 1), None)
    assert choose([unmeasured, point(0.1, results(0.8))], baseline, Budgets()).share == 0.1
    assert not repairs(unmeasured, baseline, Budgets())


@pytest.mark.parametrize(
    ("measured", "loss", "reference", "there"),
    [
        (results(0.02), 1.0, SAFE, True),
        (results(0.03), 1.0, SAFE, False),  # it repairs, and does not meet the target
        (results(0.0), 1.0, None, True),
        (results(0.02), 1.0, None, False),
        (results(0.0), 1.0, WILD, True),
        (results(0.02), 1.0, WILD, False),  # whoever answers most prompts is no aim
        (results(0.0, utility=0.997), 1.0, SAFE, False),  # more than half of the utility budget
        (results(0.0), 1.6, SAFE, False),  # benign answers are less likely
        (results(0.0, refused=0.1), 1.0, SAFE, False),
    ],
)
def test_a_search_has_arrived_where_the_target_is_met_at_little_cost(
    measured, loss, reference, there
):
    looked_at = replace(point(0.1, measured), screen=Screen(0, 0, 1, loss))
    baseline = Baseline(tuple(results(0.9)), Screen(0, 0, 1, 1), reference and tuple(reference))
    assert arrives(looked_at, baseline, Budgets()) == there


@pytest.mark.parametrize(
    ("utility", "seen", "there", "cheap"),
    [
        # A hundred answers here and three hundred that scoring sees: budgets are of all of them.
        (0.992, 1.0, True, True),  # 0.002 of all
        (0.988, 1.0, False, True),  # 0.003: much, though not too much
        (0.97, 1.0, False, False),  # 0.0075
        (1.0, 0.99, False, False),  # 0.0075 of those that scoring was to keep
        (0.97, 1.2, False, False),  # what scoring learnt there pays for nothing here
    ],
)
def test_utility_is_that_of_the_benign_answers_that_scoring_sees_too(utility, seen, there, cheap):
    before = tuple(results(0.9))
    baseline = Baseline(before, Screen(0, 0, 1, 1), tuple(SAFE), tuple(scored(1.0)))
    made = replace(point(0.1, results(0.0, utility=utility)), scored=tuple(scored(seen)))
    assert arrives(made, baseline, Budgets()) == there
    assert affordable(made, baseline, Budgets()) == repairs(made, baseline, Budgets()) == cheap


def test_one_example_is_no_reason_to_turn_a_point_down():
    fallen = results(0.0)[:104]  # a hundred harmful prompts and four answers
    fallen[-1] = replace(fallen[-1], hits=0)
    baseline = Baseline(
        tuple(results(0.9)[:104]), Screen(0, 0, 1, 1), tuple(SAFE[:104]), tuple(scored()[:6])
    )
    made = point(0.1, fallen)
    assert not affordable(made, baseline, Budgets())
    seen = replace(made, scored=tuple(scored()[:6]))
    assert affordable(seen, baseline, Budgets())
    lost = replace(made, scored=tuple(replace(each, hits=0) for each in scored()[:6]))
    assert not affordable(lost, baseline, Budgets())
