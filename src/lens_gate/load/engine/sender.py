"""Sends one request to its end: every attempt that the rules allow, each when limits, breaker and money let it go."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import Held, Money, RunnerSettings, StopSignal
from lens_gate.load.engine.desk import Desk, Work
from lens_gate.load.engine.due import Slot
from lens_gate.load.limits.breaker import Ticket
from lens_gate.load.limits.breakers import Breakers
from lens_gate.load.limits.pacing import AnswerHead, Booking, Pacer
from lens_gate.load.limits.waits import asked_wait_s
from lens_gate.load.record.recorder import Recorder
from lens_gate.load.record.stalls import Stalls
from lens_gate.load.record.tries import Tries
from lens_gate.load.wire.transport import Exchange, Transport, TransportFailure
from lens_gate.vocabulary.requests import ErrorClass

_STRETCH: Final = 16
"""Parts of an answer that are decoded before the clock is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a sender must know of its run: where times count from, which series are given up, and our own stalls."""

    anchor_ns: int
    given_up: Container[str]
    stalls: Stalls


@dataclass(frozen=True, slots=True)
class Leave(Generic[Held]):
    """What an attempt needs to be sent: its money, the ticket of its breaker, and its place among its provider's."""

    held: Held
    ticket: Ticket
    booking: Booking | None


