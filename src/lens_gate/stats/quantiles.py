"""Where two samples differ: at which of their quantiles, and by how much."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late
from lens_gate.stats.shift import Difference

Floats = NDArray[np.float64]


def quantile_change(before: Floats, after: Floats, probability: float, *, tail: float) -> Difference:
    """Return how far a quantile of `after` lies above that of `before`, each bound with an error of about `tail`.

    Of one quantile the bounds are order statistics, by the binomial distribution of how many values lie below it
    (David and Nagaraja, "Order Statistics", 7.1); those of the difference are recovered from both (MOVER: Zou and
    Donner, "Construction of confidence limits about effect measures", Stat. Med. 27, 2008). Both samples are sorted,
    finite, and not empty. Pairs whose members are alike make it wider than need be, never narrower.
    """
    (old, low, high), (new, under, over) = (_bounded(sample, probability, tail) for sample in (before, after))
    estimate = new - old
    return Difference(
        estimate=estimate,
        lower=None if under is None or high is None else estimate - math.hypot(new - under, high - old),
        upper=None if over is None or low is None else estimate + math.hypot(over - new, old - low),
    )


def _bounded(ordered: Floats, probability: float, tail: float) -> tuple[float, float | None, float | None]:
    """Return a quantile, and its bounds where the sample is large enough for them."""
    count = len(ordered)
    first, last = (_binomial_quantile(error, count, probability) for error in (tail, 1 - tail))
    return (
        float(np.quantile(ordered, probability)),
        float(ordered[first - 1]) if first >= 1 else None,
        float(ordered[last]) if last < count else None,
    )


def _binomial_quantile(share: float, trials: int, probability: float) -> int:
    """Return the smallest k for which at most k successes have at least this chance."""
    return max(0, math.ceil(float(late.special.bdtrik(share, trials, probability)) - 1e-9))
