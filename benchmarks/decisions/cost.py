"""What deciding costs: seconds and peak memory of `lens-gate analyze`, beside a bare `import scipy.stats`.

`python -m benchmarks.decisions.cost [--requests N …]`. Each case is a process of its own, run three times; the shortest
time and the largest peak count. The last column is the growth of the time above the import, per request, against the
case before: 1.0 is linear, and a matrix of all pairs would be the ratio of the sizes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.decisions.generator import PROFILES, duet
from benchmarks.decisions.judging import run_of
from benchmarks.decisions.tables import table

from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps

SIDECAR = "run.samples.jsonl.gz"
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall seconds and peak resident memory (MiB) of a process."""

    seconds: float
    peak_mib: float


def cost_of(command: list[str]) -> Cost:
    """Run a command a few times to its end."""
    costs = [_once(command) for _ in range(REPEATS)]
    return Cost(min(one.seconds for one in costs), max(one.peak_mib for one in costs))


def _once(command: list[str]) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_maxrss / 1024)


def write_run(folder: Path, requests: int) -> Path:
    """Write a duet of four models with so many requests, both arms together."""
    samples = duet(np.random.default_rng(1), pairs=requests // (2 * len(PROFILES)))
    reference, sidecar = embed(samples, sidecar_name=SIDECAR, run="day-0")
    path = folder / "run.json"
    path.write_bytes(dumps(run_of(samples, compared=True).model_copy(update={"samples": reference})))
    if sidecar is not None:
        (folder / SIDECAR).write_bytes(sidecar)
    return path


def rows(sizes: list[int]) -> list[list[object]]:
    """Return one row per case."""
    bare = cost_of([sys.executable, "-c", "import scipy.stats"])
    found: list[list[object]] = [["import scipy.stats", f"{bare.seconds:.2f}", f"{bare.peak_mib:.0f}", "1.0", "–"]]
    before: tuple[int, float] | None = None
    for requests in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = write_run(Path(folder), requests)
            output = str(Path(folder) / "analysis.json")
            cost = cost_of([sys.executable, "-m", "lens_gate", "analyze", str(path), "--output", output])
        each = max(cost.seconds - bare.seconds, 1e-9) / requests
        growth = f"{each / before[1]:.2f}" if before else "–"
        before = (requests, each)
        name = f"analyze, {requests:,} requests of 4 models"
        ratio = f"{cost.seconds / bare.seconds:.1f}"
        found.append([name, f"{cost.seconds:.2f}", f"{cost.peak_mib:.0f}", ratio, growth])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, nargs="+", default=[8_000, 80_000, 1_000_000])
    asked = parser.parse_args()
    head = ("case", "seconds", "peak MiB", "times the import", "time per request against the case before")
    print(table(head, rows(asked.requests)))


if __name__ == "__main__":
    main()
