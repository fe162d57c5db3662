"""The tables, as far as queries name their columns; `migrations` makes them.

Names are cut to NAME_LENGTH characters in columns (an index cannot hold more everywhere); the entry keeps them whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    String,
    TableClause,
    Text,
    Uuid,
    column,
    table,
)
from sqlalchemy.dialects import mysql, postgresql

NAME_LENGTH = 500
COMMIT_LENGTH = 64
"""A commit id of SHA-256; the 40 characters of SHA-1 fit too."""

MEASURED = {
    "mean_latency_ms": "mean_latency",
    "median_latency_ms": "median_latency",
    "p95_latency_ms": "p95_latency",
    "p99_latency_ms": "p99_latency",
    "ttft_mean_ms": "mean_ttft",
    "ttft_p95_ms": "p95_ttft",
    "tokens_per_second": "tokens_per_second",
}
"""The columns of `results` with a measured number, and the metric that each one holds."""


def plain(length: int) -> String:
    """Return the type of ASCII text that is compared byte by byte, as keys and times are."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql")
    )


NAME = String(NAME_LENGTH)
LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql")
PIECE = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
MOMENT = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
JSON_VALUE = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one prefix."""

    benchmarks: TableClause
    results: TableClause
    time_series: TableClause
    artifacts: TableClause
    chunks: TableClause
    revision: TableClause

    @property
    def names(self) -> frozenset[str]:
        """What the tables are called, that of the revision apart."""
        ours = (self.benchmarks, self.results, self.time_series, self.artifacts, self.chunks)
        return frozenset(one.name for one in ours)


def tables(prefix: str) -> Tables:
    """Return the tables whose names start with `prefix`."""
    return Tables(
        _benchmarks(prefix),
        _results(prefix),
        _time_series(prefix),
        _artifacts(prefix),
        table(
            f"{prefix}artifact_chunks", column("key", plain(512)), column("number", Integer()), column("data", PIECE)
        ),
        table(revision_table(prefix), column("version_num", String(32))),
    )


def revision_table(prefix: str) -> str:
    """Return the name of the table that says which migrations a database has seen."""
    return f"{prefix}schema_revision"


def _benchmarks(prefix: str) -> TableClause:
    return table(
        f"{prefix}benchmarks",
        column("id", Uuid()),
        column("name", NAME),
        column("commit_sha", String(COMMIT_LENGTH)),
        column("branch", NAME),
        column("start_time", MOMENT),
        column("end_time", MOMENT),
        column("duration_seconds", Double()),
        column("config", JSON_VALUE),
    )


def _results(prefix: str) -> TableClause:
    return table(
        f"{prefix}results",
        column("id", Uuid()),
        column("benchmark_id", Uuid()),
        column("provider", NAME),
        column("model", NAME),
        column("request_count", Integer()),
        column("success_count", Integer()),
        column("error_count", Integer()),
        *(column(name, Double()) for name in MEASURED),
        column("total_tokens", BigInteger()),
        column("total_cost_usd", Double()),
    )


def _time_series(prefix: str) -> TableClause:
    return table(
        f"{prefix}time_series",
        column("id", Uuid()),
        column("result_id", Uuid()),
        column("timestamp", MOMENT),
        column("rps", Double()),
        column("tokens_per_second", Double()),
        column("mean_latency_ms", Double()),
        column("p95_latency_ms", Double()),
        column("error_rate", Double()),
    )


def _artifacts(prefix: str) -> TableClause:
    return table(
        f"{prefix}artifacts",
        column("key", plain(512)),
        column("version", plain(32)),
        column("size", BigInteger()),
        column("kind", String(40)),
        column("root", plain(512)),
        column("day", plain(10)),
        column("created_at", plain(40)),
        column("entry", LONG_TEXT),
        column("benchmark_id", Uuid()),
    )
