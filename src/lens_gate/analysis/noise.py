"""How much the pairs of each question scatter when nothing has changed, and what that means for their number.

Known best from the pairs of an earlier duet. One arm alone gives an upper bound, because two requests that are sent
apart share neither moment nor prompt. Without any run, what is typical has to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lens_gate.analysis.answers import MOST_EXCESS, PLANNING_CONFIDENCE, excess_of
from lens_gate.analysis.judgement import TAIL_DISCORDANCE, USUAL_DISCORDANCE
from lens_gate.analysis.pairing import PairedSeries, PairedValues, pair_up
from lens_gate.analysis.quantities import Flags, Floats, column, measured, with_status
from lens_gate.analysis.questions import EXCESS_QUANTILE, TAIL_QUANTILE
from lens_gate.analysis.rules import MARGINS
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.pairs import without_slot_effect
from lens_gate.stats.planning import (
    Aim,
    cautious_spread,
    pairs_for_mcnemar,
    pairs_for_mean,
    pairs_for_shift,
    pairs_to_bound_shares,
    rank_spread,
)
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.requests import Arm, Status

LARGEST_PERCENT = 400.0
"""Nobody plans for an effect beyond five times as much."""

SMALLEST_EFFECT = 0.01
"""In percent or points: what scatters not at all would show even less."""


@dataclass(frozen=True, slots=True)
class RatioNoise:
    """Log ratios of pairs, with the spread that the signed-rank test sees; effects are in percent."""

    spread: float

    @property
    def figure(self) -> float:
        """Return the noise in percent."""
        return 100 * self.spread

    @property
    def largest(self) -> float:
        """Return the largest effect that is planned for."""
        return LARGEST_PERCENT

    def to_establish(self, effect: float, aim: Aim) -> int | None:
        """Return the pairs whose lower bound lies above no change."""
        return pairs_for_shift(spread=self.spread, distance=math.log1p(effect / 100), aim=aim)

    def to_exceed(self, effect: float, limit: float, aim: Aim) -> int | None:
        """Return the pairs whose lower bound lies above a limit below the effect."""
        distance = math.log1p(effect / 100) - math.log1p(limit / 100)
        return pairs_for_shift(spread=self.spread, distance=distance, aim=aim)

    def to_pass(self, margin: float, aim: Aim) -> int | None:
        """Return the pairs whose upper bound lies below the margin when nothing has changed."""
        return pairs_for_shift(spread=self.spread, distance=math.log1p(margin / 100), aim=aim)


@dataclass(frozen=True, slots=True)
class ShareNoise:
    """Pairs of which one member alone has the event, as a fraction of all; effects are in points.

    `grows` says that an effect adds such pairs, as failures do. The share above the p95 of both arms is fixed instead:
    what one arm has more of, the other has less.
    """

    discordant: float
    grows: bool

    @property
    def figure(self) -> float:
        """Return the noise in percent of all pairs."""
        return 100 * self.discordant

    @property
    def largest(self) -> float:
        """Return the largest effect that there can be."""
        return 100.0 if self.grows else 100 * self.discordant

    def to_establish(self, effect: float, aim: Aim) -> int | None:
        """Return the pairs that establish the effect; None where one of this size cannot be."""
        if effect > self.largest:
            return None
        discordant = self._discordant(effect)
        return pairs_for_mcnemar(discordant=discordant, difference=min(effect / 100, discordant), aim=aim)

    def to_exceed(self, effect: float, limit: float, aim: Aim) -> int | None:
        """Return the pairs whose lower bound lies above a limit below the effect."""
        if effect > self.largest:
            return None
        discordant = self._discordant(effect)
        spread = math.sqrt(discordant - min(effect / 100, discordant) ** 2)
        return pairs_for_mean(spread=spread, distance=(effect - limit) / 100, aim=aim)

    def to_pass(self, margin: float, aim: Aim) -> int | None:
        """Return the pairs whose upper bound lies below the margin when nothing has changed."""
        return pairs_to_bound_shares(discordant=self.discordant, margin=min(margin / 100, 1.0), aim=aim)

    def _discordant(self, effect: float) -> float:
        return min(self.discordant + effect / 100, 1.0) if self.grows else self.discordant


@dataclass(frozen=True, slots=True)
class MeanNoise:
    """Differences of a quantity of which most requests have nothing or all, judged by their mean.

    `size` is how much one request has: an effect is so many requests that lose it, or get it. Fractions with effects in
    points, or where `logarithmic`, logarithms with effects in percent.
    """

    spread: float
    size: float
    logarithmic: bool = False

    @property
    def figure(self) -> float:
        """Return the noise in points, or in percent."""
        return 100 * self.spread

    @property
    def largest(self) -> float:
        """Return the largest effect that there can be."""
        return 100 * (math.expm1(self.size) if self.logarithmic else self.size)

    def to_establish(self, effect: float, aim: Aim) -> int | None:
        """Return the pairs that establish the effect; None where there is not so much to lose or to get."""
        return self.to_exceed(effect, 0.0, aim)

    def to_exceed(self, effect: float, limit: float, aim: Aim) -> int | None:
        """Return the pairs whose lower bound lies above a limit below the effect."""
        if effect > self.largest:
            return None
        moved = self._distance(effect)
        spread = math.sqrt(self.spread**2 + moved * max(0.0, self.size - moved))
        return pairs_for_mean(spread=spread, distance=moved - self._distance(limit), aim=aim)

    def to_pass(self, margin: float, aim: Aim) -> int | None:
        """Return the pairs whose upper bound lies below the margin when nothing has changed."""
        return pairs_for_mean(spread=self.spread, distance=self._distance(margin), aim=aim)

    def _distance(self, effect: float) -> float:
        return math.log1p(effect / 100) if self.logarithmic else effect / 100


Noise = RatioNoise | ShareNoise | MeanNoise

ASSUMED: Mapping[Hypothesis, Noise] = {
    Hypothesis.TTFT: RatioNoise(0.35),
    Hypothesis.PER_TOKEN: RatioNoise(0.15),
    Hypothesis.TOTAL: RatioNoise(0.20),
    Hypothesis.TOTAL_EQUAL_LENGTH: RatioNoise(0.15),
    Hypothesis.TTFT_TAIL_EXCESS: MeanNoise(spread=0.10, size=math.log(MOST_EXCESS), logarithmic=True),
    Hypothesis.TTFT_TAIL_EXCEEDANCE: ShareNoise(TAIL_DISCORDANCE, grows=False),
    Hypothesis.ERRORS: ShareNoise(USUAL_DISCORDANCE, grows=True),
    Hypothesis.COST: RatioNoise(0.20),
    Hypothesis.OUTPUT_LENGTH: RatioNoise(0.20),
    Hypothesis.CACHED_SHARE: MeanNoise(spread=0.45, size=0.8),
}
"""What is assumed where no run is named.

