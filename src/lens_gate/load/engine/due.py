"""Requests that fall due, those that are held back among them, in the order of their instants. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from lens_gate.load.arms.per_request import PerRequest
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.limits.pacing import Booking
from lens_gate.providers.base import HttpRequest
from lens_gate.vocabulary.requests import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A request, ready to be sent at `intended_ns`; `due_ns` is when the schedule wanted it.

    The two differ only where it was held back to keep a rate limit: then `booking` is its place in the order.
    """

    planned: PlannedRequest
    wire: HttpRequest
    due_ns: int
    intended_ns: int
    phase: Phase
    booking: Booking | None = None


class Slots:
    """Prepares all of a request that can be prepared before its instant; one that is sent again is written once."""

    def __init__(self) -> None:
        self._wires: PerRequest[HttpRequest] = PerRequest()

    def of(self, planned: PlannedRequest, due_ns: int, phase: Phase) -> Slot:
        """Return the slot of a request that the schedule wants at `due_ns`."""
        wire = self._wires.of(planned, lambda: _written(planned))
        return Slot(planned=planned, wire=wire, due_ns=due_ns, intended_ns=due_ns, phase=phase)


def _written(planned: PlannedRequest) -> HttpRequest:
    return planned.series.provider.build(planned.request, planned.series.endpoint)


@dataclass(slots=True)
class DueOrder:
    """A schedule into which requests may be put back, at a later instant than their first."""

    upcoming: Iterator[Slot] = field(default_factory=lambda: iter(()))
    _back: list[tuple[int, int, Slot]] = field(default_factory=list)
    _next: Slot | None = None

    def __iter__(self) -> Iterator[Slot]:
        """Yield what is due next; the schedule is read no further than that takes."""
        following = next(self.upcoming, None)
        while following is not None or self._back:
            if self._back and (following is None or self._back[0][0] <= following.intended_ns):
                self._next = heappop(self._back)[-1]
                yield self._next
            elif following is not None:
                self._next = following
                yield following
                following = next(self.upcoming, None)

    def taken(self) -> None:
        """Take note that the instant of the request that was yielded last has come."""
        self._next = None

    def put_back(self, slot: Slot) -> None:
        """Take a request that has to wait."""
        heappush(self._back, (slot.intended_ns, slot.planned.index, slot))

    def left(self) -> Iterator[Slot]:
        """Yield, once, those that were put back and still wait, after a run was stopped."""
        if self._next is not None and self._next.booking is not None:
            yield self._next
        self._next = None
        while self._back:
            yield heappop(self._back)[-1]
