"""Drawing from the distributions that a workload names. Pure: the generator is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt
from typing import assert_never

import numpy as np

from lens_gate.config.spread import LengthSpread, Shape, TimeSpread


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of positive numbers; draws outside of `low` and `high` are moved to them.

    `mean` is the value of a fixed one and unused in a uniform one.
    """

    shape: Shape
    mean: float
    stddev: float
    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """Return one number."""
        match self.shape:
            case "fixed":
                value = self.mean
            case "uniform":
                value = float(rng.uniform(self.low, self.high))
            case "normal":
                value = float(rng.normal(self.mean, self.stddev))
            case "lognormal":
                value = float(rng.lognormal(*self._of_the_logarithm()))
            case "exponential":
                value = float(rng.exponential(self.mean))
            case unknown:
                assert_never(unknown)
        return min(max(value, self.low), self.high)

    def draw_length(self, rng: np.random.Generator) -> int:
        """Return one whole number, at least 1; uniform ones include both ends alike."""
        if self.shape == "uniform":
            return int(rng.integers(int(self.low), int(self.high), endpoint=True))
        return max(1, round(self.draw(rng)))

    def _of_the_logarithm(self) -> tuple[float, float]:
        """Return mean and deviation of the logarithm for the mean and deviation of the values themselves.

        Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), chapter 14.
        """
        variance = log(1 + (self.stddev / self.mean) ** 2)
        return log(self.mean) - variance / 2, sqrt(variance)


Length = int | Spread
"""A length that is the same each time, or drawn."""


def spread_of(section: LengthSpread | TimeSpread) -> Spread:
    """Read a distribution from the configuration."""
    return Spread(
        shape=section.distribution,
        mean=section.value or section.mean or 0.0,
        stddev=section.stddev or 0.0,
        low=section.min or 0.0,
        high=inf if section.max is None else section.max,
    )


def time_of(time: float | TimeSpread) -> Spread:
    """Read a time from the configuration, in seconds."""
    return Spread("fixed", time, 0.0, 0.0, inf) if isinstance(time, int | float) else spread_of(time)


def length_of(length: int | LengthSpread) -> Length:
    """Read a length from the configuration; one that never varies is a plain number."""
    if isinstance(length, int):
        return length
    return length.value if length.value is not None else spread_of(length)


def a_length(length: Length, rng: np.random.Generator) -> int:
    """Return a length; a fixed one takes nothing from the generator."""
    return length if isinstance(length, int) else length.draw_length(rng)
