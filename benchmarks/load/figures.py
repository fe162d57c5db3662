"""What a client told, held against what the server did: errors, lateness, rate, and whether that is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

import numpy as np
from benchmarks.load.logs import Floats, Ints, Truth
from benchmarks.load.processes import Finished

TTFT_P50_MS = 2.5
TTFT_P99_MS = 5.0
SLIP_P99_MS = 5.0
RATE_SHARE = 0.97
ALLOWANCE = 1.5
"""A limit is the larger of the figure above and so many times the C client's in the same run."""


@dataclass(frozen=True)
class Load:
    """What every client is asked to send: one request each 1/rate seconds; what falls into the warm-up is left out."""

    rate: float
    seconds: float
    warmup_s: float = 1.0
    api: str = "openai-chat"

    @property
    def requests(self) -> int:
        """How many are sent, warm-up included."""
        return round(self.rate * (self.seconds + self.warmup_s))

    @property
    def skipped(self) -> int:
        """How many fall into the warm-up."""
        return round(self.rate * self.warmup_s)


@dataclass(frozen=True)
class Told:
    """What a client says of the requests that it counts.

    `rows` are those of the server's log where requests can be matched one by one; without them errors are differences
    of quantiles. Instants are on CLOCK_MONOTONIC.
    """

    ttft_ms: Floats
    rows: Ints | None = None
    slip_ms: Floats | None = None
    first_ns: Floats | None = None
    last_ns: Floats | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one run; errors are measured minus true. None: this client does not tell."""

    requests: float
    rate_share: float
    ttft_p50_ms: float
    ttft_p99_ms: float
    slip_p99_ms: float | None = None
    lag_p50_ms: float | None = None
    lag_p99_ms: float | None = None
    cpu_s: float
    wall_s: float
    peak_mib: float


NOTHING = Figures(
    requests=0, rate_share=0, ttft_p50_ms=np.nan, ttft_p99_ms=np.nan, cpu_s=np.nan, wall_s=np.nan, peak_mib=np.nan
)
"""The figures of a client that failed."""


def figures(load: Load, truth: Truth, told: Told, done: Finished) -> Figures:
    """Compare what was told with the log."""
    rows = np.arange(load.skipped, len(truth)) if told.rows is None else told.rows
    received = truth.received_ns[rows]
    span_s = float(np.ptp(received)) / 1e9
    sent_share = (len(rows) - 1) / span_s / load.rate
    answered_share = len(told.ttft_ms) / (load.requests - load.skipped)
    p50, p99 = _ttft_errors(truth, told, rows)
    lag = _lag_ms(truth, told)
    return Figures(
        requests=len(told.ttft_ms),
        rate_share=min(sent_share, answered_share),
        ttft_p50_ms=p50,
        ttft_p99_ms=p99,
        slip_p99_ms=_percentile(told.slip_ms, 99),
        lag_p50_ms=_percentile(lag, 50),
        lag_p99_ms=_percentile(lag, 99),
        cpu_s=done.cpu_s,
        wall_s=done.wall_s,
        peak_mib=done.peak_mib,
    )


def _ttft_errors(truth: Truth, told: Told, rows: Ints) -> tuple[float, float]:
    true_ms = truth.ttft_ms[rows]
    if told.rows is None:
        p50, p99 = np.percentile(told.ttft_ms, [50, 99]) - np.percentile(true_ms, [50, 99])
    else:
        p50, p99 = np.percentile(told.ttft_ms - true_ms, [50, 99])
    return float(p50), float(p99)


def _lag_ms(truth: Truth, told: Told) -> Floats | None:
    """From the write of a first or last token to the client's stamp of it."""
    if told.rows is None or told.first_ns is None or told.last_ns is None:
        return None
    first, last = told.first_ns - truth.first_ns[told.rows], told.last_ns - truth.last_ns[told.rows]
    return np.concatenate([first, last]) / 1e6


def _percentile(values: Floats | None, percent: float) -> float | None:
    return None if values is None else float(np.percentile(values, percent))


def wrong(found: Figures, limit: Figures | None = None, *, tolerance: float = 1.0) -> tuple[str, ...]:
    """Name what is not right; `limit` are the C client's figures of the same run, None for its own.

    With a `tolerance` above 1 every limit is so many times as wide, for trials on a machine that is not quiet.
    """
    checks = (
        ("TTFT p50", abs(found.ttft_p50_ms), TTFT_P50_MS, abs(limit.ttft_p50_ms) if limit else 0.0),
        ("TTFT p99", abs(found.ttft_p99_ms), TTFT_P99_MS, abs(limit.ttft_p99_ms) if limit else 0.0),
        ("slip p99", found.slip_p99_ms, SLIP_P99_MS, (limit.slip_p99_ms or 0.0) if limit else 0.0),
    )
    broken = tuple(
        name
        for name, value, absolute, theirs in checks
        if value is not None and not value <= max(tolerance * absolute, ALLOWANCE * theirs)
    )
    return broken if found.rate_share >= 1 - tolerance * (1 - RATE_SHARE) else (*broken, "rate")


def median_of(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure over runs; None where any of them has none."""
    columns: dict[str, list[Any]] = {
        field.name: [getattr(run, field.name) for run in runs] for field in fields(Figures)
    }
    medians: dict[str, Any] = {name: None if None in values else median(values) for name, values in columns.items()}
    return Figures(**medians)


def as_row(found: Figures) -> dict[str, float | None]:
    """Return what is kept of a run."""
    return asdict(found)
