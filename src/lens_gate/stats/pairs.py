"""Tests and estimates on paired differences.

Under the hypothesis that the two members of a pair are interchangeable, each difference is as likely to be `d` as `−d`,
whatever the drift, the tails or the correlation between pairs; so every sign pattern is equally likely, and that is all
that these tests use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

EXACT_WORK = 4_000_000
"""Up to so many additions the null distribution is enumerated (about 200 pairs without ties); beyond, it is normal."""


@dataclass(frozen=True, slots=True)
class SignedRank:
    """The result of a signed-rank test; `statistic` is the sum of the ranks of positive differences."""

    pairs: int
    zeros: int
    statistic: float
    p_greater: float
    p_less: float
    exact: bool

    @property
    def p_two_sided(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2 * min(self.p_greater, self.p_less))


def signed_rank(differences: Floats) -> SignedRank:
    """Test whether differences lean to one side.

    Ties share their mean rank, zeros are ranked and then left out (Pratt, "Remarks on zeros and ties in the Wilcoxon
    signed rank procedures", JASA 54, 1959). The p values are exact given ranks and zeros while that is affordable, else
    normal with the exact variance and a continuity correction.
    """
    values = _checked(differences)
    ranks = np.asarray(stats.rankdata(np.abs(values)), dtype=np.float64)
    kept = values != 0
    ranks, positive = ranks[kept], values[kept] > 0
    statistic = float(ranks[positive].sum())
    greater, less, exact = _tails(ranks, statistic)
    return SignedRank(
        pairs=len(values),
        zeros=int(len(values) - kept.sum()),
        statistic=statistic,
        p_greater=greater,
        p_less=less,
        exact=exact,
    )


def _tails(ranks: Floats, statistic: float) -> tuple[float, float, bool]:
    """Return P(T ≥ statistic), P(T ≤ statistic), and whether they are exact."""
    if len(ranks) == 0:
        return 1.0, 1.0, True
    # Mean ranks are multiples of one half, so twice a rank is an integer.
    doubled = np.rint(2 * ranks).astype(np.int64)
    step = int(np.gcd.reduce(doubled))
    if len(ranks) * int(doubled.sum()) // step <= EXACT_WORK:
        chances = _null_distribution(doubled // step)
        place = round(2 * statistic) // step
        return float(min(1.0, chances[place:].sum())), float(min(1.0, chances[: place + 1].sum())), True
    centre, spread = float(ranks.sum()) / 2, math.sqrt(float((ranks**2).sum())) / 2
    greater = float(stats.norm.sf((statistic - 0.5 - centre) / spread))
    less = float(stats.norm.cdf((statistic + 0.5 - centre) / spread))
    return greater, less, False


def _null_distribution(weights: NDArray[np.int64]) -> Floats:
    """Return P(S = s) for s = 0, 1, … where S sums each weight with probability one half."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1.0
    reach = 1
    for weight in weights.tolist():
        chances[weight : reach + weight] += chances[:reach].copy()
        chances[: reach + weight] /= 2
        reach += weight
    return chances


@dataclass(frozen=True, slots=True)
class Interval:
    """Two one-sided bounds; None where the sample cannot bound that side at the level asked for."""

    lower: float | None
    upper: float | None


def hodges_lehmann(differences: Floats) -> float:
    """Return the median of all pairwise means (Hodges and Lehmann, Ann. Math. Stat. 34, 1963): the typical difference.

    Takes O(n log n) time for each halving of the range and no n × n matrix.
    """
    values = np.sort(_checked(differences))
    total = len(values) * (len(values) + 1) // 2
    low = _walsh_average(values, (total + 1) // 2)
    return low if total % 2 else (low + _walsh_average(values, total // 2 + 1)) / 2


def shift_bounds(differences: Floats, *, tail: float) -> Interval:
    """Bound the typical difference on both sides, each with an error of at most `tail`.

    Inverts the signed-rank test (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 3.3): the bounds
    are order statistics of the pairwise means. With ties they err on the wide side.
    """
    values = np.sort(_checked(differences))
    rank = _critical_rank(len(values), tail)
    if rank < 1:
        return Interval(None, None)
    total = len(values) * (len(values) + 1) // 2
    return Interval(_walsh_average(values, rank), _walsh_average(values, total + 1 - rank))


def _critical_rank(count: int, tail: float) -> int:
    """Return the largest k with P(T ≤ k − 1) ≤ tail for the signed-rank statistic of `count` untied differences."""
    ranks = np.arange(1, count + 1, dtype=np.int64)
    if count * int(ranks.sum()) <= EXACT_WORK:
        return int(np.searchsorted(np.cumsum(_null_distribution(ranks)), tail, side="right"))
    centre, spread = count * (count + 1) / 4, math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return math.floor(centre + float(stats.norm.ppf(tail)) * spread + 0.5)


def _walsh_average(ordered: Floats, rank: int) -> float:
    """Return the rank-th smallest of the means (x_i + x_j) / 2, i ≤ j, by halving the range in which it lies."""
    low, high = 2 * ordered[0] - 1.0, 2 * ordered[-1]
    resolution = 1e-13 * max(1.0, abs(low), abs(high))
    while high - low > resolution:
        middle = (low + high) / 2
        if _sums_up_to(ordered, middle) >= rank:
            high = middle
        else:
            low = middle
    # The range now holds one sum, up to rounding: the smallest one above its lower end.
    partner = np.searchsorted(ordered, low - ordered, side="right")
    inside = partner < len(ordered)
    return float((ordered[inside] + ordered[partner[inside]]).min()) / 2


def _sums_up_to(ordered: Floats, limit: float) -> int:
    """Count the pairs i ≤ j with x_i + x_j ≤ limit."""
    both_orders = int(np.searchsorted(ordered, limit - ordered, side="right").sum())
    with_themselves = int(np.searchsorted(ordered, limit / 2, side="right"))
    return (both_orders + with_themselves) // 2


@dataclass(frozen=True, slots=True)
class MeanShift:
    """The mean of paired differences and its standard error."""

    estimate: float
    standard_error: float
    pairs: int

    def bounds(self, *, tail: float) -> Interval:
        """Return Student's t bounds, each with an error of at most `tail` (normal differences, or many)."""
        if self.pairs < 2:
            return Interval(None, None)
        reach = float(stats.t.isf(tail, self.pairs - 1)) * self.standard_error
        return Interval(self.estimate - reach, self.estimate + reach)


def mean_shift(differences: Floats) -> MeanShift:
    """Return the mean difference with its standard error (0 for a single pair, whose bounds are open)."""
    values = _checked(differences)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return MeanShift(float(np.mean(values)), spread / math.sqrt(len(values)), len(values))


def _checked(differences: Floats) -> Floats:
    if len(differences) == 0 or not np.isfinite(differences).all():
        msg = "paired differences must be finite, and at least one"
        raise ValueError(msg)
    return differences
