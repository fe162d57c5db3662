"""What an entry becomes in the tables: plain rows, made before any connection is opened."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from lens_gate.errors import StoreDamaged, UsageProblem
from lens_gate.stores.index_file import as_listed
from lens_gate.stores.sql.tables import COMMIT_LENGTH, MEASURED, NAME_LENGTH
from lens_gate.vocabulary.index import IndexEntry, Point, RunRow, SeriesRow

Row = dict[str, object]

_ENTRY = TypeAdapter(IndexEntry)
_RUNS = uuid5(NAMESPACE_URL, "lens-gate:run")
_DAY = re.compile(r"(?P<root>(?:[^/]+/)*)(?P<day>\d{2,4}/\d{2,4}/\d{2,4})/[^/]+")
_KIND_LENGTH = 40


@dataclass(frozen=True, slots=True)
class RunRows:
    """One run in the three tables that the queries of dashboards read.

    Not `whole` is one whose entry comes from a listing, which leaves out the configuration and the time series.
    """

    id: UUID
    benchmark: Row
    results: tuple[Row, ...]
    time_series: tuple[Row, ...]
    whole: bool


def artifact_row(key: str, entry: IndexEntry | None, size: int, version: str) -> Row:
    """Return the row of the artifact; `root` and `day` are set where the newest of a folder are looked for."""
    row: Row = {"key": key, "version": version, "size": size, "kind": None, "entry": None, "created_at": None}
    row |= {"root": None, "day": None, "benchmark_id": None}
    if entry is None:
        return row
    row |= {"kind": _text(entry.kind, _KIND_LENGTH), "created_at": entry.created_at, "entry": write_entry(entry)}
    if match := _DAY.fullmatch(key):
        row |= match.groupdict()
    return row


def write_entry(entry: IndexEntry) -> str:
    """Return the entry as JSON, without what has tables of its own."""
    return _ENTRY.dump_json(as_listed(entry), exclude_defaults=True).decode()


def read_entry(text: str, *, place: str) -> IndexEntry:
    """Return the entry of a row; StoreDamaged where the text is none."""
    try:
        return _ENTRY.validate_json(text)
    except ValidationError as error:
        raise StoreDamaged(
            "the row holds no entry that can be read",
            place=place,
            hint="Someone wrote into the tables: delete this key, or set its `entry` to NULL; the bytes stay.",
        ) from error


def run_rows(entry: IndexEntry, run: RunRow) -> RunRows:
    """Return the rows of a run: one per run, whatever number of keys hold it; UsageProblem where a time is none."""
    identity = _identity(entry.id)
    numbered = [(uuid5(identity, str(number)), series) for number, series in enumerate(run.series)]
    return RunRows(
        identity,
        _benchmark(identity, entry, run),
        tuple(_result(result, identity, series) for result, series in numbered),
        tuple(row for result, series in numbered for row in _points(result, series.points)),
        whole=run.config is not None or any(series.points for series in run.series),
    )


def _identity(run: str) -> UUID:
    try:
        return UUID(run)
    except ValueError:
        return uuid5(_RUNS, run)


def _benchmark(identity: UUID, entry: IndexEntry, run: RunRow) -> Row:
    return {
        "id": identity,
        "name": _text(entry.name, NAME_LENGTH),
        "commit_sha": _text(entry.commit, COMMIT_LENGTH),
        "branch": _text(entry.branch, NAME_LENGTH),
        "start_time": _moment(run.start_time),
        "end_time": _moment(run.end_time),
        "duration_seconds": run.duration_seconds,
        "config": _config(run.config),
    }


def _result(identity: UUID, benchmark: UUID, series: SeriesRow) -> Row:
    tokens = _finite(series.values.get("total_tokens"))
    measured = {column: _finite(series.values.get(metric)) for column, metric in MEASURED.items()}
    return {
        "id": identity,
        "benchmark_id": benchmark,
        "provider": _text(series.provider, NAME_LENGTH),
        "model": _text(series.model, NAME_LENGTH),
        "request_count": series.requests,
        "success_count": series.successful,
        "error_count": series.failed,
        **measured,
        "total_tokens": None if tokens is None else round(tokens),
        "total_cost_usd": _finite(series.values.get("total_cost_usd")),
    }


def _points(result: UUID, points: tuple[Point, ...]) -> Iterator[Row]:
    for number, point in enumerate(points):
        yield {
            "id": uuid5(result, str(number)),
            "result_id": result,
            "timestamp": _moment(point.timestamp),
            "rps": _finite(point.rps),
            "tokens_per_second": _finite(point.tokens_per_second),
            "mean_latency_ms": _finite(point.mean_latency_ms),
            "p95_latency_ms": _finite(point.p95_latency_ms),
            "error_rate": _finite(point.error_rate),
        }


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(f"{text!r} is no time", hint="Times of a run are RFC 3339 in UTC.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(text: str | None, length: int) -> str | None:
    """Cut to what the column holds, and take out the one character that no PostgreSQL text holds."""
    if text is None:
        return None
    text = text.replace("\0", "�")
    return text if len(text) <= length else text[: length - 1] + "…"


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _config(text: str | None) -> object:
    return None if text is None else _without_nul(json.loads(text))


def _without_nul(value: object) -> object:
    match value:
        case str():
            return value.replace("\0", "�")
        case list():
            return [_without_nul(one) for one in value]
        case Mapping():
            return {str(name).replace("\0", "�"): _without_nul(one) for name, one in value.items()}
        case _:
            return value
