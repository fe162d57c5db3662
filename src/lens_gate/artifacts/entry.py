"""The entry that a store keeps beside a run: all that a history, a listing and the choice of a baseline ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite

import orjson

from lens_gate.artifacts.identity import commit_of, defect_of, identity_of, is_uncommitted, moment_of, sent
from lens_gate.artifacts.metric_values import run_value, series_value
from lens_gate.artifacts.run import LatencySummary, ModelResult, Run, TimePoint
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import ArtifactCorrupt
from lens_gate.vocabulary.index import Acceptance, IndexEntry, MiddleRow, OpenCheck, Point, RunRow, SeriesRow
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.metrics import Hypothesis, Scope
from lens_gate.vocabulary.outcomes import Outcome, Severity
from lens_gate.vocabulary.requests import Arm, TokenSource

_OF_RUNS = tuple(metric for metric in METRICS if metric.scope is Scope.RUN)
_OF_SERIES = tuple(metric for metric in METRICS if metric.scope is Scope.SERIES)

_GRAVITY = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED, Outcome.REGRESSION)


def entry_of(
    run: Run, *, outcome: Outcome | None = None, acceptance: Acceptance | None = None, file: str = "run.json"
) -> IndexEntry:
    """Return what a store keeps of a run; `outcome` is what was judged of it.

    Raises ArtifactCorrupt where its start or its end is no time: stores put runs in order by them.
    """
    benchmark = run.benchmark
    return IndexEntry(
        kind=run.kind.value,
        id=benchmark.id,
        name=benchmark.name,
        created_at=_utc(run.provenance.created_at, "provenance.created_at", file),
        schema_version=run.schema_version,
        commit=commit_of(run),
        branch=run.provenance.branch,
        outcome=None if outcome is None else outcome.value,
        config_hash=run.fingerprint.config_hash,
        acceptance=acceptance,
        run=row_of(run, file=file),
    )


def row_of(run: Run, *, file: str) -> RunRow:
    """Return what a history needs of a run; raises ArtifactCorrupt as `entry_of` does."""
    identity = identity_of(run, Arm.CANDIDATE)
    benchmark, fingerprint = run.benchmark, run.fingerprint
    return RunRow(
        start_time=_utc(benchmark.start_time, "benchmark.start_time", file),
        end_time=_utc(benchmark.end_time, "benchmark.end_time", file),
        duration_seconds=benchmark.duration_seconds,
        event=run.provenance.event,
        ci_run=run.provenance.ci_run,
        sent=sent(run, Arm.CANDIDATE),
        defect=defect_of(run),
        ending=run.ending.value,
        uncommitted=is_uncommitted(run),
        endpoints=identity.endpoints if identity else (),
        region=fingerprint.region,
        runner=fingerprint.runner,
        platform=fingerprint.platform,
        python=fingerprint.python,
        values=_known((metric.name, run_value(run.summary, run.spend, metric.name)) for metric in _OF_RUNS),
        series=tuple(series_row(one.name, model) for one in run.providers for model in one.models),
        config=orjson.dumps(benchmark.config).decode(),
    )


def open_checks(verdict: Verdict) -> tuple[OpenCheck, ...]:
    """Return what a gate did not let pass of a run, and weighs; the same metric of a series is told once, as its worst.

    A notice that fails nothing is left out.
    """
    worst: dict[tuple[str | None, str | None], Outcome] = {}
    for check in verdict.checks:
        about = check.series, check.metric
        if check.severity is Severity.ERROR and _rank(check.outcome) > _rank(worst.get(about, Outcome.PASS)):
            worst[about] = check.outcome
    return tuple(OpenCheck(series=one, metric=name, outcome=how.value) for (one, name), how in worst.items())


def _rank(outcome: Outcome) -> int:
    return _GRAVITY.index(outcome) if outcome in _GRAVITY else 0


def series_row(provider: str, model: ModelResult) -> SeriesRow:
    """Return what a store keeps of one model of one provider."""
    tokens, requests = model.tokens, model.requests
    sums = ("total_tokens", tokens.total), ("total_cost_usd", model.cost.total_usd)
    return SeriesRow(
        provider=provider,
        model=model.id,
        returned=model.returned,
        requests=requests.total,
        successful=requests.successful,
        failed=requests.failed,
        values=_known([*((metric.name, series_value(model, metric)) for metric in _OF_SERIES), *sums]),
        middles=dict(_middles(model)),
        cached_percent=100 * tokens.cached / tokens.input if tokens.input else 0.0,
        counted_by_server=tokens.source == TokenSource.SERVER,
        points=tuple(map(_point, model.time_series)),
    )


def written_time(moment: datetime) -> str:
    """Write a moment in UTC as stores keep it: RFC 3339 of one length, so that its order as text is that of time."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _utc(text: str, field: str, file: str) -> str:
    moment = moment_of(text)
    if moment is None:
        raise ArtifactCorrupt(
            f"`{field}` is no time: {text[:40]!r}",
            place=file,
            hint="Stores put runs in order by it. Repeat the run, or leave this file out.",
        )
    return written_time(moment)


def _known(values: Iterable[tuple[str, float | None]]) -> Mapping[str, float]:
    return {name: value for name, value in values if value is not None and isfinite(value)}


def _middles(model: ModelResult) -> Iterable[tuple[str, MiddleRow]]:
    latency = model.latency
    for hypothesis, summary in (
        (Hypothesis.TTFT, latency.ttft),
        (Hypothesis.PER_TOKEN, latency.tpot),
        (Hypothesis.TOTAL, latency.total),
    ):
        middle = middle_of(summary)
        if middle is not None:
            yield hypothesis.value, middle


def middle_of(summary: LatencySummary) -> MiddleRow | None:
    """Return the middle of a summary; None where it holds none above 0."""
    median, p75 = summary.median_ms, summary.p75_ms
    if median is None or p75 is None or median <= 0:
        return None
    return MiddleRow(count=summary.count, median_ms=median, p75_ms=p75, inflation=summary.median_inflation)


def _point(point: TimePoint) -> Point:
    return Point(
        timestamp=point.timestamp,
        rps=point.rps,
        tokens_per_second=point.tokens_per_second,
        mean_latency_ms=point.mean_latency_ms,
        p95_latency_ms=point.p95_latency_ms,
        error_rate=point.error_rate,
    )
