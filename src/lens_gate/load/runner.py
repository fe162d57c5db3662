"""Plays a schedule on a transport: when each request is sent, when the run stops, and what is kept.

Open loop: every request is sent at its own instant, whatever became of the others. Closed loop: so many slots, each
sending anew when its answer has ended. Neither waits for a canary: a refused key ends the run at the first refusal, so
at most the requests that fall due within one answer's time are sent.
"""

from __future__ import annotations

import asyncio
import gc
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final, Generic

from lens_gate.artifacts.samples import Sample
from lens_gate.load.breath import Breath
from lens_gate.load.busy import BusyMeter
from lens_gate.load.contract import Held, Money, RunEnd, RunnerSettings, Spread, StopSignal
from lens_gate.load.conversation import next_turn
from lens_gate.load.deferred import Deferred
from lens_gate.load.due import DueOrder, Slot, slot_of
from lens_gate.load.lanes import opened_slots, released_after
from lens_gate.load.pacing import Booking
from lens_gate.load.plan import PlannedRequest
from lens_gate.load.recorder import Recorder, unsent
from lens_gate.load.redaction import redacted
from lens_gate.load.sender import Answered, Leave, Origin, Sender
from lens_gate.load.tasks import all_done, cancelled
from lens_gate.load.transport import Transport
from lens_gate.load.tries import Tries
from lens_gate.load.watch import Watch
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase

LEAD_NS: Final = 20_000_000
"""From the start of `play` to the anchor, so that the first request is not late before it begins."""

LAG_INTERVAL_NS: Final = 20_000_000

SHEDDING_NS: Final = 1_000_000_000
"""For how long a request that is shed takes its slot of a closed loop, if the breaker stays open so long."""


async def play(
    schedule: Iterable[PlannedRequest],
    *,
    transport: Transport,
    settings: RunnerSettings,
    money: Money[Held],
    on_sample: Callable[[Sample], None],
    stop: StopSignal,
) -> RunEnd:
    """Send `schedule` and call `on_sample` for every request that ended or was shed, in the order of their ends.

    Whatever ends the run, each request that was sent has its sample; what is still in flight after the drain is
    recorded as interrupted. An error in `on_sample` or in a decoder ends the run and is raised.
    """
    with _unburdened_collector(), closing(settings.clock):
        run = _Run(transport, settings, money, on_sample, stop)
        settings.on_anchor(run.anchor_ns)
        return await run.play(schedule)


