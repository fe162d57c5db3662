"""How long a history may get: a trend, a list and the choice of a baseline over 100 to 10,000 stored runs.

    python -m benchmarks.stores.history --runs 100 1000 10000 --store file git sqlite s3 postgres mariadb

For each store and length: seconds, and how many bytes reached this process (files, pipes, and what servers answered; of
SQLite: its pages). The store is filled in bulk and not timed. A run holds 60 requests; ten runs a day. S3 is moto's; it
and the databases are started on loopback and ended.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.stores.servers import SERVERS, served

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.entry import entry_of
from lens_gate.artifacts.run import Run
from lens_gate.baselines.keys import baseline_key, run_key
from lens_gate.config.model import BaselineChoice, Regression
from lens_gate.steps.archived.store_choice import stored_in, wanted_for
from lens_gate.steps.baselines.upkeep import listed
from lens_gate.steps.judging.trend import TrendOrder, trend_of
from lens_gate.steps.world import World
from lens_gate.stores.address import Address, S3Address, parse_address
from lens_gate.stores.base import Store
from lens_gate.stores.index_file import INDEX, write_index
from lens_gate.stores.opening import open_store
from lens_gate.stores.settings import StoreSettings, Surroundings
from lens_gate.trends.policy import TrendChoices
from lens_gate.vocabulary.index import IndexEntry
from lens_gate.vocabulary.stored_runs import Selection
from tests.builders import PROVENANCE, a_benchmark, a_run, a_sample, an_arm
from tests.fakes.world import a_world

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
RUNS_A_DAY = 10
LAST = 100
ADDRESSES = {"file": "store/", "git": "git:lens-gate", "sqlite": "sqlite:///store.db"}


def a_stored_run(number: int) -> Run:
    """Return one of ten runs of a day, of 60 requests."""
    began = FIRST + timedelta(hours=24 / RUNS_A_DAY * number)
    samples = [a_sample(index=index, end_ns=1_510_000_000 + 7919 * index * number % 90_000_000) for index in range(60)]
    return a_run(
        samples,
        benchmark=a_benchmark(
            id=f"bench_{number:08x}00000000",
            start_time=began.isoformat(),
            end_time=(began + timedelta(minutes=5)).isoformat(),
        ),
        arms=(an_arm(commit=f"{number:012x}{0:028x}"),),
        provenance=PROVENANCE.model_copy(update={"branch": "main", "created_at": began.isoformat()}),
    )


def stored_files(count: int) -> Iterator[tuple[str, bytes, IndexEntry]]:
    """Yield the keys of a history, their bytes and entries, and in the end the baseline main: its newest run."""
    for number in range(count):
        data, entry = packed(number)
        assert entry.run is not None
        yield run_key(entry, entry.run), data, entry
    yield baseline_key("main"), *packed(count - 1)


def packed(number: int) -> tuple[bytes, IndexEntry]:
    """Return the bytes and the entry of a run."""
    run = a_stored_run(number)
    return gzip.compress(dumps(run), compresslevel=1, mtime=0), entry_of(run)


def fill_folder(folder: Path, count: int) -> None:
    """Write what as many writes one by one would leave."""
    indexes: dict[Path, dict[str, IndexEntry]] = {}
    for key, data, entry in stored_files(count):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        indexes.setdefault(path.parent, {})[path.name] = without_points(entry)
    for parent, entries in indexes.items():
        (parent / INDEX).write_bytes(write_index(entries))


def without_points(entry: IndexEntry) -> IndexEntry:
    """Return an entry as an index keeps it."""
    assert entry.run is not None
    return replace(entry, run=replace(entry.run, config=None))


def fill_git(count: int, store: Store) -> None:
    """Commit a thousand files at a time, with the entry of each beside it, as a write of one does."""
    from lens_gate.stores.git.store import GitStore  # noqa: PLC0415 bulk writes are no feature

    assert isinstance(store, GitStore)
    files = stored_files(count)
    while batch := list(islice(files, 500)):
        store._write(partial(written_of, batch), "Store a batch")  # noqa: SLF001


def written_of(batch: Sequence[tuple[str, bytes, IndexEntry]], _: str | None) -> dict[str, bytes | None]:
    """Return the files of a batch and their entries, by key."""
    from lens_gate.stores.git.store import _entry_path  # noqa: PLC0415 as above

    written: dict[str, bytes | None] = {}
    for key, data, entry in batch:
        written[key] = data
        written[_entry_path(key)] = write_index({key.rpartition("/")[2]: without_points(entry)})
    return written


def filled(kind: str, folder: Path, count: int) -> Store:
    """Return a store that holds so many runs."""
    if kind == "git":
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    store = opened(parse_address(ADDRESSES[kind].replace("///", f"///{folder}/")), StoreSettings(), folder)
    if kind == "file":
        fill_folder(folder / "store", count)
    elif kind == "git":
        fill_git(count, store)
    else:
        put_one_by_one(count, store)
    return store


def filled_at(address: Address, settings: StoreSettings, folder: Path, count: int) -> Store:
    """Return a store on a server that holds so many runs."""
    store = opened(address, settings, folder)
    if isinstance(address, S3Address):
        fill_bucket(address, settings, count)
    else:
        put_one_by_one(count, store)
    return store


def opened(address: Address, settings: StoreSettings, folder: Path) -> Store:
    return open_store(
        address, settings, Surroundings(directory=folder, environment={}, rng=Random(1), sleep=time.sleep)
    )


def put_one_by_one(count: int, store: Store) -> None:
    for key, data, entry in stored_files(count):
        store.put(key, data, entry)


def fill_bucket(address: S3Address, settings: StoreSettings, count: int) -> None:
    """Put the objects that the store would, but each index once, and not again for each of its runs."""
    from lens_gate.stores.s3 import S3Objects, connect  # noqa: PLC0415 only buckets need it

    objects = S3Objects(connect(settings.s3), address.bucket, f"{address.prefix}/")
    indexes: dict[str, dict[str, IndexEntry]] = {}
    for key, data, entry in stored_files(count):
        day, _, name = key.rpartition("/")
        objects.put(key, data, "none")
        indexes.setdefault(day, {})[name] = without_points(entry)
    for day, entries in indexes.items():
        objects.put(f"{day}/{INDEX}", write_index(entries), "none")


def bytes_read() -> int:
    """Return how many bytes this process has read so far, by Linux's own count: sockets are none of it."""
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return 0


