"""The open loop: every request is sent at its own instant, whatever became of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Generic

from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import Held
from lens_gate.load.engine.due import DueOrder, Slot
from lens_gate.load.engine.flights import Flights


class OpenLoop(Generic[Held]):
    """Hands each request of a schedule to `flights` when it is due, or when its provider's limits let it go."""

    def __init__(self, flights: Flights[Held]) -> None:
        self._flights = flights
        self._clock = flights.clock
        self._due = DueOrder()

    async def send(self, schedule: Iterable[PlannedRequest]) -> None:
        """Send `schedule` to its end, or until the run is stopped."""
        anchor_ns = self._flights.anchor_ns
        slots = self._flights.slots
        self._due.upcoming = (slots.of(one, anchor_ns + one.offset_ns, one.phase) for one in schedule)
        try:
            await self._send()
        finally:
            # What is still held back is never sent.
            for slot in self._due.left():
                self._flights.leave_unsent(slot)

    async def _send(self) -> None:
        desk = self._flights.sender.desk
        for slot in self._due:
            desk.expect(slot.intended_ns)
            try:
                await self._clock.sleep_until(slot.intended_ns)
                if not self._goes_on_after(slot):
                    return
            finally:
                desk.go_on()

    def _goes_on_after(self, slot: Slot) -> bool:
        """Send, shed or put back a request whose instant has come; False where the run has been ended."""
        flights = self._flights
        if flights.stop.stopped.is_set():
            return False
        self._due.taken()
        if slot.booking is None:
            flights.fell_due()
        if flights.must_shed(slot.planned) or (paced := self._paced(slot)) is None:
            flights.drop(slot)
        elif paced.intended_ns > self._clock.now_ns():
            self._due.put_back(paced)
        else:
            return self._sent_in_time(paced)
        return True

    def _paced(self, slot: Slot) -> Slot | None:
        """Give a slot the instant at which its provider's limits let it go; None where that is too late."""
        pacer = self._flights.sender.pacer
        if not pacer.limits:
            return slot
        planned, booking, now_ns = slot.planned, slot.booking, self._clock.now_ns()
        if booking is None or not pacer.holds(planned, booking):
            booking = pacer.book_in_time(planned, now_ns, due_ns=slot.due_ns)
        if booking is None:
            return None
        # Where there is no wait the instant stays as it was: what is late then, is late by our fault.
        instant_ns = booking.at_ns if booking.at_ns > now_ns else slot.intended_ns
        return replace(slot, booking=booking, intended_ns=instant_ns)

    def _sent_in_time(self, slot: Slot) -> bool:
        """Send a request at its instant, or shed it; False where the run has been ended."""
        flights = self._flights
        flights.went_late(slot)
        held = flights.reserved(slot)
        if held is not None:
            flights.start(slot, held)
        return not flights.stop.stopped.is_set()
