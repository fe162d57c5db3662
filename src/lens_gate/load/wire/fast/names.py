"""The addresses behind a name, looked up once for all who connect at the same time.

The system looks up only a few names at a time, each in a thread: a burst of connections would wait for one another.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Final

from aiohappyeyeballs import AddrInfoType

KEPT_NS: Final = 5_000_000_000
"""For how long the addresses of a name are used: names of services change theirs within a minute."""


class Names:
    """Looks up hosts; whoever asks while a lookup is under way, or soon after it, is given what it told."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], tuple[int, asyncio.Task[Sequence[AddrInfoType]]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """Return the addresses of a host for TCP. Raises OSError, UnicodeError for what can be no name."""
        began_ns, lookup = self._lookups.get((host, port), (0, None))
        if lookup is None or _failed(lookup) or time.perf_counter_ns() - began_ns > KEPT_NS:
            lookup = asyncio.create_task(_looked_up(host, port))
            lookup.add_done_callback(_failed)  # which sees an error that nobody waits for any more
            self._lookups[host, port] = time.perf_counter_ns(), lookup
        return await asyncio.shield(lookup)  # others may wait for it too


def _failed(lookup: asyncio.Task[Sequence[AddrInfoType]]) -> bool:
    return lookup.done() and (lookup.cancelled() or lookup.exception() is not None)


async def _looked_up(host: str, port: int) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
