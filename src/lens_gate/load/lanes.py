"""The slots of a closed loop: how they open at the start, and when one is free again after a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lens_gate.load.conversation import turns_of
from lens_gate.load.plan import PlannedRequest


def opened_slots(slots: int, *, over_s: float) -> asyncio.Semaphore:
    """Return so many slots, of which the first is free at once and the others evenly over `over_s` seconds."""
    if over_s <= 0:
        return asyncio.Semaphore(slots)
    free, loop = asyncio.Semaphore(1), asyncio.get_running_loop()
    for number in range(1, slots):
        loop.call_later(number * over_s / slots, free.release)
    return free


def released_after(slots: asyncio.Semaphore, planned: PlannedRequest) -> Callable[[asyncio.Task[None]], None]:
    """Return what frees the slot of a request, or of a whole conversation, once its user has thought."""
    *_, last = turns_of(planned)
    pause_s = last.pause_s

    def release(_: asyncio.Task[None]) -> None:
        if pause_s > 0:
            asyncio.get_running_loop().call_later(pause_s, slots.release)
        else:
            slots.release()

    return release
