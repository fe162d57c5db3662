"""Reading many sockets at one waking.

To be woken costs more processor time than to read. Where the kernel stamps what arrives, a read may come later without
being less true: while much arrives, sockets are read in batches, a quarter of a millisecond apart.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from lens_gate.load.timer_fd import Alarm

BATCH_NS: Final = 250_000
"""From one batch to the next: tokens of one stream are seldom that close, and would share a stamp if they were."""

_MOST: Final = 64
"""Sockets in a batch, so that what is to be sent waits at most half a millisecond."""


class ReadBatches:
    """Calls the readers of sockets in which something waits: at once while little arrives, else batch by batch.

    Without an alarm every read is at once.
    """

    def __init__(self, *, open_alarm: Callable[[Callable[[], None]], Alarm | None] = Alarm.open) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._alarm = open_alarm(self._next_batch)
        self._last_ns = 0
        self._loop.add_reader(self._ready, self._arrived)

    def add(self, raw: socket.socket, reader: Callable[[], None]) -> None:
        """Call `reader` whenever something, or its end, waits in a socket."""
        self._readers[raw.fileno()] = reader
        self._ready.register(raw, select.EPOLLIN)

    def remove(self, raw: socket.socket) -> None:
        """Let go of a socket that was added, before it is closed."""
        self._ready.unregister(raw)
        del self._readers[raw.fileno()]

    def close(self) -> None:
        """Let go of all."""
        if self._alarm is not None:
            self._alarm.close()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._ready)
        self._ready.close()

    def _arrived(self) -> None:
        """Read at once; if the last time was just now, let more arrive before the next."""
        began_ns = time.perf_counter_ns()
        dense = began_ns - self._last_ns < BATCH_NS
        self._last_ns = began_ns
        self._read()
        if dense and self._alarm is not None:
            self._loop.remove_reader(self._ready)
            self._alarm.set(began_ns + BATCH_NS)

    def _next_batch(self) -> None:
        self._last_ns = time.perf_counter_ns()
        if self._read() > 1 and self._alarm is not None:
            self._alarm.set(self._last_ns + BATCH_NS)
        else:
            self._loop.add_reader(self._ready, self._arrived)

    def _read(self) -> int:
        """Call the readers, and return how many were called."""
        ready = self._ready.poll(0, _MOST)
        for descriptor, _ in ready:
            reader = self._readers.get(descriptor)
            if reader is not None:  # else an earlier reader of this batch closed it
                reader()
        return len(ready)
