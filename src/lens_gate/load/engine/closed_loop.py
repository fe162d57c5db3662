"""The closed loop: so many slots, each sending anew when its answer has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Generic

from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import Held
from lens_gate.load.engine.due import Slot
from lens_gate.load.engine.flights import Flights
from lens_gate.load.engine.lanes import opened_slots, released_after
from lens_gate.load.limits.pacing import Booking
from lens_gate.vocabulary.requests import Phase

SHEDDING_NS: Final = 1_000_000_000
"""For how long a request that is shed takes its slot, if the breaker stays open so long."""


class ClosedLoop(Generic[Held]):
    """Hands the requests of a schedule to `flights`, each as soon as one of `slots` is free."""

    def __init__(self, flights: Flights[Held], slots: int) -> None:
        self._flights = flights
        self._settings = flights.settings
        self._clock = flights.clock
        self._slots = slots

    async def send(self, schedule: Iterable[PlannedRequest]) -> None:
        """Send `schedule` to its end, or until the run is stopped or its time is over."""
        flights = self._flights
        await self._clock.sleep_until(flights.anchor_ns + self._settings.begin_ns)
        free = opened_slots(self._settings.share.openings_s(self._slots, self._settings.ramp_up_s))
        for planned in schedule:
            ready = flights.slots.of(planned, flights.anchor_ns, planned.phase)
            await free.acquire()
            if self._is_over():
                return
            shed = flights.must_shed(planned)
            booking = None if shed else await flights.sender.turn(planned, by_ns=self._end_ns())
            if booking is None and not shed:
                return
            flights.fell_due()
            slot = self._due_now(ready, booking)
            if shed:
                flights.drop(slot)
                self._free_later(free, planned)
                continue
            held = await flights.afforded(slot)
            if held is None:
                return
            if (sent := flights.start(slot, held)) is None:
                self._free_later(free, planned)
            else:
                sent.add_done_callback(released_after(free, planned))

    def _due_now(self, slot: Slot, booking: Booking | None) -> Slot:
        now_ns = self._clock.now_ns()
        return replace(
            slot, booking=booking, due_ns=now_ns, intended_ns=now_ns, phase=self._phase(slot.planned, now_ns)
        )

    def _phase(self, planned: PlannedRequest, now_ns: int) -> Phase:
        phase_at = self._settings.phase_at
        return planned.phase if phase_at is None else phase_at(now_ns - self._flights.anchor_ns)

    def _is_over(self) -> bool:
        end_ns = self._end_ns()
        return self._flights.stop.stopped.is_set() or (end_ns is not None and self._clock.now_ns() >= end_ns)

    def _end_ns(self) -> int | None:
        duration_s = self._settings.duration_s
        return None if duration_s is None else self._flights.anchor_ns + round(duration_s * 1e9)

    def _free_later(self, slots: asyncio.Semaphore, planned: PlannedRequest) -> None:
        """Let a request that an open breaker shed take its time, or a slot would shed the whole schedule at once."""
        flights = self._flights
        wait_ns = 0 if flights.given_up(planned) else flights.sender.breakers.wait_ns(planned, self._clock.now_ns())
        asyncio.get_running_loop().call_later(min(wait_ns, SHEDDING_NS) / 1e9, slots.release)
