"""A stored baseline under the calibrated rules: an honest screen that sees disasters and says what it cannot see.

Between two days a provider drifts by 4 % in the middle and by 35 % on one day in twenty, so that no number of requests
tells a change of the usual size from the day. What remains is a change far beyond any drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.quantities import NS_PER_MS, Floats, column, with_status
from lens_gate.analysis.rules import METRIC_NAMES, PASS_CONFIDENCE, Rules
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Effect, Finding
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.multiplicity import Member, Stepped, holm
from lens_gate.stats.two_sample import tends_to_exceed
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Status

DISASTER_PERCENT = 100.0
FEWEST_REQUESTS = 10
MOST_CACHE_DIFFERENCE = 10.0
"""In points: beyond it, the two runs were not asked the same of the server's cache."""

DUET_COMMAND = "lens-gate ci --against-ref <base commit>"

_SCREENED = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.TOTAL: Quantity.LATENCY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screened:
    series: str
    hypothesis: Hypothesis
    base: Floats
    candidate: Floats
    p_value: float
    cache_gap: str | None

    @property
    def change(self) -> float:
        """Return the change of the median in percent."""
        return 100 * float(np.median(self.candidate) / np.median(self.base) - 1)


def screen(series: Sequence[StoredSeries], rules: Rules) -> tuple[Finding, ...]:
    """Hold every median latency against its stored one: a regression beyond 100 %, inconclusive otherwise."""
    measured = [one for one in series if one.candidate.requests.successful]
    screened = [
        found for one in measured for hypothesis in _SCREENED if (found := _screen_one(one, hypothesis)) is not None
    ]
    family = holm([Member(one.p_value) for one in screened], alpha=rules.alpha)
    findings = tuple(_finding(one, stepped, rules) for one, stepped in zip(screened, family, strict=True))
    answered = {finding.series for finding in findings}
    return findings + tuple(_silent(one) for one in series if one.series not in answered)


def _screen_one(series: StoredSeries, hypothesis: Hypothesis) -> _Screened | None:
    base, candidate = (
        _successes(samples, _SCREENED[hypothesis]) for samples in (series.base_samples, series.candidate_samples)
    )
    if min(len(base), len(candidate)) < FEWEST_REQUESTS:
        return None
    return _Screened(
        series=series.series,
        hypothesis=hypothesis,
        base=base,
        candidate=candidate,
        p_value=tends_to_exceed(candidate, base, factor=1 + DISASTER_PERCENT / 100),
        cache_gap=None if hypothesis is Hypothesis.PER_TOKEN else _cache_gap(series),
    )


def _successes(samples: Samples, quantity: Quantity) -> Floats:
    values = column(samples.where(with_status(samples, Status.OK)), quantity) / NS_PER_MS
    return values[values > 0]


def _cache_gap(series: StoredSeries) -> str | None:
    """Say that the cached shares differ too much to compare, None when they do not."""
    base, candidate = (
        100 * model.tokens.cached / model.tokens.input if model.tokens.input else 0.0
        for model in (series.base, series.candidate)
    )
    if abs(candidate - base) <= MOST_CACHE_DIFFERENCE:
        return None
    return f"the server read {base:.0f} % of the input from its cache then and {candidate:.0f} % now"


def _finding(one: _Screened, stepped: Stepped, rules: Rules) -> Finding:
    established = stepped.adjusted_p < rules.alpha and one.cache_gap is None
    base, candidate = float(np.median(one.base)), float(np.median(one.candidate))
    return Finding(
        series=one.series,
        metric=METRIC_NAMES[one.hypothesis].replace("mean_", "median_"),
        hypothesis=one.hypothesis,
        method=f"Mann–Whitney test against {1 + DISASTER_PERCENT / 100:g} times the stored run",
        pairs=0,
        base_value=base,
        candidate_value=candidate,
        value_unit="ms",
        effect=Effect(
            unit="%", estimate=one.change, lower=None, upper=None, upper_pass=None, confidence=PASS_CONFIDENCE
        ),
        p_value=one.p_value,
        adjusted_p=stepped.adjusted_p,
        threshold=DISASTER_PERCENT,
        established=established,
        in_family=True,
        gated=True,
        outcome=Outcome.REGRESSION if established else Outcome.INCONCLUSIVE,
        reason=_reason(one, established=established),
    )


def _reason(one: _Screened, *, established: bool) -> str:
    if established:
        return (
            f"The median changed by {one.change:+.3g} %, beyond {DISASTER_PERCENT:g} %: no drift of days explains it."
        )
    if one.cache_gap is not None:
        return f"Not comparable: {one.cache_gap}. {_ASK_THE_DUET}"
    return (
        f"The median changed by {one.change:+.3g} %. Against a stored run only a change beyond {DISASTER_PERCENT:g} % "
        f"can be told from day-to-day drift. {_ASK_THE_DUET}"
    )


_ASK_THE_DUET = f"To decide, measure both versions at once: {DUET_COMMAND}"


def _silent(series: StoredSeries) -> Finding:
    """Return the finding for a series that has too few successes to be screened."""
    successes = series.candidate.requests.successful
    words = "no request" if successes == 0 else f"only {successes} requests"
    return silent_finding(
        series.series,
        metric="median_latency",
        hypothesis=Hypothesis.TOTAL,
        method="none",
        outcome=Outcome.INCONCLUSIVE if successes else Outcome.NOT_MEASURED,
        reason=f"Not screened: {words} succeeded now, {series.base.requests.successful} in the stored run.",
    )
