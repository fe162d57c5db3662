"""The circuit breakers of a run: one for each endpoint of each provider, and for each arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.limits.breaker import Breaker, BreakerRules, Change, State, Ticket, verdict_of
from lens_gate.vocabulary.requests import Arm, ErrorClass

Lane = tuple[Arm, str, str]
"""Arm, provider and address."""

_NO_BREAKER = Ticket(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEvent:
    """A breaker changed its state; `at_ns` is on the transport's clock."""

    at_ns: int
    arm: Arm
    provider: str
    endpoint: str
    state: State


class Breakers:
    """Asks the breaker of a request's endpoint; without rules every request passes. `on_event` learns each change."""

    def __init__(self, rules: BreakerRules | None, on_event: Callable[[BreakerEvent], None] = lambda _: None) -> None:
        self._rules = rules
        self._on_event = on_event
        self._lanes: dict[Lane, Breaker] = {}

    def passes(self, planned: PlannedRequest, now_ns: int) -> bool:
        """Say whether a request would be let through."""
        return self._rules is None or self._breaker(planned, self._rules).passes(now_ns)

    def enter(self, planned: PlannedRequest, now_ns: int) -> Ticket | None:
        """Let a request through, or not (None)."""
        if self._rules is None:
            return _NO_BREAKER
        breaker = self._breaker(planned, self._rules)
        known = len(breaker.changes)
        ticket = breaker.enter(now_ns)
        self._tell(planned, breaker, known)
        return ticket

    def leave(self, planned: PlannedRequest, ticket: Ticket, error: ErrorClass, now_ns: int) -> None:
        """Take note of how an attempt ended."""
        if self._rules is not None:
            breaker = self._breaker(planned, self._rules)
            known = len(breaker.changes)
            breaker.leave(ticket, verdict_of(error), now_ns)
            self._tell(planned, breaker, known)

    def wait_ns(self, planned: PlannedRequest, now_ns: int) -> int:
        """Return after how long it is worth asking again; 0 for at once."""
        return 0 if self._rules is None else self._breaker(planned, self._rules).wait_ns(now_ns)

    def events(self) -> tuple[BreakerEvent, ...]:
        """Return all changes of state in their order."""
        found = [_event(lane, change) for lane, breaker in self._lanes.items() for change in breaker.changes]
        return tuple(sorted(found, key=lambda event: event.at_ns))

    def _tell(self, planned: PlannedRequest, breaker: Breaker, known: int) -> None:
        for change in breaker.changes[known:]:
            self._on_event(_event(_lane(planned), change))

    def _breaker(self, planned: PlannedRequest, rules: BreakerRules) -> Breaker:
        return self._lanes.setdefault(_lane(planned), Breaker(rules))


def _lane(planned: PlannedRequest) -> Lane:
    series = planned.series
    return planned.arm, series.provider_name, series.endpoint.base_url


def _event(lane: Lane, change: Change) -> BreakerEvent:
    arm, provider, endpoint = lane
    return BreakerEvent(at_ns=change.at_ns, arm=arm, provider=provider, endpoint=endpoint, state=change.state)
