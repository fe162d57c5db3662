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
from contextlib import suppress
from multiprocessing import get_context

from benchmarks.stores.common import BASELINE, Target, is_whole, made_run, parser, speaks_of, target

from lens_gate.errors import LensGateError, NotStored

CONTEXT = get_context("fork")


def write_for_ever(target: Target, seed: int, ready: int) -> None:
    """Put, replace and delete until killed; a byte into `ready` says that it begins."""
    os.setsid()
    rng, store = random.Random(seed), target.open(seed)
    os.write(ready, b".")
    while True:
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
    read, write = os.pipe()
    process = CONTEXT.Process(target=write_for_ever, args=(target, seed, write))
    process.start()
    os.close(write)
    os.read(read, 1)
    os.close(read)
    time.sleep(wait_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()


def checked(target: Target, seed: int, bare: set[str]) -> Counter[str]:
    """Read everything, then write once more, and count what is wrong; collect the bytes that have no entry."""
    found: Counter[str] = Counter()
    store = target.open(seed)
    listed = {listing.key: listing.entry for listing in store.list()}
    for key, entry in listed.items():
        data = store.get(key)
        found["not whole"] += not is_whole(data)
        found["entries of other bytes"] += entry is not None and not speaks_of(entry, data)
        if entry is None:
            bare.add(f"{key} {data[:64]!r}")
    for listing in store.newest("results", 1000):
        try:
            store.get(listing.key)
        except NotStored:
            found["entries of nothing"] += 1
    try:
        store.put("after/kill.json.gz", (again := made_run(0, random.Random(seed))).data, again.entry)
    except LensGateError as error:
        found["writes that were blocked"] += 1
        print(error)
    return found


def cleared(target: Target) -> None:
    """Delete the history, so that each check reads little."""
    store = target.open()
    for listing in store.list("results/"):
        store.delete(listing.key)


def main() -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--kills", type=int, default=100)
    options = options_of.parse_args()
    store, rng = target(options), random.Random(options.seed)
    seconds = one_round(store)
    total: Counter[str] = Counter()
    bare: set[str] = set()
    for number in range(options.kills):
        kill(store, number, rng.uniform(0, 2 * seconds))
        total += checked(store, number, bare)
        if number % 10 == 9:
            cleared(store)
    print(f"{options.kills} kills within {2 * seconds:.2f} s of writing, which a round of three writes takes twice")
    wrong = 0
    for name in ("not whole", "entries of other bytes", "entries of nothing", "writes that were blocked"):
        print(f"{name}: {total[name]}")
        wrong += total[name]
    print(f"bytes without an entry, as a kill may leave them: {len(bare)}")
    if wrong:
        sys.exit("a kill left something behind")


if __name__ == "__main__":
    main()