Of 16 public endpoints, 150 requests each, half had less than 0.34 (first token), 0.17 (time per token) and 0.14 (whole
answer, of nearly equal lengths) between two requests; one in four had more than 0.63, 0.37 and 0.40. Errors: 1 % in
either arm. Cache: four of five requests read 80 % of their input from it.
"""


RATIOS: Mapping[Hypothesis, Quantity] = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.TOTAL: Quantity.LATENCY,
    Hypothesis.COST: Quantity.COST,
    Hypothesis.OUTPUT_LENGTH: Quantity.OUTPUT_TOKENS,
}
"""What is compared by its ratio, request by request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesNoise:
    """The noise of one series; `seen` is the pairs (or the requests of the one arm) that it is known from."""

    series: str
    source: NoiseSource
    seen: int
    questions: Mapping[Hypothesis, Noise]
    usd_per_pair: float | None


def assumed_noise(series: str) -> SeriesNoise:
    """Return what is typical."""
    return SeriesNoise(series=series, source=NoiseSource.ASSUMED, seen=0, questions=ASSUMED, usd_per_pair=None)


def noise_of_run(samples: Samples, *, limit_ns: float) -> tuple[SeriesNoise, ...]:
    """Return the noise of every series of a run, from its pairs where it is a duet, else from its one arm.

    A series without two pairs (or two successes) has none. `limit_ns` is the request timeout.
    """
    counted = measured(samples)
    if not counted.texts["arm"].equals(Arm.BASE).any():
        names = sorted({str(name) for name in counted.texts["series"].strings()})
        found = [_of_one_arm(name, counted.where(counted.texts["series"].equals(name))) for name in names]
    else:
        found = [_of_pairs(one) for one in pair_up(samples, limit_ns=limit_ns)]
    return tuple(one for one in found if one.questions)


