"""What the pairs say about one question: estimate, p value, bounds at any level, and what more pairs would give."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lens_gate.analysis.pairing import PairedValues
from lens_gate.analysis.quantities import Floats
from lens_gate.artifacts.analysis import View
from lens_gate.stats.pairs import (
    Interval,
    SignedRank,
    TypicalDifference,
    mean_shift,
    score_test,
    signed_rank,
    without_slot_effect,
)
from lens_gate.stats.planning import Aim, cautious_spread, pairs_for_shares, pairs_for_shift
from lens_gate.stats.proportions import PairedShares, difference_bounds, mcnemar
from lens_gate.stats.ratios import Ratio, mean_ratio, median_ratio
from lens_gate.stats.sign_flips import smallest

PLANNING_CONFIDENCE = 0.8
"""How sure a plan is that the spread is not larger than it assumes."""

UNKNOWN_SPREAD = 0.3
"""The standard deviation of paired log ratios assumed for a plan before two pairs are known."""

VIEW_TAIL = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An effect in `unit`, positive for more; `bounds(tail)` holds each side with an error of at most `tail`.

    `floor` is the smallest p value that so many pairs allow, whatever they say. `pairs_needed(distance, aim)` says how
    many pairs tell the effect from a limit `distance` away, in `unit`. `views` show the same change in other ways.
    `of_means` answers the same question by the means, for changes that a typical pair does not show. What takes time
    is computed when it is asked for.
    """

    unit: Literal["%", "points"]
    method: str
    pairs: int
    estimated: Callable[[], float]
    p_value: float
    floor: float
    bounds: Callable[[float], Interval]
    pairs_needed: Callable[[float, Aim], int]
    views: Callable[[], tuple[View, ...]] = tuple
    of_means: Answer | None = None

    @property
    def estimate(self) -> float:
        """The effect, in `unit`."""
        return self.estimated()


MOST_OF_MEDIAN = 5.0
"""In a mean that decides, a value counts as at most so many times the median of both sides."""

FEWEST_FOR_VIEWS = 5


def ratio_answer(values: PairedValues, *, two_sided: bool, means_of: PairedValues | None = None) -> Answer | None:
    """Compare two positive quantities by the logarithms of their ratios; None without a pair of positive values.

    What it does to be the second of a pair is taken out. The means of `means_of` are compared as well: when one answer
    in five becomes five times as long, a typical pair hardly changes.
    """
    positive = (values.base > 0) & (values.candidate > 0)
    if not positive.any():
        return None
    base, candidate, second = values.base[positive], values.candidate[positive], values.second[positive]
    logs = without_slot_effect(np.log(candidate / base), second)
    test, typical = signed_rank(logs), TypicalDifference(logs)

    def bounds(tail: float) -> Interval:
        return _in_percent(typical.bounds(tail=tail))

    def pairs_needed(distance: float, aim: Aim) -> int:
        return pairs_for_shift(spread=_spread(logs, UNKNOWN_SPREAD), distance=math.log1p(distance / 100), aim=aim)

    return Answer(
        unit="%",
        method="signed-rank test on paired log ratios",
        pairs=len(logs),
        estimated=lambda: 100 * math.expm1(typical.estimate),
        p_value=test.p_two_sided if two_sided else test.p_greater,
        floor=_floor(test, two_sided=two_sided),
        bounds=bounds,
        pairs_needed=pairs_needed,
        views=lambda: _views(base, candidate),
        of_means=None if means_of is None else _means_answer(means_of, two_sided=two_sided),
    )


