"""Where answers are decoded on the event loop, so that requests are sent in time, and sockets read meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lens_gate.load.engine.clock import Clock

SLICE_NS: Final = 300_000
"""For how long is decoded at a stretch: meanwhile nothing is read."""

CLEAR_NS: Final = 100_000
"""No stretch begins so shortly before a request is due."""

PATIENCE_NS: Final = 500_000_000
"""Who has waited for so long does not wait for sends as well, and a slice may then be as long as the pause before it.
Whether to go on is decided by answers that were decoded, and those that wait take memory: neither may grow without a
bound. Where half of the time is not enough the machine is at its end, which the run's validity tells."""

LONGEST_NS: Final = 3_000_000
"""Such a slice is no longer than this: what piles up meanwhile makes the next pause longer."""

Work = Iterator[None]
"""Something that can be left off after each step."""


@dataclass(slots=True)
class _Turn:
    """Work that waits since an instant; `over` tells its owner that it was done, or was broken off by an error."""

    since_ns: int
    work: Work
    over: asyncio.Future[None]
    error: Exception | None = None


class Desk:
    """Does one piece of work after the other: several at a time would make a request wait for a slice of each.

    Who sends by the clock tells it the next instant, and when that has passed. Nothing pauses once it is `hurried`.
    """

    def __init__(self, clock: Clock) -> None:
        self.hurried = False
        self._clock = clock
        self._taken = False
        self._waiting: deque[_Turn] = deque()
        self._rest: asyncio.Task[None] | None = None
        self._worked_ns = self._until_ns = 0
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

    async def carry_out(self, work: Work, *, pressing: bool = False) -> None:
        """Do `work` after all that came before it; who is cancelled meanwhile does the rest of his own at once.

        What is `pressing` is done as if it had waited long.
        """
        since_ns = self._clock.now_ns() - (PATIENCE_NS if pressing else 0)
        await (self._in_turn(work, since_ns) if self._taken else self._now(work, since_ns))

    async def close(self) -> None:
        """Wait until the turns are over whose owners are gone; nobody may come any more."""
        self.hurried = True
        if self._rest is not None:
            await asyncio.wait({self._rest})

    async def _in_turn(self, work: Work, since_ns: int) -> None:
        turn = _Turn(since_ns, work, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        try:
            await turn.over
        except asyncio.CancelledError:
            _finish(work)
        if turn.error is not None:
            raise turn.error

    async def _now(self, work: Work, since_ns: int) -> None:
        """Do what nothing stands before, but not what came meanwhile: that might have no end."""
        self._taken = True
        self._begin_slice()
        try:
            await self._do(work, since_ns)
        except asyncio.CancelledError:
            _finish(work)
        finally:
            self._serve()

    def _serve(self, _: object = None) -> None:
        """Do what waits, else free the desk: not before those whose turn is over went on, or they were overtaken.

        That must not hang on the task to which it is left, which may be cancelled before it has begun.
        """
        if self._waiting:
            self._rest = asyncio.create_task(self._do_rest())
            self._rest.add_done_callback(self._serve)
        else:
            self._taken = False

    async def _do_rest(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            turn.error = await self._outcome(turn)
            if not turn.over.done():  # else its owner was cancelled
                turn.over.set_result(None)

    async def _outcome(self, turn: _Turn) -> Exception | None:
        """Do its work, and return the error that broke it off: it is raised where the work came from."""
        try:
            try:
                await self._do(turn.work, turn.since_ns)
            except asyncio.CancelledError:  # the loop is about to be closed: those who wait need what they came for
                self.hurried = True
                _finish(turn.work)
        except Exception as error:  # noqa: BLE001 - whatever it is
            return error
        return None

    async def _do(self, work: Work, since_ns: int) -> None:
        await self._breathe(since_ns)
        for _ in work:
            await self._breathe(since_ns)

    def _begin_slice(self) -> None:
        """Begin a slice, unless there was work just now: many answers that end at once share one."""
        now_ns = self._clock.now_ns()
        if now_ns - self._worked_ns >= SLICE_NS:
            self._until_ns = now_ns + SLICE_NS

    async def _breathe(self, since_ns: int) -> None:
        """Give way if it is time to: for one request at most, so that work goes on where each of them is late."""
        now_ns = self._worked_ns = self._clock.now_ns()
        if self.hurried:
            return
        behind = now_ns - since_ns >= PATIENCE_NS
        if self._is_wanted(now_ns) and not behind:
            await self._passed.wait()
        elif now_ns >= self._until_ns:
            await asyncio.sleep(0)
        else:
            return
        resumed_ns = self._clock.now_ns()
        repaid_ns = min(resumed_ns - now_ns, LONGEST_NS) if behind else 0
        self._until_ns = resumed_ns + max(SLICE_NS, repaid_ns)

    def _is_wanted(self, now_ns: int) -> bool:
        """Say whether a request is about to be sent."""
        return self._due_ns is not None and now_ns >= self._due_ns - CLEAR_NS


def _finish(work: Work) -> None:
    for _ in work:
        pass
