"""The first tables: benchmarks, results and time series, and the stored bytes with their entries.

A database without transactions for tables (MySQL, MariaDB) can be left with some of them: what is there is passed over.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Double, ForeignKey, Integer, String, Uuid, func, inspect
from sqlalchemy.schema import SchemaItem

from lens_gate.stores.sql.tables import JSON_VALUE, LONG_TEXT, MOMENT, PIECE, plain

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
"""A table without transactions would keep halves, and one that ignores case would mix up branches."""


def upgrade(prefix: str) -> None:
    """Make the tables that are missing."""
    _benchmarks(prefix)
    _results(prefix)
    _time_series(prefix)
    _artifacts(prefix)


def _benchmarks(prefix: str) -> None:
    _table(
        f"{prefix}benchmarks",
        Column("id", Uuid(), primary_key=True),
        Column("name", String(500), nullable=False),
        Column("commit_sha", String(64)),
        Column("branch", String(500)),
        Column("start_time", MOMENT, nullable=False),
        Column("end_time", MOMENT, nullable=False),
        Column("duration_seconds", Double(), nullable=False),
        Column("config", JSON_VALUE),
        _written("created_at"),
    )
    _index(f"idx_{prefix}benchmarks_commit", f"{prefix}benchmarks", "commit_sha")
    _index(f"idx_{prefix}benchmarks_branch", f"{prefix}benchmarks", "branch")
    _index(f"idx_{prefix}benchmarks_start_time", f"{prefix}benchmarks", "start_time")


def _results(prefix: str) -> None:
    _table(
        f"{prefix}results",
        Column("id", Uuid(), primary_key=True),
        Column("benchmark_id", Uuid(), ForeignKey(f"{prefix}benchmarks.id"), nullable=False),
        Column("provider", String(500), nullable=False),
        Column("model", String(500), nullable=False),
        Column("request_count", Integer(), nullable=False),
        Column("success_count", Integer(), nullable=False),
        Column("error_count", Integer(), nullable=False),
        Column("mean_latency_ms", Double()),
        Column("median_latency_ms", Double()),
        Column("p95_latency_ms", Double()),
        Column("p99_latency_ms", Double()),
        Column("ttft_mean_ms", Double()),
        Column("ttft_p95_ms", Double()),
        Column("tokens_per_second", Double()),
        Column("total_tokens", BigInteger()),
        Column("total_cost_usd", Double()),
        _written("created_at"),
    )
    _index(f"idx_{prefix}results_benchmark", f"{prefix}results", "benchmark_id")
    _index(f"idx_{prefix}results_model", f"{prefix}results", "model")


def _time_series(prefix: str) -> None:
    _table(
        f"{prefix}time_series",
        Column("id", Uuid(), primary_key=True),
        Column("result_id", Uuid(), ForeignKey(f"{prefix}results.id"), nullable=False),
        Column("timestamp", MOMENT, nullable=False),
        Column("rps", Double()),
        Column("tokens_per_second", Double()),
        Column("mean_latency_ms", Double()),
        Column("p95_latency_ms", Double()),
        Column("error_rate", Double()),
        _written("created_at"),
    )
    _index(f"idx_{prefix}time_series_result", f"{prefix}time_series", "result_id")
    _index(f"idx_{prefix}time_series_timestamp", f"{prefix}time_series", "timestamp")


def _artifacts(prefix: str) -> None:
    _table(
        f"{prefix}artifacts",
        Column("key", plain(512), primary_key=True),
        Column("version", plain(32), nullable=False),
        Column("size", BigInteger(), nullable=False),
        Column("kind", String(40)),
        Column("root", plain(512)),
        Column("day", plain(10)),
        Column("created_at", plain(40)),
        Column("entry", LONG_TEXT),
        Column("benchmark_id", Uuid(), ForeignKey(f"{prefix}benchmarks.id")),
        _written("stored_at"),
    )
    _index(f"idx_{prefix}artifacts_day", f"{prefix}artifacts", "root", "day", "created_at", "key")
    _index(f"idx_{prefix}artifacts_benchmark", f"{prefix}artifacts", "benchmark_id")
    _table(
        f"{prefix}artifact_chunks",
        Column("key", plain(512), ForeignKey(f"{prefix}artifacts.key"), primary_key=True),
        Column("number", Integer(), primary_key=True),
        Column("data", PIECE, nullable=False),
    )


def _written(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), server_default=func.now())


def _table(name: str, *columns: SchemaItem) -> None:
    op.create_table(name, *columns, if_not_exists=True, **_OPTIONS)


def _index(name: str, table: str, *columns: str) -> None:
    if name not in {one["name"] for one in inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns))
