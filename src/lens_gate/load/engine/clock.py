"""The clock of a run: the transport's own, and a way to wait for an instant on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from typing_extensions import override

from lens_gate.load.engine.timer_fd import TimerFd

COARSE_NS: Final = 1_500_000
"""How long before an instant the loop's timer is left for polling, where there is no better one: event loops round
timers to a millisecond."""


class Clock(Protocol):
    """Nanoseconds of the clock that the transport stamps with."""

    def now_ns(self) -> int:
        """Return the present instant."""
        ...

    async def sleep_until(self, t_ns: int) -> None:
        """Wait for the instant, and let the event loop run at least once even if it has passed."""
        ...

    def close(self) -> None:
        """Let go of what waiting took; it may be waited again."""
        ...


class MonotonicClock(Clock):
    """`time.perf_counter_ns`, with a timer of the kernel on Linux, which keeps sends within some 0.1 ms.

    Elsewhere the last 1.5 ms are spent polling the event loop: as exact, and as much processor time for each send.
    """

    def __init__(self, *, open_timer: Callable[[], TimerFd | None] = TimerFd.open) -> None:
        self._open_timer = open_timer
        self._timer: TimerFd | None = None
        self._opened = False

    @override
    def now_ns(self) -> int:
        return time.perf_counter_ns()

    @override
    async def sleep_until(self, t_ns: int) -> None:
        if not self._opened:
            self._timer, self._opened = self._open_timer(), True
        if t_ns <= self.now_ns():
            await asyncio.sleep(0)
        elif self._timer is not None:
            await self._timer.until(t_ns)
        else:
            await self._poll(t_ns)

    @override
    def close(self) -> None:
        if self._timer is not None:
            self._timer.close()
        self._timer, self._opened = None, False

    async def _poll(self, t_ns: int) -> None:
        await asyncio.sleep(max(0, t_ns - self.now_ns() - COARSE_NS) / 1e9)
        while self.now_ns() < t_ns:  # noqa: ASYNC110 - the instant comes from the clock, nobody could set an event
            await asyncio.sleep(0)
