"""How the mean and the median of one paired sample compare with those of the other, for people to look at.

These intervals are approximate; verdicts come from the exact tests in `pairs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.pairs import mean_shift

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The logarithm of a ratio (candidate over base) with its bounds."""

    estimate: float
    lower: float | None
    upper: float | None


def mean_ratio(base: Floats, candidate: Floats, *, tail: float) -> Ratio:
    """Compare the means of two paired samples of positive values, each bound with an error of about `tail`.

    By linearization of the ratio (Cochran, "Sampling Techniques", 6.3), corrected for skewness as in `MeanShift`: where
    a few answers are far longer, there may well be more of them than were seen. A single pair bounds nothing.
    """
    mean, candidate_mean = float(base.mean()), float(candidate.mean())
    linear = mean_shift(candidate / candidate_mean - base / mean)
    estimate = math.log(candidate_mean / mean)
    bounds = replace(linear, estimate=estimate).bounds(tail=tail)
    return Ratio(estimate, bounds.lower, bounds.upper)


def median_ratio(base: Floats, candidate: Floats, *, tail: float) -> Ratio:
    """Compare the medians of two paired samples of positive values, each bound with an error of about `tail`.

    Shares below the medians have a known error, which the slope of the quantiles turns into one of the logarithms
    (Woodruff, JASA 47, 1952).
    """
    count = len(base)
    ordered = np.sort(base), np.sort(candidate)
    middle = [float(values[(count - 1) // 2] + values[count // 2]) / 2 for values in ordered]
    # Whether they lie below does not always agree between the members of a pair; that is all that moves the ratio.
    discordant = int(np.count_nonzero((base <= middle[0]) != (candidate <= middle[1])))
    error = math.sqrt(discordant) / count
    reach = max(1, round(count * min(0.49, max(1 / math.sqrt(count), 2 * error))))
    low, high = max(0, count // 2 - reach), min(count - 1, count // 2 + reach)
    slopes = [math.log(values[high] / values[low]) * count / max(1, high - low) for values in ordered]
    return _around(math.log(middle[1] / middle[0]), error * sum(slopes) / 2, tail)


def _around(estimate: float, error: float, tail: float) -> Ratio:
    reach = -float(late.special.ndtri(tail)) * error
    return Ratio(estimate, estimate - reach, estimate + reach)
