"""Giving way during long work on the event loop, so that requests are sent in time, and sockets read meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final

from lens_gate.load.engine.clock import Clock

SLICE_NS: Final = 300_000
"""For how long answers are decoded at a stretch: meanwhile nothing is read. Nor does a stretch begin so shortly before
a request is due."""


class Desk:
    """Where answers are decoded, one after the other: several at a time would make a request wait for a slice of each.

    Who sends by the clock tells it the next instant, and when that has passed.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.turn = asyncio.Lock()
        self._due_ns: int | None = None
        self._passed = asyncio.Event()

    def expect(self, due_ns: int) -> None:
        """Keep free for a request that is due then."""
        self._due_ns = due_ns
        self._passed.clear()

    def go_on(self) -> None:
        """Take note that the request was sent, or is not to be."""
        self._due_ns = None
        self._passed.set()

    def is_wanted(self, now_ns: int) -> bool:
        """Say whether a request is about to be sent."""
        return self._due_ns is not None and now_ns >= self._due_ns - SLICE_NS

    async def passed(self) -> None:
        """Wait until it was sent."""
        await self._passed.wait()


class Breath:
    """Lets others run whenever a slice has passed; whoever is cancelled, or `hurried`, goes on without a pause.

    Inside the `with` block nobody else decodes.
    """

    def __init__(self, desk: Desk, *, hurried: bool = False) -> None:
        self._desk = desk
        self._clock = desk.clock
        self._hurried = hurried
        self._has_turn = False
        self._due_ns = self._clock.now_ns() + SLICE_NS

    async def __aenter__(self) -> None:
        if not self._hurried:
            self._has_turn = await self._unless_cancelled(self._desk.turn.acquire())
            self._due_ns = self._clock.now_ns() + SLICE_NS
            await self.take()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._has_turn:
            self._has_turn = False
            self._desk.turn.release()

    async def take(self) -> None:
        """Give way if it is time to: for one request at most, so that work goes on where each of them is late."""
        now_ns = self._clock.now_ns()
        if self._hurried:
            return
        if self._desk.is_wanted(now_ns):
            await self._unless_cancelled(self._desk.passed())
        elif now_ns >= self._due_ns:
            await self._unless_cancelled(asyncio.sleep(0))
        else:
            return
        self._due_ns = self._clock.now_ns() + SLICE_NS

    async def _unless_cancelled(self, waiting: Awaitable[object]) -> bool:
        try:
            await waiting
        except asyncio.CancelledError:
            self._hurried = True
        return not self._hurried
