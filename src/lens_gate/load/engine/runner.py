"""Plays a schedule on a transport: when it begins and stops, and how late our own event loop was meanwhile.

A loop says when each request is sent (`open_loop`, `closed_loop`), `flights` what becomes of it. Neither loop waits for
a canary: a refused key ends the run at the first refusal, so at most the requests that fall due within one answer's
time are sent.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final, Generic

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.busy import BusyMeter
from lens_gate.load.engine.closed_loop import ClosedLoop
from lens_gate.load.engine.collector import collect_now_and_then, unburdened_collector
from lens_gate.load.engine.contract import Held, Money, RunnerSettings, StopSignal
from lens_gate.load.engine.flights import Flights, Means
from lens_gate.load.engine.open_loop import OpenLoop
from lens_gate.load.engine.tasks import cancelled
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.load.wire.transport import Transport
from lens_gate.vocabulary.outcomes import Ending

LEAD_NS: Final = 20_000_000
"""From the start of `play` to the anchor, so that the first request is not late before it begins."""

LAG_INTERVAL_NS: Final = 20_000_000


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
    with unburdened_collector(), closing(settings.clock):
        run = _Run(Means(transport, settings, money, on_sample, stop))
        settings.on_anchor(run.flights.anchor_ns)
        return await run.play(schedule)


class _Run(Generic[Held]):
    def __init__(self, means: Means[Held]) -> None:
        settings = means.settings
        self._settings = settings
        self._stop = means.stop
        self._clock = settings.clock
        anchor_ns = settings.anchor_ns
        if anchor_ns is None:
            anchor_ns = self._clock.now_ns() + LEAD_NS - settings.begin_ns
        self.flights = Flights(means, anchor_ns)
        slots = settings.concurrency
        self._loop = OpenLoop(self.flights) if slots is None else ClosedLoop(self.flights, slots)
        self._lags: array[int] = array("q")

    async def play(self, schedule: Iterable[PlannedRequest]) -> RunEnd:
        flights = self.flights
        sending = asyncio.create_task(self._loop.send(schedule))
        probe = asyncio.create_task(self._probe())
        collecting = asyncio.create_task(collect_now_and_then(self._clock, self._held_up))
        stopped = asyncio.create_task(self._stop.stopped.wait())
        urgent = asyncio.create_task(self._stop.urgent.wait())
        cap = self._time_cap()
        busy = BusyMeter()
        try:
            await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            cpu_share = busy.share()
            if sending.done():
                sending.result()
            await cancelled(sending)
            await flights.answers(urgent)
            cap.cancel()
            probe.cancel()
            await flights.decode_rest()
        finally:
            cap.cancel()
            await cancelled(sending, probe, collecting, stopped, urgent)
            await flights.close()
        return flights.end(loop_lag=Spread.of(self._lags), cpu_share=cpu_share)

    def _time_cap(self) -> asyncio.TimerHandle:
        seconds = self._settings.time_cap_s
        message = f"the run was stopped at its time cap of {seconds:g} s" if seconds is not None else None
        handle = asyncio.get_running_loop().call_later(seconds or 0, self._stop.request, Ending.TIME_CAP, message)
        if seconds is None:
            handle.cancel()
        return handle

    def _held_up(self, began_ns: int, ended_ns: int) -> None:
        self._lags.append(self.flights.stalls.held_up(began_ns, ended_ns))

    async def _probe(self) -> None:
        """Measure how late the event loop runs a timer, which is how late it may read a socket."""
        stalls = self.flights.stalls
        while True:
            stalls.expect(self._clock.now_ns() + LAG_INTERVAL_NS)
            await asyncio.sleep(LAG_INTERVAL_NS / 1e9)
            self._lags.append(stalls.ran(self._clock.now_ns()))
