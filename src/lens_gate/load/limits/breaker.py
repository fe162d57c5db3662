"""A circuit breaker as a state machine: whether an endpoint that keeps failing is asked at all. Pure.

Closed: all requests pass, and so many failures in a row open it. Open: none passes until the time is over. Half-open:
one request at a time goes to try it out; so many successes in a row close it, one failure opens it again. (Nygard,
Release It!, 2007.)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from lens_gate.vocabulary.requests import ErrorClass

ASK_AGAIN_NS: Final = 100_000_000
"""How long to wait while somebody else is trying the endpoint out."""


class State(StrEnum):
    """The three states."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What the end of a request says of its endpoint; NEITHER tells nothing about its health."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """Failures in a row that open it, successes in a row that close it, and how long it stays open."""

    failure_threshold: int = 5
    success_threshold: int = 2
    open_ns: int = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """Stands for a request that was let through; what it says counts only in the period in which it was."""

    period: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state, and when."""

    at_ns: int
    state: State


class Breaker:
    """The breaker of one endpoint. Times are nanoseconds of any steady clock, and never run backwards."""

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._period = 0
        self._in_a_row = 0
        self._opened_ns = 0
        self._trying = False
        self.state = State.CLOSED
        self.changes: list[Change] = []

    def passes(self, now_ns: int) -> bool:
        """Say whether `enter` would let a request through."""
        match self.state:
            case State.CLOSED:
                return True
            case State.OPEN:
                return self._wait_ns(now_ns) == 0
            case State.HALF_OPEN:
                return not self._trying
            case _ as never:
                assert_never(never)

    def enter(self, now_ns: int) -> Ticket | None:
        """Let a request through, or not (None)."""
        if not self.passes(now_ns):
            return None
        if self.state is State.OPEN:
            self._become(State.HALF_OPEN, now_ns)
        self._trying = self.state is State.HALF_OPEN
        return Ticket(self._period)

    def leave(self, ticket: Ticket, verdict: Verdict, now_ns: int) -> None:
        """Take note of how a request ended that was let through; call it once for each ticket.

        What was sent in an earlier period says how the endpoint was then, and is not counted.
        """
        if ticket.period != self._period:
            return
        self._trying = False
        match verdict:
            case Verdict.NEITHER:
                pass
            case Verdict.FAILURE:
                self._failed(now_ns)
            case Verdict.SUCCESS:
                self._succeeded(now_ns)
            case _ as never:
                assert_never(never)

    def wait_ns(self, now_ns: int) -> int:
        """Return after how long it is worth asking again; 0 for at once."""
        if self.passes(now_ns):
            return 0
        return self._wait_ns(now_ns) if self.state is State.OPEN else ASK_AGAIN_NS

    def _wait_ns(self, now_ns: int) -> int:
        return max(0, self._opened_ns + self._rules.open_ns - now_ns)

    def _failed(self, now_ns: int) -> None:
        self._in_a_row += 1
        if self.state is State.HALF_OPEN or self._in_a_row >= self._rules.failure_threshold:
            self._opened_ns = now_ns
            self._become(State.OPEN, now_ns)

    def _succeeded(self, now_ns: int) -> None:
        if self.state is State.CLOSED:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= self._rules.success_threshold:
            self._become(State.CLOSED, now_ns)

    def _become(self, state: State, now_ns: int) -> None:
        self.state = state
        self._period += 1
        self._in_a_row = 0
        self.changes.append(Change(now_ns, state))


_WELL = frozenset(
    {ErrorClass.NONE, ErrorClass.REFUSED, ErrorClass.BUFFERED, ErrorClass.NOT_FOUND, ErrorClass.INVALID_REQUEST}
)
"""The endpoint did its part, whether or not the answer counts as measured."""

_SAYS_NOTHING = frozenset(
    {
        ErrorClass.RATE_LIMIT,
        ErrorClass.QUOTA,
        ErrorClass.AUTHENTICATION,
        ErrorClass.INTERRUPTED,
        ErrorClass.SHED,
        ErrorClass.CAPPED,
        ErrorClass.UNKNOWN,
    }
)
"""About us, our account or our run, not about the health of the endpoint."""


def verdict_of(error: ErrorClass) -> Verdict:
    """Say what the end of a request tells about the health of its endpoint."""
    if error in _WELL:
        return Verdict.SUCCESS
    return Verdict.NEITHER if error in _SAYS_NOTHING else Verdict.FAILURE
