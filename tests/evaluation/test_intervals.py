"""Intervals, against published values and against the share that they must cover."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrepair.evaluation.intervals import (
    Z_TWO_SIDED,
    mean_interval,
    mean_limits,
    newcombe_paired,
    paired_mean,
    spread,
    t_probability,
    t_quantile,
    wilson,
)

# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# (both, first only, second only, neither). Rows of Newcombe 1998, Statistics in Medicine
# 17:2635-2650, method 10; then Cavo 2012 and Bentur 2009 as worked in Fagerland, Lydersen and
# Laake, Statistical Analysis of Contingency Tables, chapter 8 (and its R package's tests).
PAIRED = [
    ((36, 12, 2, 0), 0.0569, 0.3404),
    ((36, 14, 0, 0), 0.1528, 0.4167),
    ((18, 12, 2, 18), 0.0562, 0.3290),
    ((18, 14, 0, 18), 0.1441, 0.3963),
    ((59, 6, 16, 80), -0.1186, -0.0046),
    ((1, 1, 7, 12), -0.507, -0.026),
]

# Any table of Student's t.
T_TABLE = [
    (0.95, 1, 6.3138),
    (0.975, 2, 4.3027),
    (0.95, 2, 2.9200),
    (0.95, 3, 2.3534),
    (0.95, 4, 2.1318),
    (0.975, 5, 2.5706),
    (0.995, 5, 4.0321),
    (0.95, 10, 1.8125),
    (0.975, 30, 2.0423),
    (0.95, 120, 1.6577),
    (0.975, 1000, 1.9623),
    (0.975, 1001, 1.9623),
    (0.975, 10**6, 1.959964),
    (0.05, 10, -1.8125),
]


@pytest.mark.parametrize(("k", "n", "low", "high"), WILSON)
def test_wilson_as_published(k, n, low, high):
    limits = wilson(k, n)
    assert (limits.low, limits.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("counts", "low", "high"), PAIRED)
def test_newcombe_paired_as_published(counts, low, high):
    limits = newcombe_paired(*counts, z=Z_TWO_SIDED)
    assert (limits.low, limits.high) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(("probability", "df", "value"), T_TABLE)
def test_t_quantile_as_tabulated(probability, df, value):
    assert t_quantile(probability, df) == pytest.approx(value, abs=1e-4)


@settings(deadline=None)
@given(df=st.integers(1, 400), probability=st.floats(0.01, 0.99))
def test_t_quantile_inverts_t_probability(df, probability):
    assert t_probability(t_quantile(probability, df), df) == pytest.approx(probability, abs=1e-10)


@settings(deadline=None)
@given(counts=st.tuples(*[st.integers(0, 60)] * 4).filter(any))
def test_exchanging_the_models_mirrors_the_limits(counts):
    both, first, second, neither = counts
    one = newcombe_paired(both, first, second, neither)
    two = newcombe_paired(both, second, first, neither)
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low))
    assert -1 <= one.low <= (first - second) / sum(counts) <= one.high <= 1


@settings(deadline=None)
@given(k=st.integers(0, 50), more=st.integers(0, 50))
def test_wilson_holds_its_share(k, more):
    n = k + more + 1
    limits = wilson(k, n)
    assert 0 <= limits.low <= k / n <= limits.high <= 1


def test_the_expansion_meets_the_exact_quantile():
    assert t_quantile(0.975, 1001) == pytest.approx(t_quantile(0.975, 1000), abs=3e-6)
    assert t_probability(t_quantile(0.995, 1001), 1001) == pytest.approx(0.995, abs=1e-9)
    assert t_quantile(0.5, 7) == pytest.approx(0, abs=1e-12)


def simulate(after, before, both, n, rng):
    cells = [both, after - both, before - both, 1 - after - before + both]
    drawn = rng.choices(range(4), weights=cells, k=n)
    return [drawn.count(cell) for cell in range(4)]


@pytest.mark.parametrize(
    ("after", "before", "both", "factor"),
    [(0.30, 0.30, 0.25, 1.0), (0.05, 0.02, 0.01, 1.0), (0.32, 0.80, 0.30, 0.4)],
)
def test_upper_limits_cover_in_simulation(after, before, both, factor):
    rng = random.Random(7)
    truth = after - factor * before
    runs = 2000
    covered = 0
    for _ in range(runs):
        counts = simulate(after, before, both, 100, rng)
        covered += newcombe_paired(*counts, factor=factor).high >= truth
    # Score limits cover close to what they promise; 0.93 is four standard errors below 0.95.
    assert 0.93 <= covered / runs <= 0.995


def test_t_limits_cover_in_simulation():
    rng = random.Random(3)
    runs = 1000
    covered = sum(
        paired_mean([rng.gauss(-0.01, 0.05) for _ in range(20)]).low <= -0.01 for _ in range(runs)
    )
    assert 0.925 <= covered / runs <= 0.975


def test_means_are_clipped_and_one_value_knows_nothing():
    assert mean_interval([1.0, 1.0, 0.7]).high == 1.0
    assert (mean_interval([0.5]).low, mean_interval([0.5]).high) == (0.0, 1.0)
    assert mean_limits(0.5, 0.0, 1, confidence=0.95).low == -math.inf
    assert spread([0.5]) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: newcombe_paired(-1, 0, 0, 5),
        lambda: t_quantile(1.0, 3),
        lambda: t_probability(1.0, 0),
    ],
)
def test_impossible_numbers_are_refused(call):
    with pytest.raises(ValueError, match="got"):
        call()
