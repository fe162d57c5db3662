"""The simulator as a process of its own, so that it shares no interpreter with what measures it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lens_gate.errors import CouldNotMeasure

ENDS_WITHIN_S = 20.0


@contextmanager
def simulated(log: Path, *options: str) -> Iterator[str]:
    """Serve, and yield the address; `log` is whole when the context ends. Raises CouldNotMeasure."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "lens_gate", "simulate", "--log", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 our own command
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("http"):
                raise CouldNotMeasure("the simulator did not start", hint="Run `lens-gate simulate` to see why.")
            yield line.strip()
        finally:
            process.terminate()
            process.wait(ENDS_WITHIN_S)
