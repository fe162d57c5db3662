"""Many writers at the same time, each a process of its own: of history, and of one baseline.

* Each of 50 writers puts one new run of the same day. `lost` are runs whose bytes or entry are not there afterwards.
* 16 writers read one baseline and replace what they read, all at the same time, round after round: each version must
  have one winner. Then each adds itself to it, reading again until it succeeds: nobody may be lost.
* `corrupt` are keys whose bytes are not those of one writer, `mixed up` are entries that speak of other bytes.

    python -m benchmarks.stores.concurrency results/
    python -m benchmarks.stores.concurrency git:lens-gate --remote /srv/results.git
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkContext
from multiprocessing.synchronize import Barrier

from benchmarks.stores.common import BASELINE, Target, is_whole, made_run, parser, speaks_of, target

from lens_gate.errors import ConditionFailed
from lens_gate.stores.base import Store

CONTEXT: ForkContext = get_context("fork")
PATIENCE_S = 900


def together(target: Target, count: int, act: Callable[[Store, int, Barrier], int]) -> tuple[list[int], float]:
    """Let so many processes act at the same time; return what each answered (−1: it failed), and the seconds."""
    barrier = CONTEXT.Barrier(count)
    answers = CONTEXT.Array("i", [-1] * count)

    def body(number: int) -> None:
        store = target.open(seed=number)
        barrier.wait(PATIENCE_S)
        answers[number] = act(store, number, barrier)

    processes = [CONTEXT.Process(target=body, args=(number,)) for number in range(count)]
    began = time.monotonic()
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
        process.kill()
    return list(answers), time.monotonic() - began


def history(target: Target, count: int, seed: int) -> bool:
    runs = [made_run(0, random.Random(seed * 10_000 + number)) for number in range(count)]

    def write(store: Store, number: int, _: Barrier) -> int:
        run = runs[number]
        store.put(run.key, run.data, run.entry, "absent")
        return 1

    answers, seconds = together(target, count, write)
    store = target.open()
    listed = {listing.key: listing.entry for listing in store.newest("results", 10 * count)}
    lost = sum(run.key not in listed or store.get(run.key) != run.data for run in runs)
    mixed = sum(entry is not None and not speaks_of(entry, store.get(key)) for key, entry in listed.items())
    print(f"history: {count} writers, {seconds:.1f} s; failed {answers.count(-1)}, lost {lost}, mixed up {mixed}")
    return not lost and not mixed and -1 not in answers


def versions(target: Target, count: int, rounds: int, seed: int) -> bool:
    """Let everybody replace the same version at the same time, and count the winners of each."""
    first = made_run(0, random.Random(seed), key=BASELINE)
    target.open().put(first.key, first.data, first.entry)

    def race(store: Store, number: int, barrier: Barrier) -> int:
        won = 0
        for turn in range(rounds):
            held = store.read(BASELINE)
            barrier.wait(PATIENCE_S)
            mine = made_run(0, random.Random(f"{seed} {number} {turn}"), key=BASELINE)
            try:
                store.put(mine.key, mine.data, mine.entry, held.etag)
                won |= 1 << turn
            except ConditionFailed:
                pass
            barrier.wait(PATIENCE_S)
        return won

    answers, seconds = together(target, count, race)
    winners = [sum(bool(won >> turn & 1) for won in answers if won != -1) for turn in range(rounds)]
    store = target.open()
    data = store.get(BASELINE)
    (listing,) = store.list(BASELINE)
    mixed = listing.entry is None or not speaks_of(listing.entry, data)
    print(
        f"baseline: {count} writers, {rounds} versions, {seconds:.1f} s; failed {answers.count(-1)}, winners of each"
        f" version {sorted(set(winners))}, corrupt {int(not is_whole(data))}, mixed up {int(mixed)}"
    )
    return set(winners) == {1} and is_whole(data) and not mixed and -1 not in answers


def additions(target: Target, count: int) -> bool:
    """Let everybody add itself to what is there, reading again until nobody was faster."""
    key = "baselines/signed.json.gz"
    target.open().put(key, b"")

    def add(store: Store, number: int, _: Barrier) -> int:
        for attempt in range(1000):
            held = store.read(key)
            try:
                store.put(key, held.data + f"{number} ".encode(), condition=held.etag)
            except ConditionFailed:
                time.sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))
            else:
                return attempt + 1
        return -1

    answers, seconds = together(target, count, add)
    signed = [int(number) for number in target.open().get(key).split()]
    lost = len(set(range(count)) - set(signed))
    print(
        f"additions: {count} writers, {seconds:.1f} s; failed {answers.count(-1)}, lost {lost}, twice"
        f" {len(signed) - len(set(signed))}, tries of the last {max(answers)}"
    )
    return not lost and len(signed) == len(set(signed)) and -1 not in answers


def main() -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--writers", type=int, default=50, help="of history")
    options_of.add_argument("--baseline-writers", type=int, default=16)
    options_of.add_argument("--versions", type=int, default=10)
    options = options_of.parse_args()
    store = target(options)
    passed = [
        history(store, options.writers, options.seed),
        versions(store, options.baseline_writers, options.versions, options.seed),
        additions(store, options.baseline_writers),
    ]
    if not all(passed):
        sys.exit("something was lost")


if __name__ == "__main__":
    main()
