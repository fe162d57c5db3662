"""How far one group of values lies above another, without assuming what their noise is like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late

Floats = NDArray[np.float64]

_EXACT_PAIRS = 2_500
"""Up to so many pairs the null distribution is enumerated; beyond, it is normal with the exact variance."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference with its interval, in the unit of the values; a bound is None where the sample is too small."""

    estimate: float
    lower: float | None
    upper: float | None


def level_shift(after: Floats, before: Floats, *, tail: float) -> Difference:
    """Return how far `after` lies above `before`, each bound with an error of at most `tail`.

    The estimate is the median of all differences (Hodges and Lehmann, Ann. Math. Stat. 34, 1963), the bounds are order
    statistics of them, by inverting the Mann–Whitney test (Hollander, Wolfe and Chicken, "Nonparametric Statistical
    Methods", 4.3). Raises ValueError for an empty group and for values that are not finite.
    """
    if min(len(after), len(before)) == 0 or not (np.isfinite(after).all() and np.isfinite(before).all()):
        msg = "a shift needs finite values on both sides"
        raise ValueError(msg)
    differences = np.sort(np.subtract.outer(after, before), axis=None)
    rank = _critical_rank(len(after), len(before), tail)
    bounded = rank >= 1
    return Difference(
        estimate=float(np.median(differences)),
        lower=float(differences[rank - 1]) if bounded else None,
        upper=float(differences[-rank]) if bounded else None,
    )


def _critical_rank(some: int, others: int, tail: float) -> int:
    """Return the largest c with P(U ≤ c − 1) ≤ tail for the Mann–Whitney statistic U without ties."""
    pairs = some * others
    if pairs <= _EXACT_PAIRS:
        return int(np.searchsorted(np.cumsum(_null_distribution(some, others)), tail, side="right"))
    spread = math.sqrt(pairs * (some + others + 1) / 12)
    return max(0, math.floor(pairs / 2 + float(late.stats.norm.ppf(tail)) * spread + 0.5))


def _null_distribution(some: int, others: int) -> Floats:
    """Return P(U = u) for u = 0, 1, …: every choice of `some` ranks out of all is as likely as every other."""
    few, many = sorted((some, others))
    least = few * (few - 1) // 2
    ways = np.zeros((few + 1, least + few * many + 1))
    ways[0, 0] = 1.0
    for rank in range(few + many):
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    chances: Floats = ways[few, least:] / math.comb(few + many, few)
    return chances
