"""Answers that have ended and wait to be decoded until nobody's time is measured any more."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from lens_gate.load.engine.tasks import cancelled

LIMIT_BYTES: Final = 512 * 1024**2
"""As much may wait; what ends beyond that makes the oldest answers be decoded, in slices, while the run goes on."""

_FREEZE_EVERY: Final = 512
"""Answers after which all that lives is kept out of garbage collection: a pass over what waits takes 0.1 s and more.
Nothing that a request leaves behind is in cycles, so that nothing is lost by it; the run's end undoes it."""

Answered = TypeVar("Answered")
Given_contra = TypeVar("Given_contra", contravariant=True)


class Conclude(Protocol[Given_contra]):
    """Decodes an answer; it is `pressing` where more of them wait than may."""

    async def __call__(self, answered: Given_contra, *, pressing: bool) -> None:
        """Decode it, and keep what it says."""
        ...


class Deferred(Generic[Answered]):
    """Keeps answers in the order of their ends; `conclude` decodes one of them, giving way to others.

    `on_end` is told of each task that decoded some: an error is in there. `count` is how many answers were kept.
    """

    def __init__(
        self,
        conclude: Conclude[Answered],
        *,
        on_end: Callable[[asyncio.Task[None]], None] = lambda _: None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.count = 0
        self._conclude = conclude
        self._on_end = on_end
        self._limit_bytes = limit_bytes
        self._waiting: deque[tuple[Answered, int]] = deque()
        self._bytes = 0
        self._emptying: asyncio.Task[None] | None = None

    def put(self, answered: Answered, size_bytes: int) -> None:
        """Keep an answer; the event loop must be running."""
        self.count += 1
        self._bytes += size_bytes
        self._waiting.append((answered, size_bytes))
        if self.count % _FREEZE_EVERY == 0:
            gc.freeze()
        if self._bytes > self._limit_bytes and (self._emptying is None or self._emptying.done()):
            self._emptying = self._begun(self._limit_bytes, pressing=True)

    async def finish(self) -> None:
        """Decode all that waits, letting others run meanwhile."""
        if self._emptying is not None:
            await asyncio.wait({self._emptying})
        self._emptying = self._begun(0, pressing=False)
        await asyncio.wait({self._emptying})

    async def finish_at_once(self) -> None:
        """Decode all that waits here and now: for a run that is being cancelled, and may be so once more."""
        if self._emptying is not None:
            await cancelled(self._emptying)
        await self._empty(0, pressing=False)

    def _begun(self, down_to_bytes: int, *, pressing: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._empty(down_to_bytes, pressing=pressing))
        task.add_done_callback(self._on_end)
        return task

    async def _empty(self, down_to_bytes: int, *, pressing: bool) -> None:
        while self._waiting and self._bytes > down_to_bytes:
            answered, size_bytes = self._waiting.popleft()
            self._bytes -= size_bytes
            await self._conclude(answered, pressing=pressing)
