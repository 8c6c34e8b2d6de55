"""How far a search goes: grids that rise, steps that can shrink, rounds that reach their share."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.settings.search_limits import RATIO_GRIDS, STEP_SCHEDULES, fixed_rounds


@pytest.mark.parametrize("subject", sorted(RATIO_GRIDS))
def test_a_grid_rises_from_above_0_to_below_1(subject):
    grid = RATIO_GRIDS[subject]
    assert grid[0] > 0 and grid[-1] < 1
    assert all(one < two for one, two in pairwise(grid))


@pytest.mark.parametrize("subject", sorted(STEP_SCHEDULES))
def test_a_step_shrinks_from_the_first_and_grows_less_near_the_target(subject):
    step = STEP_SCHEDULES[subject]
    assert 0 < step.smallest < 1 <= step.near <= step.largest
    assert 0 < step.first < 0.01 and step.costs >= 1


def test_no_round_more_than_the_share_needs():
    assert [fixed_rounds(tenths / 10, 0.1, 40) for tenths in range(1, 10)] == [*range(1, 10)]
    assert 0.07 / 0.01 > 7, "in floating point, and eight rounds would be one too many"
    assert fixed_rounds(0.07, 0.01, 40) == 7


@given(st.floats(1e-6, 0.99), st.floats(1e-6, 0.5), st.integers(1, 40))
def test_rounds_reach_the_share_unless_they_are_too_many(share, step, most):
    rounds = fixed_rounds(share, step, most)
    assert 1 <= rounds <= most
    assert rounds == most or rounds * step >= share * (1 - 1e-6)
    assert rounds == 1 or (rounds - 1) * step < share
