"""The SQL store on servers that nobody here wrote."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pymysql
import pytest
from sqlalchemy import Connection

from lens_gate.errors import ConditionFailed, PublishFailed, StoreProblem, UsageProblem
from lens_gate.stores.base import Listing
from lens_gate.stores.index_file import as_listed
from lens_gate.vocabulary.index import IndexEntry, Point, RunRow, SeriesRow
from tests.real.databases import OWNER, PASSWORD, Server, mariadb, postgres
from tests.sql_stores import later_steps, opened
from tests.stores_contract import ENTRY, RICH, RUN, ConditionContract, StoreContract, Subject

pytestmark = pytest.mark.real

SERVERS = {"postgres": postgres, "mariadb": mariadb}
SPEC = Path(__file__).parents[3] / "shared" / "spec" / "llm-latency-lens.md"


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    name = f"lens_{uuid4().hex[:12]}"
    server.admin(f"CREATE DATABASE {name}")
    yield name
    force = " WITH (FORCE)" if server.scheme == "postgresql" else ""
    server.admin(f"DROP DATABASE {name}{force}")


@pytest.fixture
def address(server: Server, database: str) -> str:
    return server.address(database)


@pytest.fixture
def reader(server: Server, database: str) -> Iterator[str]:
    """Make a user who may only read, and return the address with that name."""
    name = f"reader_{uuid4().hex[:8]}"
    if server.scheme == "postgresql":
        server.admin(f"CREATE USER {name} PASSWORD 'reading' IN ROLE pg_read_all_data")
    else:
        server.admin(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'reading'")
        server.admin(f"GRANT SELECT ON {database}.* TO {name}@'127.0.0.1'")
    yield server.address(database, user=name, password="reading")
    server.admin(f"DROP USER {name}" + ("" if server.scheme == "postgresql" else "@'127.0.0.1'"))


def query(server: Server, database: str, statement: str) -> list[tuple[object, ...]]:
    given = {"host": "127.0.0.1", "port": server.port, "user": OWNER, "password": PASSWORD}
    if server.scheme == "postgresql":
        with psycopg.connect(**given, dbname=database) as connection:  # type: ignore[arg-type]
            return connection.execute(statement).fetchall()
    with closing(pymysql.connect(**given, database=database)) as other, other.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def end_sessions(server: Server, database: str) -> None:
    """End every connection to the database, as a restart or an administrator does."""
    if server.scheme == "postgresql":
        server.admin(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    else:
        listed = f"SELECT id FROM information_schema.processlist WHERE db = '{database}' AND id <> connection_id()"
        for (number,) in query(server, database, listed):
            with suppress(pymysql.err.OperationalError):  # it may have ended by itself
                server.admin(f"KILL {number}")


def sessions(server: Server, database: str) -> object:
    """Count the connections to a database, that of this question apart."""
    if server.scheme == "postgresql":
        return query(server, "postgres", f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")[0][0]
    listed = f"SELECT count(*) FROM information_schema.processlist WHERE db = '{database}'"
    return query(server, "information_schema", listed)[0][0]


class TestTheSqlStoreOnAServer(StoreContract, ConditionContract):
    @pytest.fixture
    def subject(self, address: str) -> Subject:
        return Subject(lambda: opened(address))


def test_a_wrong_password_is_told_and_not_shown(server: Server, database: str) -> None:
    store = opened(server.address(database, password="wr0ng p@ss"))
    for act in (store.list, lambda: store.put(RUN, b"x")):
        with pytest.raises(PublishFailed, match="the database refused the user or the password") as caught:
            act()
        assert "wr0ng" not in f"{caught.value}{caught.value.__cause__}"


def test_an_unknown_database_and_an_unknown_host_are_told(server: Server, address: str) -> None:
    with pytest.raises(PublishFailed, match="there is no such database"):
        opened(server.address("nowhere")).list()
    with pytest.raises(PublishFailed, match="there is no such host"):
        opened(address.replace("127.0.0.1", "nowhere.invalid")).list()


def test_who_may_only_read_reads_and_is_told_of_writes(server: Server, address: str, reader: str) -> None:
    assert opened(reader).list() == ()
    with pytest.raises(PublishFailed, match="the database user may not do this") as caught:
        opened(reader).put(RUN, b"x", ENTRY)
    assert "CREATE" in (caught.value.hint or "")
    opened(address).put(RUN, b"one", ENTRY)
    assert opened(reader).get(RUN) == b"one"
    for act in (lambda: opened(reader).put(RUN, b"two"), lambda: opened(reader).delete(RUN)):
        with pytest.raises(PublishFailed, match="the database user may not do this"):
            act()
    assert opened(address).list() == (Listing(RUN, ENTRY),)


def test_a_database_that_can_only_be_read_is_told(server: Server, database: str, address: str) -> None:
    opened(address).put(RUN, b"one", ENTRY)
    if server.scheme == "postgresql":
        server.admin(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        refused = address
    else:
        server.admin("SET GLOBAL read_only = ON")
        name = f"writer_{uuid4().hex[:8]}"
        server.admin(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'writing'")
        server.admin(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {name}@'127.0.0.1'")
        refused = server.address(database, user=name, password="writing")
    try:
        with pytest.raises(PublishFailed, match="the database can only be read"):
            opened(refused).put(RUN, b"two")
        assert opened(refused).get(RUN) == b"one"
    finally:
        if server.scheme == "mysql":
            server.admin("SET GLOBAL read_only = OFF")


def test_tables_of_other_software_are_left_alone(server: Server, database: str, address: str) -> None:
    query_less = "CREATE TABLE benchmarks (id INTEGER)"
    if server.scheme == "postgresql":
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(query_less)
    else:
        server.admin(query_less.replace("benchmarks", f"{database}.benchmarks"))
    with pytest.raises(UsageProblem, match="tables of other software"):
        opened(address, prefix="").put(RUN, b"x")
    assert query(server, database, "SELECT * FROM benchmarks") == []


def test_a_connection_that_ended_while_nobody_used_it_is_made_anew(server: Server, database: str, address: str) -> None:
    store = opened(address)
    store.put(RUN, b"one", ENTRY)
    end_sessions(server, database)
    assert store.get(RUN) == b"one"
    end_sessions(server, database)
    store.put(RUN, b"two", ENTRY)
    assert store.get(RUN) == b"two"


def test_connections_that_are_cut_in_the_middle_of_writes_lose_and_double_nothing(
    server: Server, database: str, address: str
) -> None:
    store = opened(address)
    store.put("results/first", b"x", RICH)
    done = threading.Event()

    def cut() -> None:
        for _ in range(40):
            if done.wait(random.uniform(0.01, 0.05)):
                return
            end_sessions(server, database)

    cutter = threading.Thread(target=cut)
    cutter.start()
    kept, lost = {"results/first"}, dict[str, str]()
    for number in range(40):
        key = f"results/{number}"
        try:
            store.put(key, random.randbytes(1024 * 1024), run(number), "absent")
            kept.add(key)
        except PublishFailed as error:
            lost[key] = error.message
    done.set()
    cutter.join()
    found = {listing.key for listing in opened(address).list()}
    assert [said for said in lost.values() if "cannot be reached" not in said] == []
    assert kept <= found <= kept | set(lost)
    for key in found - {"results/first"}:
        assert len(opened(address).get(key)) == 1024 * 1024
    assert query(server, database, "SELECT count(*) FROM lens_gate_benchmarks") == [(len(found),)]


def test_the_limits_of_a_connection_outlive_a_transaction_that_fails(server: Server, address: str) -> None:
    database = opened(address)._database  # noqa: SLF001 what every statement goes through
    asked = "SHOW statement_timeout" if server.scheme == "postgresql" else "SELECT @@innodb_lock_wait_timeout"
    expected = "1min" if server.scheme == "postgresql" else "60"

    def fail(connection: Connection) -> None:
        raise ValueError(str(connection.exec_driver_sql(asked).scalar()))

    for _ in range(2):
        with pytest.raises(ValueError, match=expected):
            database.write(fail)


def test_a_store_that_nobody_holds_any_more_closes_its_connections(server: Server, database: str, address: str) -> None:
    store = opened(address)
    assert store.list() == ()
    assert sessions(server, database) == 1
    del store
    wait = time.monotonic() + 10
    while sessions(server, database) and time.monotonic() < wait:
        time.sleep(0.05)
    assert sessions(server, database) == 0


def test_fifty_writers_of_history_and_sixteen_of_one_baseline_lose_nothing(
    server: Server, database: str, address: str
) -> None:
    def of_history(number: int) -> None:
        opened(address).put(f"results/2026/03/02/run-{number}", b"x" * number, run(number), "absent")

    def of_baseline(number: int) -> bool:
        try:
            opened(address).put("baselines/main", b"%d" % number, run(1000 + number), "absent")
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(66) as pool:
        history = [pool.submit(of_history, number) for number in range(50)]
        baseline = [pool.submit(of_baseline, number) for number in range(16)]
        for future in history:
            future.result()
        won = [future.result() for future in baseline]
    assert won.count(True) == 1
    store = opened(address)
    assert store.get("baselines/main") == b"%d" % won.index(True)
    assert {one.key: one.entry and one.entry.id for one in store.newest("results", 99)} == {
        f"results/2026/03/02/run-{number}": run(number).id for number in range(50)
    }
    assert query(server, database, "SELECT count(*) FROM lens_gate_benchmarks") == [(51,)]
    assert query(server, database, "SELECT count(*) FROM lens_gate_schema_revision") == [(1,)]


def test_runs_that_keys_share_are_kept_while_one_holds_them(server: Server, database: str, address: str) -> None:
    def swap(number: int) -> None:
        for turn in range(4):
            opened(address).put(f"baselines/{number}", b"x", run((number + turn) % 3))

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(swap, number) for number in range(6)]:
            future.result()
    held = {listing.entry.id for listing in opened(address).list() if listing.entry}
    assert query(server, database, "SELECT count(*) FROM lens_gate_benchmarks") == [(len(held),)]
    results, points = (
        query(server, database, f"SELECT count(*) FROM lens_gate_{table}") for table in ("results", "time_series")
    )
    assert (results, points) == ([(2 * len(held),)], [(2 * len(held),)])


def test_a_database_one_step_behind_is_migrated_and_one_ahead_is_refused(address: str, tmp_path: Path) -> None:
    opened(address).put(RUN, b"old", RICH)
    steps = later_steps(tmp_path / "migrations", readable=True)
    assert opened(address, steps=steps).get(RUN) == b"old"
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: opened(address, steps=steps).put(f"results/{number}", b"x"), range(6)))
    assert opened(address, steps=steps).list(RUN) == (Listing(RUN, as_listed(RICH)),)
    with pytest.raises(StoreProblem, match="a newer lens-gate changed the tables"):
        opened(address).put(RUN, b"new")


def test_a_migration_that_was_broken_off_is_taken_up_again(server: Server, database: str, address: str) -> None:
    opened(address).put(RUN, b"x", RICH)
    opened(address).delete(RUN)
    prefix = "lens_gate_" if server.scheme == "postgresql" else f"{database}.lens_gate_"
    for statement in (
        f"DELETE FROM {prefix}schema_revision",
        f"DROP TABLE {prefix}artifact_chunks",
        f"DROP TABLE {prefix}time_series",
        f"DROP INDEX idx_lens_gate_artifacts_day{'' if server.scheme == 'postgresql' else f' ON {prefix}artifacts'}",
    ):
        if server.scheme == "postgresql":
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(statement)
        else:
            server.admin(statement)
    assert opened(address).list() == ()
    opened(address).put(RUN, b"again", RICH)
    assert opened(address).newest("results", 1) == (Listing(RUN, as_listed(RICH)),)


def test_artifacts_larger_than_a_packet_of_the_server_are_kept(server: Server, address: str) -> None:
    if server.scheme == "mysql":
        server.admin("SET GLOBAL max_allowed_packet = 2097152")
    try:
        data = random.randbytes(24 * 1024 * 1024)
        opened(address).put(RUN, data, ENTRY)
        assert opened(address).get(RUN) == data
    finally:
        if server.scheme == "mysql":
            server.admin("SET GLOBAL max_allowed_packet = 16777216")


def test_long_and_strange_names_are_kept(address: str) -> None:
    entry = run(1, name="東京 🚀 \0 " * 200, branch="ä" * 900)
    opened(address).put(RUN, b"x", entry)
    assert opened(address).list() == (Listing(RUN, as_listed(entry)),)


@pytest.mark.skipif(not SPEC.exists(), reason="the specification is not beside this checkout")
def test_the_queries_of_the_specification_run_as_they_are_written(server: Server, database: str, address: str) -> None:
    if server.scheme != "postgresql":
        pytest.skip("they are written for PostgreSQL")
    store = opened(address, prefix="")
    now = datetime.now(UTC)
    for number in range(3):
        moment = (now - timedelta(days=number)).isoformat()
        store.put(f"results/run-{number}", b"x", run(number, start=moment))
    store.put("baselines/main", b"x", run(0, start=now.isoformat()))
    (block,) = re.findall(r"-- Query examples\n(.*?)```", SPEC.read_text(encoding="utf-8"), re.DOTALL)
    latest, compared, trend = (query(server, database, one) for one in block.split(";") if one.strip())
    assert [str(row[0]) for row in latest] == [run(0).id]
    assert [row[:3] for row in compared] == [("small", 101.5, 150.0), ("large", 201.25, None)]
    assert [(row[0], row[1]) for row in trend] == [
        ((now - timedelta(days=number)).date(), model) for number in range(3) for model in ("large", "small")
    ]


def run(
    number: int, *, name: str = "support-bot", branch: str = "main", start: str = "2026-03-02T10:00:00Z"
) -> IndexEntry:
    """Return the entry of a run of two models."""
    point = Point(timestamp=start, rps=1.5, tokens_per_second=40.0, error_rate=0.5)
    small = SeriesRow(
        provider="openai",
        model="small",
        requests=10,
        successful=10,
        failed=0,
        values={"mean_latency": 100.5 + number, "p95_latency": 150.0},
        points=(point,),
    )
    large = SeriesRow(
        provider="openai",
        model="large",
        requests=10,
        successful=9,
        failed=1,
        values={"mean_latency": 200.25 + number},
        points=(point,),
    )
    return IndexEntry(
        kind="run",
        id=f"{number:08d}-0000-4000-8000-000000000000",
        name=name,
        created_at=start,
        schema_version=1,
        commit="91d04e7",
        branch=branch,
        run=RunRow(start_time=start, end_time=start, duration_seconds=1.5, series=(small, large), config='{"a": [1]}'),
    )
