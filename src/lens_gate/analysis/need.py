"""What an answer would take: pairs, dollars and minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lens_gate.analysis.answers import PLANNING_CONFIDENCE
from lens_gate.analysis.judgement import Judged, pairs_to_cover
from lens_gate.analysis.noise import price_of_a_pair
from lens_gate.analysis.pairing import PairedSeries
from lens_gate.analysis.quantities import column, with_status
from lens_gate.analysis.rules import Rules
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Coverage, Need
from lens_gate.stats.planning import Aim, cautious_spread, pairs_for_shift
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Status

POWER = 0.9
"""How often the planned number of pairs should be enough."""

CLOSEST = 0.25
"""An effect this close to the margin (as a share of it) is planned for as if it lay so far away."""


def need_of(
    judged: Sequence[Judged], series: Sequence[PairedSeries], rules: Rules, *, requests_per_second: float | None
) -> Need | None:
    """Return what would settle the inconclusive questions, per series; None where none is, or pairs would not help."""
    open_questions = [
        one
        for one in judged
        if one.finding.gated and one.finding.outcome is Outcome.INCONCLUSIVE and one.question.latency_gap is None
    ]
    plans = [pairs for one in open_questions if (pairs := _pairs(one, rules)) is not None]
    if not plans:
        return None
    return _need(max(plans), len(series), _price_of_a_pair(series), requests_per_second)


def need_to_cover(
    coverage: Sequence[Coverage], series: Sequence[PairedSeries], *, requests_per_second: float | None
) -> Need | None:
    """Return what would cover the rare events that a pass says nothing of; None where it covers them."""
    pairs = max((by.pairs or 0 for one in coverage for by in one.covered_by), default=0)
    return _need(pairs, len(series), _price_of_a_pair(series), requests_per_second) if pairs else None


def _need(pairs: int, series: int, price: float | None, requests_per_second: float | None) -> Need:
    seconds = None if requests_per_second is None else 2 * pairs * series / requests_per_second
    return Need(
        pairs=pairs, usd=None if price is None else pairs * price, minutes=None if seconds is None else seconds / 60
    )


def need_of_duet(series: Sequence[StoredSeries], rules: Rules, *, requests_per_second: float | None) -> Need | None:
    """Return what a duet would take to rule out the change of total latency that matters, from unpaired samples."""
    spreads = [spread for one in series if (spread := _spread(one)) is not None]
    margin = rules.margins[Hypothesis.TOTAL]
    if not spreads or margin == 0:
        return None
    aim = Aim(rules.pass_tail, POWER)
    pairs = pairs_for_shift(spread=max(spreads), distance=math.log1p(margin / 100), aim=aim)
    costs = [one.candidate.cost.average_per_request_usd for one in series]
    known = [cost for cost in costs if cost is not None]
    price = 2 * sum(known) if len(known) == len(costs) else None
    return _need(pairs, len(series), price, requests_per_second)


def _spread(series: StoredSeries) -> float | None:
    """Return the spread of log ratios of two independent requests, None below two of them."""
    samples = series.candidate_samples
    times = column(samples.where(with_status(samples, Status.OK)), Quantity.LATENCY)
    positive = times[times > 0]
    if len(positive) < 2:
        return None
    return math.sqrt(2) * cautious_spread(np.log(positive), confidence=PLANNING_CONFIDENCE)


def _pairs(one: Judged, rules: Rules) -> int | None:
    margin = one.finding.threshold
    if not margin:
        return None
    if one.harm >= margin:
        distance, aim = one.harm, Aim(one.level, POWER)
    else:
        distance, aim = max(margin - max(one.harm, 0.0), CLOSEST * margin), Aim(rules.pass_tail, POWER)
    # Bad luck can leave open what so many pairs usually settle; then at least some more are needed.
    covering = pairs_to_cover(one.question.hypothesis, rules) or 0
    return max(one.question.pairs_needed(distance, aim), one.finding.pairs + 1, covering)


def _price_of_a_pair(series: Sequence[PairedSeries]) -> float | None:
    """Return the dollars of one more pair in every series; None where a price is unknown."""
    prices = [price_of_a_pair(one) for one in series]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
