"""How reading grows with a history: the newest runs, the baselines, one run, and everything, over 100 to 10,000 runs.

30 runs a day of 20 kB each, with entries of two models; each reading opens the store anew. For git also the size of a
clone: before and after a compaction, and with a history of 90 days where older runs were deleted.

    python -m benchmarks.stores.growth results/ --runs 100 1000 10000
    python -m benchmarks.stores.growth git:lens-gate --directory /srv/work --remote /srv/results.git
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.stores.common import BASELINE, RUNS_A_DAY, Made, Target, made_run, parser, target
from benchmarks.stores.metered import Cost, metered

from lens_gate.stores.address import GitAddress, S3Address, parse_address
from lens_gate.stores.base import Store
from lens_gate.stores.git.store import MARK, GitStore
from lens_gate.stores.index_file import INDEX, Entries, read_index, with_entry, write_index
from lens_gate.stores.settings import S3Settings

BASELINE_EVERY = 10
KEPT_DAYS = 90


def runs(first: int, last: int, seed: int) -> Iterator[Made]:
    """Yield the runs of these numbers; every tenth is made the baseline as well."""
    for number in range(first, last):
        rng = random.Random(seed * 1_000_000 + number)
        yield (run := made_run(number, rng))
        if number % BASELINE_EVERY == 0:
            yield Made(BASELINE, run.data, run.entry)


def fill(store: Store, made: Iterator[Made]) -> None:
    """Put runs one by one; what is measured here is reading, so that no write waits for the disk."""
    sync, os.fsync = os.fsync, lambda _: None
    try:
        for run in made:
            store.put(run.key, run.data, run.entry)
    finally:
        os.fsync = sync


def fill_branch(repository: str, branch: str, made: Iterator[Made]) -> None:
    """Commit runs as the store does, one commit to a run, through one process: a push for each would take hours."""
    known = subprocess.run(
        ["git", "-C", repository, "rev-parse", "--verify", "-q", branch], capture_output=True, check=False
    )
    command = ["git", "-C", repository, "fast-import", "--quiet", "--date-format=now"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        parent = f"from refs/heads/{branch}^0\n" if known.returncode == 0 else ""
        for run in made:
            folder, _, name = run.key.rpartition("/")
            entry = write_index(with_entry({}, name, run.entry))
            files = {MARK: b"", run.key: run.data, f"{folder}/.index/{name}.json": entry}
            message = f"Store {run.key}"
            head = (
                f"commit refs/heads/{branch}\ncommitter b <b@localhost> now\ndata {len(message)}\n{message}\n{parent}"
            )
            process.stdin.write(head.encode())
            for path, data in files.items():
                process.stdin.write(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
            parent = ""
    assert process.returncode == 0


def fill_bucket(address: S3Address, made: Iterator[Made]) -> None:
    """Write the objects that the store would, but each index once and not again for each of its runs."""
    from lens_gate.stores.s3 import S3Objects, connect  # noqa: PLC0415 only buckets need it

    objects = S3Objects(connect(S3Settings()), address.bucket, f"{address.prefix}/")
    indexes: dict[str, Entries] = {}
    with ThreadPoolExecutor(4) as writers:
        for run in made:
            folder, _, name = run.key.rpartition("/")
            path = f"{folder}/{INDEX}"
            if path not in indexes:
                held = objects.get(path)
                indexes[path] = read_index(held.data, place=path) if held else {}
            indexes[path] = with_entry(indexes[path], name, run.entry)
            writers.submit(objects.put, run.key, run.data, "none")
        for path, entries in indexes.items():
            writers.submit(objects.put, path, write_index(entries), "none")


def readings(target: Target) -> dict[str, Callable[[], object]]:
    """Return what is read, each with a store that was just opened; a reading returns that store."""

    def of(act: Callable[[Store], object]) -> Callable[[], Store]:
        def read() -> Store:
            store = target.open()
            act(store)
            return store

        return read

    return {
        "newest 100": of(lambda store: store.newest("results", 100)),
        "baseline and the 20 runs behind it": of(lambda store: (store.read(BASELINE), store.newest("results", 20))),
        "list baselines/": of(lambda store: store.list("baselines/")),
        "one run": of(lambda store: store.get(BASELINE)),
        "list everything": of(lambda store: store.list()),
    }


def clone_size(repository: str, branch: str) -> int:
    """Return the bytes of a whole clone of the branch."""
    with tempfile.TemporaryDirectory() as name:
        url = f"file://{Path(repository).resolve()}"
        command = ["git", "clone", "--quiet", "--bare", "--single-branch", "--branch", branch, url, name]
        subprocess.run(command, check=True)
        return sum(path.stat().st_size for path in Path(name, "objects").rglob("*") if path.is_file())


def show(count: int, name: str, cost: Cost) -> None:
    print(f"| {count:,} | {name} | {cost.seconds:.2f} | {cost.bytes / 1000:,.0f} | {cost.requests} |", flush=True)


def compacted(store: Target, repository: str, branch: str, days: int) -> None:
    """Show how large a clone is: as written, compacted, and compacted after all but the last days were deleted."""

    opened = store.open()
    assert isinstance(opened, GitStore)
    print(f"clone with its past: {clone_size(repository, branch) / 1e6:.1f} MB")
    opened.compact()
    print(f"clone after a compaction: {clone_size(repository, branch) / 1e6:.1f} MB")
    keys = [listing.key for listing in opened.list("results/")]
    old = sorted({key.rpartition("/")[0] for key in keys})[:-days] if days else []
    lines = "".join(f"D {folder}\n" for folder in old)
    stream = (
        f"commit refs/heads/{branch}\ncommitter b <b@localhost> now\ndata 5\nprune\nfrom refs/heads/{branch}^0\n{lines}"
    )
    subprocess.run(
        ["git", "-C", repository, "fast-import", "--quiet", "--date-format=now"], input=stream.encode(), check=True
    )
    opened.compact()
    print(
        f"clone after all but {days} days were deleted, and a compaction: {clone_size(repository, branch) / 1e6:.1f} MB"
    )


def main() -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    options = options_of.parse_args()
    store, address, stored = target(options), parse_address(options.address), 0
    print("| runs | reading | seconds | kB read | HTTP requests |\n| ---: | --- | ---: | ---: | ---: |")
    for count in sorted(options.runs):
        made = runs(stored, count, options.seed)
        if isinstance(address, GitAddress):
            fill_branch(options.remote, address.branch, made)
        elif isinstance(address, S3Address):
            fill_bucket(address, made)
        else:
            fill(store.open(), made)
        stored = count
        for name, reading in readings(store).items():
            show(count, name, metered(reading))
    print(f"{RUNS_A_DAY} runs a day, every {BASELINE_EVERY}th is also the baseline")
    if isinstance(address, GitAddress):
        compacted(store, options.remote, address.branch, KEPT_DAYS)


if __name__ == "__main__":
    main()
