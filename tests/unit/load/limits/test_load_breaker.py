from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lens_gate.load.limits.breaker import ASK_AGAIN_NS, Breaker, BreakerRules, State, Ticket, Verdict, verdict_of
from lens_gate.vocabulary.requests import ErrorClass

RULES = BreakerRules(failure_threshold=3, success_threshold=2, open_ns=100)


def entered(breaker: Breaker, now_ns: int) -> Ticket:
    ticket = breaker.enter(now_ns)
    assert ticket is not None
    return ticket


def state_of(breaker: Breaker) -> State:
    return breaker.state


def opened(at_ns: int = 0) -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(3):
        breaker.leave(entered(breaker, at_ns), Verdict.FAILURE, at_ns)
    assert state_of(breaker) is State.OPEN
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(RULES)
    for verdict in (Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS, Verdict.FAILURE, Verdict.FAILURE):
        breaker.leave(entered(breaker, 1), verdict, 1)
    assert state_of(breaker) is State.CLOSED
    breaker.leave(entered(breaker, 2), Verdict.FAILURE, 2)
    assert state_of(breaker) is State.OPEN


def test_what_says_nothing_of_the_endpoint_neither_counts_nor_breaks_the_row() -> None:
    breaker = Breaker(RULES)
    for verdict in (Verdict.FAILURE, Verdict.FAILURE, Verdict.NEITHER, Verdict.FAILURE):
        breaker.leave(entered(breaker, 1), verdict, 1)
    assert state_of(breaker) is State.OPEN


def test_an_open_one_lets_nothing_through_until_its_time_is_over() -> None:
    breaker = opened(at_ns=50)
    assert breaker.enter(149) is None
    assert breaker.wait_ns(60) == 90
    assert breaker.wait_ns(150) == 0
    assert breaker.enter(150) is not None
    assert state_of(breaker) is State.HALF_OPEN


def test_half_open_one_request_at_a_time_tries_the_endpoint_out() -> None:
    breaker = opened()
    first = entered(breaker, 100)
    assert breaker.enter(101) is None
    assert breaker.wait_ns(101) == ASK_AGAIN_NS
    breaker.leave(first, Verdict.SUCCESS, 102)
    assert state_of(breaker) is State.HALF_OPEN
    second = entered(breaker, 103)
    breaker.leave(second, Verdict.SUCCESS, 104)
    assert state_of(breaker) is State.CLOSED
    assert [(change.at_ns, change.state) for change in breaker.changes] == [
        (0, State.OPEN),
        (100, State.HALF_OPEN),
        (104, State.CLOSED),
    ]


def test_a_failure_while_trying_opens_it_for_the_whole_time_again() -> None:
    breaker = opened()
    breaker.leave(entered(breaker, 130), Verdict.FAILURE, 140)
    assert state_of(breaker) is State.OPEN
    assert breaker.enter(239) is None
    assert breaker.enter(240) is not None


def test_a_trial_that_says_nothing_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.leave(entered(breaker, 100), Verdict.NEITHER, 101)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.enter(102) is not None


def test_what_was_sent_before_it_opened_says_nothing_about_now() -> None:
    breaker = Breaker(RULES)
    early = [entered(breaker, 0) for _ in range(6)]
    for ticket in early[:3]:
        breaker.leave(ticket, Verdict.FAILURE, 10)
    breaker.leave(early[3], Verdict.FAILURE, 90)
    assert breaker.wait_ns(90) == 20
    trial = entered(breaker, 110)
    breaker.leave(early[4], Verdict.SUCCESS, 111)
    breaker.leave(early[5], Verdict.FAILURE, 112)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.enter(113) is None
    breaker.leave(trial, Verdict.SUCCESS, 114)
    assert state_of(breaker) is State.HALF_OPEN


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ErrorClass.NONE, Verdict.SUCCESS),
        (ErrorClass.REFUSED, Verdict.SUCCESS),
        (ErrorClass.INVALID_REQUEST, Verdict.SUCCESS),
        (ErrorClass.CONNECT, Verdict.FAILURE),
        (ErrorClass.TIMEOUT, Verdict.FAILURE),
        (ErrorClass.API_ERROR, Verdict.FAILURE),
        (ErrorClass.OVERLOADED, Verdict.FAILURE),
        (ErrorClass.CUT_STREAM, Verdict.FAILURE),
        (ErrorClass.RATE_LIMIT, Verdict.NEITHER),
        (ErrorClass.INTERRUPTED, Verdict.NEITHER),
    ],
)
def test_health_is_told_by_how_a_request_ended(error: ErrorClass, verdict: Verdict) -> None:
    assert verdict_of(error) is verdict


