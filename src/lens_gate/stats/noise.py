"""How much the runs of one level differ from each other, and whether neighbours are alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIGMAS_PER_MAD = 1.4826  # of a normal distribution
_SIGMAS_PER_MEAN_DEVIATION = math.sqrt(math.pi / 2)
_FEWEST_FOR_CORRELATION = 20
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class RunNoise:
    """The standard deviation from run to run in the unit of the values, and the correlation of neighbouring runs.

    `correlated` says that the correlation is positive beyond chance (two standard errors, from 20 runs on).
    """

    deviation: float
    correlation: float
    correlated: bool


def run_noise(values: Floats, starts: Sequence[int] = ()) -> RunNoise:
    """Return the noise of a series whose level changes at `starts` (positions in rising order); robust to jumps."""
    levels = [level for level in np.split(values, starts) if len(level)]
    residuals = np.concatenate([level - median(level) for level in levels])
    correlation = neighbour_correlation(residuals)
    beyond_chance = len(values) >= _FEWEST_FOR_CORRELATION and correlation > 2 / math.sqrt(len(values))
    return RunNoise(robust_deviation(residuals), correlation, beyond_chance)


def median(values: Floats) -> float:
    """Return the median; numpy's own takes several times as long for a few dozen values."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def robust_deviation(distances: Floats) -> float:
    """Return the standard deviation of normal distances from their middle, by their median size.

    Where more than half of them are 0 that says nothing of the others, and their mean size takes its place.
    """
    sizes = np.abs(distances)
    return SIGMAS_PER_MAD * median(sizes) or _SIGMAS_PER_MEAN_DEVIATION * float(sizes.mean())


def neighbour_correlation(values: Floats) -> float:
    """Return the correlation of each value with the next, 0 where all are equal; its bias of −1 / n is taken out."""
    centred = values - values.mean()
    squares = float(centred @ centred)
    tiny = _ROUNDING**2 * float(values @ values)
    return float(centred[1:] @ centred[:-1]) / squares + 1 / len(values) if squares > tiny else 0.0
