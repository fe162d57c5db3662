"""Times both jobs with an empty cache and with a full one: python -m benchmarks.action [--repeats N].

Needs act (`python scripts/install_real.py`) and packages from where pip is configured to look. Runners here reach no
marketplace: checkout is act's own, the actions of `tests/real/standins` bring a Python and keep caches in a folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.action.jobs import LENS_GATE, LOCUST, PARTS, Job
from benchmarks.action.stopwatch import act_is_there, timed

JOBS = (LENS_GATE, LOCUST)
Times = Sequence[Mapping[str, float]]


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=3)
    repeats = options.parse_args().repeats
    if not act_is_there():
        sys.exit("act is missing: python scripts/install_real.py")
    measured: dict[str, Times] = {}
    with tempfile.TemporaryDirectory() as name:
        for job in JOBS:
            pairs = [cold_and_warm(job, Path(name) / f"{job.name}-{number}") for number in range(repeats)]
            measured[f"{job.name}, cold"] = [cold for cold, _ in pairs]
            measured[f"{job.name}, warm"] = [warm for _, warm in pairs]
    print(table(measured))
    print(f"\n{os.cpu_count()} CPUs, load {os.getloadavg()[2]:.1f} in the last quarter of an hour, {repeats} repeats")


def cold_and_warm(job: Job, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Run a job on a runner that has nothing, and once more with the cache that the first run left."""
    cold, warm = (timed(job, folder / state, folder / "cache") for state in ("cold", "warm"))
    shutil.rmtree(folder)
    print(f"{job.name}: {sum(cold.values()):.1f} s, {sum(warm.values()):.1f} s", file=sys.stderr)
    return cold, warm


def table(measured: Mapping[str, Times]) -> str:
    """Return the medians in seconds by part, and the whole with its range."""
    rows = [["part", *measured]]
    rows += [
        [part, *(f"{statistics.median(one[part] for one in times):.1f}" for times in measured.values())]
        for part in PARTS
    ]
    rows.append(["**until the first request**", *(whole(times) for times in measured.values())])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "| --- |" + " ---: |" * len(measured), *lines[1:]])


def whole(times: Times) -> str:
    """Return the median of the sums, and their range."""
    sums = sorted(sum(one.values()) for one in times)
    return f"**{statistics.median(sums):.1f}** ({sums[0]:.1f} to {sums[-1]:.1f})"


if __name__ == "__main__":
    main()
