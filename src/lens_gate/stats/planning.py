"""How many pairs an answer takes.

Each formula is held against simulation of the test that it plans for: `benchmarks/planning.py` prints how often the
planned number is enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.pairs import TypicalDifference

Floats = NDArray[np.float64]

RANK_EFFICIENCY = 3 / math.pi
"""Asymptotic efficiency of the signed-rank test relative to Student's t on normal data (Lehmann, "Nonparametrics")."""

LEAST_EFFICIENCY = 108 / 125
"""The least it can be on any symmetric distribution (Hodges and Lehmann, Ann. Math. Stat. 27, 1956)."""

QUARTILE_RANGE = 1.349
"""The distance between the quartiles of a standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A level and the chance of reaching it: `tail` is one-sided."""

    tail: float
    power: float

    @property
    def reach(self) -> float:
        """Return how many standard errors an effect must lie away."""
        return self.level_reach + self.power_reach

    @property
    def level_reach(self) -> float:
        """Return how many standard errors the level takes of that."""
        return -float(late.special.ndtri(self.tail))

    @property
    def power_reach(self) -> float:
        """Return how many standard errors the power takes of that."""
        return float(late.special.ndtri(self.power))


def pairs_for_shift(*, spread: float, distance: float, aim: Aim) -> int:
    """Return how many pairs tell a typical difference from a limit that lies `distance` away.

    `spread` is the standard deviation of the paired differences, in the same unit as `distance`; `rank_spread` gives
    the one that the signed-rank test sees. The normal formula, with what a level far out takes of small samples
    (Guenther, Am. Stat. 35, 1981); and never so few that not even pairs which all agree would reach the level.
    """
    few = _pairs(spread**2 / RANK_EFFICIENCY, distance, aim.reach) + max(aim.level_reach, 0.0) ** 2 / 2
    return max(2, math.ceil(few), math.ceil(-math.log2(aim.tail)))


def pairs_for_mean(*, spread: float, distance: float, aim: Aim) -> int:
    """Return how many pairs tell a mean difference from a limit `distance` away by Student's t (Guenther, 1981)."""
    return max(2, math.ceil(_pairs(spread**2, distance, aim.reach) + max(aim.level_reach, 0.0) ** 2 / 2))


def pairs_for_shares(*, discordant: float, distance: float, aim: Aim) -> int:
    """Return how many pairs tell a difference of paired shares from a limit `distance` away (fractions).

    `discordant` is the share of pairs in which the two members differ.
    """
    return max(2, math.ceil(_pairs(discordant, distance, aim.reach)))


def pairs_for_mcnemar(*, discordant: float, difference: float, aim: Aim) -> int:
    """Return how many pairs establish a difference of paired shares by McNemar's test (fractions).

    `discordant` is the share of pairs in which the two members differ when the difference is there (Connett, Smith and
    McHugh, Stat. Med. 6, 1987). The exact test, held against enumeration, takes from 4 % fewer to 2 % more pairs; where
    nearly all discordant pairs lie on one side, up to 16 % fewer.
    """
    if difference > discordant:
        msg = "the members cannot differ less often than the shares do"
        raise ValueError(msg)
    varied = aim.level_reach * math.sqrt(discordant) + aim.power_reach * math.sqrt(discordant - difference**2)
    return max(2, math.ceil(_pairs(1.0, difference, varied)))


def pairs_to_bound_shares(*, discordant: float, margin: float, aim: Aim) -> int:
    """Return how many pairs bound the difference of two equal paired shares below `margin` (fractions).

    For the score bound of `difference_bounds`, whose variance is taken at the margin (Liu, Hsueh, Hsieh and Chen, Stat.
    Med. 21, 2002); `discordant` is the share of pairs in which the two members differ.
    """
    at_margin = math.sqrt(_variance_at(discordant, margin))
    varied = aim.level_reach * at_margin + aim.power_reach * math.sqrt(discordant)
    return max(2, math.ceil(_pairs(1.0, margin, varied)))


def _variance_at(discordant: float, margin: float) -> float:
    """Return n times the variance of the difference that fits `margin` best, where the shares are really equal."""
    linear = 2 * margin - discordant
    constant = -discordant / 2 * margin * (1 - margin)
    nuisance = (math.sqrt(linear**2 - 8 * constant) - linear) / 4
    return 2 * nuisance + margin * (1 - margin)


def _pairs(variance: float, distance: float, reach: float) -> float:
    if distance <= 0 or variance < 0:
        msg = "planning needs a distance above 0 and a variance"
        raise ValueError(msg)
    return reach**2 * variance / distance**2


def cautious_spread(differences: Floats, *, confidence: float) -> float:
    """Return an upper bound of the standard deviation, so that a plan from few pairs is seldom too small.

    From the chi-squared distribution of the variance of normal data.
    """
    return _deviation(differences) * _caution(len(differences), confidence)


def rank_spread(differences: Floats, *, confidence: float) -> float:
    """Return the spread that the signed-rank test sees, as an upper bound in the way of `cautious_spread`.

    It is the standard deviation of the normal distribution on which the test would have the same power, which is far
    less than the ordinary one where a few differences are huge. The power rests on how often the sum of two
    differences stays within twice the distance (Noether, JASA 82, 1987), taken here at half of a usual difference. It
    never exceeds what the least efficiency of the test allows.
    """
    deviation = _deviation(differences)
    centred = np.sort(differences - TypicalDifference(differences).estimate)
    low, high = np.quantile(centred, [0.25, 0.75]).tolist()
    distance = (high - low) / QUARTILE_RANGE / 2
    most = deviation * math.sqrt(RANK_EFFICIENCY / LEAST_EFFICIENCY)
    near = _share_of_sums_within(centred, 2 * distance) if distance > 0 else 0.0
    seen = math.sqrt(2) * distance / float(late.special.ndtri((1 + near) / 2)) if near > 0 else most
    return min(seen, most) * _caution(len(differences), confidence)


def _share_of_sums_within(ordered: Floats, limit: float) -> float:
    """Return the share of all pairs i < j with |x_i + x_j| ≤ limit, one at least being outside; the values are sorted.

    A share of 1 would be as good as no spread, which no sample can show.
    """
    up_to = np.searchsorted(ordered, limit - ordered, side="right")
    below = np.searchsorted(ordered, -limit - ordered, side="left")
    with_themselves = int((np.abs(2 * ordered) <= limit).sum())
    both_orders, everything = int((up_to - below).sum()) - with_themselves, len(ordered) * (len(ordered) - 1)
    return min(both_orders, everything - 2) / everything


def _deviation(differences: Floats) -> float:
    if len(differences) < 2:
        msg = "a spread needs at least two differences"
        raise ValueError(msg)
    return float(np.std(differences, ddof=1))


def _caution(count: int, confidence: float) -> float:
    freedom = count - 1
    return math.sqrt(freedom / float(late.stats.chi2.ppf(1 - confidence, freedom)))
