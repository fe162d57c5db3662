"""Which of many sockets can be read: one poll object for all, which the event loop watches like a single socket.

It is cheaper than to let the loop watch each, and it shows a reset for which uvloop calls no reader.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Final

_MOST: Final = 64
"""Sockets read at a stretch, so that what is to be sent waits at most half a millisecond."""


class Readiness:
    """Calls the readers of sockets in which something, or their end, waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._loop.add_reader(self._ready, self._read)

    def add(self, raw: socket.socket, reader: Callable[[], None]) -> None:
        """Call `reader` whenever there is something to read."""
        self._readers[raw.fileno()] = reader
        self._ready.register(raw, select.EPOLLIN)

    def remove(self, raw: socket.socket) -> None:
        """Let go of a socket that was added; call it before the socket is closed."""
        self._ready.unregister(raw)
        del self._readers[raw.fileno()]

    def close(self) -> None:
        """Let go of all."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._ready)
        self._ready.close()

    def _read(self) -> None:
        for descriptor, _ in self._ready.poll(0, _MOST):
            reader = self._readers.get(descriptor)
            if reader is not None:  # else an earlier one of these readers closed it
                reader()
