"""Entries of stored runs by keyword: what is not given is plain, and nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lens_gate.baselines.choice import Guard, Kept
from lens_gate.baselines.keys import run_key
from lens_gate.vocabulary.index import IndexEntry, MiddleRow, RunRow, SeriesRow

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def a_series(**changes: Any) -> SeriesRow:
    """Return 300 successes of one model."""
    plain = SeriesRow(
        provider="openai",
        model="gpt-small",
        returned=("gpt-small-0301",),
        requests=300,
        successful=300,
        failed=0,
        middles={"ttft": MiddleRow(count=300, median_ms=500.0, p75_ms=650.0)},
        cached_percent=20.0,
        counted_by_server=True,
    )
    return replace(plain, **changes)


def a_row(day: int = 1, **changes: Any) -> RunRow:
    """Return a run of a day in March."""
    plain = RunRow(
        start_time=f"2026-03-{day:02}T10:00:00.000000Z",
        end_time=f"2026-03-{day:02}T10:05:00.000000Z",
        duration_seconds=300.0,
        sent="the usual requests",
        endpoints=("https://api.example.com",),
        region="eu",
        runner="runner-1",
        platform="Linux x86_64, 4 CPUs",
        series=(a_series(),),
    )
    return replace(plain, **changes)


def an_entry(day: int = 1, *, row: RunRow | None = None, **changes: Any) -> IndexEntry:
    """Return the entry of the run of a day in March."""
    plain = IndexEntry(
        kind="run",
        id=f"bench_{day:016x}",
        name="support-bot",
        created_at=f"2026-03-{day:02}T10:05:01.000000Z",
        schema_version=1,
        commit=f"{day:012x}",
        branch="main",
        config_hash="c0ffee",
        run=row or a_row(day),
    )
    return replace(plain, **changes)


def kept(day: int = 1, *, row: RunRow | None = None, **changes: Any) -> Kept:
    """Return a run as a store lists it."""
    entry = an_entry(day, row=row, **changes)
    assert entry.run is not None
    return Kept(run_key(entry, entry.run), entry, entry.run)


def a_guard(**changes: Any) -> Guard:
    """Return a guard that knows nothing of the run that is judged."""
    return replace(Guard(subject=None, now=NOW, schema_version=1), **changes)
