"""The level of one run: the logarithm of its median, and how far chance within the run may have moved it.

Requests of one run are not independent: load comes and goes in waves, so that neighbours are alike. A median of such
values scatters more than one of as many independent values; by how much is the inflation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late

Floats = NDArray[np.float64]

FEWEST_FOR_BLOCKS = 8
"""Below so many values, waves cannot be told from chance."""

BLOCK_FACTOR = 2.0
"""Blocks hold so many times the square root of the number of values: waves of that length are seen."""

_NORMAL_P75 = 0.6744897501960817
"""The upper quartile of a standard normal."""


@dataclass(frozen=True, slots=True)
class Level:
    """The logarithm of a run's median, and the variance of its sampling error."""

    log_value: float
    variance: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.log_value) or not 0 <= self.variance < math.inf:
            msg = "a level is a finite logarithm with a variance of at least 0"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two levels lie apart (positive: the second one is higher), with a standard error; normal."""

    estimate: float
    standard_error: float

    def at_least(self, limit: float) -> float:
        """Return the one-sided p value of the hypothesis that the true distance is `limit` or less."""
        if self.standard_error == 0:
            return 1.0 if self.estimate <= limit else 0.0
        return float(late.special.ndtr((limit - self.estimate) / self.standard_error))

    def reach(self, tail: float) -> float:
        """Return the distance that chance alone exceeds with a probability of `tail`."""
        return float(-late.special.ndtri(tail)) * self.standard_error

    def lower(self, tail: float) -> float:
        """Return the lower bound of the true distance, wrong with a probability of `tail`."""
        return self.estimate - self.reach(tail)


def median_level(values: Floats, *, inflation: float) -> Level:
    """Return the level of positive values; `inflation` is how often more their median scatters than independent ones'.

    The variance for independent values is that of Maritz and Jarrett ("A note on estimating the variance of the sample
    median", JASA 73, 1978), on the logarithms.
    """
    logs = np.sort(np.log(_positive(values)))
    count = len(logs)
    # The median of a new sample of this size is each order statistic with these probabilities.
    reached = late.special.betainc((count + 1) / 2, (count + 1) / 2, np.arange(count + 1) / count)
    weights = np.diff(reached)
    centre = float(weights @ logs)
    variance = float(weights @ (logs - centre) ** 2)
    return Level(float(np.log(np.median(values))), inflation * variance)


def summarized_level(*, median: float, upper_quartile: float, count: int, inflation: float) -> Level:
    """Return the level of a run of which only a summary is left.

    The spread of the logarithms is read from the distance between median and p75, as if they were normal there: unlike
    a standard deviation it knows nothing of outliers. The median of n normal values has the variance π/2 · σ²/n.
    """
    if not 0 < median <= upper_quartile or count < 1:
        msg = "a summary needs values, and a positive median that does not lie above the p75"
        raise ValueError(msg)
    spread = math.log(upper_quartile / median) / _NORMAL_P75
    return Level(math.log(median), inflation * math.pi / 2 * spread**2 / count)


def inflation(values: Floats) -> float:
    """Return how many times more a median of these values, in order of time, scatters than of independent ones; ≥ 1.

    The median moves with the share of values above it (Bahadur, "A note on quantiles in large samples", Ann. Math.
    Stat. 37, 1966), so what counts is the long-run variance of that indicator. It is estimated from overlapping blocks
    (Meketon and Schmeiser, "Overlapping batch means", Proc. Winter Simulation Conf., 1984) of two lengths, of which the
    longer one counts twice and the one a third as long is taken off: blocks that are too short miss slow waves, and the
    difference of the two says how much, erring on the wide side (Vats and Flegal, "Lugsail lag windows", Biometrika
    109, 2022).
    """
    count = len(values)
    if count < FEWEST_FOR_BLOCKS:
        return 1.0
    above = np.sign(_positive(values) - np.median(values))
    if not above.any():
        return 1.0
    length = int(BLOCK_FACTOR * math.sqrt(count))
    long, short = (_block_variance(above, size) for size in (length, length // 3))
    return max(1.0, max(long, 2 * long - short) / float(np.mean(above**2)))


def _block_variance(values: Floats, length: int) -> float:
    """Return the long-run variance of the values' mean, times their number, from all blocks of this length."""
    count = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    means = (sums[length:] - sums[:-length]) / length
    return float(count * length / ((count - length) * (count - length + 1)) * np.sum(means**2))


def _positive(values: Floats) -> Floats:
    if len(values) == 0 or not np.isfinite(values).all() or values.min() <= 0:
        msg = "a level needs finite values above 0, and at least one"
        raise ValueError(msg)
    return values
