"""How many pairs an answer takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RANK_EFFICIENCY = 3 / math.pi
"""Asymptotic efficiency of the signed-rank test relative to Student's t on normal data (Lehmann, "Nonparametrics")."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A level and the chance of reaching it: `tail` is one-sided."""

    tail: float
    power: float

    @property
    def reach(self) -> float:
        """Return how many standard errors an effect must lie away."""
        return float(stats.norm.isf(self.tail) + stats.norm.ppf(self.power))


def pairs_for_shift(*, spread: float, distance: float, aim: Aim) -> int:
    """Return how many pairs tell a typical difference from a limit that lies `distance` away.

    `spread` is the standard deviation of the paired differences, in the same unit as `distance`.
    """
    return _pairs(spread**2 / RANK_EFFICIENCY, distance, aim)


def pairs_for_shares(*, discordant: float, distance: float, aim: Aim) -> int:
    """Return how many pairs tell a difference of paired shares from a limit `distance` away (fractions).

    `discordant` is the share of pairs in which the two members differ.
    """
    return _pairs(discordant, distance, aim)


def _pairs(variance: float, distance: float, aim: Aim) -> int:
    if distance <= 0 or variance < 0:
        msg = "planning needs a distance above 0 and a variance"
        raise ValueError(msg)
    return max(2, math.ceil(aim.reach**2 * variance / distance**2))


def cautious_spread(differences: NDArray[np.float64], *, confidence: float) -> float:
    """Return an upper bound of the standard deviation, so that a plan from few pairs is seldom too small.

    From the chi-squared distribution of the variance of normal data.
    """
    if len(differences) < 2:
        msg = "a spread needs at least two differences"
        raise ValueError(msg)
    freedom = len(differences) - 1
    return float(np.std(differences, ddof=1)) * math.sqrt(freedom / float(stats.chi2.ppf(1 - confidence, freedom)))
