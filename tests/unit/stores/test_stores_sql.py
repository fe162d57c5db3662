from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from lens_gate.errors import ConditionFailed, PublishFailed, StoreDamaged, UsageProblem
from lens_gate.stores.base import Listing
from lens_gate.stores.index_file import as_listed
from lens_gate.stores.sql.writing import CHUNK_BYTES
from lens_gate.vocabulary.index import IndexEntry, Point, RunRow, SeriesRow
from tests.sql_stores import opened, sqlite
from tests.stores_contract import ENTRY, RICH, RUN, ConditionContract, StoreContract, Subject

POINT = Point(timestamp="2026-03-02T12:00:00+02:00", rps=1.5, tokens_per_second=40.0, error_rate=12.5)
SERIES = SeriesRow(
    provider="openai",
    model="small",
    requests=400,
    successful=398,
    failed=2,
    values={"mean_latency": 812.3456789, "p95_ttft": 300.25, "total_tokens": 8e9, "total_cost_usd": 0.00001234},
    points=(POINT, replace(POINT, timestamp="2026-03-02T10:00:10.5Z", mean_latency_ms=float("nan"))),
)
ROW = RunRow(
    start_time="2026-03-02T12:00:00.25+02:00",
    end_time="2026-03-02T10:05:00Z",
    duration_seconds=299.75,
    series=(SERIES, replace(SERIES, model="large")),
    config='{"a\\u0000": ["b\\u0000", {"c": 1}]}',
)


def run(number: int, row: RunRow | None = ROW) -> IndexEntry:
    return replace(ENTRY, id=f"{number:08d}-0000-4000-8000-000000000000", commit="91d04e7", branch="main", run=row)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def counts(path: Path) -> tuple[object, ...]:
    tables = ("benchmarks", "results", "time_series", "artifacts", "artifact_chunks")
    return tuple(rows(path, f"SELECT count(*) FROM lens_gate_{table}")[0][0] for table in tables)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


