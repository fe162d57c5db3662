"""A diagnosis of an endpoint from a run in which nothing was changed: noise, drift, and what a gate could see of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lens_gate.analysis.advice import advise
from lens_gate.analysis.blocks import blocks_of, cut, rule_alarms
from lens_gate.analysis.noise import (
    RATIOS,
    Noise,
    SeriesNoise,
    compared_values,
    noise_of_run,
    smallest_effect,
)
from lens_gate.analysis.pairing import PairedSeries, pair_up
from lens_gate.analysis.planning import Asked, Gate, Pace
from lens_gate.analysis.quantities import NS_PER_MS, Floats, column, measured, with_status
from lens_gate.analysis.rules import METRIC_NAMES, Rules
from lens_gate.analysis.summarize import model_summary
from lens_gate.analysis.uncached import silent_of_cache, without_cache
from lens_gate.artifacts.doctor import DoctorReport, MetricNoise, SeriesDiagnosis, SlotEffect, Stability, VisibleAt
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.pairs import TypicalDifference, signed_rank
from lens_gate.stats.series import FEWEST, correlation, lag_correlation, variance_inflation
from lens_gate.stats.summary import shows
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.requests import Arm, Status

POWER = 0.9
PAIRS = (30, 100, 300, 1000)
"""The numbers of pairs for which the smallest visible change is told."""

TIMED = (Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL)

INFLATION_BLOCKS = 20
INFLATION_REQUESTS = 5
"""Fewer in a block say nothing of slow waves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One series: its requests in the order of time, its pairs where it has them, and its noise.

    Where the two versions may differ, `rows` are the candidate's alone.
    """

    name: str
    rows: Samples
    pairs: PairedSeries | None
    noise: SeriesNoise

    @property
    def successes(self) -> Samples:
        """Return the requests that succeeded."""
        return self.rows.where(with_status(self.rows, Status.OK))

    def values(self, hypothesis: Hypothesis) -> Floats:
        """Return what one question compares, request by request, where there is any of it."""
        found = column(self.successes, RATIOS[hypothesis])
        return found[found > 0]

    def level_logs(self, hypothesis: Hypothesis) -> Floats:
        """Return the logarithms without what the place in the pair does, which is no wandering."""
        rows = self.successes
        found = column(rows, RATIOS[hypothesis])
        present = found > 0
        logs, slots = np.log(found[present]), np.nan_to_num(rows.numbers["slot"][present])
        for slot in np.unique(slots):
            logs[slots == slot] -= np.median(logs[slots == slot])
        return logs


def diagnose(
    run: Run, samples: Samples, rules: Rules, *, source: str, configured_pairs: int | None, limit_ns: float
) -> DoctorReport:
    """Say how noisy the endpoint of a run is; of an invalid run nothing is said about it.

    `source` names the run, `configured_pairs` is what a gate would have of each model, `limit_ns` the request timeout.
    """
    unchanged = run.comparison is not None and run.comparison.kind == "self"
    subjects = _subjects(samples, limit_ns, unchanged=unchanged) if run.validity.valid else ()
    gate = Gate(
        series=tuple(one.noise for one in subjects),
        rules=rules,
        pace=Pace(requests_per_second=run.plan.requests_per_second, requests=None),
        asked=Asked(power=POWER),
    )
    series = tuple(_diagnosed(one, gate) for one in subjects)
    if without_cache(run.plan):
        series = tuple(silent_of_cache(one) for one in series)
    return DoctorReport(
        source=source,
        unchanged=unchanged,
        duration_seconds=run.benchmark.duration_seconds,
        requests_per_second=run.plan.requests_per_second,
        spend=run.spend,
        validity=run.validity,
        ending=run.ending,
        ending_message=run.ending_message,
        alpha=rules.alpha,
        hypotheses=gate.hypotheses,
        power=POWER,
        configured_pairs=configured_pairs,
        series=series,
        advice=advise(series, gate, configured_pairs),
    )


def _subjects(samples: Samples, limit_ns: float, *, unchanged: bool) -> tuple[_Subject, ...]:
    counted = measured(samples)
    noises = {one.series: one for one in noise_of_run(samples, limit_ns=limit_ns)}
    pairs = {one.series: one for one in pair_up(samples, limit_ns=limit_ns) if len(one.base)}
    names = sorted({str(name) for name in counted.texts["series"].strings()})
    return tuple(
        _Subject(
            name=name,
            rows=_in_time(counted.where(counted.texts["series"].equals(name)), both=unchanged),
            pairs=pairs.get(name),
            noise=noises.get(name) or _unknown(name),
        )
        for name in names
    )


def _unknown(name: str) -> SeriesNoise:
    return SeriesNoise(series=name, source=NoiseSource.ONE_ARM, seen=0, questions={}, usd_per_pair=None)


def _in_time(rows: Samples, *, both: bool) -> Samples:
    kept = rows if both else rows.where(rows.texts["arm"].equals(Arm.CANDIDATE))
    return kept.where(np.argsort(kept.numbers["intended_ns"], kind="stable"))


def _diagnosed(one: _Subject, gate: Gate) -> SeriesDiagnosis:
    found = model_summary(one.rows)
    timed = {hypothesis: values for hypothesis in TIMED if len(values := one.values(hypothesis)) >= FEWEST}
    blocks = blocks_of(min(map(len, timed.values()), default=0))
    metrics = {METRIC_NAMES[hypothesis]: values for hypothesis, values in timed.items()}
    return SeriesDiagnosis(
        series=one.name,
        source=one.noise.source,
        requests=found.requests.total if found else 0,
        successful=found.requests.successful if found else 0,
        failed=found.requests.failed if found else 0,
        throttled=found.requests.throttled if found else 0,
        shed=found.requests.shed if found else 0,
        errors=found.errors if found else (),
        noise=tuple(_noise(one, hypothesis) for hypothesis in RATIOS if len(one.values(hypothesis)) >= FEWEST),
        stability=tuple(_stability(one, hypothesis, values, blocks) for hypothesis, values in timed.items()),
        slot=_slot_effect(one.pairs) if one.pairs else None,
        blocks=blocks,
        block_requests=min(map(len, timed.values())) // blocks if blocks else 0,
        alarms=rule_alarms(metrics, blocks) if blocks else (),
        visible=tuple(_visible(hypothesis, noise, gate) for hypothesis, noise in one.noise.questions.items()),
    )


def _noise(one: _Subject, hypothesis: Hypothesis) -> MetricNoise:
    name = METRIC_NAMES[hypothesis]
    in_ms = hypothesis in TIMED
    values = one.values(hypothesis) * (1 / NS_PER_MS if in_ms else 1.0)
    noise = one.noise.questions.get(hypothesis)
    return MetricNoise(
        metric=name,
        hypothesis=hypothesis,
        value_unit=metric(name).unit.value,
        requests=len(values),
        median=float(np.median(values)),
        p95=_percentile(values, 0.95),
        p99=_percentile(values, 0.99),
        maximum=float(values.max()),
        spread=100 * float(np.std(np.log(values), ddof=1)),
        pair_spread=noise.figure if noise is not None and one.pairs is not None else None,
        correlation=_correlation(one.pairs, RATIOS[hypothesis]) if one.pairs is not None else None,
    )


def _percentile(values: Floats, probability: float) -> float | None:
    return float(np.quantile(values, probability)) if shows(len(values), probability) else None


def _correlation(series: PairedSeries, quantity: Quantity) -> float | None:
    """Return how far the logarithms of both members go together; None where too few have a positive value."""
    values = compared_values(series, quantity)
    positive = (values.base > 0) & (values.candidate > 0)
    if positive.sum() < FEWEST:
        return None
    return correlation(np.log(values.base[positive]), np.log(values.candidate[positive]))


def _stability(one: _Subject, hypothesis: Hypothesis, values: Floats, blocks: int) -> Stability:
    times, logs = values / NS_PER_MS, one.level_logs(hypothesis)
    early, late = cut(times, 2)
    neighbours = lag_correlation(logs)
    waves = variance_inflation(logs, blocks=INFLATION_BLOCKS) if len(logs) >= _ENOUGH else None
    return Stability(
        metric=METRIC_NAMES[hypothesis],
        hypothesis=hypothesis,
        halves_percent=100 * float(np.median(late) / np.median(early) - 1),
        medians=tuple(float(np.median(piece)) for piece in cut(times, blocks or 2)),
        autocorrelation=neighbours.value,
        autocorrelation_error=neighbours.standard_error,
        inflation=waves.factor if waves else None,
        inflation_lower=waves.lower if waves else None,
        inflation_upper=waves.upper if waves else None,
    )


_ENOUGH = INFLATION_BLOCKS * INFLATION_REQUESTS


def _slot_effect(series: PairedSeries) -> SlotEffect | None:
    """Compare the time to first token of the second request of each pair with that of the first."""
    first, second = _by_slot(series, Quantity.TTFT)
    present = (first > 0) & (second > 0)
    if not present.any():
        return None
    logs = np.log(second[present] / first[present])
    typical = TypicalDifference(logs)
    bounds = typical.bounds(tail=0.025)
    cached = [_mean_share(shares) for shares in _by_slot(series, Quantity.CACHED_SHARE)]
    return SlotEffect(
        pairs=len(logs),
        percent=_in_percent(typical.estimate),
        lower=None if bounds.lower is None else _in_percent(bounds.lower),
        upper=None if bounds.upper is None else _in_percent(bounds.upper),
        p_value=signed_rank(logs).p_two_sided,
        cached_first=cached[0],
        cached_second=cached[1],
    )


def _by_slot(series: PairedSeries, quantity: Quantity) -> tuple[Floats, Floats]:
    """Return a quantity of both members of each pair, the one that was due first in front; NaN where it failed."""
    base, candidate = (
        np.where(with_status(arm, Status.OK), column(arm, quantity), np.nan) for arm in (series.base, series.candidate)
    )
    base_first = series.base.numbers["slot"] < series.candidate.numbers["slot"]
    return np.where(base_first, base, candidate), np.where(base_first, candidate, base)


def _mean_share(shares: Floats) -> float | None:
    return None if np.isnan(shares).all() else 100 * float(np.nanmean(shares))


def _in_percent(log_ratio: float) -> float:
    return 100 * float(np.expm1(log_ratio))


def _visible(hypothesis: Hypothesis, noise: Noise, gate: Gate) -> VisibleAt:
    aim = gate.aim(hypothesis)
    return VisibleAt(
        metric=METRIC_NAMES[hypothesis],
        hypothesis=hypothesis,
        unit="points" if hypothesis.in_points else "%",
        margin=gate.rules.margins[hypothesis],
        level=gate.level(hypothesis),
        effects=tuple((pairs, smallest_effect(noise, pairs, aim)) for pairs in PAIRS),
    )
