"""The slots of a closed loop: how they open at the start, and when one is free again after a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from lens_gate.load.arms.conversation import turns_of
from lens_gate.load.arms.plan import PlannedRequest


def opened_slots(openings_s: Iterable[float]) -> asyncio.Semaphore:
    """Return slots of which each is free after so many seconds."""
    free, loop = asyncio.Semaphore(0), asyncio.get_running_loop()
    for opening_s in openings_s:
        if opening_s > 0:
            loop.call_later(opening_s, free.release)
        else:
            free.release()
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
