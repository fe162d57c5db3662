"""The clock of a run: the transport's own, and a way to wait for an instant on it."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

from typing_extensions import override

COARSE_NS: Final = 1_500_000
"""How long before an instant the timer is left for polling: event loops round timers to a millisecond."""


class Clock(Protocol):
    """Nanoseconds of the clock that the transport stamps with."""

    def now_ns(self) -> int:
        """Return the present instant."""
        ...

    async def sleep_until(self, t_ns: int) -> None:
        """Wait for the instant, and let the event loop run at least once even if it has passed."""
        ...


class MonotonicClock(Clock):
    """`time.perf_counter_ns`, with a last wait that polls the event loop instead of trusting its timer.

    The polling keeps sends within some 0.1 ms of their instant and serves arriving bytes meanwhile; it costs at most
    1.5 ms of processor time for each send.
    """

    @override
    def now_ns(self) -> int:
        return time.perf_counter_ns()

    @override
    async def sleep_until(self, t_ns: int) -> None:
        await asyncio.sleep(max(0, t_ns - self.now_ns() - COARSE_NS) / 1e9)
        while self.now_ns() < t_ns:  # noqa: ASYNC110 - the instant comes from the clock, nobody could set an event
            await asyncio.sleep(0)
