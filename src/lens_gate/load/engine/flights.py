"""Requests that fall due: sent, shed, followed by the next turn, and kept when they have ended.

An open loop and a closed one differ in when they ask for that; what is then done is the same, and done here.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.conversation import next_turn
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import Held, Money, RunnerSettings, StopSignal
from lens_gate.load.engine.deferred import Deferred
from lens_gate.load.engine.due import Slot, Slots
from lens_gate.load.engine.sender import Answered, Begun, Leave, Origin, Sender
from lens_gate.load.engine.tasks import all_done, cancelled
from lens_gate.load.limits.watch import Watch
from lens_gate.load.record.recorder import Recorder, unsent
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.load.record.stalls import Stalls
from lens_gate.load.record.tries import Tries
from lens_gate.load.wire.transport import Transport
from lens_gate.providers.base import Usage
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass
from lens_gate.vocabulary.secrets import address_of

_EXAMPLE_CHARACTERS: Final = 300

_Ended = tuple[Slot, Leave[Held], Answered]


@dataclass(frozen=True, slots=True)
class Means(Generic[Held]):
    """What a run is played with; `on_sample` is called for every request that ended or was shed."""

    transport: Transport
    settings: RunnerSettings
    money: Money[Held]
    on_sample: Callable[[Sample], None]
    stop: StopSignal


class Flights(Generic[Held]):
    """Sends what a loop hands over, and counts; `anchor_ns` is the clock at offset 0.

    An error in `on_sample` or in a decoder stops the run, and `end` raises it.
    """

    def __init__(self, means: Means[Held], anchor_ns: int) -> None:
        self.anchor_ns = anchor_ns
        self.settings = settings = means.settings
        self.clock = settings.clock
        self.stop = means.stop
        self._money = means.money
        self._on_sample = means.on_sample
        self._watch = Watch(settings.series, settings.patience, settings.failures.abort)
        self.slots = Slots()
        self.stalls = Stalls()
        origin = Origin(anchor_ns=anchor_ns, given_up=self._watch.given_up, stalls=self.stalls)
        self.sender = Sender(means.transport, settings, means.money, means.stop, origin)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._scheduled = self._sent = self._shed = 0
        self._lateness: array[int] = array("q")
        self._examples: dict[tuple[str, ErrorClass], str] = {}
        self._deferred = (
            Deferred(self._conclude, on_end=self._ended, limit_bytes=settings.defer_bytes)
            if settings.defer_bytes is not None
            else None
        )
        self._defect: BaseException | None = None

    def fell_due(self) -> None:
        """Count a request whose instant has come."""
        self._scheduled += 1

    def went_late(self, slot: Slot) -> None:
        """Take note of how late a request is that goes now."""
        self._lateness.append(max(0, self.clock.now_ns() - slot.intended_ns))

    def must_shed(self, planned: PlannedRequest) -> bool:
        """Say whether a request is not to be sent: its series is not to be asked, or not now."""
        return self.given_up(planned) or not self.sender.breakers.passes(planned, self.clock.now_ns())

    def given_up(self, planned: PlannedRequest) -> bool:
        """Say whether the series of a request is sent nothing any more."""
        return planned.series.series in self._watch.given_up

    def drop(self, slot: Slot, why: ErrorClass = ErrorClass.SHED) -> Sample:
        """Shed a request, and return what is written of it."""
        self._shed += 1
        sample = unsent(slot.planned, intended_ns=slot.intended_ns - self.anchor_ns, phase=slot.phase, why=why)
        self._on_sample(sample)
        return sample

    def leave_unsent(self, slot: Slot) -> None:
        """Shed a request that was still held back when the run ended."""
        self.drop(slot, ErrorClass.CAPPED if self.stop.ending is Ending.COST_CAP else ErrorClass.SHED)

    def reserved(self, slot: Slot) -> Held | None:
        """Hold back what a request can cost; else shed it, or end the run where nothing will make room for it."""
        held = self._money.reserve(slot.planned, slot.wire)
        if held is None:
            if self._money.could_fit(slot.planned, slot.wire):
                self.drop(slot, ErrorClass.CAPPED)
            else:
                self._stop_for_money()
        return held

    async def afforded(self, slot: Slot) -> Held | None:
        """Hold back what a request can cost, when those in flight made room for it; None where the run ends instead."""
        asked = slot.planned, slot.wire
        while (held := self._money.reserve(*asked)) is None and self._in_flight and self._money.could_fit(*asked):
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        if held is None:
            self._stop_for_money()
        return held

    def _stop_for_money(self) -> None:
        cap = self.settings.cost_cap
        self.stop.request(Ending.COST_CAP, f"the next request could have passed {cap}, so it was not sent")

    def start(self, slot: Slot, held: Held) -> asyncio.Task[None] | None:
        """Send, or shed where the breaker opened while money was waited for."""
        leave = self._leave(slot, held)
        if leave is None:
            return None
        # The next turn of a conversation needs the answer.
        deferred = None if slot.planned.follow_up is not None else self._deferred
        now = slot, leave, self.sender.begun(slot)
        task = asyncio.create_task(self._converse(*now) if deferred is None else self._put_off(deferred, *now))
        self._in_flight.add(task)
        task.add_done_callback(self._ended)
        return task

    def _leave(self, slot: Slot, held: Held) -> Leave[Held] | None:
        """Return what a request needs to be sent now; None, and shed, where its breaker is open."""
        ticket = self.sender.breakers.enter(slot.planned, self.clock.now_ns())
        if ticket is None:
            self._money.settle(held, self.drop(slot).error_class, None, Usage())
            return None
        self._sent += 1
        self.sender.pacer.went(slot.planned, slot.intended_ns - slot.due_ns)
        return Leave(held, ticket, slot.booking)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._defect = self._defect or error
            self.stop.request(Ending.INTERRUPTED)

    async def _converse(self, slot: Slot, leave: Leave[Held], begun: Begun) -> None:
        """Wait for an answer, and send one after the other the turns that follow it."""
        while True:
            recorder, tries = await self.sender.exchange(slot, leave, begun)
            sample = self._keep(slot, recorder, tries)
            turn = next_turn(slot.planned, sample, recorder.text)
            following = None if turn is None else await self._following(slot, turn)
            if following is None:
                return
            slot, leave = following
            begun = self.sender.begun(slot)

    async def _put_off(self, deferred: Deferred[_Ended[Held]], slot: Slot, leave: Leave[Held], begun: Begun) -> None:
        """Wait for an answer that is decoded later, if it is one."""
        answered = await self.sender.answered(begun)
        if answered.may_wait:
            self._watch.answered(slot.planned)
            deferred.put((slot, leave, answered), answered.exchange.held_bytes)
        else:
            await self._conclude((slot, leave, answered), pressing=False)

    async def _conclude(self, answered: _Ended[Held], *, pressing: bool) -> None:
        slot, leave, exchanged = answered
        recorder, tries = await self.sender.concluded(slot, leave, exchanged, pressing=pressing)
        self._keep(slot, recorder, tries)

    async def _following(self, before: Slot, planned: PlannedRequest) -> tuple[Slot, Leave[Held]] | None:
        """Return the next turn, ready to be sent, when its user has thought; None where it is not to be sent."""
        slot = self._next_due(before, planned)
        if not await self.sender.waited((slot.due_ns - self.clock.now_ns()) / 1e9):
            return None
        is_open = self.settings.concurrency is None
        booking = await self.sender.turn(planned, due_ns=slot.due_ns if is_open else None)
        if booking is None and self.stop.stopped.is_set():
            return None
        self.fell_due()
        if booking is None or self.must_shed(planned):
            self.drop(slot)
            return None
        slot = replace(slot, booking=booking, intended_ns=booking.at_ns if booking.waits else slot.due_ns)
        self.went_late(slot)
        held = self.reserved(slot)
        leave = None if held is None else self._leave(slot, held)
        return None if leave is None else (slot, leave)

    def _next_due(self, before: Slot, planned: PlannedRequest) -> Slot:
        """Prepare the next turn: it falls due when its user has thought, though not before it is prepared."""
        thought_ns = self.clock.now_ns() + round(before.planned.pause_s * 1e9)
        slot = self.slots.of(planned, thought_ns, before.phase)
        due_ns = max(thought_ns, self.clock.now_ns())
        return replace(slot, due_ns=due_ns, intended_ns=due_ns)

    def _keep(self, slot: Slot, recorder: Recorder, tries: Tries) -> Sample:
        sample = tries.sample()
        kind = sample.series, sample.error_class
        if sample.error_class is not ErrorClass.NONE and recorder.message and kind not in self._examples:
            self._examples[kind] = self.settings.blot(recorder.message)[:_EXAMPLE_CHARACTERS]
        self.settings.on_attempts(tries.rows())
        self._on_sample(sample)
        self.settings.kept(sample.index, slot.wire, recorder)
        self._watch.ended(sample)
        verdict = self._watch.verdict()
        if verdict is not None:
            error = self._examples.get(kind, sample.error_class.value)
            said = self._watch.words.get(sample.series, error)
            self.stop.request(
                verdict, f"{sample.series} at {self._shown(slot.planned.series.endpoint.base_url)}: {said}"
            )
        return sample

    def _shown(self, url: str) -> str:
        """Return an address as it may be written down."""
        return self.settings.blot(address_of(url))

    async def answers(self, urgent: asyncio.Task[bool]) -> None:
        """Wait for what is in flight; once it is `urgent`, only as long as the drain."""
        if not self._in_flight:
            return
        answered = asyncio.create_task(all_done(self._in_flight))
        await asyncio.wait({answered, urgent}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({answered}, timeout=self.settings.drain_s)
        await cancelled(answered)

    async def decode_rest(self) -> None:
        """Decode what was put off, now that nobody's time is measured any more."""
        if self._deferred is not None:
            await self._deferred.finish()

    async def close(self) -> None:
        """Cut off what is in flight, and decode at once what was put off."""
        self.sender.desk.hurried = True
        if self._in_flight:
            await cancelled(*self._in_flight)
        if self._deferred is not None:
            await self._deferred.finish_at_once()
        await self.sender.desk.close()

    def end(self, *, loop_lag: Spread, cpu_share: float | None) -> RunEnd:
        """Return how the run ended; raises what stopped it by mistake."""
        if self._defect is not None:
            raise self._defect
        return RunEnd(
            ending=self.stop.ending or Ending.COMPLETE,
            message=self.stop.message,
            anchor_ns=self.anchor_ns,
            scheduled=self._scheduled,
            sent=self._sent,
            shed=self._shed,
            lateness=Spread.of(self._lateness),
            loop_lag=loop_lag,
            given_up=dict(self._watch.given_up),
            examples=dict(self._examples),
            breaker=tuple(replace(one, endpoint=self._shown(one.endpoint)) for one in self.sender.breakers.events()),
            paced=dict(self.sender.pacer.counts),
            cpu_share=cpu_share,
            deferred=None if self._deferred is None else self._deferred.count,
        )
