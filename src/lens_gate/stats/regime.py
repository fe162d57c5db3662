"""A regime that grows run by run: its middle, spread and moments, without a look at all of its runs each time."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats.noise import SIGMAS_PER_MAD

Floats = NDArray[np.float64]

CLIP = 2.0
"""A score is at most so large, however far a run lies from the middle."""

_FRESH = 20
"""So many runs at most, and a quarter of those before them, are looked at one by one before all are added up."""

_WIDE = 8.0
"""Sums hold nothing farther from the middle, in deviations: one huge outlier would drown all digits of the others."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Number, mean, variance and third central moment of scores."""

    count: int
    mean: float
    variance: float
    third: float


class GrowingRegime:
    """The values of a regime, of which there is one more after each run.

    `median` and `deviation` are those of `noise`, to the last bit; `moments` are those of the clipped scores but for
    rounding: sums of the ordered values up to any place are kept, and a clip cuts off both ends.
    """

    def __init__(self, values: Floats) -> None:
        self._ordered = array("d", np.sort(values))
        self._settle()

    def add(self, value: float) -> None:
        """Take the next run in."""
        insort(self._ordered, value)
        self._fresh.append(value)
        if len(self._fresh) >= min(_FRESH, 1 + len(self._settled) // 4):
            self._settle()

    @property
    def median(self) -> float:
        """The median."""
        middle = len(self._ordered) // 2
        return self._ordered[middle] if len(self._ordered) % 2 else self._mean_of_two(middle)

    def _mean_of_two(self, middle: int) -> float:
        return (self._ordered[middle - 1] + self._ordered[middle]) / 2

    @property
    def deviation(self) -> float:
        """The standard deviation by the median distance from the median; 0 where that says nothing."""
        return SIGMAS_PER_MAD * self._median_distance(self.median)

    @property
    def constant(self) -> bool:
        """Whether all values are one."""
        return self._ordered[0] == self._ordered[-1]

    def _median_distance(self, centre: float) -> float:
        middle = len(self._ordered) // 2
        upper = self._distance(middle, centre)
        return upper if len(self._ordered) % 2 else (self._distance(middle - 1, centre) + upper) / 2

    def _distance(self, rank: int, centre: float) -> float:
        """Return the distance from the centre that so many others lie below: that of an end of the closest stretch."""
        ordered = self._ordered
        low, high = 0, len(ordered) - rank - 1
        while low < high:
            first = (low + high) // 2
            if centre - ordered[first] > ordered[first + rank + 1] - centre:
                low = first + 1
            else:
                high = first
        return max(centre - ordered[low], ordered[low + rank] - centre)

    def _settle(self) -> None:
        """Add all values up, in their order, as distances from what is the middle now, in its deviations."""
        self._fresh: list[float] = []
        self._settled = self._ordered[:]
        self._origin, self._unit = (self.median, self.deviation) if self._ordered else (0.0, 0.0)
        if self._unit:
            with np.errstate(over="ignore"):
                places = (np.array(self._settled) - self._origin) / self._unit
            near = np.minimum(np.maximum(places, -_WIDE), _WIDE)
            self._sums = [_summed(powers) for powers in (near, near * near, near * near * near)]

    def moments(self, centre: float, deviation: float) -> Moments | None:
        """Return the moments of the clipped scores; None where the sums at hand do not tell them.

        `centre` and `deviation` are those of the regime.
        """
        if not deviation or not self._unit:
            return None
        shift, scale = (centre - self._origin) / self._unit, deviation / self._unit
        if abs(shift) + CLIP * scale >= _WIDE or scale * _WIDE < 1:
            return None
        first = bisect_left(self._settled, centre - CLIP * deviation)
        last = bisect_right(self._settled, centre + CLIP * deviation)
        one, two, three = (float(sums[last] - sums[first]) for sums in self._sums)
        within, above = last - first, len(self._settled) - last
        total = (one - within * shift) / scale + CLIP * (above - first)
        square = (two - 2 * shift * one + within * shift**2) / scale**2 + CLIP**2 * (above + first)
        cube = (three - 3 * shift * two + 3 * shift**2 * one - within * shift**3) / scale**3
        cube += CLIP**3 * (above - first)
        for score in clipped(self._fresh, centre, deviation):
            total, square, cube = total + score, square + score * score, cube + score * score * score
        return _central(len(self._ordered), total, square, cube)


def clipped(values: Sequence[float], centre: float, deviation: float) -> list[float]:
    """Return the scores of values: distances from the centre in deviations, clipped."""
    return [min(max((value - centre) / deviation, -CLIP), CLIP) for value in values]


def _summed(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _central(count: int, total: float, square: float, cube: float) -> Moments:
    mean = total / count
    return Moments(
        count=count,
        mean=mean,
        variance=square / count - mean**2,
        third=cube / count - 3 * mean * square / count + 2 * mean**3,
    )