@contextmanager
def _unburdened_collector() -> Iterator[None]:
    """Keep everything that exists already out of garbage collection, so that no pass takes milliseconds."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


_Ended = tuple[Slot, Leave[Held], Answered]


class _Run(Generic[Held]):
    def __init__(
        self,
        transport: Transport,
        settings: RunnerSettings,
        money: Money[Held],
        on_sample: Callable[[Sample], None],
        stop: StopSignal,
    ) -> None:
        self._settings = settings
        self._money = money
        self._on_sample = on_sample
        self._stop = stop
        self._clock = settings.clock
        self.anchor_ns = self._clock.now_ns() + LEAD_NS - settings.begin_ns
        self._watch = Watch(settings.patience, settings.failures.abort)
        self._sender = Sender(
            transport, settings, money, stop, Origin(anchor_ns=self.anchor_ns, given_up=self._watch.given_up)
        )
        self._due = DueOrder()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._most_in_flight = 0
        self._scheduled = self._sent = self._shed = 0
        self._lateness: array[int] = array("q")
        self._lags: array[int] = array("q")
        self._examples: dict[tuple[str, ErrorClass], str] = {}
        self._deferred = (
            Deferred(self._conclude, self._clock, on_end=self._ended, limit_bytes=settings.defer_bytes)
            if settings.defer_bytes is not None
            else None
        )
        self._defect: BaseException | None = None
        self._cpu_share: float | None = None

    async def play(self, schedule: Iterable[PlannedRequest]) -> RunEnd:
        sending = asyncio.create_task(self._send(schedule))
        probe = asyncio.create_task(self._probe())
        stopped = asyncio.create_task(self._stop.stopped.wait())
        urgent = asyncio.create_task(self._stop.urgent.wait())
        cap = self._time_cap()
        busy = BusyMeter()
        try:
            await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self._cpu_share = busy.share()
            if sending.done():
                sending.result()
            await cancelled(sending)
            for slot in self._due.left():
                self._drop(slot)
            await self._answers(urgent)
            if self._deferred is not None:
                # Nobody's time is measured any more.
                cap.cancel()
                probe.cancel()
                await self._deferred.finish()
        finally:
            cap.cancel()
            await cancelled(sending, probe, stopped, urgent, *self._in_flight)
            if self._deferred is not None:
                await self._deferred.finish_at_once()
        if self._defect is not None:
            raise self._defect
        return self._end()

    async def _answers(self, urgent: asyncio.Task[bool]) -> None:
        """Wait for what is in flight; once it is urgent, only as long as the drain."""
        if not self._in_flight:
            return
        answered = asyncio.create_task(all_done(self._in_flight))
        await asyncio.wait({answered, urgent}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({answered}, timeout=self._settings.drain_s)
        await cancelled(answered)

    def _time_cap(self) -> asyncio.TimerHandle:
        seconds = self._settings.time_cap_s
        message = f"the run was stopped at its time cap of {seconds:g} s" if seconds is not None else None
        handle = asyncio.get_running_loop().call_later(seconds or 0, self._stop.request, Ending.TIME_CAP, message)
        if seconds is None:
            handle.cancel()
        return handle

    async def _probe(self) -> None:
        """Measure how late the event loop runs a timer, which is how late it may read a socket."""
        while True:
            due_ns = self._clock.now_ns() + LAG_INTERVAL_NS
            await asyncio.sleep(LAG_INTERVAL_NS / 1e9)
            self._lags.append(max(0, self._clock.now_ns() - due_ns))

    async def _send(self, schedule: Iterable[PlannedRequest]) -> None:
        slots = self._settings.concurrency
        await (self._open_loop(schedule) if slots is None else self._closed_loop(schedule, slots))

    async def _open_loop(self, schedule: Iterable[PlannedRequest]) -> None:
        self._due.upcoming = (slot_of(one, self.anchor_ns + one.offset_ns, one.phase) for one in schedule)
        for slot in self._due:
            await self._clock.sleep_until(slot.intended_ns)
            if self._stop.stopped.is_set():
                return
            self._due.taken()
            self._scheduled += slot.booking is None
            if self._must_shed(slot.planned) or (paced := self._paced(slot)) is None:
                self._drop(slot)
            elif paced.intended_ns > self._clock.now_ns():
                self._due.put_back(paced)
            elif not self._sent_in_time(paced):
                return

    def _paced(self, slot: Slot) -> Slot | None:
        """Give a slot the instant at which its provider's limits let it go; None where that is too late."""
        planned, booking, now_ns = slot.planned, slot.booking, self._clock.now_ns()
        if booking is None or not self._sender.pacer.holds(planned, booking):
            booking = self._sender.pacer.book_in_time(planned, now_ns, due_ns=slot.due_ns)
        if booking is None:
            return None
        # Where there is no wait the instant stays as it was: what is late then, is late by our fault.
        instant_ns = booking.at_ns if booking.at_ns > now_ns else slot.intended_ns
        return replace(slot, booking=booking, intended_ns=instant_ns)

    def _sent_in_time(self, slot: Slot) -> bool:
        """Send a request of an open loop at its instant, or shed it; False where the money has run out."""
        self._lateness.append(max(0, self._clock.now_ns() - slot.intended_ns))
        held = self._money.reserve(slot.planned)
        if held is not None:
            self._start(slot, held)
        elif self._money.could_fit(slot.planned):
            self._drop(slot)
        else:
            self._stop_for_money()
        return not self._stop.stopped.is_set()

    async def _closed_loop(self, schedule: Iterable[PlannedRequest], slots: int) -> None:
        await self._clock.sleep_until(self.anchor_ns + self._settings.begin_ns)
        free = opened_slots(slots, over_s=self._settings.ramp_up_s)
        for planned in schedule:
            ready = slot_of(planned, self.anchor_ns, planned.phase)
            await free.acquire()
            if self._loop_is_over():
                return
            shed = self._must_shed(planned)
            booking = None if shed else await self._sender.turn(planned, by_ns=self._end_ns())
            if booking is None and not shed:
                return
            self._scheduled += 1
            slot = self._due_now(ready, booking)
            if shed:
                self._drop(slot)
                self._free_later(free, planned)
                continue
            held = await self._affordable(planned)
            if held is None:
                self._stop_for_money()
                return
            if (sent := self._start(slot, held)) is None:
                self._free_later(free, planned)
            else:
                sent.add_done_callback(released_after(free, planned))

    def _due_now(self, slot: Slot, booking: Booking | None) -> Slot:
        now_ns = self._clock.now_ns()
        return replace(
            slot, booking=booking, due_ns=now_ns, intended_ns=now_ns, phase=self._phase(slot.planned, now_ns)
        )

    def _loop_is_over(self) -> bool:
        end_ns = self._end_ns()
        return self._stop.stopped.is_set() or (end_ns is not None and self._clock.now_ns() >= end_ns)

    def _end_ns(self) -> int | None:
        duration_s = self._settings.duration_s
        return None if duration_s is None else self.anchor_ns + round(duration_s * 1e9)

    def _free_later(self, slots: asyncio.Semaphore, planned: PlannedRequest) -> None:
        """Let a request that an open breaker shed take its time, or a slot would shed the whole schedule at once."""
        wait_ns = 0 if self._given_up(planned) else self._sender.breakers.wait_ns(planned, self._clock.now_ns())
        asyncio.get_running_loop().call_later(min(wait_ns, SHEDDING_NS) / 1e9, slots.release)

    async def _affordable(self, planned: PlannedRequest) -> Held | None:
        """Reserve, waiting for requests in flight to be settled where that may make room."""
        while (held := self._money.reserve(planned)) is None and self._in_flight and self._money.could_fit(planned):
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        return held

    def _phase(self, planned: PlannedRequest, now_ns: int) -> Phase:
        phase_at = self._settings.phase_at
        return planned.phase if phase_at is None else phase_at(now_ns - self.anchor_ns)

    def _must_shed(self, planned: PlannedRequest) -> bool:
        most = self._settings.max_in_flight
        full = most is not None and len(self._in_flight) >= most
        return full or self._given_up(planned) or not self._sender.breakers.passes(planned, self._clock.now_ns())

    def _given_up(self, planned: PlannedRequest) -> bool:
        return planned.series.series in self._watch.given_up

    def _drop(self, slot: Slot) -> Sample:
        self._shed += 1
        sample = unsent(slot.planned, intended_ns=slot.intended_ns - self.anchor_ns, phase=slot.phase)
        self._on_sample(sample)
        return sample

    def _stop_for_money(self) -> None:
        self._stop.request(Ending.COST_CAP, "the next request could have passed the cost cap, so it was not sent")

    def _start(self, slot: Slot, held: Held) -> asyncio.Task[None] | None:
        """Send, or shed where the breaker opened while money was waited for."""
        leave = self._leave(slot, held)
        if leave is None:
            return None
        # The next turn of a conversation needs the answer.
        deferred = None if slot.planned.follow_up is not None else self._deferred
        sending = self._converse(slot, leave) if deferred is None else self._put_off(deferred, slot, leave)
        task = asyncio.create_task(sending)
        self._in_flight.add(task)
        self._most_in_flight = max(self._most_in_flight, len(self._in_flight))
        task.add_done_callback(self._ended)
        return task

    def _leave(self, slot: Slot, held: Held) -> Leave[Held] | None:
        """Return what a request needs to be sent now; None, and shed, where its breaker is open."""
        ticket = self._sender.breakers.enter(slot.planned, self._clock.now_ns())
        if ticket is None:
            self._money.settle(held, self._drop(slot))
            return None
        self._sent += 1
        self._sender.pacer.went(slot.planned, slot.intended_ns - slot.due_ns)
        self._watch.sent(slot.planned.series.series)
        return Leave(held, ticket, slot.booking)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._defect = self._defect or error
            self._stop.request(Ending.INTERRUPTED)

    async def _converse(self, slot: Slot, leave: Leave[Held]) -> None:
        """Send a request, and one after the other the turns that follow it."""
        following: tuple[Slot, Leave[Held]] | None = (slot, leave)
        while following is not None:
            slot, leave = following
            recorder, tries = await self._sender.exchange(slot, leave)
            sample = self._keep(slot, recorder, tries)
            turn = next_turn(slot.planned, sample, recorder.answer)
            following = None if turn is None else await self._following(slot, turn)

    async def _put_off(self, deferred: Deferred[_Ended[Held]], slot: Slot, leave: Leave[Held]) -> None:
        """Send a request whose answer is decoded later, if it is one."""
        answered = await self._sender.answered(slot)
        if answered.may_wait:
            self._watch.answered(slot.planned)
            deferred.put((slot, leave, answered), answered.exchange.held_bytes)
        else:
            await self._conclude((slot, leave, answered), Breath(self._clock))

    async def _conclude(self, ended: _Ended[Held], breath: Breath) -> None:
        slot, leave, answered = ended
        recorder, tries = await self._sender.concluded(slot, leave, answered, breath)
        self._keep(slot, recorder, tries)

    async def _following(self, before: Slot, planned: PlannedRequest) -> tuple[Slot, Leave[Held]] | None:
        """Return the next turn, ready to be sent, when its user has thought; None where it is not to be sent."""
        pause_s = before.planned.pause_s
        due_ns = self._clock.now_ns() + round(pause_s * 1e9)
        if not await self._sender.waited(pause_s) or (booking := await self._sender.turn(planned)) is None:
            return None
        self._scheduled += 1
        prepared = slot_of(planned, due_ns, before.phase)
        slot = replace(prepared, booking=booking, intended_ns=max(due_ns, booking.at_ns))
        self._lateness.append(max(0, self._clock.now_ns() - slot.intended_ns))
        if self._must_shed(planned):
            self._drop(slot)
            return None
        held = self._money.reserve(planned)
        if held is not None:
            leave = self._leave(slot, held)
            return None if leave is None else (slot, leave)
        if self._money.could_fit(planned):
            self._drop(slot)
        else:
            self._stop_for_money()
        return None

    def _keep(self, slot: Slot, recorder: Recorder, tries: Tries) -> Sample:
        sample = tries.sample()
        if sample.error_class is not ErrorClass.NONE and recorder.message:
            example = redacted(recorder.message, slot.wire, slot.planned)
            self._examples.setdefault((sample.series, sample.error_class), example)
        self._settings.on_attempts(tries.rows())
        self._on_sample(sample)
        self._settings.kept(sample.index, slot.wire, recorder)
        self._watch.ended(sample)
        verdict = self._watch.verdict()
        if verdict is not None:
            error = self._examples.get((sample.series, sample.error_class), sample.error_class.value)
            said = self._watch.words.get(sample.series, error)
            where = slot.planned.series.endpoint.base_url.partition("?")[0]
            self._stop.request(verdict, f"{sample.series} at {where}: {said}")
        return sample

    def _end(self) -> RunEnd:
        return RunEnd(
            ending=self._stop.ending or Ending.COMPLETE,
            message=self._stop.message,
            anchor_ns=self.anchor_ns,
            scheduled=self._scheduled,
            sent=self._sent,
            shed=self._shed,
            most_in_flight=self._most_in_flight,
            lateness=Spread.of(self._lateness),
            loop_lag=Spread.of(self._lags),
            given_up=dict(self._watch.given_up),
            examples=dict(self._examples),
            breaker=self._sender.breakers.events(),
            paced=dict(self._sender.pacer.counts),
            cpu_share=self._cpu_share,
            deferred=None if self._deferred is None else self._deferred.count,
        )
