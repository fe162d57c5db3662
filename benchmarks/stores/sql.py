"""What the SQL store holds against many writers and kills, and how its reading grows with the history.

    .venv/bin/python -m benchmarks.stores.sql {growth|writers|kills} {sqlite|postgres|mariadb}

The servers are started on loopback and ended; the figures are those of docs/store-quality.md.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import create_engine, text

from lens_gate.errors import ConditionFailed
from lens_gate.stores.address import SqlAddress
from lens_gate.stores.settings import SqlSettings, Surroundings
from lens_gate.stores.sql.opening import open_sql
from lens_gate.stores.sql.rows import write_entry
from lens_gate.stores.sql.store import SqlStore
from lens_gate.vocabulary.index import IndexEntry, MiddleRow, Point, RunRow, SeriesRow
from tests.real.databases import mariadb, postgres

SIZES = (100, 1_000, 10_000)
ARTIFACT_BYTES = 20_000
HISTORY_WRITERS, BASELINE_WRITERS = 50, 16
KILLS = 100
_START = datetime(2026, 3, 2, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", choices=("growth", "writers", "kills"))
    parser.add_argument("database", choices=("sqlite", "postgres", "mariadb"))
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    args = parser.parse_args()
    with _database(args.database) as address:
        match args.figure:
            case "growth":
                growth(address, args.sizes)
            case "writers":
                writers(address)
            case _:
                kills(address, args.kills)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/store.db"
        return
    with (postgres if kind == "postgres" else mariadb)() as server:
        server.admin("CREATE DATABASE lens")
        yield server.address("lens")


def opened(address: str) -> SqlStore:
    around = Surroundings(directory=Path.cwd(), environment={}, rng=random.Random(), sleep=time.sleep)
    return open_sql(SqlAddress(address), SqlSettings(), around)


def entry(number: int) -> IndexEntry:
    """Return the entry of a run of two models, with as many values as a real one has."""
    moment = (_START + timedelta(hours=number)).isoformat().replace("+00:00", "Z")
    point = Point(timestamp=moment, rps=1.5, tokens_per_second=40.0, mean_latency_ms=812.5, error_rate=0.5)
    values = {f"metric_{one}": 800.123456789 + one for one in range(50)} | {"mean_latency": 812.345 + number % 7}
    middles = {
        name: MiddleRow(count=400, median_ms=801.25, p75_ms=900.125, inflation=1.7) for name in ("ttft", "total")
    }
    small = SeriesRow(
        provider="openai", model="small", requests=400, successful=398, failed=2, values=values, middles=middles
    )
    series = tuple(replace(small, model=model, points=(point,) * 5) for model in ("small", "large"))
    return IndexEntry(
        kind="run",
        id=f"{number:08d}-0000-4000-8000-000000000000",
        name="support-bot",
        created_at=moment,
        schema_version=1,
        commit=f"{number:040x}",
        branch="main",
        run=RunRow(start_time=moment, end_time=moment, duration_seconds=300.5, sent="sha256:1", series=series),
    )


def key(number: int) -> str:
    return f"results/{_START + timedelta(hours=number):%Y/%m/%d}/commit-{number:07x}.json.gz"


def growth(address: str, sizes: list[int]) -> None:
    """Print what reading costs at each size: best of five for reads, the mean for writes."""
    print("| runs | write, ms | newest 100, ms | its rows, kB | list of baselines, ms | read one, ms | list all, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    store, done = opened(address), 0
    for number in range(20):
        store.put(f"baselines/branch-{number}.json.gz", random.randbytes(ARTIFACT_BYTES), entry(number))
    for size in sizes:
        began = time.monotonic()
        for number in range(done, size):
            store.put(key(number), random.randbytes(ARTIFACT_BYTES), entry(number), "absent")
        written = (time.monotonic() - began) / (size - done)
        done = size
        rows = store.newest("results", 100)
        assert [one.key for one in rows] == [key(size - 1 - one) for one in range(100)]
        kilobytes = sum(len(one.key) + len(write_entry(one.entry)) for one in rows if one.entry) / 1000
        newest, baselines, read, whole = (
            _best(act)
            for act in (
                lambda: store.newest("results", 100),
                lambda: store.list("baselines/"),
                lambda: store.read("baselines/branch-7.json.gz"),
                store.list,
            )
        )
        cells = (f"{written * 1e3:.1f}", f"{newest * 1e3:.1f}", f"{kilobytes:.0f}", f"{baselines * 1e3:.1f}")
        print(f"| {size} | {' | '.join(cells)} | {read * 1e3:.1f} | {whole:.2f} |", flush=True)


def _best(act: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        act()
        seconds.append(time.monotonic() - began)
    return min(seconds)


def writers(address: str) -> None:
    """Let fifty processes write history and sixteen the same baseline, on an empty database."""
    jobs = [(address, number) for number in range(HISTORY_WRITERS + BASELINE_WRITERS)]
    began = time.monotonic()
    with ProcessPoolExecutor(len(jobs), mp_context=get_context("fork")) as pool:
        won = list(pool.map(_write_once, jobs))
    took = time.monotonic() - began
    store = opened(address)
    found = {listing.key for listing in store.newest("results", 99)}
    lost = [number for number in range(HISTORY_WRITERS) if key(number) not in found]
    winners = won[HISTORY_WRITERS:].count(True)
    problems = check(address, store)
    print(f"{HISTORY_WRITERS} + {BASELINE_WRITERS} writers in {took:.1f} s: {len(lost)} lost, {winners} winner(s)")
    if lost or winners != 1 or problems:
        sys.exit(f"not whole: {lost} {winners} {problems}")


def _write_once(job: tuple[str, int]) -> bool:
    address, number = job
    target = key(number) if number < HISTORY_WRITERS else "baselines/main.json.gz"
    try:
        opened(address).put(target, _data(number), entry(number), "absent")
    except ConditionFailed:
        return False
    return True


def kills(address: str, times: int) -> None:
    """Kill a writer at a moment drawn by chance, again and again, and look at everything after each kill."""
    store = opened(address)
    store.put("baselines/main.json.gz", _data(0), entry(0))
    began, written, number = time.monotonic(), 0, 1
    for turn in range(times):
        child = os.fork()
        if child == 0:
            _write_until_killed(address, number)
        time.sleep(random.uniform(0.01, 0.8))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        number += 10_000
        if problems := check(address, store):
            sys.exit(f"not whole after kill {turn + 1}: {problems}")
        for listing in store.list("results/"):  # they were looked at: the next look need not
            store.delete(listing.key)
            written += 1
    print(f"{times} kills in {time.monotonic() - began:.0f} s, {written} runs written meanwhile: everything is whole")


def _write_until_killed(address: str, number: int) -> None:
    store = opened(address)
    for one in range(number, number + 10_000):
        store.put(f"results/2026/03/02/run-{one}", _data(one), entry(one), "absent")
        held = store.read("baselines/main.json.gz")
        store.put("baselines/main.json.gz", _data(one), entry(one), held.etag)
    os._exit(1)


def _data(number: int) -> bytes:
    """Return 2 MB, four rows of bytes, that tell of which run they are."""
    return random.Random(number).randbytes(2_000_000)


def check(address: str, store: SqlStore) -> list[str]:
    """Return what is not whole: bytes that are not those of their entry, or rows of runs that no key holds."""
    problems = []
    listings = store.list()
    for listing in listings:
        number = int(listing.entry.id.partition("-")[0]) if listing.entry else -1
        if store.get(listing.key) != _data(number):
            problems.append(f"{listing.key} is not of run {number}")
    held = {listing.entry.id for listing in listings if listing.entry}
    counted = _counts(address)
    if counted != (len(held), 2 * len(held), 10 * len(held)):
        problems.append(f"{len(held)} runs, and in the tables {counted}")
    return problems


def _counts(address: str) -> tuple[int, ...]:
    driver = address.replace("postgresql:", "postgresql+psycopg:").replace("mysql:", "mysql+pymysql:")
    engine = create_engine(driver)
    tables = ("benchmarks", "results", "time_series")
    with engine.connect() as connection:
        found = [connection.execute(text(f"SELECT count(*) FROM lens_gate_{table}")).scalar_one() for table in tables]
    engine.dispose()
    return tuple(found)


if __name__ == "__main__":
    main()
