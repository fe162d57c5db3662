"""What stored runs, and a control where there is one, lead to expect of each median today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lens_gate.analysis.pairing import failure_gap
from lens_gate.analysis.past import Middle, PastSeries
from lens_gate.analysis.quantities import NS_PER_MS, Floats, column, with_status
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.history import Forecast, forecast, measured_now
from lens_gate.stats.levels import Level, inflation, median_level, summarized_level
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Status
from lens_gate.vocabulary.stored_runs import MOST_CACHE_DIFFERENCE

FEWEST_REQUESTS = 10
FAR_WILDER = 2.0
SCREENED: Mapping[Hypothesis, Quantity] = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.TOTAL: Quantity.LATENCY,
}
"""The questions that medians of stored runs can be asked: tails, errors and costs are left to the duet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """One median of one series: what was measured, and where it was to be expected if nothing had changed.

    `candidate` is the measured level, of milliseconds; `noise` the variance of the sampling error of what it is held
    against, the newest stored run or the control. `gap` says why the two cannot be compared, `pass_gap` why they cannot
    pass, None when they can.
    """

    series: str
    hypothesis: Hypothesis
    candidate: Level
    expected: Forecast
    noise: float
    runs: int
    control_requests: int
    gap: Reason | None
    pass_gap: Reason | None = None


def foretell(series: StoredSeries) -> tuple[Foretold, ...]:
    """Foretell each median of a series that enough requests carry, then and now."""
    found = (_foretold(series, hypothesis) for hypothesis in SCREENED)
    return tuple(one for one in found if one is not None)


def _foretold(series: StoredSeries, hypothesis: Hypothesis) -> Foretold | None:
    candidate = _times(series.candidate_samples, hypothesis)
    if len(candidate) < FEWEST_REQUESTS:
        return None
    middles = _like_the_newest(series.past, hypothesis)
    # The waves of load are those of the endpoint: all runs tell of them, and together better than any.
    known = [middle.inflation for middle in middles if middle.inflation is not None]
    inflated = float(np.mean([inflation(candidate), *known]))
    level = median_level(candidate, inflation=inflated)
    history = [_stored_level(middle, inflated, level.variance * len(candidate)) for middle in middles]
    control = None if series.control is None else _times(series.control, hypothesis)
    now = None if control is None or len(control) < FEWEST_REQUESTS else _level(control)
    expected = _expected(history, now)
    if expected is None:
        return None
    return Foretold(
        series=series.series,
        hypothesis=hypothesis,
        candidate=level,
        expected=expected,
        noise=max(one.variance for one in (*history[-1:], now) if one is not None),
        runs=len(history),
        control_requests=0 if control is None or now is None else len(control),
        gap=_gap(series, hypothesis),
        pass_gap=failure_gap(
            [with_status(one, Status.FAILED) for one in (series.base_samples, series.candidate_samples)],
            ("the baseline", "this run"),
        ),
    )


def _times(samples: Samples, hypothesis: Hypothesis) -> Floats:
    """Return the times of the successes in milliseconds, in the order in which they were due."""
    good = samples.where(with_status(samples, Status.OK))
    values = column(good, SCREENED[hypothesis])[np.argsort(good.numbers["intended_ns"], kind="stable")] / NS_PER_MS
    return values[values > 0]


def _level(times: Floats) -> Level:
    return median_level(times, inflation=inflation(times))


def _like_the_newest(past: Sequence[PastSeries], hypothesis: Hypothesis) -> list[Middle]:
    """Return the middles of the stored runs that are like the newest one, oldest first.

    Like it are those in which the server read about as much from its cache, or, where tokens are counted, in which it
    counted them itself or did not.
    """
    return [
        middle
        for one in past
        if (middle := one.middles.get(hypothesis)) and middle.count >= FEWEST_REQUESTS
        if difference(one, past[-1], hypothesis) is None
    ]


def _stored_level(middle: Middle, inflated: float, variance_per_request: float) -> Level:
    """Return the level of a stored run: as unsure as this run's times, where those are far wilder than its summary.

    A median between two peaks scatters from one to the other, and a summary cannot tell of peaks.
    """
    level = summarized_level(
        median=middle.median_ms, upper_quartile=middle.p75_ms, count=middle.count, inflation=inflated
    )
    by_times = variance_per_request / middle.count
    return replace(level, variance=by_times) if by_times > FAR_WILDER * level.variance else level


def _expected(history: Sequence[Level], now: Level | None) -> Forecast | None:
    if not history:
        return None if now is None else measured_now(now)
    return forecast(history) if now is None else forecast(history, may_jump=True).given(now)


def one_sided(series: StoredSeries) -> tuple[Hypothesis, ...]:
    """Return the questions whose quantity only one side has, such as first tokens that are streamed no more."""
    enough = [
        {hypothesis for hypothesis in SCREENED if len(_times(samples, hypothesis)) >= FEWEST_REQUESTS}
        for samples in (series.base_samples, series.candidate_samples)
    ]
    # Who has too few requests for a total has too few for everything, and is told so.
    if any(Hypothesis.TOTAL not in had for had in enough):
        return ()
    return tuple(hypothesis for hypothesis in SCREENED if hypothesis in enough[0] ^ enough[1])


def _gap(series: StoredSeries, hypothesis: Hypothesis) -> Reason | None:
    if series.prompts_gap is not None:
        return series.prompts_gap
    if not series.past and hypothesis is not Hypothesis.PER_TOKEN:
        # A control meets the same cache in the same run: if it reads more from it, that is the change.
        return None
    return difference(PastSeries.of(series.base), PastSeries.of(series.candidate), hypothesis)


def difference(then: PastSeries, now: PastSeries, hypothesis: Hypothesis) -> Reason | None:
    """Say in which way two runs were so unlike that this quantity must not be compared; None when they were not."""
    if hypothesis is Hypothesis.PER_TOKEN:
        if then.counted_by_server == now.counted_by_server:
            return None
        return because(Why.COUNTED_ONCE)
    if abs(now.cached_percent - then.cached_percent) <= MOST_CACHE_DIFFERENCE:
        return None
    return because(Why.CACHE_DIFFERS, then=then.cached_percent, now=now.cached_percent)
