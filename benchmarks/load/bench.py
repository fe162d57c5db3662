"""One measurement: a fresh truth server on one core, one client on the other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.load.clients import START_UP_S, Client
from benchmarks.load.figures import NOTHING, Figures, Load, figures
from benchmarks.load.logs import Truth
from benchmarks.load.processes import ANYWHERE, Finished, Place, finished
from benchmarks.load.server import Script, make_certificate, truth_server

BURNER = "while True: pass"


@dataclass(frozen=True)
class Bench:
    """Where server and client run, and what the server does."""

    server: Place = ANYWHERE
    client: Place = ANYWHERE
    script: Script = field(default_factory=Script)
    tls: bool = False

    def without_fifo(self) -> Bench:
        """Return the same with the usual scheduler for the client."""
        return replace(self, client=replace(self.client, fifo=False))


@dataclass(frozen=True)
class Done:
    """A client that has ended, the folder with what it wrote, and what the server did."""

    folder: Path
    finished: Finished
    truth: Truth


@contextmanager
def carried_out(client: Client, load: Load, bench: Bench) -> Iterator[Done]:
    """Run `client` once; what it wrote is gone when the context ends."""
    with tempfile.TemporaryDirectory(prefix="lens-gate-bench-") as name:
        folder = Path(name)
        certificate = make_certificate(folder) if bench.tls else None
        with truth_server(bench.script, folder, place=bench.server, tls=certificate) as serving:
            order = client.order(load, bench.script, serving, folder)
            limit_s = START_UP_S + 3 * (load.seconds + load.warmup_s)
            done = finished(
                order.command, bench.client, timeout_s=limit_s, folder=folder, environment=order.environment
            )
        yield Done(folder, done, serving.truth())


def measured(client: Client, load: Load, bench: Bench) -> Figures:
    """Run `client` once; one that fails has no figures, and what it said goes to standard error."""
    with carried_out(client, load, bench) as done:
        try:
            return figures(load, done.truth, client.told(load, done.truth, done.folder), done.finished)
        except (OSError, ValueError, KeyError, IndexError) as error:
            said = done.finished.said[-1000:]
            print(f"{client.name}: exit code {done.finished.code}, {error!r}\n{said}", file=sys.stderr)
            return NOTHING


@contextmanager
def neighbour(place: Place) -> Iterator[None]:
    """Keep the core of `place` busy with a process of the usual scheduler."""
    with subprocess.Popen([sys.executable, "-c", BURNER], preexec_fn=place.entering()) as process:  # noqa: PLW1509
        try:
            yield
        finally:
            process.kill()
