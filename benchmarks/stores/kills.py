"""Writers that are killed by SIGKILL, with every process that they started, at random moments of every kind of write.

A writer puts new runs, replaces a baseline and deletes runs, over and over. After each kill everything that is listed
must read whole, no entry may speak of other bytes or of none, and the next write must go through. Bytes without an
entry are what a kill may leave: the next write of the key, or `baseline prune`, deals with them.

    python -m benchmarks.stores.kills results/ --kills 100
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.stores.common import BASELINE, Target, is_whole, made_run, parser, speaks_of, target

from lens_gate.errors import LensGateError
from lens_gate.stores.base import Store
from lens_gate.vocabulary.index import IndexEntry

CONTEXT = get_context("fork")


def write_for_ever(target: Target, seed: int, ready: int) -> None:
    """Put, replace and delete until killed, or left alone; a byte into `ready` says that it begins."""
    rng, store, parent = random.Random(seed), target.open(seed), os.getppid()
    os.write(ready, b".")
    while os.getppid() == parent:
        run, baseline = made_run(0, rng), made_run(0, rng, key=BASELINE)
        store.put(run.key, run.data, run.entry, "absent")
        store.put(baseline.key, baseline.data, baseline.entry)
        if rng.random() < 0.7:
            store.delete(run.key)


def one_round(target: Target) -> float:
    """Return the seconds that one round of writes takes."""
    store, rng = target.open(), random.Random(0)
    began = time.monotonic()
    run, baseline = made_run(0, rng), made_run(0, rng, key=BASELINE)
    store.put(run.key, run.data, run.entry)
    store.put(baseline.key, baseline.data, baseline.entry)
    store.delete(run.key)
    return time.monotonic() - began


def kill(target: Target, seed: int, wait_s: float) -> None:
    killed(lambda ready: write_for_ever(target, seed, ready), wait_s)


def killed(act: Callable[[int], None], wait_s: float) -> None:
    """Let a process act, and kill it with all that it started so long after the byte that says that it begins."""
    read, write = os.pipe()
    process = CONTEXT.Process(target=act, args=(write,))
    process.start()
    os.close(write)
    os.read(read, 1)
    os.close(read)
    time.sleep(wait_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)  # so that it starts nothing while what it has started is looked for
    while started := descendants(process.pid):
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.kill()
    process.join()


def descendants(pid: int) -> list[int]:
    """Return the processes that this one started, and those that they did, as far as they are not dead."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, *_ = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if state != "Z":
                parents.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found[1:]


@dataclass
class Checks:
    """What was found after the kills; runs that were whole once are read again at the end alone."""

    target: Target
    known: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    found: Counter[str] = field(default_factory=Counter)

    def look(self, seed: int) -> None:
        """Read what is new, and write once more."""
        store = self.target.open(seed)
        listed, newest, held = self.seen(store)
        for key, data in held.items():
            entry = listed[key]
            self.found["not whole"] += not is_whole(data)
            self.found["entries of other bytes"] += entry is not None and not speaks_of(entry, data)
            if entry is None:
                self.bare.add(f"{key} {data[:64]!r}")
        self.known |= {key for key in listed if key.startswith("results/")}
        self.found["entries of nothing"] += len(newest - listed.keys())
        again = made_run(0, random.Random(seed))
        try:
            store.put("after/kill.json.gz", again.data, again.entry)
        except LensGateError as error:
            self.found["writes that were blocked"] += 1
            print(error)

    def seen(self, store: Store) -> tuple[dict[str, IndexEntry | None], set[str], dict[str, bytes]]:
        """Return the listing, the keys of the newest, and the bytes that are new, of a time when nothing changed.

        A server may still take what it had received whole when the writer was killed.
        """
        for _ in range(20):
            before = store.list()
            newest = {one.key for one in store.newest("results", 9999)}
            held = {one.key: store.get(one.key) for one in before if one.key not in self.known}
            if store.list() == before:
                return {one.key: one.entry for one in before}, newest, held
        raise AssertionError("the store changes although its writer is dead")


def main() -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--kills", type=int, default=100)
    options = options_of.parse_args()
    store, rng = target(options), random.Random(options.seed)
    seconds = one_round(store)
    checks = Checks(store)
    for number in range(options.kills):
        kill(store, number, rng.uniform(0, 2 * seconds))
        checks.look(number)
    checks.known.clear()
    checks.look(options.kills)
    print(f"{options.kills} kills within {2 * seconds:.2f} s of writing, which a round of three writes takes twice")
    for name in ("not whole", "entries of other bytes", "entries of nothing", "writes that were blocked"):
        print(f"{name}: {checks.found[name]}")
    print(f"bytes without an entry, as a kill may leave them: {len(checks.bare)}")
    if any(checks.found.values()):
        sys.exit("a kill left something behind")


if __name__ == "__main__":
    main()
