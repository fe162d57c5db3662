"""When garbage is looked for while a run is on: seldom, and so that it is told as a lag of our own."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from lens_gate.load.engine.clock import Clock

EVERY_S: Final = 600.0
"""How seldom. A request leaves nothing in cycles, however it ended; another library that is at work may."""


@contextmanager
def unburdened_collector() -> Iterator[None]:
    """Keep Python from looking for garbage by itself: at a thousand requests per second its passes take up to 70 ms."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


async def collect_now_and_then(clock: Clock, held_up: Callable[[int, int], None], *, every_s: float = EVERY_S) -> None:
    """Look for garbage once in `every_s` seconds until cancelled; `held_up` is told when a pass began and ended."""
    while True:
        await asyncio.sleep(every_s)
        began_ns = clock.now_ns()
        gc.collect()
        held_up(began_ns, clock.now_ns())