def _of_pairs(series: PairedSeries) -> SeriesNoise:
    found = {hypothesis: paired_noise(series, hypothesis) for hypothesis in MARGINS}
    return SeriesNoise(
        series=series.series,
        source=NoiseSource.PAIRS,
        seen=len(series.base),
        questions={hypothesis: noise for hypothesis, noise in found.items() if noise is not None},
        usd_per_pair=price_of_a_pair(series),
    )


def price_of_a_pair(series: PairedSeries) -> float | None:
    """Return the mean dollars of one more pair; None where a price is unknown."""
    costs = [_mean_cost(arm) for arm in (series.base, series.candidate)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _mean_cost(samples: Samples) -> float | None:
    costs = samples.numbers["cost_usd"]
    return None if np.isnan(costs).all() else float(np.nanmean(costs))


def paired_noise(series: PairedSeries, hypothesis: Hypothesis) -> Noise | None:
    """Return the noise of one question; None where two pairs do not answer it.

    A difference between the arms does not count as noise, nor does what it does to be the second of a pair.
    """
    quantity = RATIOS.get(hypothesis)
    return _OTHERS[hypothesis](series) if quantity is None else ratio_noise(compared_values(series, quantity))


def compared_values(series: PairedSeries, quantity: Quantity) -> PairedValues:
    """Return a quantity of the pairs in which the gate compares it by its ratio."""
    timed = quantity in (Quantity.TTFT, Quantity.LATENCY)
    return series.times(quantity) if timed else series.of_successes(quantity)


def ratio_noise(values: PairedValues) -> Noise | None:
    """Return the noise of what is compared by its ratio; None below two pairs."""
    positive = (values.base > 0) & (values.candidate > 0)
    logs = without_slot_effect(np.log(values.candidate[positive] / values.base[positive]), values.second[positive])
    return RatioNoise(rank_spread(logs, confidence=PLANNING_CONFIDENCE)) if len(logs) > 1 else None


def excess_noise(times: PairedValues) -> Noise | None:
    """Return the noise of how far the slowest lie above the p90 of both arms; None below two pairs."""
    if len(times) < 2:
        return None
    limit = _pooled_quantile(times, EXCESS_QUANTILE)
    scores = excess_of(times.candidate, limit) - excess_of(times.base, limit)
    spread = cautious_spread(scores, confidence=PLANNING_CONFIDENCE)
    return MeanNoise(spread=spread, size=math.log(MOST_EXCESS), logarithmic=True)


def _failures(series: PairedSeries) -> Noise | None:
    base, candidate = series.failed
    return ShareNoise(discordant_share(base, candidate), grows=True) if len(base) > 1 else None


def _late(times: PairedValues) -> Noise | None:
    if len(times) < 2:
        return None
    limit = _pooled_quantile(times, TAIL_QUANTILE)
    return ShareNoise(discordant_share(times.base >= limit, times.candidate >= limit), grows=False)


def _pooled_quantile(times: PairedValues, probability: float) -> float:
    return float(np.quantile(np.concatenate([times.base, times.candidate]), probability))


def discordant_share(base: Flags, candidate: Flags) -> float:
    """Return the share of pairs of which one member alone has the event, on the cautious side."""
    # One discordant pair more than was seen: a plan from none would need no pairs at all.
    return (int((base != candidate).sum()) + 1) / (len(base) + 1)


def points_noise(shares: PairedValues) -> Noise | None:
    """Return the noise of a share per request; None below two pairs."""
    if len(shares) < 2:
        return None
    differences = without_slot_effect(shares.candidate - shares.base, shares.second)
    spread = cautious_spread(differences, confidence=PLANNING_CONFIDENCE)
    return MeanNoise(spread=spread, size=_size(np.concatenate([shares.base, shares.candidate])))


def _size(shares: Floats) -> float:
    """Return the typical share of a request that has one; all of it where none has."""
    present = shares[shares > 0]
    return float(present.mean()) if len(present) else 1.0


_OTHERS: Mapping[Hypothesis, Callable[[PairedSeries], Noise | None]] = {
    Hypothesis.TOTAL_EQUAL_LENGTH: lambda series: ratio_noise(series.at_equal_length()),
    Hypothesis.TTFT_TAIL_EXCESS: lambda series: excess_noise(series.times(Quantity.TTFT)),
    Hypothesis.TTFT_TAIL_EXCEEDANCE: lambda series: _late(series.times(Quantity.TTFT)),
    Hypothesis.ERRORS: _failures,
    Hypothesis.CACHED_SHARE: lambda series: points_noise(series.of_successes(Quantity.CACHED_SHARE)),
}
"""The noise of what is not compared by the ratio of a quantity of each request."""


def _of_one_arm(name: str, rows: Samples) -> SeriesNoise:
    good = rows.where(with_status(rows, Status.OK))
    cost = _mean_cost(rows)
    found = {
        **{hypothesis: _independent(column(good, quantity)) for hypothesis, quantity in RATIOS.items()},
        **_independent_tails(column(good, Quantity.TTFT)),
        # What a different length does is not taken out of single requests.
        Hypothesis.TOTAL_EQUAL_LENGTH: _independent(column(good, Quantity.LATENCY)),
        Hypothesis.ERRORS: _independent_failures(rows),
        Hypothesis.CACHED_SHARE: _independent_points(column(good, Quantity.CACHED_SHARE)),
    }
    return SeriesNoise(
        series=name,
        source=NoiseSource.ONE_ARM,
        seen=len(good),
        questions={one: noise for one in MARGINS if (noise := found.get(one)) is not None},
        usd_per_pair=None if cost is None else 2 * cost,
    )


def _independent(values: Floats) -> Noise | None:
    """Return the noise between two requests that have nothing in common: √2 times the spread of one."""
    logs = np.log(values[values > 0])
    return RatioNoise(math.sqrt(2) * cautious_spread(logs, confidence=PLANNING_CONFIDENCE)) if len(logs) > 1 else None


def _independent_tails(times: Floats) -> dict[Hypothesis, Noise | None]:
    known = times[times > 0]
    if len(known) < 2:
        return {}
    excess = excess_of(known, float(np.quantile(known, EXCESS_QUANTILE)))
    spread = math.sqrt(2) * cautious_spread(excess, confidence=PLANNING_CONFIDENCE)
    return {
        Hypothesis.TTFT_TAIL_EXCESS: MeanNoise(spread=spread, size=math.log(MOST_EXCESS), logarithmic=True),
        Hypothesis.TTFT_TAIL_EXCEEDANCE: ShareNoise(TAIL_DISCORDANCE, grows=False),
    }


def _independent_failures(rows: Samples) -> Noise | None:
    if len(rows) < 2:
        return None
    share = (int(with_status(rows, Status.FAILED).sum()) + 0.5) / (len(rows) + 1)
    return ShareNoise(2 * share * (1 - share), grows=True)


def _independent_points(shares: Floats) -> Noise | None:
    known = shares[~np.isnan(shares)]
    if len(known) < 2:
        return None
    spread = math.sqrt(2) * cautious_spread(known, confidence=PLANNING_CONFIDENCE)
    return MeanNoise(spread=spread, size=_size(known))


def smallest_effect(noise: Noise, pairs: int, aim: Aim) -> float | None:
    """Return the smallest effect that so many pairs establish, in the question's unit; None where none is so large."""
    low, high = SMALLEST_EFFECT, noise.largest
    if _enough(noise, pairs, low, aim):
        return low
    if not _enough(noise, pairs, high, aim):
        return None
    while high - low > high / 1000:
        middle = (low + high) / 2
        low, high = (low, middle) if _enough(noise, pairs, middle, aim) else (middle, high)
    return high


def _enough(noise: Noise, pairs: int, effect: float, aim: Aim) -> bool:
    needed = noise.to_establish(effect, aim)
    return needed is not None and needed <= pairs
