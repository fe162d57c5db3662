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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Generic

from lens_gate.artifacts.samples import Sample
from lens_gate.load.contract import Held, Money, RunEnd, RunnerSettings, Spread, StopSignal
from lens_gate.load.plan import PlannedRequest
from lens_gate.load.recorder import Recorder, unsent
from lens_gate.load.transport import Exchange, Transport, TransportFailure
from lens_gate.load.watch import Watch
from lens_gate.providers.base import HttpRequest
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase

LEAD_NS: Final = 20_000_000
"""From the start of `play` to the anchor, so that the first request is not late before it begins."""

LAG_INTERVAL_NS: Final = 20_000_000

DECODING_SLICE_NS: Final = 300_000
"""For how long an answer is decoded at a stretch: meanwhile no other one is read."""

FEWEST_BEYOND: Final = 2
"""A single pause in a short run is no habit: at least two more must be as long for a 99th percentile to show it."""

_SECRET_WORDS = ("key", "token", "auth", "secret", "cookie")
_SHORTEST_SECRET = 6


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
    with _unburdened_collector():
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


class _Run(Generic[Held]):
    def __init__(
        self,
        transport: Transport,
        settings: RunnerSettings,
        money: Money[Held],
        on_sample: Callable[[Sample], None],
        stop: StopSignal,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._money = money
        self._on_sample = on_sample
        self._stop = stop
        self._clock = settings.clock
        self.anchor_ns = self._clock.now_ns() + LEAD_NS
        self._watch = Watch(settings.patience)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._most_in_flight = 0
        self._scheduled = self._sent = self._shed = 0
        self._lateness: array[int] = array("q")
        self._lags: array[int] = array("q")
        self._examples: dict[tuple[str, ErrorClass], str] = {}
        self._defect: BaseException | None = None

    async def play(self, schedule: Iterable[PlannedRequest]) -> RunEnd:
        sending = asyncio.create_task(self._send(schedule))
        probe = asyncio.create_task(self._probe())
        stopped = asyncio.create_task(self._stop.stopped.wait())
        urgent = asyncio.create_task(self._stop.urgent.wait())
        cap = self._time_cap()
        try:
            await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            await _cancelled(sending)
            await self._answers(urgent)
        finally:
            cap.cancel()
            await _cancelled(sending, probe, stopped, urgent, *self._in_flight)
        if self._defect is not None:
            raise self._defect
        return self._end()

    async def _answers(self, urgent: asyncio.Task[bool]) -> None:
        """Wait for what is in flight; once it is urgent, only as long as the drain."""
        if not self._in_flight:
            return
        answered = asyncio.create_task(_all_done(self._in_flight))
        await asyncio.wait({answered, urgent}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({answered}, timeout=self._settings.drain_s)
        await _cancelled(answered)

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
        for planned in schedule:
            # What can be prepared is prepared before the instant, not at it.
            slot = _Slot(planned, _wire(planned), self.anchor_ns + planned.offset_ns, planned.phase)
            await self._clock.sleep_until(slot.intended_ns)
            if self._stop.stopped.is_set():
                return
            self._scheduled += 1
            self._lateness.append(max(0, self._clock.now_ns() - slot.intended_ns))
            if self._must_shed(planned):
                self._drop(slot)
                continue
            held = self._money.reserve(planned)
            if held is not None:
                self._start(slot, held)
            elif self._money.could_fit(planned):
                self._drop(slot)
            else:
                self._stop_for_money()
                return

    async def _closed_loop(self, schedule: Iterable[PlannedRequest], slots: int) -> None:
        free = asyncio.Semaphore(slots)
        await self._clock.sleep_until(self.anchor_ns)
        for planned in schedule:
            wire = _wire(planned)
            await free.acquire()
            now_ns = self._clock.now_ns()
            if self._stop.stopped.is_set() or self._over(now_ns):
                return
            self._scheduled += 1
            slot = _Slot(planned, wire, now_ns, self._phase(planned, now_ns))
            if planned.series.series in self._watch.given_up:
                self._drop(slot)
                free.release()
                continue
            held = await self._affordable(planned)
            if held is None:
                self._stop_for_money()
                return
            self._start(slot, held).add_done_callback(lambda _: free.release())

    async def _affordable(self, planned: PlannedRequest) -> Held | None:
        """Reserve, waiting for requests in flight to be settled where that may make room."""
        while (held := self._money.reserve(planned)) is None and self._in_flight and self._money.could_fit(planned):
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        return held

    def _over(self, now_ns: int) -> bool:
        duration_s = self._settings.duration_s
        return duration_s is not None and now_ns - self.anchor_ns >= duration_s * 1e9

    def _phase(self, planned: PlannedRequest, now_ns: int) -> Phase:
        phase_at = self._settings.phase_at
        return planned.phase if phase_at is None else phase_at(now_ns - self.anchor_ns)

    def _must_shed(self, planned: PlannedRequest) -> bool:
        most = self._settings.max_in_flight
        full = most is not None and len(self._in_flight) >= most
        return full or planned.series.series in self._watch.given_up

    def _drop(self, slot: _Slot) -> None:
        self._shed += 1
        self._on_sample(unsent(slot.planned, intended_ns=slot.intended_ns - self.anchor_ns, phase=slot.phase))

    def _stop_for_money(self) -> None:
        self._stop.request(Ending.COST_CAP, "the next request could have passed the cost cap, so it was not sent")

    def _start(self, slot: _Slot, held: Held) -> asyncio.Task[None]:
        self._sent += 1
        self._watch.sent(slot.planned.series.series)
        task = asyncio.create_task(self._exchange(slot, held))
        self._in_flight.add(task)
        self._most_in_flight = max(self._most_in_flight, len(self._in_flight))
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._defect = self._defect or error
            self._stop.request(Ending.INTERRUPTED)

    async def _exchange(self, slot: _Slot, held: Held) -> None:
        started_ns = self._clock.now_ns()
        recorder = Recorder(
            slot.planned,
            anchor_ns=self.anchor_ns,
            intended_ns=slot.intended_ns,
            phase=slot.phase,
            keep_chunks=self._settings.on_chunks is not None,
        )
        exchange = self._transport.exchange(slot.wire, self._settings.timeouts)
        failure: TransportFailure | None = None
        try:
            await exchange.carry_out()
        except TransportFailure as error:
            failure = error
        except asyncio.CancelledError:
            failure = _interruption(self._clock.now_ns(), started_ns)
        await self._decode(exchange, failure, recorder)
        self._keep(slot, recorder, held)

    async def _decode(self, exchange: Exchange, failure: TransportFailure | None, recorder: Recorder) -> None:
        """Decode a whole answer, letting others be read meanwhile; who is cancelled does it in one go."""
        hurried = False
        pause_ns = self._clock.now_ns() + DECODING_SLICE_NS
        try:
            for received in exchange.received():
                recorder.observe(received)
                if hurried or self._clock.now_ns() < pause_ns:
                    continue
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    hurried = True
                pause_ns = self._clock.now_ns() + DECODING_SLICE_NS
        except TransportFailure as error:
            failure = failure or error
        if failure is not None:
            recorder.fail(failure)

    def _keep(self, slot: _Slot, recorder: Recorder, held: Held) -> None:
        sample = recorder.finish()
        sample = replace(sample, cost_usd=self._money.settle(held, sample))
        if sample.error_class is not ErrorClass.NONE and recorder.message:
            example = redacted(recorder.message, slot.wire, slot.planned)
            self._examples.setdefault((sample.series, sample.error_class), example)
        self._on_sample(sample)
        if self._settings.on_chunks is not None:
            self._settings.on_chunks(sample.index, recorder.chunks)
        self._watch.ended(sample)
        verdict = self._watch.verdict()
        if verdict is not None:
            said = self._examples.get((sample.series, sample.error_class), sample.error_class.value)
            where = slot.planned.series.endpoint.base_url
            self._stop.request(verdict, f"{sample.series} at {where}: {said}")

    def _end(self) -> RunEnd:
        return RunEnd(
            ending=self._stop.ending or Ending.COMPLETE,
            message=self._stop.message,
            anchor_ns=self.anchor_ns,
            scheduled=self._scheduled,
            sent=self._sent,
            shed=self._shed,
            most_in_flight=self._most_in_flight,
            lateness=_spread(self._lateness),
            loop_lag=_spread(self._lags),
            given_up=dict(self._watch.given_up),
            examples=dict(self._examples),
        )


@dataclass(frozen=True, slots=True)
class _Slot:
    """A request that falls due, ready to be sent."""

    planned: PlannedRequest
    wire: HttpRequest
    intended_ns: int
    phase: Phase


def _wire(planned: PlannedRequest) -> HttpRequest:
    return planned.series.provider.build(planned.request, planned.series.endpoint)


def _interruption(now_ns: int, started_ns: int) -> TransportFailure:
    """Word the end of a request that was cut off by us; it counts as sent, since it may have been billed."""
    return TransportFailure(
        ErrorClass.INTERRUPTED, "the run was stopped before the answer ended", t_ns=now_ns, sent_ns=started_ns
    )


def redacted(message: str, wire: HttpRequest, planned: PlannedRequest) -> str:
    """Return `message` without the key and without any header that may hold one, in at most 300 characters."""
    key = planned.series.endpoint.api_key
    values = [key.get_secret_value()] if key is not None else []
    values += [value for name, value in wire.headers.items() if any(word in name.lower() for word in _SECRET_WORDS)]
    parts = {part for value in values for part in (value, *value.split()) if len(part) >= _SHORTEST_SECRET}
    for part in sorted(parts, key=len, reverse=True):
        message = message.replace(part, "[redacted]")
    return message[:300]


def _spread(values: array[int]) -> Spread:
    if not values:
        return Spread()
    ranked = sorted(values)
    last = len(ranked) - 1
    most = max(0, min(round(0.99 * last), last - FEWEST_BEYOND))
    return Spread(count=len(ranked), p50_ns=ranked[round(0.5 * last)], p99_ns=ranked[most], max_ns=ranked[-1])


async def _all_done(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


async def _cancelled(*tasks: asyncio.Task[object]) -> None:
    """Cancel `tasks` and wait until they have ended, however they did."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
