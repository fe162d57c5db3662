"""The distribution of a sum of weights of which each is counted with probability one half.

Under the hypothesis that the two members of a pair are interchangeable, each difference is as likely to be `d` as `−d`.
The sum of the weights of the positive ones then has this distribution, whatever the weights are, as long as they do not
change when a difference changes its sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EXACT_WORK = 4_000_000
"""Up to so many additions the distribution is enumerated (about 200 ranks); beyond, it is approximated."""

_CHUNK = 512
_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class Tails:
    """P(S ≥ s) and P(S ≤ s) under the null, and whether they are exact."""

    greater: float
    less: float
    exact: bool

    @property
    def two_sided(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2 * min(self.greater, self.less))


def tails(weights: Integers, positive: NDArray[np.bool_]) -> Tails:
    """Return the tails at the sum of the weights of the positive differences; weights are whole and above 0.

    Exact by enumeration while that is affordable, else by the saddlepoint approximation (see `_beyond`).
    """
    if len(weights) == 0:
        return Tails(1.0, 1.0, exact=True)
    step = int(np.gcd.reduce(weights))
    reduced = weights // step
    total, reached = int(reduced.sum()), int(reduced[positive].sum())
    if _untied(reduced) and _work(len(reduced), total) <= EXACT_WORK:
        at_least, at_most = _rank_tails(len(reduced))
        return Tails(float(at_least[reached]), float(at_most[reached]), exact=True)
    if _work(len(reduced), total) <= EXACT_WORK:
        chances = null_distribution(reduced)
        return Tails(
            min(1.0, float(chances[reached:].sum())), min(1.0, float(chances[: reached + 1].sum())), exact=True
        )
    return Tails(_beyond(reduced, reached, total), _beyond(reduced, total - reached, total), exact=False)


def smallest(count: int) -> float:
    """Return the smallest one-sided p value that so many weights allow: all of them on one side."""
    return math.ldexp(1.0, -count)


def _work(count: int, total: int) -> int:
    return count * total


def _untied(weights: Integers) -> bool:
    """Whether these are the ranks 1 to n, whose distribution is worth keeping."""
    return bool(np.array_equal(np.sort(weights), np.arange(1, len(weights) + 1)))


@lru_cache(maxsize=256)
def _rank_tails(count: int) -> tuple[Floats, Floats]:
    """Return P(T ≥ t) and P(T ≤ t) for t = 0, 1, … of the signed-rank statistic without ties."""
    chances = null_distribution(np.arange(1, count + 1, dtype=np.int64))
    at_most = np.minimum(1.0, np.cumsum(chances))
    # The distribution is symmetric; summing it from its own end keeps small tails exact.
    return at_most[::-1], at_most


def null_distribution(weights: Integers) -> Floats:
    """Return P(S = s) for s = 0, 1, … where S sums each weight with probability one half."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1.0
    reach = 1
    for start in range(0, len(weights), _CHUNK):
        chunk = weights[start : start + _CHUNK].tolist()
        for weight in chunk:
            chances[weight : reach + weight] += chances[:reach]
            reach += weight
        # Whole numbers of ways so far, and 2 to the power of 512 of them is a double like any other.
        chances[:reach] *= math.ldexp(1.0, -len(chunk))
    return chances


def critical_rank(count: int, tail: float) -> int:
    """Return the largest k with P(T ≤ k − 1) ≤ tail for the signed-rank statistic of `count` untied differences."""
    if _work(count, count * (count + 1) // 2) <= EXACT_WORK:
        _, at_most = _rank_tails(count)
        return int(np.searchsorted(at_most, tail, side="right"))
    return _approximate_critical_rank(count, tail)


@lru_cache(maxsize=4096)
def _approximate_critical_rank(count: int, tail: float) -> int:
    ranks, total = np.arange(1, count + 1, dtype=np.int64), count * (count + 1) // 2
    low, high = 0, total // 2
    while high - low > 1:
        middle = (low + high) // 2
        if _beyond(ranks, total - middle + 1, total) <= tail:
            low = middle
        else:
            high = middle
    return low


def _beyond(weights: Integers, reached: int, total: int) -> float:
    """Approximate P(S ≥ reached) by the saddlepoint formula of Lugannani and Rice (Adv. Appl. Probab. 12, 1980).

    With Daniels' second correction for whole numbers (Int. Stat. Rev. 55, 1987). Works on X = 2 S − total, a sum of
    weights with random signs, whose cumulant generating function is Σ log cosh(w t); X moves in steps of 2.
    """
    if reached >= total:
        return smallest(len(weights))
    if reached <= 0:
        return 1.0
    scale = math.sqrt(float((weights.astype(np.float64) ** 2).sum()))
    scaled = weights / scale
    at, step = (2 * reached - total - 1) / scale, 2 / scale
    tilt = _saddlepoint(scaled, at)
    curvature = float((scaled**2 * (1 - np.tanh(scaled * tilt) ** 2)).sum())
    root = math.copysign(math.sqrt(max(0.0, 2 * (tilt * at - _log_cosh(scaled * tilt)))), tilt)
    slope = 2 / step * math.sinh(step * tilt / 2) * math.sqrt(curvature)
    if abs(root) < 1e-3:
        return float(late.special.ndtr(-at))
    density = math.exp(-(root**2) / 2) / math.sqrt(2 * math.pi)
    return min(1.0, max(0.0, float(late.special.ndtr(-root)) + density * (1 / slope - 1 / root)))


def _saddlepoint(weights: Floats, at: float) -> float:
    """Solve Σ w tanh(w t) = at by Newton's method, which cannot overshoot twice: the left side is concave beyond 0."""
    tilt = at
    for _ in range(_NEWTON_STEPS):
        tanh = np.tanh(weights * tilt)
        gap = float((weights * tanh).sum()) - at
        if abs(gap) < 1e-10:
            break
        # Far out the slope vanishes; a step of at most the present size keeps the search where there is one.
        step = gap / max(float((weights**2 * (1 - tanh**2)).sum()), 1e-12)
        tilt -= math.copysign(min(abs(step), max(1.0, abs(tilt))), step)
    return tilt


def _log_cosh(values: Floats) -> float:
    """Return Σ log cosh, without overflow."""
    sizes = np.abs(values)
    return float((sizes + np.log1p(np.exp(-2 * sizes))).sum()) - len(values) * math.log(2)
