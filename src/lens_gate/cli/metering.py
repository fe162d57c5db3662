"""The metrics of a run while it goes on (`output.prometheus`), counted and served by a process of its own.

The run's own process only puts aside what ended, and a thread hands that over now and then: neither counting nor a
scrape takes time from what sends and stamps.
"""

from __future__ import annotations

import socket
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, Lock, Thread
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from typing_extensions import override

from lens_gate.artifacts.samples import Sample
from lens_gate.artifacts.tallies import Ended, Tallies
from lens_gate.cli.beside import deaf_to_stops, signals_held_back
from lens_gate.config.output import PrometheusEndpoint
from lens_gate.errors import UsageProblem
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.reports.prometheus import registry_of
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.running.watcher import Looked, Watcher
from lens_gate.steps.world import World

HAND_OVER_S = 0.5
AT_ONCE = 64
"""Events that are packed at a time, which takes well below a millisecond."""

READY_WITHIN_S = 30.0
_END_WITHIN_S = 5.0

Told = str | Ended
"""What is handed over: the provider of a request that was sent, or one that ended."""


@contextmanager
def metered(watcher: Watcher, endpoint: PrometheusEndpoint, arms: Arms, world: World) -> Iterator[Watcher]:
    """Serve the metrics of the run that the returned watcher watches.

    Raises UsageProblem where the port is taken, before anything is sent.
    """
    with _listening(endpoint, arms) as listening, _counting(listening, endpoint.path) as counter:
        world.say(f"metrics at {address_of(endpoint)} while the run goes on")
        yield Metering(watcher, counter)


def address_of(endpoint: PrometheusEndpoint) -> str:
    """Return the URL that is scraped."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"http://{host}:{endpoint.port}{endpoint.path}"


@contextmanager
def _listening(endpoint: PrometheusEndpoint, arms: Arms) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        listening = socket.create_server((endpoint.host, endpoint.port), family=family)
    except OSError as error:
        raise UsageProblem(
            f"metrics cannot be served at port {endpoint.port} of {endpoint.host}: {error.strerror or error}",
            place=arms.loaded.place(("output", "prometheus", "port")),
            hint="Choose another `output.prometheus.port`: Prometheus itself listens at 9090.",
        ) from error
    with listening:
        yield listening


class Counter:
    """Hands what is put here to the process that counts; whoever puts it never waits."""

    def __init__(self, end: Connection) -> None:
        self._end = end
        self._told: deque[Told] = deque()
        self._over = Event()
        self._thread = Thread(target=self._hand_over, daemon=True)
        self._thread.start()

    def put(self, told: Told) -> None:
        """Have this counted soon; what nobody counts any more is dropped."""
        if not self._end.closed:
            self._told.append(told)

    def close(self) -> None:
        """Hand over the rest."""
        self._over.set()
        self._thread.join(_END_WITHIN_S)

    def _hand_over(self) -> None:
        with self._end, suppress(OSError):
            while not self._over.wait(HAND_OVER_S):
                self._send()
            self._send()

    def _send(self) -> None:
        while self._told:
            self._end.send([self._told.popleft() for _ in range(min(AT_ONCE, len(self._told)))])


class Metering:
    """A watcher that also has everything counted."""

    def __init__(self, watcher: Watcher, counter: Counter) -> None:
        self._watcher = watcher
        self._counter = counter

    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Pass on what was planned."""
        self._watcher.begin(settings, arms)

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on; a request was sent when the next one is asked for."""
        for one in self._watcher.following(planned):
            yield one
            self._counter.put(one.series.provider_name)

    def note(self, sample: Sample) -> None:
        """Have a request counted that ended."""
        self._watcher.note(sample)
        self._counter.put(Ended.of(sample))

    def looked(self, look: Looked) -> None:
        """Pass on what a look found."""
        self._watcher.looked(look)


@contextmanager
def _counting(listening: socket.socket, path: str) -> Iterator[Counter]:
    """Start the process that counts and serves, and end it when all was handed over."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(listening, path, there), daemon=True)
    with signals_held_back():
        process.start()
    there.close()
    # Until it has loaded what it needs, it takes a core from the run.
    with suppress(OSError):
        here.poll(READY_WITHIN_S)
    counter = Counter(here)
    try:
        yield counter
    finally:
        counter.close()
        process.join(_END_WITHIN_S)
        process.kill()


def _serve(listening: socket.socket, path: str, end: Connection) -> None:
    """Count what the run tells, and answer scrapes, until the run is over or its process gone."""
    deaf_to_stops()
    tallies, lock = Tallies(), Lock()
    server = _Server(listening, path, registry_of(tallies), lock)
    Thread(target=server.serve_forever, daemon=True).start()
    with suppress(EOFError, OSError):
        end.send("ready")
        while True:
            _count(tallies, end.recv(), lock)


def _count(tallies: Tallies, told: list[Told], lock: Lock) -> None:
    with lock:
        for one in told:
            if isinstance(one, str):
                tallies.sent(one)
            else:
                tallies.ended(one)


class _Server(ThreadingHTTPServer):
    """Serves one path of a socket that listens already; nothing is counted while a scrape reads."""

    def __init__(self, listening: socket.socket, path: str, registry: CollectorRegistry, lock: Lock) -> None:
        super().__init__(listening.getsockname()[:2], _Answer, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.path = path or "/"
        self._registry = registry
        self._lock = lock

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a scraper that hung up: what is on the terminal is about the run."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def metrics(self, accepted: str) -> tuple[bytes, str]:
        """Return the metrics as they stand in the format that is accepted, and its content type."""
        encoder, content_type = choose_encoder(accepted)
        with self._lock:
            return encoder(self._registry), content_type


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path.partition("?")[0] == self.server.path:
            self._answer(200, *self.server.metrics(self.headers.get("Accept", "")))
        else:
            self._answer(404, f"metrics are at {self.server.path}\n".encode(), "text/plain; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the run's."""