@dataclass(frozen=True, slots=True)
class Begun:
    """An exchange, and the instant at which it was sent or is about to be."""

    exchange: Exchange
    at_ns: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An exchange that has ended, and how it broke, if it did."""

    exchange: Exchange
    failure: TransportFailure | None

    @property
    def may_wait(self) -> bool:
        """Whether it is the whole of a successful answer: anything else may have to end the run."""
        status = self.exchange.status
        return self.failure is None and status is not None and 200 <= status < 300


class Sender(Generic[Held]):
    """Knows what stands before a request: `breakers`, `pacer`, and the money of the run."""

    def __init__(
        self, transport: Transport, settings: RunnerSettings, money: Money[Held], stop: StopSignal, run: Origin
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._money = money
        self._stop = stop
        self._clock = settings.clock
        self.desk = Desk(settings.clock)
        self._run = run
        self.breakers = Breakers(settings.failures.breaker, settings.on_breaker)
        self.pacer = Pacer(settings.pace, on_paced=settings.on_paced)

    async def exchange(self, slot: Slot, leave: Leave[Held], begun: Begun) -> tuple[Recorder, Tries]:
        """Wait for an answer, and send again where the rules say so; return what was recorded last, and all attempts.

        Each attempt is settled when it has ended.
        """
        tries, backoff_ns = Tries(), 0
        while True:
            recorder = await self.decoded(slot, await self.answered(begun))
            ended_ns = self._clock.now_ns()
            sample = recorder.finish(self._run.stalls, bill=partial(self._money.settle, leave.held))
            tries.add(sample, backoff_ns=backoff_ns)
            self.breakers.leave(slot.planned, leave.ticket, sample.error_class, ended_ns)
            answer = self._answer(recorder)
            if leave.booking is not None:
                self.pacer.heard(slot.planned, leave.booking, sample, answer, ended_ns)
            again = await self._again(slot, sample, answer, len(tries))
            if again is None:
                return recorder, tries
            leave, backoff_ns = again, self._clock.now_ns() - ended_ns
            begun = self.begun(slot)

    async def turn(
        self, planned: PlannedRequest, *, by_ns: int | None = None, due_ns: int | None = None
    ) -> Booking | None:
        """Wait until the provider's limits let a request go.

        None where the run ends, or `by_ns` passes, before, and where that is later than `due_ns` by more than the
        limits let it wait.
        """
        booking = self._booked(planned, due_ns)
        while booking is not None and (wait_ns := booking.at_ns - self._clock.now_ns()) > 0:
            if (by_ns is not None and booking.at_ns > by_ns) or not await self.waited(wait_ns / 1e9):
                return None
            if not self.pacer.holds(planned, booking):
                booking = self._booked(planned, due_ns)
        return booking

    def _booked(self, planned: PlannedRequest, due_ns: int | None) -> Booking | None:
        now_ns = self._clock.now_ns()
        return (
            self.pacer.book(planned, now_ns)
            if due_ns is None
            else self.pacer.book_in_time(planned, now_ns, due_ns=due_ns)
        )

    def _answer(self, recorder: Recorder) -> AnswerHead:
        now_s, told_s = self._settings.wall_s(), recorder.retry_after_s
        if told_s is None:
            told_s = asked_wait_s(recorder.headers, now_s=now_s)
        return AnswerHead(recorder.headers, told_s, now_s)

    async def _again(self, slot: Slot, sample: Sample, answer: AnswerHead, attempt: int) -> Leave[Held] | None:
        """Wait for the next attempt, and return its leave; None where there is to be none."""
        rules, planned = self._settings.failures, slot.planned
        wait_s = rules.retry.wait_s(sample, attempt=attempt, told_s=answer.told_wait_s, luck=rules.luck())
        if wait_s is None or not await self.waited(wait_s):
            return None
        booking = await self.turn(planned)
        now_ns = self._clock.now_ns()
        hopeless = planned.series.series in self._run.given_up or not self.breakers.passes(planned, now_ns)
        if booking is None or hopeless:
            return None
        held = self._money.reserve(planned, slot.wire)
        ticket = None if held is None else self.breakers.enter(planned, now_ns)
        return None if held is None or ticket is None else Leave(held, ticket, booking)

    async def waited(self, seconds: float) -> bool:
        """Wait, no shorter than that; False as soon as the run is stopped meanwhile."""
        until_ns = self._clock.now_ns() + round(seconds * 1e9)
        # A timer of an event loop may fire up to a millisecond early.
        while (left_ns := until_ns - self._clock.now_ns()) > 0:
            try:
                async with asyncio.timeout(left_ns / 1e9):
                    await self._stop.stopped.wait()
            except TimeoutError:
                continue
            except asyncio.CancelledError:
                return False
            return False
        return not self._stop.stopped.is_set()

    def begun(self, slot: Slot) -> Begun:
        """Send a request now, if a connection stands: a task of its own would only begin when all else has run."""
        begun = Begun(self._transport.exchange(slot.wire, self._settings.timeouts), self._clock.now_ns())
        begun.exchange.begin()
        return begun

    async def answered(self, begun: Begun) -> Answered:
        """Wait for the end of an answer, or for what came instead of it."""
        failure: TransportFailure | None = None
        try:
            await begun.exchange.carry_out()
        except TransportFailure as error:
            failure = error.with_traceback(None)  # it would hold this frame, which holds it
        except asyncio.CancelledError:
            failure = _interruption(self._clock.now_ns(), begun.at_ns)
        return Answered(begun.exchange, failure)

    async def decoded(self, slot: Slot, answered: Answered, *, pressing: bool = False) -> Recorder:
        """Decode a whole answer, giving way to others."""
        recorder = Recorder(
            slot.planned,
            anchor_ns=self._run.anchor_ns,
            intended_ns=slot.intended_ns,
            phase=slot.phase,
            keep_chunks=self._settings.on_chunks is not None,
        )
        await self.desk.carry_out(_decoding(recorder, answered), pressing=pressing)
        return recorder

    async def concluded(
        self, slot: Slot, leave: Leave[Held], answered: Answered, *, pressing: bool
    ) -> tuple[Recorder, Tries]:
        """Decode an answer whose end decides nothing any more, and settle it."""
        recorder, tries = await self.decoded(slot, answered, pressing=pressing), Tries()
        sample = recorder.finish(self._run.stalls, bill=partial(self._money.settle, leave.held))
        tries.add(sample, backoff_ns=0)
        return recorder, tries


def _decoding(recorder: Recorder, answered: Answered) -> Work:
    """Record an answer, and how it broke if it did."""
    head, times_ns, parts = answered.exchange.received()
    if head is not None:
        recorder.open(head)
    for at in range(0, len(parts), _STRETCH):
        recorder.take(times_ns[at : at + _STRETCH], parts[at : at + _STRETCH])
        yield
    if answered.failure is not None:
        recorder.fail(answered.failure)


def _interruption(now_ns: int, started_ns: int) -> TransportFailure:
    """Word the end of a request that was cut off by us; it counts as sent, since it may have been billed."""
    return TransportFailure(
        ErrorClass.INTERRUPTED, "the run was stopped before the answer ended", t_ns=now_ns, sent_ns=started_ns
    )
