"""What the pairs say about one question: estimate, p value, bounds at any level, and what more pairs would give."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lens_gate.analysis.pairing import PairedValues
from lens_gate.stats.pairs import Interval, hodges_lehmann, mean_shift, shift_bounds, signed_rank
from lens_gate.stats.planning import Aim, cautious_spread, pairs_for_shares, pairs_for_shift
from lens_gate.stats.proportions import PairedShares, difference_bounds, mcnemar

PLANNING_CONFIDENCE = 0.8
"""How sure a plan is that the spread is not larger than it assumes."""

UNKNOWN_SPREAD = 0.3
"""The standard deviation of paired log ratios assumed for a plan before two pairs are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An effect in `unit`, positive for more; `bounds(tail)` holds each side with an error of at most `tail`.

    `pairs_needed(distance, aim)` says how many pairs tell the effect from a limit `distance` away, in `unit`.
    """

    unit: Literal["%", "points"]
    method: str
    pairs: int
    estimate: float
    p_value: float
    bounds: Callable[[float], Interval]
    pairs_needed: Callable[[float, Aim], int]


def ratio_answer(values: PairedValues, *, two_sided: bool) -> Answer | None:
    """Compare two positive quantities by the logarithms of their ratios; None without a pair of positive values."""
    positive = (values.base > 0) & (values.candidate > 0)
    if not positive.any():
        return None
    logs = np.log(values.candidate[positive] / values.base[positive])
    test = signed_rank(logs)

    def bounds(tail: float) -> Interval:
        found = shift_bounds(logs, tail=tail)
        return Interval(_as_percent(found.lower), _as_percent(found.upper))

    def pairs_needed(distance: float, aim: Aim) -> int:
        return pairs_for_shift(spread=_spread(logs, UNKNOWN_SPREAD), distance=math.log1p(distance / 100), aim=aim)

    return Answer(
        unit="%",
        method="signed-rank test on paired log ratios",
        pairs=len(logs),
        estimate=100 * math.expm1(hodges_lehmann(logs)),
        p_value=test.p_two_sided if two_sided else test.p_greater,
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def _as_percent(log_ratio: float | None) -> float | None:
    return None if log_ratio is None else 100 * math.expm1(log_ratio)


def _spread(differences: np.ndarray[tuple[int], np.dtype[np.float64]], unknown: float) -> float:
    return cautious_spread(differences, confidence=PLANNING_CONFIDENCE) if len(differences) > 1 else unknown


def share_answer(shares: PairedShares, *, method: str) -> Answer:
    """Compare how often something happens in either arm, in percentage points."""

    def bounds(tail: float) -> Interval:
        return _in_points(difference_bounds(shares, tail=tail))

    def pairs_needed(distance: float, aim: Aim) -> int:
        # One discordant pair more than was seen: a plan from none would need no pairs at all.
        discordant = (shares.only_base + shares.only_candidate + 1) / (shares.pairs + 1)
        return pairs_for_shares(discordant=discordant, distance=distance / 100, aim=aim)

    return Answer(
        unit="points",
        method=method,
        pairs=shares.pairs,
        estimate=100 * shares.difference,
        p_value=mcnemar(shares).p_greater,
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def points_answer(values: PairedValues) -> Answer | None:
    """Compare two fractions per request by their mean difference in percentage points, two-sided."""
    if len(values) == 0:
        return None
    differences = values.candidate - values.base
    shift = mean_shift(differences)

    def bounds(tail: float) -> Interval:
        return _in_points(shift.bounds(tail=tail))

    def pairs_needed(distance: float, aim: Aim) -> int:
        return pairs_for_shift(spread=_spread(differences, 1.0), distance=distance / 100, aim=aim)

    return Answer(
        unit="points",
        method="signed-rank test on paired differences",
        pairs=len(values),
        estimate=100 * shift.estimate,
        p_value=signed_rank(differences).p_two_sided,
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def _in_points(fractions: Interval) -> Interval:
    lower, upper = fractions.lower, fractions.upper
    return Interval(None if lower is None else 100 * lower, None if upper is None else 100 * upper)
