"""Tests and estimates on paired differences.

Under the hypothesis that the two members of a pair are interchangeable, each difference is as likely to be `d` as `−d`,
whatever the drift, the tails or the correlation between pairs; so every sign pattern is equally likely, and that is all
that these tests use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.sign_flips import Tails, critical_rank, smallest, tails
from lens_gate.stats.walsh import WalshAverages

Floats = NDArray[np.float64]

LEVELS = 63
"""Scores are rounded to so many levels, so that their sums can be enumerated; rounding knows no sign."""


@dataclass(frozen=True, slots=True)
class SignedRank:
    """The result of a signed-rank test; `floor` is the smallest one-sided p value that so many pairs allow."""

    pairs: int
    zeros: int
    p_greater: float
    p_less: float
    exact: bool
    floor: float

    @property
    def p_two_sided(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2 * min(self.p_greater, self.p_less))


def signed_rank(differences: Floats) -> SignedRank:
    """Test whether differences lean to one side.

    Ties share their mean rank, zeros are ranked and then left out (Pratt, "Remarks on zeros and ties in the Wilcoxon
    signed rank procedures", JASA 54, 1959). The p values are exact given ranks and zeros while that is affordable, else
    a saddlepoint approximation.
    """
    values = _checked(differences)
    sizes = np.abs(values)
    ordered = np.sort(sizes)
    # A mean rank is a multiple of one half, so twice a rank is a whole number: first and last place of its ties.
    doubled = np.searchsorted(ordered, sizes, side="left") + np.searchsorted(ordered, sizes, side="right") + 1
    return _tested(values, doubled.astype(np.int64))


def score_test(scores: Floats) -> SignedRank:
    """Test whether scores lean to one side by their sum: a sign-flip test, for scores that turn with their pair.

    Scores keep their sizes, unlike ranks, in `LEVELS` steps of the largest one.
    """
    values = _checked(scores)
    largest = float(np.abs(values).max())
    levels = np.zeros(len(values), dtype=np.int64)
    if largest > 0:
        levels = np.rint(LEVELS * (np.abs(values) / largest)).astype(np.int64)
    return _tested(np.where(levels > 0, values, 0.0), levels)


def _tested(values: Floats, weights: NDArray[np.int64]) -> SignedRank:
    kept = values != 0
    found: Tails = tails(weights[kept], values[kept] > 0)
    return SignedRank(
        pairs=len(values),
        zeros=int(len(values) - kept.sum()),
        p_greater=found.greater,
        p_less=found.less,
        exact=found.exact,
        floor=smallest(int(kept.sum())),
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """Two one-sided bounds; None where the sample cannot bound that side at the level asked for."""

    lower: float | None
    upper: float | None


class TypicalDifference:
    """The Hodges–Lehmann estimate and its bounds: the median, and order statistics, of all pairwise means.

    Hodges and Lehmann, Ann. Math. Stat. 34, 1963. The bounds invert the signed-rank test (Hollander, Wolfe and Chicken,
    "Nonparametric Statistical Methods", 3.3); with ties they err on the wide side. No n × n matrix is made.
    """

    def __init__(self, differences: Floats) -> None:
        self._differences = _checked(differences)

    @cached_property
    def _averages(self) -> WalshAverages:
        return WalshAverages(self._differences)

    @cached_property
    def estimate(self) -> float:
        """The typical difference."""
        return self._averages.median()

    def bounds(self, *, tail: float) -> Interval:
        """Bound the typical difference on both sides, each with an error of at most `tail`."""
        rank = critical_rank(len(self._differences), tail)
        if rank < 1:
            return Interval(None, None)
        return Interval(self._averages.ranked(rank), self._averages.ranked(len(self._averages) + 1 - rank))


@dataclass(frozen=True, slots=True)
class MeanShift:
    """The mean of paired differences, its standard error, and the skewness of the differences."""

    estimate: float
    standard_error: float
    skewness: float
    pairs: int

    def bounds(self, *, tail: float) -> Interval:
        """Return bounds with an error of about `tail` each: Student's t, corrected for skewness.

        By the cubic transformation of Hall (J. R. Stat. Soc. B 54, 1992), which is monotone and can be inverted.
        """
        if self.pairs < 2:
            return Interval(None, None)
        reach = float(late.special.stdtrit(self.pairs - 1, 1 - tail))
        return Interval(
            self.estimate - self.standard_error * self._untransformed(reach),
            self.estimate - self.standard_error * self._untransformed(-reach),
        )

    def _untransformed(self, reach: float) -> float:
        """Return the t statistic whose transformed value is `reach`: t + a t² + a² t³ / 3 + a / 2, a = γ / (3 √n)."""
        bend = self.skewness / (3 * math.sqrt(self.pairs))
        if abs(bend) < 1e-9:
            return reach
        return float((np.cbrt(1 + 3 * bend * (reach - bend / 2)) - 1) / bend)


def mean_shift(differences: Floats) -> MeanShift:
    """Return the mean difference with its standard error (0 for a single pair, whose bounds are open)."""
    values = _checked(differences)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    centred = values - values.mean()
    skewness = float((centred**3).mean() / (centred**2).mean() ** 1.5) if spread > 0 else 0.0
    return MeanShift(float(np.mean(values)), spread / math.sqrt(len(values)), skewness, len(values))


FEWEST_FOR_SLOTS = 20
MOST_ONE_SIDED = 3.5


def one_sided_order(second: Floats) -> bool:
    """Say whether one member was sent second so often that the order within pairs was not drawn by chance.

    That is, in a share that chance produces in less than one of 2,000 runs (3.5 standard deviations).
    """
    known = int(np.count_nonzero(second))
    return known >= FEWEST_FOR_SLOTS and abs(float(second.sum())) > MOST_ONE_SIDED * math.sqrt(known)


def without_slot_effect(differences: Floats, second: Floats) -> Floats:
    """Remove what it does to be the second of a pair; `second` is +1 where the candidate was, −1 where the base was.

    Exchanging the members of a pair turns the sign of both its difference and its `second`, so the estimated effect
    stays, and what is left turns its sign: tests by sign flips remain exact. Unknown (0) and zero differences stay.
    Few pairs are left as they are, and so are those whose order is no chance: there the slot cannot be told from the
    change.
    """
    known = (second != 0) & (differences != 0)
    if np.count_nonzero(known) < FEWEST_FOR_SLOTS or one_sided_order(second):
        return differences
    effect = float((differences[known] * second[known]).mean())
    return np.where(known, differences - effect * second, differences)


def _checked(differences: Floats) -> Floats:
    if len(differences) == 0 or not np.isfinite(differences).all():
        msg = "paired differences must be finite, and at least one"
        raise ValueError(msg)
    return differences
