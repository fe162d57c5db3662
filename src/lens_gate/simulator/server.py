"""Starts and stops the simulator: in a running loop, or in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from lens_gate.errors import UsageProblem
from lens_gate.simulator.connection import Connection, Host
from lens_gate.simulator.engine import Engine
from lens_gate.simulator.log import LogWriter
from lens_gate.simulator.settings import SimulatorSettings

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
_BACKLOG = 4096


class RunningSimulator:
    """A simulator that listens; close it with `aclose`, or use it as an async context manager."""

    def __init__(self, server: asyncio.Server, host: Host, settings: SimulatorSettings) -> None:
        self._server = server
        self._host = host
        self._address = settings.host
        self.port: int = server.sockets[0].getsockname()[1]

    @property
    def base_url(self) -> str:
        """The address without a path, like `http://127.0.0.1:8080`."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"http://{host}:{self.port}"

    async def aclose(self) -> None:
        """Stop listening, end every connection, and write the rest of the log."""
        self._server.close()
        await asyncio.gather(*(connection.abort() for connection in tuple(self._host.connections)))
        await self._server.wait_closed()
        await self._host.log.aclose()

    async def flush_log(self) -> None:
        """Write the lines of all requests that have ended."""
        await self._host.log.flush()

    async def __aenter__(self) -> Self:
        """Return itself: it listens already."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()


async def serve(settings: SimulatorSettings) -> RunningSimulator:
    """Start a simulator in the running loop. Raises UsageProblem (address in use) and PublishFailed (its log)."""
    log = LogWriter(settings.log_path)
    host = Host(
        engine=Engine(settings, started_s=time.time()),
        log=log,
        started_ns=time.perf_counter_ns(),
        stall_s=settings.stall_s,
    )
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: Connection(host), settings.host, settings.port, backlog=_BACKLOG)
    except OSError as problem:
        await log.aclose()
        raise UsageProblem(
            f"cannot listen: {problem.strerror or problem}",
            place=f"{settings.host}:{settings.port}",
            hint="Choose another --port, or 0 for a free one.",
        ) from None
    log.start()
    return RunningSimulator(server, host, settings)


class SimulatorThread:
    """A simulator in a thread of its own, as a context manager. It shares the interpreter with its caller."""

    def __init__(self, settings: SimulatorSettings, *, loop_factory: LoopFactory | None = None) -> None:
        self._settings = settings
        self._loop_factory = loop_factory
        self._ready: Future[tuple[RunningSimulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="lens-gate-simulator", daemon=True)

    @property
    def base_url(self) -> str:
        """The address without a path."""
        return self._ready.result()[0].base_url

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._ready.result()[0].port

    def start(self) -> str:
        """Start, and return the address. Raises what `serve` raises."""
        self._thread.start()
        return self._ready.result()[0].base_url

    def flush_log(self) -> None:
        """Write the lines of all requests that have ended."""
        running, loop, _ = self._ready.result()
        asyncio.run_coroutine_threadsafe(running.flush_log(), loop).result()

    def stop(self) -> None:
        """Stop, and wait until the log is written; once is enough."""
        if not self._thread.is_alive():
            return
        _, loop, stop = self._ready.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        stop = asyncio.Event()
        try:
            running = await serve(self._settings)
        except Exception as problem:  # noqa: BLE001 # it is raised again where the thread was started
            self._ready.set_exception(problem)
            return
        self._ready.set_result((running, asyncio.get_running_loop(), stop))
        async with running:
            await stop.wait()