class BreakerMachine(RuleBasedStateMachine):
    """Drives a breaker against a model that is written the other way round: as the list of all that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.out: list[tuple[Ticket, State]] = []
        self.trials = 0

    @initialize(failures=st.integers(1, 4), successes=st.integers(1, 3), open_ns=st.integers(1, 50))
    def begin(self, failures: int, successes: int, open_ns: int) -> None:
        self.limits = BreakerRules(failure_threshold=failures, success_threshold=successes, open_ns=open_ns)
        self.breaker = Breaker(self.limits)

    @rule(by_ns=st.integers(0, 60))
    def time_passes(self, by_ns: int) -> None:
        self.now_ns += by_ns

    @rule()
    def a_request_falls_due(self) -> None:
        before, passes = self.breaker.state, self.breaker.passes(self.now_ns)
        wait_ns = self.breaker.wait_ns(self.now_ns)
        ticket = self.breaker.enter(self.now_ns)
        assert (ticket is not None) is passes
        assert (wait_ns == 0) is passes
        if before is State.OPEN and ticket is None:
            opened_ns = self.breaker.changes[-1].at_ns
            assert self.now_ns < opened_ns + self.limits.open_ns
            assert wait_ns == opened_ns + self.limits.open_ns - self.now_ns
        if before is State.CLOSED:
            assert ticket is not None
        if ticket is not None:
            self.out.append((ticket, self.breaker.state))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def a_request_ends(self, data: st.DataObject, verdict: Verdict) -> None:
        ticket, sent_in = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before, changes = self.breaker.state, len(self.breaker.changes)
        self.breaker.leave(ticket, verdict, self.now_ns)
        after = self.breaker.state
        allowed = {
            (State.CLOSED, State.OPEN): Verdict.FAILURE,
            (State.HALF_OPEN, State.OPEN): Verdict.FAILURE,
            (State.HALF_OPEN, State.CLOSED): Verdict.SUCCESS,
        }
        if before is not after:
            assert allowed[before, after] is verdict
            assert sent_in is before
        assert len(self.breaker.changes) - changes == (before is not after)

    @invariant()
    def at_most_one_trial_is_out_and_time_never_runs_back(self) -> None:
        if not hasattr(self, "breaker"):
            return
        if self.breaker.state is State.HALF_OPEN:
            current = max((ticket.period for ticket, _ in self.out), default=-1)
            trials = [t for t, sent_in in self.out if sent_in is State.HALF_OPEN and t.period == current]
            assert len(trials) <= 1
        times = [change.at_ns for change in self.breaker.changes]
        assert times == sorted(times)
        states = [State.CLOSED, *(change.state for change in self.breaker.changes)]
        assert states[-1] is self.breaker.state
        assert all(one is not other for one, other in pairwise(states))
        assert (State.CLOSED, State.HALF_OPEN) not in pairwise(states)
        assert (State.OPEN, State.CLOSED) not in pairwise(states)


BreakerMachine.TestCase.settings = settings(stateful_step_count=40)
test_a_breaker_keeps_its_rules_whatever_happens = BreakerMachine.TestCase