def tasks(store: Store, world: World, count: int) -> Mapping[str, Callable[[], object]]:
    """Return what is timed."""
    wanted = wanted_for(a_stored_run(count))
    by_name, newest = BaselineChoice(), BaselineChoice(select=Selection.NEWEST_GOOD)
    order = TrendOrder(
        paths=(), anchor=None, stores=(store,), last=LAST, choices=TrendChoices(), regression=Regression()
    )
    return {
        f"trend of the last {LAST}": lambda: trend_of(order, world),
        "baseline list": lambda: listed(store, last=None, branch=None),
        "choice of main": lambda: stored_in("store", by_name, wanted, world),
        "choice of the newest good": lambda: stored_in("store", newest, wanted, world),
    }


def measured(kind: str, counts: Sequence[int]) -> Iterator[str]:
    """Yield a line of the table for each length and each task on one kind of store."""
    if kind in ADDRESSES:
        for count in counts:
            with tempfile.TemporaryDirectory(prefix="lens-gate-") as name:
                yield from timed(kind, filled(kind, Path(name), count), count, bytes_read, Path(name))
        return
    with served(kind) as server, tempfile.TemporaryDirectory(prefix="lens-gate-") as name:
        for count in counts:
            store = filled_at(server.room(f"h{count}"), server.settings, Path(name), count)
            yield from timed(kind, store, count, lambda: bytes_read() + server.received(), Path(name))


def timed(kind: str, store: Store, count: int, read: Callable[[], int], folder: Path) -> Iterator[str]:
    """Yield what each task costs the second time; `read` says how many bytes have come so far."""
    world = replace(a_world(folder), open_store=lambda _, __: store)
    for task, act in tasks(store, world, count).items():
        act()
        before, began = read(), time.perf_counter()
        act()
        seconds, more = time.perf_counter() - began, read() - before
        yield f"| {kind} | {count:,} | {task} | {seconds:.3f} | {more / 1000:,.0f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--store", nargs="+", choices=[*ADDRESSES, *SERVERS], default=["file", "git", "sqlite"])
    asked = parser.parse_args()
    print("| store | runs | task | seconds | kB read |\n| --- | --- | --- | --- | --- |")
    for kind in asked.store:
        for line in measured(kind, asked.runs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