def _means_answer(values: PairedValues, *, two_sided: bool) -> Answer:
    """Compare the means of values of which some are positive, each capped by a limit that knows no side.

    The test flips the signs of paired differences and is exact; the bounds of the ratio are approximate.
    """
    positive = (values.base > 0) & (values.candidate > 0)
    base, candidate, second = values.base[positive], values.candidate[positive], values.second[positive]
    most = MOST_OF_MEDIAN * float(np.median(np.concatenate([base, candidate])))
    base, candidate = np.minimum(base, most), np.minimum(candidate, most)
    test = score_test(without_slot_effect(candidate - base, second))

    def bounds(tail: float) -> Interval:
        found = mean_ratio(base, candidate, tail=tail)
        return _in_percent(Interval(found.lower, found.upper))

    def pairs_needed(distance: float, aim: Aim) -> int:
        spread = _spread(candidate / candidate.mean() - base / base.mean(), UNKNOWN_SPREAD)
        return pairs_for_shift(spread=spread, distance=math.log1p(distance / 100), aim=aim)

    return Answer(
        unit="%",
        method="sign-flip test on paired differences",
        pairs=len(base),
        estimated=lambda: 100 * float(candidate.mean() / base.mean() - 1),
        p_value=test.p_two_sided if two_sided else test.p_greater,
        floor=_floor(test, two_sided=two_sided),
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def _views(base: Floats, candidate: Floats) -> tuple[View, ...]:
    """Show a change by the medians and by the means, where there are enough pairs for an interval."""
    if len(base) < FEWEST_FOR_VIEWS:
        return ()
    return (
        _view("median", median_ratio(base, candidate, tail=VIEW_TAIL)),
        _view("mean", mean_ratio(base, candidate, tail=VIEW_TAIL)),
    )


def _floor(test: SignedRank, *, two_sided: bool) -> float:
    return min(1.0, 2 * test.floor) if two_sided else test.floor


def _view(name: Literal["median", "mean"], ratio: Ratio) -> View:
    lower, upper = (_as_percent(bound) for bound in (ratio.lower, ratio.upper))
    return View(
        name=name,
        estimate=100 * math.expm1(ratio.estimate),
        lower=lower,
        upper=upper,
        confidence=1 - 2 * VIEW_TAIL,
    )


def _as_percent(log_ratio: float | None) -> float | None:
    return None if log_ratio is None else 100 * math.expm1(log_ratio)


def _spread(differences: Floats, unknown: float) -> float:
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
        estimated=lambda: 100 * shares.difference,
        p_value=mcnemar(shares).p_greater,
        floor=smallest(shares.only_base + shares.only_candidate),
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def points_answer(values: PairedValues) -> Answer | None:
    """Compare two fractions per request by their mean difference in percentage points, two-sided."""
    if len(values) == 0:
        return None
    differences = without_slot_effect(values.candidate - values.base, values.second)
    test, shift = score_test(differences), mean_shift(differences)

    def bounds(tail: float) -> Interval:
        if shift.standard_error > 0:
            return _in_points(shift.bounds(tail=tail))
        # Where no pair differs, as many may as would have been missed with that chance, each by everything.
        unseen = 1 - tail ** (1 / len(differences))
        return _in_points(Interval(shift.estimate - unseen, shift.estimate + unseen))

    def pairs_needed(distance: float, aim: Aim) -> int:
        return pairs_for_shift(spread=_spread(differences, 1.0), distance=distance / 100, aim=aim)

    return Answer(
        unit="points",
        method="sign-flip test on paired differences",
        pairs=len(values),
        estimated=lambda: 100 * shift.estimate,
        p_value=test.p_two_sided,
        floor=_floor(test, two_sided=True),
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


MOST_EXCESS = 2.5
"""A time counts as at most 2.5 times the limit: one answer in a thousand must not drown the others."""


def excess_of(values: Floats, limit: float) -> Floats:
    """Return how far each value lies above the limit, as a logarithm: 0 for those below, capped at `MOST_EXCESS`."""
    return np.log(np.clip(values / limit, 1.0, MOST_EXCESS))


def excess_answer(values: PairedValues, *, limit: float) -> Answer | None:
    """Compare how far both arms lie above a limit, by the mean logarithmic excess in percent.

    The limit must know no arm, so that exchanging the members of a pair only turns the sign of its score.
    """
    positive = (values.base > 0) & (values.candidate > 0)
    if not positive.any():
        return None
    scores = excess_of(values.candidate[positive], limit) - excess_of(values.base[positive], limit)
    test, shift = score_test(scores), mean_shift(scores)

    def bounds(tail: float) -> Interval:
        return _in_percent(shift.bounds(tail=tail))

    def pairs_needed(distance: float, aim: Aim) -> int:
        return pairs_for_shift(spread=_spread(scores, UNKNOWN_SPREAD), distance=math.log1p(distance / 100), aim=aim)

    return Answer(
        unit="%",
        method="sign-flip test on paired excess scores",
        pairs=len(scores),
        estimated=lambda: 100 * math.expm1(shift.estimate),
        p_value=test.p_greater,
        floor=test.floor,
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def _in_percent(log_ratios: Interval) -> Interval:
    return Interval(_as_percent(log_ratios.lower), _as_percent(log_ratios.upper))


def _in_points(fractions: Interval) -> Interval:
    lower, upper = fractions.lower, fractions.upper
    return Interval(None if lower is None else 100 * lower, None if upper is None else 100 * upper)
