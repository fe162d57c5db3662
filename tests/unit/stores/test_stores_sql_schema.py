from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from lens_gate.errors import LensGateError, StoreProblem, UsageProblem
from lens_gate.stores.base import Listing, Store
from lens_gate.stores.index_file import as_listed
from lens_gate.stores.sql.schema import STEPS
from tests.sql_stores import later_steps, sqlite
from tests.stores_contract import ENTRY, RICH, RUN

FROZEN = Path(__file__).parent.parent.parent / "artifacts" / "sql"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def execute(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def made(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
        return [str(sql).strip() for (sql,) in found]


def revision(path: Path) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT version_num FROM lens_gate_schema_revision").fetchall()


def uses(store: Store) -> tuple[Callable[[], object], ...]:
    return (
        store.list,
        lambda: store.newest("results", 1),
        lambda: store.get(RUN),
        lambda: store.put(RUN, b"new", ENTRY),
        lambda: store.delete(RUN),
    )


def test_the_steps_named_in_the_code_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    found = ScriptDirectory.from_config(config).walk_revisions()
    assert [step.revision for step in found][::-1] == list(STEPS.revisions)
    assert set(STEPS.revisions) >= STEPS.readable


def test_a_new_database_is_made_as_the_first_version_made_it(path: Path) -> None:
    sqlite(path).put(RUN, b"x")
    assert "\n".join(f"{sql};" for sql in made(path)) + "\n" == (FROZEN / "0001.sql").read_text(encoding="utf-8")


def test_a_database_of_the_first_version_is_read_and_written(path: Path) -> None:
    execute(path, (FROZEN / "0001.sql").read_text(encoding="utf-8"))
    execute(path, (FROZEN / "0001-rows.sql").read_text(encoding="utf-8"))
    store = sqlite(path)
    assert store.get(RUN) == b"one, two"
    assert store.list() == store.newest("results", 9) == (Listing(RUN, as_listed(RICH)),)
    store.put(RUN, b"three", ENTRY, store.read(RUN).etag)
    assert store.get(RUN) == b"three"
    assert revision(path) == [(STEPS.revisions[-1],)]


@pytest.mark.parametrize("readable", [True, False])
def test_a_database_one_step_behind_is_migrated_by_the_first_write(path: Path, tmp_path: Path, readable: bool) -> None:
    sqlite(path).put(RUN, b"old", RICH)
    later = sqlite(path, steps=later_steps(tmp_path / "migrations", readable=readable))
    if readable:
        assert later.get(RUN) == b"old"
    else:
        with pytest.raises(StoreProblem, match="have to be migrated before they can be read"):
            later.get(RUN)
    assert revision(path) == [("0001",)]
    later.put("baselines/main", b"new", ENTRY)
    assert revision(path) == [("0002",)]
    assert [listing.key for listing in later.list()] == ["baselines/main", RUN]
    assert later.get(RUN) == b"old"


def test_a_database_that_is_ahead_is_refused_and_left_as_it_is(path: Path, tmp_path: Path) -> None:
    sqlite(path, steps=later_steps(tmp_path / "migrations", readable=True)).put(RUN, b"x", ENTRY)
    before = path.read_bytes()
    for act in uses(sqlite(path)):
        with pytest.raises(StoreProblem, match="a newer lens-gate changed the tables") as caught:
            act()
        assert (caught.value.place, caught.value.hint) == (f"sqlite:///{path}", "Upgrade lens-gate.")
    assert path.read_bytes() == before


def test_tables_of_other_software_are_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE results (id INTEGER); CREATE TABLE unrelated (id INTEGER)")
    before = path.read_bytes()
    for act in uses(sqlite(path, prefix="")):
        with pytest.raises(UsageProblem, match="tables of other software") as caught:
            act()
        assert "table_prefix" in (caught.value.hint or "")
    assert path.read_bytes() == before
    sqlite(path).put(RUN, b"x")
    assert sqlite(path).get(RUN) == b"x"


def test_two_prefixes_are_two_stores_in_one_database(path: Path) -> None:
    one, two = sqlite(path, prefix=""), sqlite(path, prefix="llm_lens_")
    one.put(RUN, b"one", RICH)
    two.put(RUN, b"two", RICH)
    one.delete(RUN)
    assert (one.list(), two.get(RUN)) == ((), b"two")


def test_a_migration_that_was_broken_off_is_taken_up_again(path: Path) -> None:
    frozen = (FROZEN / "0001.sql").read_text(encoding="utf-8").split(";\n")
    kept = [sql for sql in frozen if "schema_revision" in sql or "TABLE lens_gate_benchmarks" in sql]
    assert len(kept) == 2
    execute(path, ";".join(kept))
    store = sqlite(path)
    assert store.list() == ()
    store.put(RUN, b"x", RICH)
    assert made(path) == [sql for sql in frozen if sql]
    assert sqlite(path).list() == (Listing(RUN, as_listed(RICH)),)


def test_of_writers_that_begin_at_the_same_time_one_migrates(path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: sqlite(path).put(f"results/{number}", b"x"), range(6)))
    assert revision(path) == [("0001",)]
    assert len(sqlite(path).list()) == 6


def test_a_migration_that_fails_leaves_the_tables_as_they_were(path: Path, tmp_path: Path) -> None:
    sqlite(path).put(RUN, b"old", RICH)
    steps = later_steps(tmp_path / "migrations", readable=True)
    step = steps.folder / "versions" / "r0002_later.py"
    step.write_text(step.read_text(encoding="utf-8") + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    before = made(path)
    with pytest.raises(LensGateError, match="the database refused: no such table: nowhere"):
        sqlite(path, steps=steps).put(RUN, b"new")
    assert (made(path), revision(path), sqlite(path).get(RUN)) == (before, [("0001",)], b"old")
