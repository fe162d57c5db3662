"""Processes of a run beside this one, and the event loop that all of them use."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

import numpy as np
from typing_extensions import override

from lens_gate.cli.beside import deaf_to_stops, signals_held_back
from lens_gate.cli.proxies import known_proxies
from lens_gate.load.wire.build import build_transport
from lens_gate.steps.running.worker import Tools, work
from lens_gate.steps.wire import Assignment
from lens_gate.steps.world import Spawned


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that reads sockets sooner under load: uvloop, which Windows lacks."""
    try:
        import uvloop  # noqa: PLC0415 - only a run pays for it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@dataclass(frozen=True, slots=True)
class _Spawned(Spawned):
    process: SpawnProcess

    @override
    def exited(self, within_s: float) -> int | None:
        self.process.join(within_s)
        return self.process.exitcode

    @override
    def kill(self) -> None:
        self.process.kill()


def spawned(end: socket.socket, assignment: Assignment, environment: Mapping[str, str]) -> Spawned:
    """Start a process that sends its share of a run; it ends with this one, and hears no signal that ends the run."""
    process = get_context("spawn").Process(target=_work, args=(end, assignment, dict(environment)), daemon=True)
    with signals_held_back():
        process.start()
    return _Spawned(process)


def _work(end: socket.socket, assignment: Assignment, environment: Mapping[str, str]) -> None:
    deaf_to_stops()
    through = known_proxies(environment)
    tools = Tools(
        # The first process has said already what there is to say of the transport.
        transport=lambda order: build_transport(order, environment, through, lambda _: None),
        rng=np.random.default_rng,
        now_ns=time.perf_counter_ns,
        new_loop=new_loop,
    )
    work(end, assignment, tools)
