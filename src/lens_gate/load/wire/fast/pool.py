"""The connections of the fast transport: opened where none is free, kept warm, without a cap on their number."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import Final

from aiohappyeyeballs import start_connection

from lens_gate.load.wire.fast.connection import Connection, Wire
from lens_gate.load.wire.fast.kernel_connection import KernelConnection
from lens_gate.load.wire.fast.names import Names
from lens_gate.load.wire.fast.readiness import Readiness
from lens_gate.load.wire.http1 import Destination
from lens_gate.load.wire.tls import Contexts
from lens_gate.load.wire.transport import TransportFailure
from lens_gate.vocabulary.requests import ErrorClass

NEXT_ADDRESS_S: Final = 0.25
"""How long one address of a name is tried alone before another one is tried beside it (RFC 8305)."""

_MOST_AT_ONCE: Final = 32
"""Connections that are opened side by side before a run: a server's queue of those not yet accepted may be short, and
more would look like an attack."""


class Pool:
    """Keeps idle connections for `keepalive_s` and gives the warmest one out first.

    `contexts` are what encrypted connections are set up with. With `kernel_stamps` reads carry those.
    """

    def __init__(self, *, keepalive_s: float, contexts: Contexts, kernel_stamps: bool = False) -> None:
        self._keepalive_ns = int(keepalive_s * 1e9)
        self._contexts = contexts
        self._kernel_stamps = kernel_stamps
        self._readiness: Readiness | None = None
        self._idle: dict[Destination, deque[Wire]] = {}
        self._open: set[Wire] = set()
        self._all_lost = asyncio.Event()
        self._names = Names()

    def warmest(self, destination: Destination) -> Wire | None:
        """Return the connection that became idle last, if it still stands."""
        idle = self._idle.get(destination)
        fresh_ns = time.perf_counter_ns() - self._keepalive_ns
        while idle:
            connection = idle.pop()
            if connection.idle_since_ns > fresh_ns and connection.usable:
                return connection
            connection.abort()
        return None

    async def open(self, destination: Destination, limit_s: float) -> Wire:
        """Open a connection, name and TLS included. Raises TransportFailure."""
        raw: socket.socket | None = None
        try:
            async with asyncio.timeout(limit_s):
                raw = await self._connected(destination)
                return await self._set_up(destination, raw, limit_s)
        except TimeoutError:
            failure = _failure(ErrorClass.CONNECT_TIMEOUT, "no connection within its limit")
        except (OSError, UnicodeError) as error:  # those of TLS and of unknown names too; not every text can be a name
            error.__traceback__ = None  # its frames hold it, in the library that connects
            in_tls = raw is not None and destination.encrypted
            what = "no encrypted connection could be set up" if in_tls else "no connection"
            failure = _failure(ErrorClass.TLS if in_tls else ErrorClass.CONNECT, f"{what}: {error}")
        await asyncio.sleep(0)  # the loop closes a socket one turn after it gave up
        raise failure

    def give_back(self, connection: Wire) -> None:
        """Keep a connection whose answer has ended."""
        now_ns = time.perf_counter_ns()
        connection.idle_since_ns = now_ns
        idle = self._idle.setdefault(connection.destination, deque())
        idle.append(connection)
        # One at a time: those that were opened for a run and never used are old at the same moment.
        if idle[0].idle_since_ns + self._keepalive_ns <= now_ns:
            idle.popleft().abort()

    async def warm(self, destination: Destination, count: int, limit_s: float) -> None:
        """Open connections until `count` are idle; the limit is that of all together.

        Raises TransportFailure, and opens no more, where one could not be opened. The first one is used first: a server
        that takes one connection at a time waits on that one.
        """
        until_ns = time.perf_counter_ns() + int(limit_s * 1e9)
        missing = count - len(self._idle.get(destination, ()))
        opened: list[Wire] = []
        try:
            while len(opened) < missing and (left_ns := until_ns - time.perf_counter_ns()) > 0:
                together = min(missing - len(opened), _MOST_AT_ONCE)
                await self._open_together(destination, together, left_ns / 1e9, opened)
        finally:
            for connection in reversed(opened):
                self.give_back(connection)

    async def _open_together(self, destination: Destination, count: int, limit_s: float, opened: list[Wire]) -> None:
        """Add to `opened` what could be opened. Raises TransportFailure where not all could be."""
        opening = (self.open(destination, limit_s) for _ in range(count))
        found = await asyncio.gather(*opening, return_exceptions=True)
        opened += [one for one in found if not isinstance(one, BaseException)]
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure

    async def aclose(self) -> None:
        """Close every connection, and wait until all have ended."""
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            self._all_lost.clear()
            await self._all_lost.wait()
        if self._readiness is not None:
            self._readiness.close()
            self._readiness = None

    async def _connected(self, destination: Destination) -> socket.socket:
        """Open a TCP connection to the first address of the name that answers."""
        addresses = await self._names.addresses(destination.host, destination.port)
        return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1)

    async def _set_up(self, destination: Destination, raw: socket.socket, limit_s: float) -> Wire:
        context = self._contexts.of(destination.tls) if destination.encrypted else None
        connection: Wire
        if not self._kernel_stamps:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(destination, raw, self._lost),
                sock=raw,
                ssl=context,
                server_hostname=destination.server_name if context else None,
                ssl_handshake_timeout=limit_s if context else None,
            )
        else:
            self._readiness = self._readiness or Readiness()
            connection = by_hand = KernelConnection(destination, raw, self._readiness, self._lost)
            await by_hand.open(context)
        if not connection.lost:
            self._open.add(connection)
        return connection

    def _lost(self, connection: Wire) -> None:
        self._open.discard(connection)
        if not self._open:
            self._all_lost.set()


def _failure(error_class: ErrorClass, message: str) -> TransportFailure:
    return TransportFailure(error_class, message, t_ns=time.perf_counter_ns(), sent_ns=None)
