"""How often each classic rule flags a gate in which nothing was changed: constants, measured by simulation.

`python -m benchmarks.decisions.classic_rules` measures them with the functions that judge, and a test holds them to a
short run of it. One gate is four unlike models with `REQUESTS` requests a side. Days differ by 5 % (one standard
deviation): a stored run and today's come from two of them, the arms of a duet from the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from lens_gate.analysis.classic import DEFAULT_METHODS
from lens_gate.config.model import Method, StatisticalMethod, ThresholdMethod, TrendMethod

Source = Literal["duet", "stored"]

REQUESTS = 100

LIMITS = (5.0, 10.0, 15.0, 20.0, 30.0, 50.0)
"""Thresholds in percent, one for each column of `Measured.percent`."""

POINTS = (1.0, 2.0, 5.0, 10.0)
"""Thresholds in percentage points, one for each column of `Measured.points`."""

CONFIDENCES = (0.90, 0.95, 0.99, 0.999)
"""Confidences of tests, one for each column of `Measured.tests`."""

Rates = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Percent of gates with a false alarm, by metric or test; `default` is the rate of the default rules together."""

    circumstances: str
    percent: Rates
    points: Rates
    tests: Rates
    default: int


MEASURED: Mapping[Source, Measured] = {
    "stored": Measured(
        circumstances="4 models, 100 requests a side, 5 % drift from day to day, nothing changed",
        percent={
            "mean_latency": (74, 46, 22, 10, 1, 0),
            "median_latency": (76, 49, 25, 11, 1, 0),
            "p95_latency": (86, 72, 54, 38, 17, 1),
            "mean_ttft": (81, 57, 33, 19, 6, 0),
            "median_ttft": (80, 52, 30, 18, 5, 0),
            "p95_ttft": (83, 68, 49, 33, 11, 2),
            "mean_tpot": (48, 13, 3, 0, 0, 0),
            "median_tpot": (50, 14, 4, 0, 0, 0),
            "p95_tpot": (57, 19, 5, 1, 0, 0),
            "error_rate": (83, 83, 83, 83, 82, 81),
            "cost_per_request_usd": (22, 2, 0, 0, 0, 0),
        },
        points={
            "error_rate": (44, 14, 0, 0),
        },
        tests={
            "t-test": (34, 24, 10, 2),
            "mann-whitney": (36, 26, 11, 3),
            "kolmogorov-smirnov": (33, 22, 8, 2),
        },
        default=94,
    ),
    "duet": Measured(
        circumstances="4 models, 100 requests a side at the same time, nothing changed",
        percent={
            "mean_latency": (14, 1, 0, 0, 0, 0),
            "median_latency": (41, 4, 0, 0, 0, 0),
            "p95_latency": (72, 43, 19, 8, 1, 0),
            "mean_ttft": (40, 13, 7, 3, 2, 1),
            "median_ttft": (42, 5, 0, 0, 0, 0),
            "p95_ttft": (70, 39, 17, 6, 1, 0),
            "mean_tpot": (0, 0, 0, 0, 0, 0),
            "median_tpot": (1, 0, 0, 0, 0, 0),
            "p95_tpot": (18, 0, 0, 0, 0, 0),
            "error_rate": (84, 84, 84, 84, 84, 83),
            "cost_per_request_usd": (10, 0, 0, 0, 0, 0),
        },
        points={
            "error_rate": (44, 16, 0, 0),
        },
        tests={
            "t-test": (0, 0, 0, 0),
            "mann-whitney": (0, 0, 0, 0),
            "kolmogorov-smirnov": (1, 0, 0, 0),
        },
        default=86,
    ),
}
"""Of 1,000 gates for each source, so a figure has a standard error of at most 1.6 points."""


def false_alarm_note(methods: Sequence[Method], source: Source) -> str | None:
    """Return how often these rules err, each and together; None where that was measured for none of them.

    A rule that was not measured at its own threshold is told by the nearest one that was.
    """
    measured = MEASURED[source]
    rates = dict(found for method in methods if (found := _rate(method, measured)) is not None)
    if not rates:
        return None
    told = [f"{_percent(rate)} of gates for {rule}" for rule, rate in rates.items()]
    if tuple(methods) == DEFAULT_METHODS:
        told.append(f"{_percent(measured.default)} for these rules together")
    elif len(rates) > 1:
        told.append(f"at least {_percent(max(rates.values()))} for these rules together")
    return f"False alarms measured ({measured.circumstances}): {'; '.join(told)}."


def _percent(rate: int) -> str:
    return f"{rate} %" if rate else "under 1 %"


def _rate(method: Method, measured: Measured) -> tuple[str, int] | None:
    """Return the measured rule that is nearest to this one, in words, with its rate."""
    match method:
        case ThresholdMethod(metric=metric, threshold_percent=None, threshold_points=limit):
            return _nearest(measured.points, metric, POINTS, limit, "{name} more than {limit:g} points up")
        case ThresholdMethod(metric=metric, threshold_percent=limit):
            return _nearest(measured.percent, metric, LIMITS, limit, "{name} more than {limit:g} % up")
        case StatisticalMethod(method=name, confidence=confidence):
            return _nearest(measured.tests, name, CONFIDENCES, confidence, "{name} at a confidence of {limit:g}")
        case TrendMethod():
            return None
        case _ as never:
            assert_never(never)


def _nearest(
    rates: Rates, name: str, limits: Sequence[float], wanted: float | None, words: str
) -> tuple[str, int] | None:
    if name not in rates or wanted is None:
        return None
    place = min(range(len(limits)), key=lambda at: abs(limits[at] - wanted))
    return words.format(name=name, limit=limits[place]), rates[name][place]
