"""Commands of many writes that are killed by SIGKILL at random moments: saves, prunes, syncs, compactions, new tables.

    python -m benchmarks.stores.command_kills upkeep results/ --kills 100
    python -m benchmarks.stores.command_kills sync postgres
    python -m benchmarks.stores.command_kills compact git:lens-gate --directory WORK
    python -m benchmarks.stores.command_kills tables mariadb

`upkeep` saves runs with samples beside them as the baseline, one after the other, and prunes what is old after each.
`sync` brings all of a store into an empty one, over and over. `compact` saves such a run, and rewrites the branch of
git. `tables` makes the tables of a database. An address is that of an empty store; s3, postgres and mariadb are servers
that are started here, on loopback.

After each kill the baseline and every run of the history must open with all of its samples, entries must tell of the
bytes beside them, no former version may be lost, nor any file where none is removed, and the command must go through
when it is repeated.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stores.kills import killed
from benchmarks.stores.servers import SERVERS, served

from lens_gate.artifacts.assemble import sidecar_of
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.journal import encode_blocks, encode_header
from lens_gate.artifacts.samples import Samples
from lens_gate.baselines.keys import RESULTS, SAMPLES_ENDING
from lens_gate.errors import LensGateError
from lens_gate.steps.archived.archive import keep, open_run, pack, samples_in
from lens_gate.steps.baselines.keeping import current_of, record
from lens_gate.steps.baselines.syncing import sync
from lens_gate.steps.baselines.upkeep import compact, prune, versions_of
from lens_gate.stores.address import Address, parse_address
from lens_gate.stores.base import Store
from lens_gate.stores.file import FileStore
from lens_gate.stores.opening import open_store
from lens_gate.stores.settings import SqlSettings, StoreSettings, Surroundings
from tests.builders import a_benchmark, a_run, a_sample

RUNS = 6
REQUESTS = 40
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY_S = 86_400.0


@dataclass(frozen=True)
class Place:
    """An address that each process opens anew."""

    address: Address
    settings: StoreSettings
    directory: Path

    def open(self, *, prefix: str | None = None) -> Store:
        sql = self.settings.sql if prefix is None else SqlSettings(table_prefix=prefix)
        settings = StoreSettings(git=self.settings.git, s3=self.settings.s3, gcs=self.settings.gcs, sql=sql)
        around = Surroundings(
            directory=self.directory, environment=os.environ, rng=random.Random(os.getpid()), sleep=time.sleep
        )
        return open_store(self.address, settings, around)


@contextmanager
def place(address: str, directory: Path) -> Iterator[Place]:
    """Return where the store is; the server of a name runs until the end of the block."""
    if address in SERVERS:
        with served(address) as server:
            yield Place(server.room("kills"), server.settings, directory)
    else:
        yield Place(parse_address(address), StoreSettings(), directory)


def made_runs(folder: Path) -> list[Path]:
    """Write runs of as many days, each with its samples in a file beside it."""
    paths = []
    for number in range(1, RUNS + 1):
        samples = [a_sample(index=index, end_ns=1_510_000_000 + number * index) for index in range(REQUESTS)]
        data = b"".join([encode_header(run=f"day-{number}", run_head=None), *encode_blocks(Samples.of(samples))])
        name = f"day-{number}.samples.jsonl.gz"
        (folder / name).write_bytes(data)
        run = a_run(samples, benchmark=a_benchmark(id=f"day-{number}", start_time=f"2026-03-0{number}T10:00:00Z"))
        run = run.model_copy(update={"samples": sidecar_of([data], file=name, requests=REQUESTS)})
        paths.append(folder / f"day-{number}.json")
        paths[-1].write_bytes(dumps(run))
    return paths


def save_and_prune(store: Store, path: Path) -> None:
    record(pack(path), store, name="main", current=current_of(store, "main"))
    prune(store, keep_s=DAY_S, now=NOW, dry_run=False)


def emptied(store: Store) -> None:
    """Remove everything: a baseline before its run, and a run before its samples."""
    keys = sorted((one.key for one in store.list()), key=lambda key: (key.endswith(SAMPLES_ENDING), key))
    for key in keys:
        store.delete(key)


class Proof:
    """One command, what is found after it was killed, and how long it takes."""

    def __init__(self, name: str, here: Place, folder: Path) -> None:
        self.found: Counter[str] = Counter()
        self._here, self._folder = here, folder
        self._runs = made_runs(folder)
        self._seen: set[str] = set()
        self._stored: set[str] = set()
        self._source = FileStore(folder / "source")
        commands = {"upkeep": self._upkeep, "sync": self._sync, "compact": self._compact, "tables": self._tables}
        self.act: Callable[[Store, int], None] = commands[name]
        self._prefixed = name == "tables"
        if name == "sync":
            for path in self._runs:
                record(pack(path), self._source, name="main", current=current_of(self._source, "main"))

    def _upkeep(self, store: Store, seed: int) -> None:
        save_and_prune(store, random.Random(seed).choice(self._runs))

    def _sync(self, store: Store, _: int) -> None:
        emptied(store)
        sync(self._source, store, dry_run=False)

    def _compact(self, store: Store, seed: int) -> None:
        record(pack(random.Random(seed).choice(self._runs)), store, name="main", current=current_of(store, "main"))
        compact(store)

    def _tables(self, store: Store, _: int) -> None:
        keep(store, pack(self._runs[0]))

    def opened(self, seed: int) -> Store:
        """Open the store; where tables are made, by a name of their own each time."""
        return self._here.open(prefix=f"k{seed}_" if self._prefixed else None)

    def for_ever(self, seed: int, ready: int) -> None:
        """Repeat the command until killed, or left alone."""
        store, parent = self.opened(seed), os.getppid()
        os.write(ready, b".")
        while os.getppid() == parent:
            self.act(store, seed)
            seed += 1000 * (not self._prefixed)

    def look(self, seed: int) -> None:
        """Read everything, and repeat the command."""
        self.check(self.opened(seed))
        try:
            self.act(self.opened(seed), seed)
        except LensGateError as error:
            self.found["commands that were blocked"] += 1
            print(error)
        self.check(self.opened(seed))

    def check(self, store: Store) -> None:
        """Count what does not open, and what is told wrongly of what does."""
        current = None
        for one in (listed := store.list(f"{RESULTS}/")):
            if not one.key.endswith(SAMPLES_ENDING):
                self._require_whole(store, one.key)
        try:
            current = current_of(store, "main")
            if current is not None:
                samples_in(store, current.run)
        except LensGateError as error:
            self.found["baselines that were not whole"] += 1
            print(error)
        held = {one.entry.id for one in versions_of(store, "main")} | ({current.run.benchmark.id} if current else set())
        if self.act in {self._upkeep, self._compact}:
            self.found["versions that were lost"] += len(self._seen - held)
            self._seen |= held
        if self.act == self._compact:
            keys = {one.key for one in listed}
            self.found["files that were lost"] += len(self._stored - keys)
            self._stored |= keys

    def _require_whole(self, store: Store, key: str) -> None:
        try:
            run, entry = open_run(store, key), store.entry(key)
            samples_in(store, run)
            self.found["entries of other bytes"] += entry is not None and entry.id != run.benchmark.id
            self.found["bytes without an entry, as a kill may leave them"] += entry is None
        except LensGateError as error:
            self.found["runs that were not whole"] += 1
            print(error)

    def ended(self) -> None:
        """Hold what is there in the end against what should be."""
        if self.act == self._sync:
            store = self.opened(0)
            self.act(store, 0)
            self.found["files that sync forgot"] += len(self._source.list()) - len(store.list())


LOSSES = (
    "runs that were not whole",
    "baselines that were not whole",
    "entries of other bytes",
    "versions that were lost",
    "files that were lost",
    "files that sync forgot",
    "commands that were blocked",
)


def main() -> None:
    options_of = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options_of.add_argument("command", choices=["upkeep", "sync", "compact", "tables"])
    options_of.add_argument("address", help=f"of an empty store, or one of {', '.join(SERVERS)}")
    options_of.add_argument("--directory", type=Path, default=Path.cwd(), help="where relative paths and git start")
    options_of.add_argument("--kills", type=int, default=100)
    options_of.add_argument("--seed", type=int, default=1)
    options = options_of.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name, place(options.address, options.directory.resolve()) as here:
        proof = Proof(options.command, here, Path(name))
        proof.act(proof.opened(0), 0)  # what is only loaded once is not timed
        began = time.monotonic()
        proof.act(proof.opened(options.kills + 1), options.kills + 1)
        seconds = time.monotonic() - began
        for number in range(1, options.kills + 1):
            killed(lambda ready, seed=number: proof.for_ever(seed, ready), rng.uniform(0, 2 * seconds))
            proof.look(number)
        proof.ended()
    print(f"{options.kills} kills of {options.command} within {2 * seconds:.2f} s, twice what it takes")
    for loss in LOSSES:
        print(f"{loss}: {proof.found[loss]}")
    bare = "bytes without an entry, as a kill may leave them"
    print(f"{bare}: {proof.found[bare]}")
    if any(proof.found[loss] for loss in LOSSES):
        sys.exit("a kill left something behind")


if __name__ == "__main__":
    main()
