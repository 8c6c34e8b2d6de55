"""What rounding to a dtype makes of a change: the yardstick for what is left unexplained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_MANTISSA = {"BF16": 7, "F16": 10, "F32": 23, "F64": 23, "F8_E4M3": 3, "F8_E5M2": 2}
_LOWEST = {"BF16": -126, "F16": -14, "F32": -126, "F64": -126, "F8_E4M3": -6, "F8_E5M2": -14}
_EXPONENT = np.uint32(0x7F800000)


def grid_of(values: np.ndarray, dtype: str) -> str:
    """The coarsest dtype that holds values exactly: a model may have been narrower before.

    >>> grid_of(np.array([1.0, 1.5], np.float32), "F32")
    'BF16'

    Args:
        values: float32.
        dtype: as they are stored.
    """
    if dtype in ("F32", "F64", "F16"):
        bits = np.bitwise_or.reduce(np.ascontiguousarray(values).view(np.uint32), axis=None)
        if not bits & 0xFFFF:
            return "BF16"
        if not bits & 0x1FFF:
            return "F16"
    return dtype


def steps(values: np.ndarray, grid: str) -> np.ndarray:
    """The distance from each value to the next that a dtype has, as float32.

    >>> steps(np.array([1.0, 0.3], np.float32), "BF16").tolist()
    [0.0078125, 0.001953125]
    """
    powers = (np.ascontiguousarray(values, np.float32).view(np.uint32) & _EXPONENT).view(np.float32)
    lowest = np.float32(2.0 ** _LOWEST[grid])
    step: np.ndarray = np.maximum(powers, lowest) * np.float32(2.0 ** -_MANTISSA[grid])
    return step


def coarsest(grids: Iterable[str]) -> str:
    """The dtype with the fewest mantissas.

    >>> coarsest(["F32", "BF16"])
    'BF16'
    """
    return min(grids, key=_MANTISSA.__getitem__)


def one_in(grid: str) -> float:
    """How often a change meets one value by chance at most: one in its mantissa's values.

    >>> one_in("BF16")
    0.0078125
    """
    return float(2.0 ** -_MANTISSA[grid])


@dataclass(frozen=True)
class Noise:
    """What rounding adds to a difference of two weights.

    Rounding is off by up to half a step: its square is ``step²/12`` on average, and that square's
    variance ``step⁴/180``.

    Args:
        variances: of each entry.
    """

    variances: np.ndarray

    @property
    def energy(self) -> float:
        """The mean of its sum of squares."""
        return float(self.variances.sum(dtype=np.float64))

    @property
    def spread(self) -> float:
        """The standard deviation of its sum of squares."""
        wide = self.variances.astype(np.float64)
        return float(np.sqrt(0.8 * np.square(wide).sum()))

    def most(self, grid: str) -> float:
        """What its sum of squares stays below, but for one case in 30,000.

        Weights of this dtype that are multiplied with one factor have as few different roundings
        as it has mantissas, however many entries there are: the deviation is that of so many.

        >>> round(Noise(np.ones(10_000)).most("BF16") / 10_000, 2)
        1.32
        """
        few = np.sqrt(0.8 * one_in(grid)) * self.energy
        return self.energy + 4 * max(self.spread, float(few))

    def hides(self, energy: float) -> bool:
        """Whether a difference is too small for its own shape to show through the rounding.

        A change of half a step (root mean square) is rounded as evenly as the above assumes, to
        within a hundredth. Its energy is ``step²/4 + step²/12``: four times that of the rounding.

        >>> Noise(np.ones(8)).hides(31), Noise(np.ones(8)).hides(33)
        (True, False)
        """
        return energy < 4 * self.energy


def noise(grid: str, *rounded: np.ndarray, difference: np.ndarray) -> Noise:
    """What rounding adds to a difference.

    >>> ones = np.ones((2, 2), np.float32)
    >>> round(noise("BF16", ones, difference=0 * ones).energy * 12 / 0.0078125**2)
    4

    Args:
        grid: the dtype that is rounded to.
        rounded: what is rounded, one array for each rounding.
        difference: between the weights. It may have been worked out in bfloat16, as merged
            adapters are, and added in a finer dtype.
    """
    squares = np.square(steps(difference, "BF16"))
    for each in rounded:
        squares += np.square(steps(each, grid))
    return Noise(squares / np.float32(12))
