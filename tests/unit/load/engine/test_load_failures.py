"""What a run does about failures: other tries, breakers, and giving up, on a scripted transport."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from lens_gate.artifacts.run import Plan
from lens_gate.artifacts.samples import Attempt, Sample, Samples
from lens_gate.config.resilience import Resilience
from lens_gate.config.validity import ValidityLimits
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.breaker import BreakerRules, State
from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.limits.error_rate import AbortRule
from lens_gate.load.limits.failure_rules import FailureRules, failure_rules
from lens_gate.load.limits.retry import RetryPolicy
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.trust.failures import opened, retried
from lens_gate.load.trust.validity import judge
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status
from tests.fakes.transport import FreeMoney, Reply, ScriptedTransport, a_request, a_series, paced

MS = 1_000_000
PLAN = Plan(
    arrival="fixed",
    requests_per_second=None,
    concurrency=None,
    requests=1,
    duration_s=None,
    warmup_s=0,
    cooldown_s=0,
    seed=0,
)
BUSY = Reply(b"busy", status=429)
BROKEN = Reply(b"broken", status=500)


class Played:
    """A run that is over."""

    def __init__(self, rules: FailureRules, *, money: FreeMoney | None = None, slots: int | None = None) -> None:
        self.rules = rules
        self.money = money or FreeMoney()
        self.slots = slots
        self.attempts: list[Attempt] = []
        self.samples: list[Sample] = []
        self.stop = StopSignal()

    def on(self, schedule: Iterable[PlannedRequest], transport: ScriptedTransport) -> RunEnd:
        async def main() -> RunEnd:
            return await play(
                schedule,
                transport=transport,
                settings=RunnerSettings(
                    failures=self.rules, on_attempts=self.attempts.extend, concurrency=self.slots, wall_s=lambda: 0.0
                ),
                money=self.money,
                on_sample=self.samples.append,
                stop=self.stop,
            )

        return asyncio.run(main())


def in_turn(*replies: Reply) -> ScriptedTransport:
    """Answer the first requests with these, and all others well."""
    left = list(replies)
    return ScriptedTransport(lambda _: left.pop(0) if left else Reply())


def tried(attempts: int, **policy: float) -> FailureRules:
    return FailureRules(
        retry=RetryPolicy(max_attempts=attempts, backoff="fixed", initial_delay_s=policy.get("delay_s", 0.03))
    )


def test_a_busy_provider_is_asked_again_and_all_is_timed_apart() -> None:
    played = Played(tried(3))
    end = played.on([a_request()], in_turn(BUSY, BROKEN))
    (sample,) = played.samples
    assert (sample.status, sample.attempts, sample.http_status) == (Status.OK, 3, 200)
    assert end.sent == 1
    first, second, third = played.attempts
    assert [row.attempt for row in played.attempts] == [1, 2, 3]
    assert [row.http_status for row in played.attempts] == [429, 500, 200]
    assert [row.error_class for row in played.attempts] == [
        ErrorClass.RATE_LIMIT,
        ErrorClass.API_ERROR,
        ErrorClass.NONE,
    ]
    assert first.backoff_ns == 0
    assert second.backoff_ns >= 30 * MS
    assert third.backoff_ns >= 30 * MS
    assert sample.intended_ns == 0
    assert sample.sent_ns == third.sent_ns
    assert sample.sent_ns is not None
    assert sample.sent_ns >= 60 * MS


def test_each_attempt_reserves_and_settles_its_own_money() -> None:
    money = FreeMoney()
    played = Played(tried(3), money=money)
    played.on([a_request()], in_turn(BROKEN, BROKEN))
    assert money.held == 0
    assert [status for _, status, _ in money.settled] == [500, 500, 200]
    assert played.samples[0].cost_usd == 3.0


def test_without_money_for_another_try_the_request_stays_as_it_is() -> None:
    money = FreeMoney(1)
    played = Played(tried(3), money=money)
    played.on([a_request()], in_turn(BROKEN))
    assert [(one.status, one.attempts) for one in played.samples] == [(Status.FAILED, 1)]
    assert (money.held, len(money.settled)) == (0, 1)


def test_by_default_nothing_is_tried_again() -> None:
    played = Played(FailureRules())
    transport = in_turn(BUSY)
    played.on([a_request()], transport)
    assert len(transport.urls) == 1
    assert [(one.status, one.attempts) for one in played.samples] == [(Status.THROTTLED, 1)]
    assert played.attempts == []


def test_the_last_failure_stands_where_no_try_succeeds() -> None:
    played = Played(tried(2, delay_s=0.0))
    played.on([a_request()], in_turn(BROKEN, BUSY))
    assert [(one.status, one.attempts) for one in played.samples] == [(Status.THROTTLED, 2)]


def test_a_date_to_come_back_at_is_waited_for() -> None:
    later = Reply(b"", status=429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"})
    long = Reply(b"", status=429, headers={"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"})
    waited = Played(tried(2, delay_s=0.0))
    waited.on([a_request()], in_turn(later))
    assert waited.samples[0].status is Status.OK
    assert waited.attempts[1].backoff_ns >= 1000 * MS
    left = Played(tried(2, delay_s=0.0))
    left.on([a_request()], in_turn(long))
    assert [(one.status, one.attempts) for one in left.samples] == [(Status.THROTTLED, 1)]


def stopping(played: Played, reply: Reply, ending: Ending) -> ScriptedTransport:
    """End the run 50 ms after its first request."""

    def answer(_: str) -> Reply:
        asyncio.get_running_loop().call_later(0.05, played.stop.request, ending, "enough")
        return reply

    return ScriptedTransport(answer)


def test_a_stop_ends_the_wait_for_another_try() -> None:
    played = Played(tried(2, delay_s=20.0))
    end = played.on([a_request(), a_request(1, offset_ns=10**12)], stopping(played, BUSY, Ending.DECIDED))
    assert end.ending is Ending.DECIDED
    assert [(one.status, one.attempts) for one in played.samples] == [(Status.THROTTLED, 1)]


def test_a_request_that_was_cut_off_is_not_tried_again() -> None:
    played = Played(tried(3))
    transport = stopping(played, Reply(wait_s=30), Ending.INTERRUPTED)
    played.on([a_request()], transport)
    assert [(one.error_class, one.attempts) for one in played.samples] == [(ErrorClass.INTERRUPTED, 1)]
    assert len(transport.urls) == 1


def broken(rules: BreakerRules | None = None) -> FailureRules:
    return FailureRules(breaker=rules or BreakerRules(failure_threshold=2, success_threshold=1, open_ns=80 * MS))


def statuses(samples: Iterable[Sample]) -> str:
    """One letter per request in the order of the schedule: ok, failed, shed."""
    return "".join(one.status.value[0] for one in sorted(samples, key=lambda one: one.index))


def test_an_open_breaker_sheds_until_a_single_request_finds_the_endpoint_well() -> None:
    played = Played(broken())
    transport = in_turn(BROKEN, BROKEN)
    end = played.on(paced(8, 0.02), transport)
    # Due every 20 ms: two fail, and 80 ms long nothing is sent.
    assert statuses(played.samples) == "ffsssooo" or statuses(played.samples) == "ffssssoo"
    assert [event.state for event in end.breaker] == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    assert end.shed == statuses(played.samples).count("s")
    assert len(transport.urls) == 8 - end.shed
    assert {one.error_class for one in played.samples if one.status is Status.SHED} == {ErrorClass.SHED}
    assert played.money.held == 0


def test_breakers_of_two_arms_and_two_providers_do_not_know_each_other() -> None:
    schedule = [
        a_request(n, offset_ns=n * 10 * MS, arm=arm, series=a_series(series))
        for n, (arm, series) in enumerate(
            [(Arm.BASE, "a/m"), (Arm.BASE, "a/m"), (Arm.BASE, "a/m"), (Arm.CANDIDATE, "a/m"), (Arm.BASE, "b/m")]
        )
    ]
    played = Played(broken())
    end = played.on(schedule, in_turn(BROKEN, BROKEN))
    assert statuses(played.samples) == "ffsoo"
    assert [(event.arm, event.provider, event.endpoint) for event in end.breaker] == [
        (Arm.BASE, "a", "http://127.0.0.1:1")
    ]


def test_a_closed_loop_does_not_shed_its_whole_schedule_while_the_breaker_is_open() -> None:
    played = Played(broken(), slots=1)
    end = played.on([a_request(n) for n in range(8)], in_turn(BROKEN, BROKEN))
    assert statuses(played.samples) == "ffsooooo"
    assert end.shed == 1


def test_a_request_is_not_tried_again_at_an_endpoint_whose_breaker_is_open() -> None:
    rules = replace(tried(5, delay_s=0.0), breaker=BreakerRules(failure_threshold=2, open_ns=10**12))
    played = Played(rules)
    transport = in_turn(*[BROKEN] * 5)
    played.on([a_request()], transport)
    assert len(transport.urls) == 2
    assert [(one.status, one.attempts) for one in played.samples] == [(Status.FAILED, 2)]


def test_a_run_ends_when_too_many_requests_fail_and_keeps_what_was_measured() -> None:
    played = Played(FailureRules(abort=AbortRule(percent=50, min_requests=4, window=4)))
    end = played.on(paced(200, 0.005), in_turn(Reply(), Reply(), *[BROKEN] * 200))
    assert end.ending is Ending.ERROR_RATE
    assert end.message == "line/one at http://127.0.0.1:1: 2 of the last 4 requests failed"
    assert end.given_up == {"line/one": Ending.ERROR_RATE}
    assert end.sent < 20
    assert statuses(played.samples).startswith("ooff")


@pytest.mark.parametrize("slots", [None, 1, 2])
def test_a_breaker_that_opens_holds_back_no_money(slots: int | None) -> None:
    """With two slots the second request waits for the money of the first, which opens the breaker."""
    money = FreeMoney(1, refund=1)
    played = Played(broken(BreakerRules(failure_threshold=1, open_ns=10**12)), money=money, slots=slots)
    played.on(paced(4, 0.02), in_turn(*[BROKEN] * 4))
    assert statuses(played.samples) == "fsss"
    assert money.held == 0
    assert [error for error, _, _ in money.settled] == [ErrorClass.API_ERROR, *[ErrorClass.SHED] * (slots == 2)]


def test_the_configuration_says_what_is_done() -> None:
    config = Resilience.model_validate(
        {
            "retries": {"max_attempts": 3, "backoff": "fibonacci", "initial_delay": "2s", "max_delay": "9s"},
            "circuit_breaker": {"enabled": True, "failure_threshold": 4, "success_threshold": 3, "timeout": "30s"},
            "abort": {"error_rate": 40, "min_requests": 10, "window": 50},
        }
    )
    rules = failure_rules(config, seed=3)
    assert rules.retry == RetryPolicy(max_attempts=3, backoff="fibonacci", initial_delay_s=2, max_delay_s=9)
    assert rules.breaker == BreakerRules(failure_threshold=4, success_threshold=3, open_ns=30_000_000_000)
    assert rules.abort == AbortRule(percent=40, min_requests=10, window=50)
    assert rules.need_answers
    again = failure_rules(config, seed=3)
    assert [rules.luck() for _ in range(3)] == [again.luck() for _ in range(3)]


def test_by_default_nothing_hangs_on_an_answer() -> None:
    rules = failure_rules(Resilience(), seed=0)
    assert (rules.retry.max_attempts, rules.breaker, rules.abort) == (1, None, None)
    assert not rules.need_answers


def test_validity_tells_of_other_tries_and_of_breakers() -> None:
    again = Played(tried(2, delay_s=0.03))
    end = again.on([a_request()], in_turn(BROKEN))
    samples = Samples.of(again.samples)
    checks = {check.name: check for check in judge(samples, end, PLAN, ValidityLimits()).checks}
    assert (checks["retried_share"].value, checks["retried_share"].ok) == (1.0, False)
    assert checks["breaker_openings"].ok
    # The wait before another try is ours, but no lateness of the instrument.
    assert checks["send_lateness_p99"].value is None
    assert retried(Samples.of([])).value is None


def test_each_opening_is_told_with_its_endpoint() -> None:
    events = [
        BreakerEvent(at_ns=at, arm=arm, provider=provider, endpoint="http://x", state=state)
        for at, arm, provider, state in [
            (1, Arm.BASE, "a", State.OPEN),
            (2, Arm.BASE, "a", State.HALF_OPEN),
            (3, Arm.BASE, "a", State.OPEN),
            (4, Arm.CANDIDATE, "b", State.OPEN),
        ]
    ]
    check = opened(tuple(events), 4)
    assert (check.value, check.ok, check.effect) == (3.0, False, "warn")
    assert "(that of a (base) 2 times, that of b (candidate) once)" in check.message
    assert (opened((), 4).ok, opened((), 4).value, opened((), 0).value) == (True, 0.0, None)
