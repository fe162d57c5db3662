"""The literal rules of other tools, by their names.

A rule compares the candidate's sample with the base's as if nothing but the change lay between them. Against a stored
run, day-to-day drift does; and none of these rules knows how many others are asked. That is why they stand apart from
the calibrated ones, and why `false_alarms` says how often each of them errs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.quantities import NS_PER_MS, Floats, column, with_status
from lens_gate.analysis.rules import series_metric
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.metric_values import series_value
from lens_gate.artifacts.reasons import because
from lens_gate.artifacts.samples import Samples
from lens_gate.config.model import Method, StatisticalMethod, ThresholdMethod, TrendMethod
from lens_gate.errors import ConfigProblem
from lens_gate.stats.two_sample import TwoSample, kolmogorov_smirnov, mann_whitney, welch_t
from lens_gate.vocabulary.metrics import Direction, Metric, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Status

DISTRIBUTION = "latency_distribution"
"""The metric of which whole samples are compared: the only one that a two-sample test takes."""

DEFAULT_METHODS: tuple[Method, ...] = (
    ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=10),
    ThresholdMethod(type="threshold", metric="p95_latency", threshold_percent=15),
    ThresholdMethod(type="threshold", metric="error_rate", threshold_percent=50),
)


def classic_findings(series: Sequence[StoredSeries], methods: Sequence[Method]) -> tuple[Finding, ...]:
    """Apply every method to every series; without methods, the thresholds that the classic rules begin with."""
    return tuple(_finding(one, method) for one in series for method in methods or DEFAULT_METHODS)


def _finding(series: StoredSeries, method: Method) -> Finding:
    match method:
        case ThresholdMethod():
            return _threshold(series, method)
        case StatisticalMethod():
            return _statistical(series, method)
        case TrendMethod():
            return silent_finding(
                series.series,
                metric="mean_latency",
                method="trend: linear_regression",
                outcome=Outcome.INCONCLUSIVE,
                why=because(Why.TREND_ELSEWHERE),
            )
        case _ as never:
            assert_never(never)


def _threshold(series: StoredSeries, method: ThresholdMethod) -> Finding:
    metric = series_metric(method.metric)
    base, candidate = series_value(series.base, metric), series_value(series.candidate, metric)
    points = method.threshold_percent is None
    limit = method.threshold_points if method.threshold_percent is None else method.threshold_percent
    if base is None or candidate is None or limit is None:
        return silent_finding(
            series.series,
            metric=method.metric,
            method="threshold",
            outcome=Outcome.NOT_MEASURED if candidate is None else Outcome.INCONCLUSIVE,
            why=because(Why.UNKNOWN_VALUE, metric=method.metric),
        )
    change = candidate - base if points else _percent_change(base, candidate)
    worse = _worse(change, metric)
    unit = "points" if points else "%"
    outcome = Outcome.REGRESSION if worse > limit else Outcome.PASS
    finding = silent_finding(
        series.series,
        metric=method.metric,
        method="threshold",
        outcome=outcome,
        why=because(Why.THRESHOLD, change=change, limit=limit, unit=unit)
        if math.isfinite(change)
        else because(Why.ROSE_FROM_NOTHING, limit=limit, unit=unit),
    )
    effect = finding.effect.model_copy(update={"unit": unit, "estimate": change if math.isfinite(change) else None})
    values = {"base_value": base, "candidate_value": candidate, "value_unit": metric.unit.value}
    return finding.model_copy(update={"effect": effect, "threshold": limit, **values})


def _percent_change(base: float, candidate: float) -> float:
    if base == 0:
        # Literally, any increase from nothing is infinite: that is how these rules cry wolf over one error.
        return 0.0 if candidate == 0 else math.inf
    return 100 * (candidate - base) / base


def _worse(change: float, metric: Metric) -> float:
    match metric.direction:
        case Direction.LOWER_IS_BETTER:
            return change
        case Direction.HIGHER_IS_BETTER:
            return -change
        case Direction.TWO_SIDED:
            return abs(change)
        case _ as never:
            assert_never(never)


def require_distribution(method: StatisticalMethod) -> None:
    """Refuse a test of a metric that has no distribution to compare. Raises ConfigProblem."""
    if method.metric != DISTRIBUTION:
        raise ConfigProblem(
            f"the {method.method} rule compares {DISTRIBUTION}, not {method.metric}",
            place="regression.methods",
            hint=f"Set its metric to {DISTRIBUTION}, or use a threshold for other metrics.",
        )


def _statistical(series: StoredSeries, method: StatisticalMethod) -> Finding:
    require_distribution(method)
    candidate, base = _latencies(series.candidate_samples), _latencies(series.base_samples)
    if min(len(candidate), len(base)) < 2:
        return silent_finding(
            series.series,
            metric=method.metric,
            method=method.method,
            outcome=Outcome.NOT_MEASURED,
            why=because(Why.TWO_NEEDED),
        )
    test = _test(method, candidate, base)
    # Welch's test compares means, the others ranks and whole distributions.
    centre = "mean" if method.method == "t-test" else "median"
    base_value, value = (float(np.mean(t) if centre == "mean" else np.median(t)) for t in (base, candidate))
    change = _percent_change(base_value, value)
    level = 1 - method.confidence
    # The tests are two-sided; only a candidate that is the slower one in the eyes of its test has regressed.
    regressed = test.p_value < level and test.direction > 0
    finding = silent_finding(
        series.series,
        metric=method.metric,
        method=method.method,
        outcome=Outcome.REGRESSION if regressed else Outcome.PASS,
        why=because(Why.TESTED, p=test.p_value, level=level, centre=centre, change=change, unit="%"),
    )
    effect = finding.effect.model_copy(update={"estimate": change, "confidence": method.confidence})
    values = {"base_value": base_value, "candidate_value": value, "value_unit": "ms"}
    return finding.model_copy(update={"effect": effect, "p_value": test.p_value, "established": regressed, **values})


def _test(method: StatisticalMethod, candidate: Floats, base: Floats) -> TwoSample:
    match method.method:
        case "t-test":
            return welch_t(candidate, base)
        case "mann-whitney":
            return mann_whitney(candidate, base)
        case "kolmogorov-smirnov":
            return kolmogorov_smirnov(candidate, base)
        case _ as never:
            assert_never(never)


def _latencies(samples: Samples) -> Floats:
    good = samples.where(with_status(samples, Status.OK))
    times: Floats = column(good, Quantity.LATENCY) / NS_PER_MS
    return times
