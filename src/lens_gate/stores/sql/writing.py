"""What happens inside the transaction of a write.

What is there is read first without a lock, then locked where it exists: so no server locks the gap where a new key will
stand, and writers of different keys do not wait for each other. A writer that was overtaken in between breaks off with
an IntegrityError, and its next attempt sees what the other wrote. Rows are locked in one order: the artifact, its run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, delete, exists, insert, select, update

from lens_gate.stores.base import Condition
from lens_gate.stores.conditions import require
from lens_gate.stores.sql.rows import Row, RunRows
from lens_gate.stores.sql.tables import Tables

CHUNK_BYTES = 512 * 1024
"""Bytes of one row: far below what any server takes as one packet, so that large artifacts need no setting."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write; the version is made before the first attempt, so that one whose answer was lost is known by it."""

    key: str
    version: str
    data: bytes
    artifact: Row
    run: RunRows | None


@dataclass(frozen=True, slots=True)
class _Found:
    version: str
    benchmark: UUID | None


def write(connection: Connection, tables: Tables, wanted: Write, condition: Condition, *, place: str) -> None:
    """Write bytes, entry and rows of a run. Raises ConditionFailed where the condition does not hold."""
    found = _locked(connection, tables, wanted.key)
    if found and found.version == wanted.version:
        return
    _require(found, condition, wanted.key, place=place)
    if wanted.run:
        _write_run(connection, tables, wanted.run)
    _write_artifact(connection, tables, wanted, found)
    if found and found.benchmark:
        _drop_run(connection, tables, found.benchmark)


def remove(connection: Connection, tables: Tables, key: str, condition: Condition, *, place: str) -> None:
    """Remove bytes, entry and rows of a run; nothing to do where an earlier attempt did it."""
    found = _locked(connection, tables, key)
    if found is None:
        return
    _require(found, condition, key, place=place)
    connection.execute(delete(tables.chunks).where(tables.chunks.c.key == key))
    connection.execute(delete(tables.artifacts).where(tables.artifacts.c.key == key))
    if found.benchmark:
        _drop_run(connection, tables, found.benchmark)


def _locked(connection: Connection, tables: Tables, key: str) -> _Found | None:
    columns = tables.artifacts.c
    query = select(columns.version, columns.benchmark_id).where(columns.key == key)
    if connection.execute(query).first() is None:
        return None
    row = connection.execute(query.with_for_update()).first()
    return None if row is None else _Found(row.version, row.benchmark_id)


def _require(found: _Found | None, condition: Condition, key: str, *, place: str) -> None:
    require(None if found is None else found.version, condition, key, place)


def _write_artifact(connection: Connection, tables: Tables, wanted: Write, found: _Found | None) -> None:
    row = wanted.artifact | {"benchmark_id": wanted.run.id if wanted.run else None}
    if found is None:
        connection.execute(insert(tables.artifacts).values(row))
    else:
        connection.execute(update(tables.artifacts).where(tables.artifacts.c.key == wanted.key).values(row))
        connection.execute(delete(tables.chunks).where(tables.chunks.c.key == wanted.key))
    for number, data in enumerate(_pieces(wanted.data)):
        connection.execute(insert(tables.chunks).values(key=wanted.key, number=number, data=data))


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES))


def _write_run(connection: Connection, tables: Tables, run: RunRows) -> None:
    known = select(tables.benchmarks.c.id).where(tables.benchmarks.c.id == run.id)
    if connection.execute(known).first() is None:
        connection.execute(insert(tables.benchmarks).values(run.benchmark))
    elif not run.whole:
        return  # the rows say more
    else:
        connection.execute(update(tables.benchmarks).where(tables.benchmarks.c.id == run.id).values(run.benchmark))
        _drop_results(connection, tables, run.id)
    if run.results:
        connection.execute(insert(tables.results), run.results)
    if run.time_series:
        connection.execute(insert(tables.time_series), run.time_series)


def _drop_run(connection: Connection, tables: Tables, run: UUID) -> None:
    """Delete the rows of a run that no key holds any more."""
    held = exists().where(tables.artifacts.c.benchmark_id == run)
    if not connection.execute(select(held)).scalar():
        _drop_results(connection, tables, run)
        connection.execute(delete(tables.benchmarks).where(tables.benchmarks.c.id == run))


def _drop_results(connection: Connection, tables: Tables, run: UUID) -> None:
    results = select(tables.results.c.id).where(tables.results.c.benchmark_id == run)
    connection.execute(delete(tables.time_series).where(tables.time_series.c.result_id.in_(results)))
    connection.execute(delete(tables.results).where(tables.results.c.benchmark_id == run))
