"""The flat rows that a store keeps beside an artifact, so that neither a listing nor a history opens one.

`index.json`, the columns of SQL tables and what `trend` and stored baselines read of earlier runs are made from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One interval of a time series; `timestamp` is its start (RFC 3339 in UTC), `error_rate` a percentage."""

    timestamp: str
    rps: float
    tokens_per_second: float
    mean_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    error_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MiddleRow:
    """The middle of one quantity of a series, in milliseconds, over `count` requests.

    `inflation` says how many times more the median varies than one of independent values; None where nobody knows.
    """

    count: int
    median_ms: float
    p75_ms: float
    inflation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One model of one provider: its counts, its metrics by name (an unknown one is absent), and its middles.

    Among the metrics are its own `total_tokens` and `total_cost_usd`, of the measured requests.
    The middles are by hypothesis. `points` is for stores that keep time series; an index leaves them out.
    """

    provider: str
    model: str
    returned: tuple[str, ...] = ()
    requests: int
    successful: int
    failed: int
    values: Mapping[str, float] = field(default_factory=dict)
    middles: Mapping[str, MiddleRow] = field(default_factory=dict)
    cached_percent: float = 0.0
    counted_by_server: bool = False
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheck:
    """A check of a gate that a run did not pass: of which metric, of which series (`provider/model`), and its outcome.

    A None is the whole run, or a check that is about no metric.
    """

    series: str | None = None
    metric: str | None = None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who made a run the baseline by hand, and why; times are RFC 3339 in UTC, None never ends."""

    by: str
    reason: str
    at: str
    expires: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What a history needs of a run beside its series: when, what was sent, where, and whether it can be used.

    `ci_run` is the address of the pipeline run that measured, `sent` is equal for runs that sent the same requests,
    `defect` says why a run cannot be used, `ending` why it stopped sending (None: nobody wrote it down), `uncommitted`
    that what was measured differs from its commit, `values` are the metrics of the whole run by name, and `config` is
    the configuration as JSON, without secrets, for stores with such a column.
    """

    start_time: str
    end_time: str
    duration_seconds: float
    event: str | None = None
    ci_run: str | None = None
    sent: str | None = None
    defect: str | None = None
    ending: str | None = None
    uncommitted: bool = False
    endpoints: tuple[str, ...] = ()
    region: str | None = None
    runner: str = ""
    platform: str = ""
    python: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    series: tuple[SeriesRow, ...] = ()
    config: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """What `index.json` and the SQL columns are made from; times are RFC 3339 in UTC.

    `outcome` is what a gate said of the run, and `open_checks` of what it did not say pass; None where nobody wrote
    that down.
    """

    kind: str
    id: str
    name: str
    created_at: str
    schema_version: int
    commit: str | None = None
    branch: str | None = None
    outcome: str | None = None
    open_checks: tuple[OpenCheck, ...] | None = None
    config_hash: str | None = None
    run: RunRow | None = None
    acceptance: Acceptance | None = None