class TestTheSqliteStore(StoreContract, ConditionContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        return Subject(lambda: sqlite(tmp_path / "new" / "store.db"))


def test_a_run_fills_the_tables_with_its_whole_numbers_in_utc(path: Path) -> None:
    sqlite(path).put(RUN, b"x", run(1))
    assert rows(path, "SELECT name, commit_sha, branch, start_time, duration_seconds FROM lens_gate_benchmarks") == [
        (ENTRY.name, "91d04e7", "main", "2026-03-02 10:00:00.250000", 299.75)
    ]
    assert rows(
        path,
        "SELECT provider, model, request_count, success_count, error_count, mean_latency_ms, median_latency_ms,"
        " ttft_p95_ms, total_tokens, total_cost_usd FROM lens_gate_results ORDER BY model DESC LIMIT 1",
    ) == [("openai", "small", 400, 398, 2, 812.3456789, None, 300.25, 8_000_000_000, 0.00001234)]
    assert rows(
        path, "SELECT timestamp, rps, mean_latency_ms, error_rate FROM lens_gate_time_series ORDER BY timestamp LIMIT 3"
    ) == [
        ("2026-03-02 10:00:00.000000", 1.5, None, 12.5),
        ("2026-03-02 10:00:00.000000", 1.5, None, 12.5),
        ("2026-03-02 10:00:10.500000", 1.5, None, 12.5),
    ]
    ((config,),) = rows(path, "SELECT config FROM lens_gate_benchmarks")
    assert json.loads(str(config)) == {"a�": ["b�", {"c": 1}]}


def test_a_run_that_two_keys_hold_is_one_row_until_the_last_key_goes(path: Path) -> None:
    store = sqlite(path)
    store.put(RUN, b"x", run(1))
    store.put("baselines/main", b"x", run(1))
    assert counts(path) == (1, 2, 4, 2, 2)
    store.delete(RUN)
    assert counts(path) == (1, 2, 4, 1, 1)
    store.delete("baselines/main")
    assert counts(path) == (0, 0, 0, 0, 0)


def test_a_replaced_key_replaces_its_rows(path: Path) -> None:
    store = sqlite(path)
    store.put("baselines/main", b"x", run(1))
    store.put("baselines/main", b"y", run(2, replace(ROW, series=())))
    assert counts(path) == (1, 0, 0, 1, 1)
    store.put("baselines/main", b"y", run(2))
    assert counts(path) == (1, 2, 4, 1, 1)
    store.put("baselines/main", b"y", replace(run(2), branch="release"))
    assert rows(path, "SELECT branch FROM lens_gate_benchmarks") == [("release",)]
    store.put("baselines/main", b"y")
    assert counts(path) == (0, 0, 0, 1, 1)


def test_an_entry_out_of_a_listing_takes_nothing_from_the_rows_of_its_run(path: Path) -> None:
    store = sqlite(path)
    store.put(RUN, b"x", run(1))
    series, config = "SELECT * FROM lens_gate_time_series", "SELECT config FROM lens_gate_benchmarks"
    before = rows(path, series), rows(path, config)
    (listing,) = store.list(RUN)
    assert listing.entry != run(1)
    store.put("baselines/main/earlier.json", b"x", listing.entry)
    assert (rows(path, series), rows(path, config)) == before
    assert counts(path) == (1, 2, 4, 2, 2)


def test_a_refused_write_leaves_no_row(path: Path) -> None:
    store = sqlite(path)
    store.put("baselines/main", b"x", run(1))
    with pytest.raises(ConditionFailed):
        store.put("baselines/main", b"y", run(2), "absent")
    assert rows(path, "SELECT id FROM lens_gate_benchmarks") == [("00000001000040008000000000000000",)]


def test_names_longer_than_their_column_are_cut_there_and_kept_in_the_entry(path: Path) -> None:
    store = sqlite(path)
    branch, commit = "ä" * 501, "f" * 65
    entry = replace(run(1), id="no uuid\0", branch=branch, commit=commit, name="a\0b")
    store.put(RUN, b"x", entry)
    assert rows(path, "SELECT branch, commit_sha, name FROM lens_gate_benchmarks") == [
        ("ä" * 499 + "…", "f" * 63 + "…", "a�b")
    ]
    assert store.list() == (Listing(RUN, as_listed(entry)),)


def test_a_time_that_is_none_is_told_before_anything_is_written(path: Path) -> None:
    with pytest.raises(UsageProblem, match="'yesterday' is no time"):
        sqlite(path).put(RUN, b"x", run(1, replace(ROW, start_time="yesterday")))
    assert not path.exists()


def test_a_large_artifact_is_kept_in_pieces_and_a_lost_piece_is_told(path: Path) -> None:
    store = sqlite(path)
    store.put(RUN, bytes(2 * CHUNK_BYTES + 1))
    assert rows(path, "SELECT number, length(data) FROM lens_gate_artifact_chunks") == [
        (0, CHUNK_BYTES),
        (1, CHUNK_BYTES),
        (2, 1),
    ]
    rows_of_one = "DELETE FROM lens_gate_artifact_chunks WHERE number = 1"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(rows_of_one)
    with pytest.raises(StoreDamaged, match=f"has {CHUNK_BYTES + 1} of its {2 * CHUNK_BYTES + 1} bytes"):
        store.get(RUN)


@pytest.mark.parametrize("text", ["{", "{}", "null"])
def test_an_entry_that_cannot_be_read_is_told_with_its_key(path: Path, text: str) -> None:
    store = sqlite(path)
    store.put(RUN, b"x", ENTRY)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE lens_gate_artifacts SET entry = ?", (text,))
    with pytest.raises(StoreDamaged, match="no entry that can be read") as caught:
        store.list()
    assert RUN in (caught.value.place or "")
    assert store.get(RUN) == b"x"


def test_listings_read_no_bytes_and_the_newest_are_found_by_an_index(path: Path) -> None:
    store = sqlite(path)
    store.put(RUN, b"x", RICH)
    asked: list[tuple[str, object]] = []

    def note(*given: object) -> None:
        asked.append((str(given[2]), given[3]))

    event.listen(Engine, "before_cursor_execute", note)
    store.list("results/")
    store.newest("results", 3)
    event.remove(Engine, "before_cursor_execute", note)
    queries = [one for one in asked if "FROM lens_gate_" in one[0] and "version_num" not in one[0]]
    assert len(queries) == 2
    for query, given in queries:
        assert "chunks" not in query
        with closing(sqlite3.connect(path)) as connection:
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query}", given).fetchall())  # type: ignore[arg-type]
        assert "USING INDEX" in plan
        assert "B-TREE" not in plan


def test_a_lock_that_somebody_holds_is_told(path: Path) -> None:
    store = opened(f"sqlite:///{path}?timeout=0.05")
    store.put(RUN, b"one")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PublishFailed, match="took too long to answer: database is locked"):
            store.put(RUN, b"two")
        assert store.get(RUN) == b"one"


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.write_text("hello " * 1000, encoding="utf-8")
    for act in (lambda: sqlite(path).list(), lambda: sqlite(path).put(RUN, b"x")):
        with pytest.raises(PublishFailed, match="no SQLite database, or it is damaged") as caught:
            act()
        assert caught.value.place == f"sqlite:///{path}"
    assert path.read_text(encoding="utf-8") == "hello " * 1000


def test_a_folder_that_cannot_be_made_is_told(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(PublishFailed, match="folder of the database cannot be made: Not a directory"):
        sqlite(path / "below" / "store.db").put(RUN, b"x")


def test_reading_makes_no_file(path: Path) -> None:
    assert sqlite(path).list() == ()
    assert not path.exists()
