"""Measure the example baselines anew: runs of baselines/lens-gate.yaml, on a simulator, into baselines/simulator/.

The draws of the simulator are those of their seeds; the times are what this machine measures, so that no two stores are
alike. It works in an empty folder and without the variables of a pipeline, so that the runs hold nothing of this
machine but its kind (`Linux x86_64, 2 CPUs`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "baselines"
STORE = FOLDER / "simulator"
PORT = "8377"
SEEDS = range(1, 6)
TRIES = 5
KEPT = ("PATH", "SYSTEMROOT")
COMMAND = (sys.executable, "-m", "lens_gate")


@contextmanager
def simulator(seed: int) -> Iterator[None]:
    """Serve the simulator at the address that the configuration names."""
    serving = [*COMMAND, "simulate", "--port", PORT, "--seed", str(seed)]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 our own command
        try:
            if process.stdout is None or not process.stdout.readline().startswith("http"):
                sys.exit(f"the simulator did not start: is port {PORT} taken?")
            yield
        finally:
            process.terminate()


def lens_gate(folder: Path, *words: str) -> int:
    """Run lens-gate in a folder that is in no repository; return its exit code."""
    around = {name: os.environ[name] for name in KEPT if name in os.environ}
    around |= {"HOME": str(folder), "PYTHONPATH": str(FOLDER.parent / "src")}
    return subprocess.run([*COMMAND, *words], cwd=folder, env=around, check=False).returncode  # noqa: S603 written here


def saved(folder: Path, seed: int) -> bool:
    """Measure one run and make it the baseline, in place of the one before; say whether it is fit to be one."""
    with simulator(seed):
        measured = lens_gate(folder, "run", "--output", "run.json") == 0
    return measured and lens_gate(folder, "baseline", "save", "run.json", "--store", "simulator/") == 0


def main() -> None:
    """Measure one run for each seed, again where this machine was too busy, and put the store into the repository."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(FOLDER / "lens-gate.yaml", folder)
        for seed in SEEDS:
            if not any(saved(folder, seed) for _ in range(TRIES)):
                sys.exit("this machine is too busy to measure a baseline: the reasons are above")
        shutil.rmtree(STORE, ignore_errors=True)
        shutil.copytree(folder / "simulator", STORE, ignore=shutil.ignore_patterns(".lock"))


if __name__ == "__main__":
    main()
