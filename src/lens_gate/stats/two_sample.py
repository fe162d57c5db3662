"""Tests of two unpaired samples, for the classic rules and the screen against a stored run.

They assume that all values of both samples are independent, which measurements of two days are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoSample:
    """A statistic with its two-sided p value."""

    statistic: float
    p_value: float


def welch_t(candidate: Floats, base: Floats) -> TwoSample:
    """Compare two means without assuming equal variances (Welch, Biometrika 34, 1947)."""
    _check(candidate, base)
    if np.ptp(candidate) == 0 and np.ptp(base) == 0:
        # Without any spread the statistic is 0 / 0 or infinite: the means are equal, or they are not.
        return TwoSample(0.0, 1.0) if candidate[0] == base[0] else TwoSample(float("inf"), 0.0)
    result = stats.ttest_ind(candidate, base, equal_var=False)
    return TwoSample(float(result.statistic), float(result.pvalue))


def mann_whitney(candidate: Floats, base: Floats) -> TwoSample:
    """Test whether one sample tends to be larger (Mann and Whitney, Ann. Math. Stat. 18, 1947)."""
    _check(candidate, base)
    result = stats.mannwhitneyu(candidate, base, alternative="two-sided")
    return TwoSample(float(result.statistic), float(result.pvalue))


def kolmogorov_smirnov(candidate: Floats, base: Floats) -> TwoSample:
    """Test whether two samples come from one distribution, by the largest gap between their CDFs."""
    _check(candidate, base)
    result = stats.ks_2samp(candidate, base, method="asymp")
    return TwoSample(float(result.statistic), float(result.pvalue))


def tends_to_exceed(candidate: Floats, base: Floats, *, factor: float) -> float:
    """Return the one-sided p value that the candidate tends to exceed `factor` times the base (Mann–Whitney)."""
    _check(candidate, base)
    return float(stats.mannwhitneyu(candidate, factor * base, alternative="greater").pvalue)


def _check(candidate: Floats, base: Floats) -> None:
    if min(len(candidate), len(base)) < 2 or not (np.isfinite(candidate).all() and np.isfinite(base).all()):
        msg = "each of two samples needs at least two finite values"
        raise ValueError(msg)
