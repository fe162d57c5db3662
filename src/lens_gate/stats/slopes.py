"""Straight lines through a series that is counted in runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.shift import Difference

Floats = NDArray[np.float64]

FEWEST_VALUES = 3


@dataclass(frozen=True, slots=True)
class Slope:
    """A change per run with its interval, and the two-sided p value of the hypothesis that there is none."""

    per_run: float
    lower: float
    upper: float
    p_value: float

    def times(self, factor: float) -> Difference:
        """Return the change over so many runs, or per run in another unit; the factor is not negative."""
        return Difference(factor * self.per_run, factor * self.lower, factor * self.upper)


_LEVEL = Slope(0.0, 0.0, 0.0, 1.0)
"""Of equal values, where tests would divide 0 by 0."""


def least_squares(values: Floats, *, confidence: float) -> Slope:
    """Return the ordinary regression on the number of the run; interval and p value assume normal noise."""
    runs = _runs(values)
    if np.ptp(values) == 0:
        return _LEVEL
    line = late.stats.linregress(runs, values)
    reach = float(late.stats.t.isf((1 - confidence) / 2, len(values) - 2)) * float(line.stderr)
    slope = float(line.slope)
    return Slope(slope, slope - reach, slope + reach, float(line.pvalue))


def theil_sen(values: Floats, *, confidence: float) -> Slope:
    """Return the median slope between all pairs of runs, which a quarter of wild values cannot turn.

    Interval by Sen (JASA 63, 1968); p value by Mann and Kendall (Mann, Econometrica 13, 1945): exact for few runs
    without ties, else normal with the variance corrected for ties.
    """
    runs = _runs(values)
    if np.ptp(values) == 0:
        return _LEVEL
    line = late.stats.theilslopes(values, runs, alpha=confidence)
    p_value = float(late.stats.kendalltau(runs, values).pvalue)
    return Slope(float(line.slope), float(line.low_slope), float(line.high_slope), p_value)


def _runs(values: Floats) -> Floats:
    if len(values) < FEWEST_VALUES or not np.isfinite(values).all():
        msg = f"a slope needs at least {FEWEST_VALUES} finite values"
        raise ValueError(msg)
    return np.arange(len(values), dtype=np.float64)
