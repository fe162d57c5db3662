"""Rate limits that all requests of a provider share: the pacer by itself, the order of what is due, and a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from typing_extensions import override

from lens_gate.artifacts.samples import Sample
from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.due import DueOrder, Slot, Slots
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.failure_rules import FailureRules
from lens_gate.load.limits.pacing import AnswerHead, Booking, PacedCount, PaceLimits, Pacer, expected_tokens
from lens_gate.load.limits.rate_limits import pace_limits, require_keepable
from lens_gate.load.limits.retry import RetryPolicy
from lens_gate.load.record.recorder import unsent
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.trust.failures import paced as paced_check
from lens_gate.providers.base import ChatRequest, Endpoint, HttpRequest
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status
from tests.fakes.transport import FreeMoney, LineProvider, Reply, ScriptedTransport, a_request, a_series, paced
from tests.plans import a_series as a_plan
from tests.plans import an_arm

MS = 1_000_000
S = 1_000_000_000
A, B = a_series("a/m"), a_series("b/m")
OF_A, OF_B = a_request(series=A), a_request(series=B)
BASE_OF_A = a_request(series=A, arm=Arm.BASE)
HEARD_NOTHING = AnswerHead({}, None, 0.0)


def one_a_second(max_wait_ns: int = 60 * S) -> PaceLimits:
    return PaceLimits(requests=60, max_wait_ns=max_wait_ns)


def answered(planned: PlannedRequest, status: int = 200, tokens: tuple[int, int] | None = None) -> Sample:
    sample = unsent(planned, intended_ns=0, phase=Phase.MEASURE)
    used = (None, None) if tokens is None else tokens
    well = Status.OK if status == 200 else Status.THROTTLED
    return replace(sample, http_status=status, status=well, input_tokens=used[0], output_tokens=used[1])


def test_both_arms_of_a_provider_share_its_limit_and_another_provider_does_not() -> None:
    pacer = Pacer({"a": one_a_second()})
    assert [pacer.book(one, 0).at_ns for one in (OF_A, BASE_OF_A, OF_B, OF_A)] == [0, S, 0, 2 * S]


def test_the_limit_of_all_together_holds_beside_those_of_each() -> None:
    pacer = Pacer({None: one_a_second(), "a": PaceLimits(requests=30)})
    assert [pacer.book(one, 0).at_ns for one in (OF_A, OF_B, OF_A)] == [0, S, 2 * S]


def test_a_request_that_would_wait_for_too_long_takes_no_place() -> None:
    pacer = Pacer({"a": one_a_second(max_wait_ns=S)})
    found = [pacer.book_in_time(OF_A, 0, due_ns=0) for _ in range(4)]
    assert [None if booking is None else booking.at_ns for booking in found] == [0, S, None, None]
    assert pacer.counts["a"].shed == 2
    later = pacer.book_in_time(OF_A, 2 * S, due_ns=2 * S)
    assert later is not None
    assert later.at_ns == 2 * S


def test_without_a_wait_a_request_is_never_too_late() -> None:
    pacer = Pacer({"a": one_a_second(max_wait_ns=0)})
    assert pacer.book_in_time(OF_A, 5 * S, due_ns=0) is not None
    assert pacer.book_in_time(OF_B, 5 * S, due_ns=0) is not None


def test_tokens_are_counted_with_the_longest_answer_and_given_back_when_it_was_shorter() -> None:
    request = replace(OF_A, prompt_characters=41, request=replace(OF_A.request, max_tokens=49))
    assert expected_tokens(request) == 60
    assert expected_tokens(OF_A) == 1001
    pacer = Pacer({"a": PaceLimits(tokens=60)})
    first = pacer.book(request, 0)
    assert pacer.book(request, 0).at_ns == 60 * S
    pacer.heard(request, first, answered(request, tokens=(7, 8)), HEARD_NOTHING, S)
    # 45 of 60 came back: the next may go when the 60 of the second are there, less 45.
    assert pacer.book(request, S).at_ns == 75 * S


def test_an_answer_that_nobody_counted_keeps_its_tokens_and_a_refusal_gives_them_back() -> None:
    request = replace(OF_A, request=replace(OF_A.request, max_tokens=59))
    for sample, next_s in ((answered(request), 60), (answered(request, 500), 0)):
        pacer = Pacer({"a": PaceLimits(tokens=60)})
        pacer.heard(request, pacer.book(request, 0), sample, HEARD_NOTHING, 0)
        assert pacer.book(request, 0).at_ns == next_s * S


SPENT = {
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "30s",
}


def test_a_providers_own_word_on_what_is_left_is_kept() -> None:
    pacer = Pacer({"a": PaceLimits()})
    pacer.heard(OF_A, pacer.book(OF_A, 0), answered(OF_A), AnswerHead(SPENT, None, 0.0), 0)
    assert [pacer.book(OF_A, 0).at_ns for _ in range(2)] == [3 * S, 6 * S]
    deaf = Pacer({"a": PaceLimits(from_headers=False)})
    deaf.heard(OF_A, deaf.book(OF_A, 0), answered(OF_A), AnswerHead(SPENT, None, 0.0), 0)
    assert deaf.book(OF_A, 0).at_ns == 0


def test_what_a_provider_says_is_no_matter_of_the_others() -> None:
    pacer = Pacer({None: PaceLimits(), "a": PaceLimits(), "b": PaceLimits()})
    pacer.heard(OF_A, pacer.book(OF_A, 0), answered(OF_A), AnswerHead(SPENT, None, 0.0), 0)
    assert pacer.book(OF_B, 0).at_ns == 0
    unlimited = Pacer({"b": PaceLimits()})
    unlimited.heard(OF_A, unlimited.book(OF_A, 0), answered(OF_A, 429), AnswerHead(SPENT, 9.0, 0.0), 0)
    assert unlimited.book(OF_A, 0).at_ns == 0


def test_a_provider_that_asks_for_quiet_gets_it_and_those_that_waited_go_one_after_the_other() -> None:
    pacer = Pacer({"a": one_a_second(), None: PaceLimits(requests=600)})
    first, second, third = (pacer.book(OF_A, 0) for _ in range(3))
    pacer.heard(OF_A, first, answered(OF_A, 429), AnswerHead({}, 10.0, 0.0), S // 2)
    # A shorter wait that is told later changes nothing.
    pacer.heard(OF_A, first, answered(OF_A, 429), AnswerHead({}, 1.0, 0.0), S)
    assert not pacer.holds(OF_A, second)
    assert not pacer.holds(OF_A, third)
    again = [pacer.book(OF_A, S) for _ in range(2)]
    assert [booking.at_ns for booking in again] == [10 * S + S // 2, 11 * S + S // 2]
    assert pacer.holds(OF_A, again[0])


def test_what_was_held_back_is_counted_by_provider() -> None:
    pacer = Pacer({"a": one_a_second()})
    pacer.went(OF_A, 0)
    pacer.went(OF_A, 2 * S)
    pacer.went(OF_A, S)
    assert pacer.counts == {"a": PacedCount(paced=2, shed=0, waited_ns=3 * S, longest_ns=2 * S)}
    check = paced_check(pacer.counts, 10)
    assert (check.value, check.ok, check.effect) == (0.2, False, "warn")
    assert "2 requests were held back to keep rate limits, by 3.0 s in all" in check.message
    assert (paced_check({}, 9).ok, paced_check({}, 9).value, paced_check({}, 0).value) == (True, 0.0, None)


def slots(*dues: int) -> list[Slot]:
    return [Slots().of(a_request(n, series=A), due, Phase.MEASURE) for n, due in enumerate(dues)]


def test_a_request_that_is_sent_again_is_written_once() -> None:
    prepared, first = Slots(), a_request(0, series=A)
    once = prepared.of(first, 0, Phase.MEASURE)
    again = prepared.of(replace(first, index=1), 10, Phase.WARMUP)
    other = prepared.of(a_request(2, series=A), 20, Phase.MEASURE)
    assert again.wire is once.wire
    assert other.wire is not once.wire
    assert (again.planned.index, again.due_ns, again.phase) == (1, 10, Phase.WARMUP)


def test_what_was_put_back_comes_in_the_order_of_the_instants() -> None:
    order = DueOrder(iter(slots(0, 10, 20, 30)))
    seen = []
    for slot in order:
        order.taken()
        seen.append((slot.planned.index, slot.intended_ns))
        if slot.intended_ns in (0, 10):
            order.put_back(replace(slot, intended_ns=25 - slot.planned.index, booking=Booking(0, 0, ())))
    assert seen == [(0, 0), (1, 10), (2, 20), (1, 24), (0, 25), (3, 30)]
    assert list(order.left()) == []


def test_the_schedule_is_read_no_further_than_to_the_next_request() -> None:
    read: list[int] = []

    def upcoming() -> Iterable[Slot]:
        for slot in slots(0, 10, 20):
            read.append(slot.due_ns)
            yield slot

    order = iter(DueOrder(iter(upcoming())))
    next(order)
    assert read == [0]


def test_those_that_wait_when_a_run_is_stopped_are_told_once() -> None:
    order = DueOrder(iter(slots(0, 10, 20)))
    for slot in order:
        if slot.booking is not None:
            break
        order.taken()
        order.put_back(replace(slot, intended_ns=slot.due_ns + 5, booking=Booking(0, 0, ())))
    assert sorted(slot.planned.index for slot in order.left()) == [0]
    assert list(order.left()) == []


def test_a_request_that_was_never_put_back_is_not_left_over() -> None:
    order = DueOrder(iter(slots(0, 10)))
    next(iter(order))
    assert list(order.left()) == []


class Played:
    """A run that is over."""

    def __init__(
        self,
        schedule: Iterable[PlannedRequest],
        limits: Mapping[str | None, PaceLimits],
        transport: ScriptedTransport | None = None,
        money: FreeMoney | None = None,
        **settings: object,
    ) -> None:
        self.samples: list[Sample] = []
        self.money = money or FreeMoney()
        self.transport = transport or ScriptedTransport()
        self.stop = StopSignal()
        self.end = asyncio.run(self._play(schedule, RunnerSettings(pace=limits, **settings)))  # type: ignore[arg-type]

    async def _play(self, schedule: Iterable[PlannedRequest], settings: RunnerSettings) -> RunEnd:
        def counted() -> Iterable[PlannedRequest]:
            for planned in schedule:
                if planned.index == 99:
                    asyncio.get_running_loop().call_later(0.05, self.stop.request, Ending.DECIDED, "decided")
                yield planned

        return await play(
            counted(),
            transport=self.transport,
            settings=settings,
            money=self.money,
            on_sample=self.samples.append,
            stop=self.stop,
        )


def test_requests_beyond_the_limit_are_sent_later_and_that_is_no_latency() -> None:
    # Due every 2 ms, while 1,200 a minute let 20 go at once, and then one every 50 ms.
    played = Played(paced(30, 0.002), {"line": PaceLimits(requests=1200)})
    assert played.end.scheduled == played.end.sent == 30
    intended = sorted(sample.intended_ns for sample in played.samples)
    assert intended[:20] == [n * 2 * MS for n in range(20)]
    gaps = [after - before for before, after in pairwise(intended[22:])]
    assert len(gaps) == 7
    assert all(abs(gap - 50 * MS) < MS for gap in gaps)
    count = played.end.paced["line"]
    assert count.paced >= 9
    assert 300 * MS < count.longest_ns < 600 * MS
    late = sorted((sample.sent_ns or 0) - sample.intended_ns for sample in played.samples)
    assert 0 <= late[15] < 20 * MS


def test_a_provider_that_waits_does_not_hold_up_another() -> None:
    schedule = [a_request(n, offset_ns=n * 5 * MS, series=(A, B)[n % 2]) for n in range(8)]
    played = Played(schedule, {"a": PaceLimits(requests=120)})
    of_b = [sample.intended_ns for sample in played.samples if sample.provider == "b"]
    assert of_b == [n * 5 * MS for n in (1, 3, 5, 7)]
    of_a = [sample.intended_ns for sample in played.samples if sample.provider == "a"]
    assert of_a[-1] > 1000 * MS


def test_a_request_that_would_wait_for_too_long_is_shed() -> None:
    played = Played(paced(6, 0.001), {"line": PaceLimits(requests=60, max_wait_ns=0)})
    assert [sample.status for sample in played.samples].count(Status.SHED) == 5
    assert (played.end.sent, played.end.shed, played.end.paced["line"].shed) == (1, 5, 5)


def a_talk() -> PlannedRequest:
    return replace(a_request(0), follow_up=a_request(1))


@pytest.mark.parametrize("slots", [None, 1])
@pytest.mark.parametrize("limits", [{}, {"line": PaceLimits(requests=60_000)}])
def test_a_turn_that_no_limit_holds_back_is_not_told_as_held_back(
    slots: int | None, limits: dict[str | None, PaceLimits]
) -> None:
    played = Played([a_talk()], limits, concurrency=slots)
    assert (played.end.sent, played.end.paced) == (2, {})


def test_what_a_rate_limit_still_holds_back_when_the_money_is_spent_is_told_as_capped() -> None:
    other = a_series("other/m")
    schedule = [a_request(0), a_request(1, offset_ns=MS), a_request(2, offset_ns=2 * MS, series=other)]
    played = Played(schedule, {"line": PaceLimits(requests=60)}, money=FreeMoney(1))
    assert played.end.ending is Ending.COST_CAP
    assert {sample.index: sample.error_class for sample in played.samples} == {0: ErrorClass.NONE, 1: ErrorClass.CAPPED}


def test_a_turn_that_would_wait_for_too_long_is_shed_too() -> None:
    played = Played([a_talk()], {"line": PaceLimits(requests=60, max_wait_ns=0)})
    assert [sample.status for sample in played.samples] == [Status.OK, Status.SHED]
    assert (played.end.scheduled, played.end.shed, played.end.paced["line"].shed) == (2, 1, 1)


def test_a_turn_in_a_closed_loop_waits_for_as_long_as_it_takes() -> None:
    played = Played([a_talk()], {"line": PaceLimits(requests=60, max_wait_ns=0)}, concurrency=1)
    assert [sample.status for sample in played.samples] == [Status.OK, Status.OK]
    assert played.samples[1].intended_ns - played.samples[0].intended_ns >= 900 * MS


def test_a_turn_that_takes_long_to_prepare_is_no_later_for_it() -> None:
    class Laborious(LineProvider):
        @override
        def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
            time.sleep(0.05)
            return super().build(request, endpoint)

    series = replace(a_series(), provider=Laborious())
    played = Played([replace(a_request(0, series=series), follow_up=a_request(1, series=series))], {})
    late = [(sample.sent_ns or 0) - sample.intended_ns for sample in played.samples]
    assert late[1] < 40 * MS


def test_a_stop_sheds_what_still_waits_and_every_request_is_told_once() -> None:
    schedule = [*paced(5, 0.001), a_request(99, offset_ns=10**12)]
    played = Played(schedule, {"line": PaceLimits(requests=60)})
    assert played.end.ending is Ending.DECIDED
    assert sorted(sample.index for sample in played.samples) == [0, 1, 2, 3, 4]
    assert [sample.status for sample in played.samples].count(Status.SHED) == played.end.shed == 4
    assert played.end.scheduled == 5


def test_a_closed_loop_waits_for_its_turn() -> None:
    played = Played([a_request(n) for n in range(24)], {"line": PaceLimits(requests=1200)}, concurrency=4)
    assert (played.end.sent, played.end.shed) == (24, 0)
    intended = sorted(sample.intended_ns for sample in played.samples)
    assert intended[-1] - intended[0] >= 190 * MS
    assert max((sample.sent_ns or 0) - sample.intended_ns for sample in played.samples) < 100 * MS


def test_a_closed_loop_ends_when_its_next_turn_comes_after_its_end() -> None:
    played = Played((a_request(n) for n in range(9)), {"line": PaceLimits(requests=6)}, concurrency=1, duration_s=0.2)
    assert played.end.ending is Ending.COMPLETE
    assert [sample.status for sample in played.samples] == [Status.OK]


def test_a_closed_loop_that_is_stopped_while_it_waits_ends() -> None:
    schedule = [a_request(), a_request(99)]
    played = Played(schedule, {"line": PaceLimits(requests=1)}, concurrency=1)
    assert played.end.ending is Ending.DECIDED
    assert [sample.index for sample in played.samples] == [0]


def test_quiet_that_is_asked_for_puts_off_all_that_follow() -> None:
    replies = [Reply(b"", status=429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"})]
    transport = ScriptedTransport(lambda _: replies.pop() if replies else Reply())
    played = Played(paced(3, 0.1), {"line": PaceLimits(requests=6000)}, transport, wall_s=lambda: 0.5)
    first, *others = sorted(played.samples, key=lambda sample: sample.index)
    assert first.error_class is ErrorClass.RATE_LIMIT
    assert all(sample.status is Status.OK for sample in others)
    assert min(sample.intended_ns for sample in others) >= 500 * MS
    assert played.end.paced["line"].paced == 2


def test_another_try_takes_a_place_of_its_own() -> None:
    replies = [Reply(b"", status=500)]
    transport = ScriptedTransport(lambda _: replies.pop() if replies else Reply())
    rules = FailureRules(retry=RetryPolicy(max_attempts=2, initial_delay_s=0.0))
    played = Played([a_request()], {"line": PaceLimits(requests=60)}, transport, failures=rules)
    (sample,) = played.samples
    assert (sample.status, sample.attempts) == (Status.OK, 2)
    assert (sample.sent_ns or 0) >= 1000 * MS


def config(**sections: object) -> Config:
    models = [{"id": "m"}]
    base: dict[str, object] = {"providers": [{"name": "a", "models": models}, {"name": "b", "models": models}]}
    return Config.model_validate({**base, **sections})


def test_the_configuration_says_which_limits_are_kept() -> None:
    assert pace_limits([config()]) == {}
    limited = {"name": "a", "models": ["m"], "rate_limits": {"requests_per_minute": 50, "max_wait": "5s"}}
    own = config(providers=[limited, {"name": "b", "models": ["m"]}])
    assert pace_limits([own]) == {"a": PaceLimits(requests=50, max_wait_ns=5 * S)}
    shared = {"rate_limits": {"tokens_per_minute": 1000, "from_headers": False}}
    together = pace_limits([config(cost_controls=shared), own])
    assert together == {
        None: PaceLimits(tokens=1000, from_headers=False),
        "a": PaceLimits(from_headers=False),
        "b": PaceLimits(from_headers=False),
    }


PACE = ScheduleSettings(arrival=Arrival.FIXED, rate=2.0, concurrency=None, duration_s=60, requests=None)
TWO = (a_plan("m", provider="a"), a_plan("m", provider="b"))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({None: PaceLimits(requests=100)}, "120 requests per minute of all providers together, and the limit is 100"),
        ({"a": PaceLimits(requests=50)}, "60 requests per minute of a, and the limit is 50"),
    ],
)
def test_a_rate_that_a_limit_does_not_allow_is_refused(limits: dict[str | None, PaceLimits], told: str) -> None:
    arms = (an_arm(series=TWO), an_arm(Arm.BASE, series=TWO))
    with pytest.raises(ConfigProblem, match=told) as caught:
        require_keepable(arms, PACE, limits)
    assert "Lower the rate to 1.667 requests per second" in (caught.value.hint or "")


def test_all_turns_of_conversations_count_against_a_limit() -> None:
    talking = replace(PACE, rate=1.0, turns=3.0)
    require_keepable([an_arm(series=TWO)], talking, {None: PaceLimits(requests=180)})
    with pytest.raises(ConfigProblem, match="180 requests per minute of all providers") as caught:
        require_keepable([an_arm(series=TWO)], talking, {None: PaceLimits(requests=60)})
    assert "Lower the rate to 0.3333 conversations of 3 requests per second" in (caught.value.hint or "")


def test_a_rate_within_the_limits_and_a_closed_loop_are_not() -> None:
    arms = (an_arm(series=TWO), an_arm(Arm.BASE, series=TWO))
    require_keepable(arms, PACE, {None: PaceLimits(requests=120), "a": PaceLimits(requests=60), "b": PaceLimits()})
    require_keepable(arms, replace(PACE, rate=None, concurrency=4), {None: PaceLimits(requests=1)})


def test_a_control_is_sent_its_share() -> None:
    arms = (an_arm(series=(TWO[0],)), an_arm(Arm.BASE, series=(TWO[1],)))
    settings = replace(PACE, control_share=0.25)
    require_keepable(arms, settings, {"b": PaceLimits(requests=30)})
    with pytest.raises(ConfigProblem, match="30 requests per minute of b"):
        require_keepable(arms, settings, {"b": PaceLimits(requests=29)})
