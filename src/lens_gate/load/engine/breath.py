"""Giving way during long work on the event loop, so that sockets are read and requests sent meanwhile."""

from __future__ import annotations

import asyncio
from typing import Final

from lens_gate.load.engine.clock import Clock

SLICE_NS: Final = 300_000
"""For how long answers are decoded at a stretch: meanwhile no other one is read."""


class Breath:
    """Lets others run whenever a slice has passed; whoever is cancelled, or `hurried`, goes on without a pause."""

    def __init__(self, clock: Clock, *, hurried: bool = False) -> None:
        self._clock = clock
        self._hurried = hurried
        self._due_ns = clock.now_ns() + SLICE_NS

    async def take(self) -> None:
        """Give way if it is time to."""
        if self._hurried or self._clock.now_ns() < self._due_ns:
            return
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._hurried = True
        self._due_ns = self._clock.now_ns() + SLICE_NS
