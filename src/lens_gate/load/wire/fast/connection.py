"""One connection of the fast transport: it stamps every read, and carries one exchange at a time."""

from __future__ import annotations

import asyncio
import select
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol, cast

from typing_extensions import override

from lens_gate.load.wire.answer import Answer
from lens_gate.load.wire.http1 import Destination

_WRITES_ITSELF: Final = sys.platform != "win32"


class Receiver(Protocol):
    """Who is told how a connection goes on, and the answer that takes what it reads."""

    __slots__ = ()

    answer: Answer

    def look(self, t_ns: int) -> None:
        """See whether the answer has ended."""
        ...

    def lost(self, t_ns: int, error: Exception | None) -> None:
        """Take note that the connection ended, in order where there is no error."""
        ...


class Wire(ABC):
    """A connection to a server, which carries one exchange at a time; `lost` says that it is of no more use."""

    __slots__ = ("answer", "destination", "idle_since_ns", "lost", "receiver")

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.receiver: Receiver | None = None
        self.answer: Answer | None = None
        self.idle_since_ns = 0
        self.lost = False

    def carry(self, receiver: Receiver | None) -> None:
        """Let `receiver` have what is read from now on; where there is none, whatever comes closes the connection."""
        self.receiver = receiver
        self.answer = None if receiver is None else receiver.answer

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Begin to write `data`. Raises OSError where the connection is known to be broken."""

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether a connection that was idle still stands: the server neither closed it nor said anything since."""

    @abstractmethod
    def abort(self) -> None:
        """End it at once."""


class Connection(Wire, asyncio.Protocol):
    """A connection over `raw`; the receiver's answer gets what it reads, and bytes that nobody asked for close it.

    `on_lost` is called once, when it has ended; `lost` says earlier that it is of no more use.
    """

    __slots__ = ("_on_lost", "_raw", "_readable", "_transport")

    def __init__(self, destination: Destination, raw: socket.socket, on_lost: Callable[[Wire], None]) -> None:
        super().__init__(destination)
        self._raw = raw
        self._readable = readable(raw)
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport, but are no subclass of it.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        t_ns = time.perf_counter_ns()
        answer = self.answer
        if answer is None:
            self.abort()
        elif answer.take(t_ns, data):
            cast("Receiver", self.receiver).look(t_ns)

    @override
    def eof_received(self) -> None:
        self._end(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self._on_lost(self)

    @override
    def send(self, data: bytes) -> None:
        """Begin to write; without TLS to the socket at once: uvloop would write only after all else that is ready."""
        if self.lost:
            raise ConnectionResetError("the server closed it")
        transport = cast("asyncio.Transport", self._transport)
        # An answer may come before its request has all been written: the rest of that one goes first.
        if _WRITES_ITSELF and not self.destination.encrypted and not transport.get_write_buffer_size():
            with suppress(BlockingIOError):
                data = data[self._raw.send(data) :]
        if data:
            transport.write(data)

    @property
    @override
    def usable(self) -> bool:
        return not self.lost and not self._readable()

    @override
    def abort(self) -> None:
        self.lost = True
        cast("asyncio.Transport", self._transport).abort()

    def _end(self, error: Exception | None) -> None:
        t_ns = time.perf_counter_ns()
        self.lost = True
        receiver = self.receiver
        self.carry(None)
        if receiver is not None:
            receiver.lost(t_ns, error)


def readable(raw: socket.socket) -> Callable[[], bool]:
    """Return what says whether a socket holds bytes, or its end, that were not read yet."""
    if not hasattr(select, "poll"):
        return lambda: bool(select.select([raw], [], [], 0)[0])
    poll = select.poll()
    poll.register(raw, select.POLLIN)
    return lambda: bool(poll.poll(0))
