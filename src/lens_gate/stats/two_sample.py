"""Tests of two unpaired samples, for the classic rules.

They assume that all values of both samples are independent, which measurements of two days are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoSample:
    """A statistic with its two-sided p value; `direction` is positive where the candidate's values are the larger ones.

    Each test has its own view of that: the means, the ranks, or the side of the largest gap.
    """

    statistic: float
    p_value: float
    direction: float


def welch_t(candidate: Floats, base: Floats) -> TwoSample:
    """Compare two means without assuming equal variances (Welch, Biometrika 34, 1947)."""
    _check(candidate, base)
    if np.ptp(candidate) == 0 and np.ptp(base) == 0:
        # Without any spread the statistic is 0 / 0 or infinite: the means are equal, or they are not.
        apart = float(candidate[0] - base[0])
        return TwoSample(0.0, 1.0, 0.0) if apart == 0 else TwoSample(math.copysign(math.inf, apart), 0.0, apart)
    result = late.stats.ttest_ind(candidate, base, equal_var=False)
    return TwoSample(float(result.statistic), float(result.pvalue), float(result.statistic))


def mann_whitney(candidate: Floats, base: Floats) -> TwoSample:
    """Test whether one sample tends to be larger (Mann and Whitney, Ann. Math. Stat. 18, 1947)."""
    _check(candidate, base)
    result = late.stats.mannwhitneyu(candidate, base, alternative="two-sided")
    statistic = float(result.statistic)
    return TwoSample(statistic, float(result.pvalue), statistic - len(candidate) * len(base) / 2)


def kolmogorov_smirnov(candidate: Floats, base: Floats) -> TwoSample:
    """Test whether two samples come from one distribution, by the largest gap between their CDFs."""
    _check(candidate, base)
    result = late.stats.ks_2samp(candidate, base, method="asymp")
    statistic = float(result.statistic)
    # Where the candidate's CDF lies above the base's, its values are the smaller ones.
    return TwoSample(statistic, float(result.pvalue), -statistic * int(result.statistic_sign))


def _check(candidate: Floats, base: Floats) -> None:
    if min(len(candidate), len(base)) < 2 or not (np.isfinite(candidate).all() and np.isfinite(base).all()):
        msg = "each of two samples needs at least two finite values"
        raise ValueError(msg)
