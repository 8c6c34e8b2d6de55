"""Confidence limits for shares, for paired differences of shares, and for means.

Every function is pure arithmetic on counts or numbers. Counts may be fractions, so that the same
proportions can be asked about at another number of examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

Z_TWO_SIDED = NormalDist().inv_cdf(0.975)
"""Both limits of a two-sided 95 % interval."""
Z_ONE_SIDED = NormalDist().inv_cdf(0.95)
"""Each limit alone holds with 95 %: together they are a 90 % interval."""
MANY = 1000
"""Degrees of freedom from which Student's t is an expansion of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A lower and an upper limit."""

    low: float
    high: float


def wilson(k: float, n: float, *, z: float = Z_TWO_SIDED) -> Interval:
    """Limits of a share of ``k`` out of ``n``.

    >>> wilson(81, 263)  # published: 0.2553 to 0.3662
    Interval(low=0.255..., high=0.366...)

    Args:
        k: how many of the examples have the property, 0 to ``n``.
        n: how many examples there are, above 0.
        z: the normal quantile; `Z_ONE_SIDED` makes each limit a one-sided 95 % limit.

    Raises:
        ValueError: ``n`` is not above 0, or ``k`` not in 0 to ``n``.

    Source: Wilson 1927; Newcombe 1998, Statistics in Medicine 17:857-872, method 3.
    """
    if not (n > 0 and 0 <= k <= n):
        raise ValueError(f"a share needs 0 <= k <= n and n > 0 (got k = {k}, n = {n})")
    middle = 2 * k + z * z
    half = z * math.sqrt(z * z + 4 * k * (n - k) / n)
    below = 2 * (n + z * z)
    # The limits at k = 0 and k = n are exactly 0 and 1; rounding must not move them inwards.
    low = 0.0 if k == 0 else max(0.0, (middle - half) / below)
    high = 1.0 if k == n else min(1.0, (middle + half) / below)
    return Interval(low, high)


def correlation(both: float, first: float, second: float, neither: float) -> float:
    """The phi coefficient of a paired two-by-two table, corrected towards 0 when it is positive.

    >>> correlation(20, 5, 5, 20)
    0.56

    Source: Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10.
    """
    n = both + first + second + neither
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins == 0:
        return 0.0
    excess = both * neither - first * second
    if excess > 0:
        excess = max(0.0, excess - n / 2)
    return excess / math.sqrt(margins)


def newcombe_paired(
    both: float,
    first: float,
    second: float,
    neither: float,
    *,
    factor: float = 1.0,
    z: float = Z_ONE_SIDED,
) -> Interval:
    """Limits of (first share) - ``factor`` x (second share), measured on the same examples.

    >>> newcombe_paired(59, 6, 16, 80, z=Z_TWO_SIDED)  # published: -0.1186 to -0.0046
    Interval(low=-0.1186..., high=-0.0046...)

    Args:
        both: how many examples have the property both times.
        first: how many have it the first time only.
        second: how many have it the second time only.
        neither: how many have it neither time.
        factor: what the second share is multiplied by, 0 or more.
        z: the normal quantile; as it is, each limit alone is a one-sided 95 % limit.

    Raises:
        ValueError: a count is negative, or all are 0.

    Source: Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10 (square-and-add of
    Wilson limits with their correlation); with a factor, Zou and Donner 2008, Statistics in
    Medicine 27:1693-1702, whose limits of a sum are those of its scaled terms squared and added.
    """
    if min(both, first, second, neither) < 0:
        raise ValueError(f"counts are 0 or more (got {both}, {first}, {second}, {neither})")
    n = both + first + second + neither
    one, two = wilson(both + first, n, z=z), wilson(both + second, n, z=z)
    share_one, share_two = (both + first) / n, (both + second) / n
    phi = correlation(both, first, second, neither)
    difference = share_one - factor * share_two

    def distance(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))

    low = difference - distance(share_one - one.low, factor * (two.high - share_two))
    high = difference + distance(one.high - share_one, factor * (share_two - two.low))
    return Interval(max(low, -factor), min(high, 1.0))


def t_probability(t: float, df: int) -> float:
    """The probability that Student's t with ``df`` degrees of freedom is at most ``t``.

    >>> round(t_probability(2.015048, 5), 6)
    0.95

    Source: Abramowitz and Stegun 26.7.3 and 26.7.4: a finite sum, exact for a whole ``df``.
    """
    if df < 1:
        raise ValueError(f"Student's t needs at least 1 degree of freedom (got {df})")
    angle = math.atan(abs(t) / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term = cosine if odd else 1.0
    total = term if df > 1 else 0.0
    for i in range(2 + odd, df - 1, 2):
        term *= cosine * cosine * (i - 1) / i
        total += term
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return 0.5 + math.copysign(within / 2, t)


def t_quantile(probability: float, df: int) -> float:
    """The value that Student's t with ``df`` degrees of freedom stays under with ``probability``.

    >>> round(t_quantile(0.975, 2), 4)
    4.3027

    Found by halving an interval of the exact distribution: no expansion, so no accuracy to lose
    at few degrees of freedom. Over 1,000 of them the expansion of Abramowitz and Stegun 26.7.5 is
    off by less than 1e-7, and its time doesn't grow with ``df``.
    """
    if not 0 < probability < 1:
        raise ValueError(f"a quantile needs a probability between 0 and 1 (got {probability})")
    if probability < 0.5:
        return -t_quantile(1 - probability, df)
    if df > MANY:
        x = NormalDist().inv_cdf(probability)
        return x + (x**3 + x) / (4 * df) + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * df**2)
    low, high = 0.0, 2.0
    while t_probability(high, df) < probability:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high) and high - low > 1e-13 * max(1, high):
        if t_probability(middle, df) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mean_limits(mean: float, deviation: float, n: int, *, confidence: float) -> Interval:
    """Limits of a mean from its sample standard deviation, each at one-sided ``confidence``.

    One value says nothing about its spread: its limits are infinite.
    """
    if n < 2:
        return Interval(-math.inf, math.inf)
    half = t_quantile(confidence, n - 1) * deviation / math.sqrt(n)
    return Interval(mean - half, mean + half)


def mean_interval(
    values: Sequence[float], *, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """Two-sided 95 % t interval of the mean of ``values``, clipped to what the mean can be.

    >>> mean_interval([0.5, 0.7, 0.9])
    Interval(low=0.203..., high=1.0)
    """
    limits = mean_limits(fmean(values), spread(values), len(values), confidence=0.975)
    return Interval(max(lowest, limits.low), min(highest, limits.high))


def paired_mean(differences: Sequence[float]) -> Interval:
    """One-sided 95 % t limits of the mean of paired differences, one for each example.

    >>> paired_mean([0.0, 0.1, -0.1, 0.0])
    Interval(low=-0.096..., high=0.096...)
    """
    return mean_limits(fmean(differences), spread(differences), len(differences), confidence=0.95)


def spread(values: Sequence[float]) -> float:
    """The sample standard deviation, 0 for a single value."""
    return stdev(values) if len(values) > 1 else 0.0
