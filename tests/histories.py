"""Histories of runs: as records, as whole runs, and as the trends that they make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.trend import Trend, TrendPolicy, TrendSeries, TrendVerdict
from lens_gate.config.model import Regression
from lens_gate.gates.trend import gate_trend
from lens_gate.trends.history import RunRecord
from lens_gate.trends.policy import TrendChoices, trend_policy
from lens_gate.trends.trend import trend
from tests.builders import (
    FINGERPRINT,
    PROVENANCE,
    SERIES,
    a_benchmark,
    a_latency,
    a_model_result,
    a_provider_result,
    a_run,
    an_arm,
)

FIRST_DAY = datetime(2026, 1, 1, 6, tzinfo=UTC)
MEDIAN = "median_latency"


def noisy(count: int, *, seed: int = 1, deviation: float = 0.03) -> list[float]:
    """Return logarithms of so many quiet runs."""
    return [float(value) for value in deviation * np.random.default_rng(seed).standard_normal(count)]


def stepped(step: float, *, before: int = 30, after: int = 8, seed: int = 1) -> list[float]:
    """Return the logarithms of runs whose level changes after `before` of them."""
    return [value + (step if run >= before else 0.0) for run, value in enumerate(noisy(before + after, seed=seed))]


def run_id(number: int) -> str:
    return f"bench-{number}"


def commit(number: int) -> str:
    return f"{number:07x}aaaa"


def start(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat().replace("+00:00", "Z")


def a_history_run(number: int, log_factor: float = 0.0, **changes: Any) -> Run:
    """Return the run of day `number`, whose one model takes exp(log_factor) times 1.5 s for the median answer."""
    model = a_model_result(latency=a_latency(float(np.exp(log_factor))))
    values = {
        "benchmark": a_benchmark(id=run_id(number), start_time=start(number)),
        "providers": (a_provider_result(model),),
        "arms": (an_arm(commit=commit(number)),),
    }
    return a_run(**{**values, **changes})


def a_record(number: int, value: float | None = 1500.0, **changes: Any) -> RunRecord:
    """Return what a history keeps of the run of day `number`."""
    values = {
        "file": f"run-{number}.json",
        "run": run_id(number),
        "name": "support-bot",
        "start": FIRST_DAY + timedelta(days=number),
        "commit": commit(number),
        "branch": "main",
        "fingerprint": FINGERPRINT,
        "defect": None,
        "values": {(SERIES, MEDIAN): value},
    }
    return RunRecord(**{**values, **changes})


def records_of(logs: Sequence[float | None], *, metric: str = MEDIAN, level: float = 1500.0) -> list[RunRecord]:
    """Return a history by the logarithms of its values over a level."""
    return [
        a_record(number, values={(SERIES, metric): None if log is None else level * float(np.exp(log))})
        for number, log in enumerate(logs)
    ]


def points_of(values: Sequence[float], *, metric: str = "error_rate") -> list[RunRecord]:
    """Return a history by its values."""
    return [a_record(number, values={(SERIES, metric): value}) for number, value in enumerate(values)]


def a_trend_policy(**choices: Any) -> TrendPolicy:
    return trend_policy(TrendChoices(**choices), Regression())


def a_trend(records: Sequence[RunRecord], **choices: Any) -> Trend:
    """Return the trend of a history; keywords are what is asked for on the command line."""
    return trend(records, a_trend_policy(**choices), provenance=PROVENANCE)


def only_series(records: Sequence[RunRecord], **choices: Any) -> TrendSeries:
    """Return the one series of a history."""
    (series,) = a_trend(records, **choices).series
    return series


def a_trend_verdict(records: Sequence[RunRecord], *, fail_on: tuple[str, ...] = (), **choices: Any) -> TrendVerdict:
    return gate_trend(a_trend(records, **choices), fail_on=fail_on, provenance=PROVENANCE)
