"""Answers that wait to be decoded: none is lost, each says what it would have said at once, and memory is bounded."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.clock import MonotonicClock
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.deferred import Deferred
from lens_gate.load.engine.desk import Desk
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.watch import Watch
from lens_gate.load.record.run_end import RunEnd
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Status
from tests.fakes.transport import ANSWER, FreeMoney, Reply, ScriptedTransport, a_request, a_series, paced

LIMIT = 1_000_000
DEFERRING = RunnerSettings(defer_bytes=LIMIT)


class Played:
    """A run, its samples, and how many requests had been sent when each sample came."""

    def __init__(
        self,
        schedule: Sequence[PlannedRequest],
        *,
        transport: ScriptedTransport | None = None,
        settings: RunnerSettings = DEFERRING,
        stop_after: int | None = None,
    ) -> None:
        self.transport = transport or ScriptedTransport()
        self.money = FreeMoney()
        self.samples: list[Sample] = []
        self.sent_by_then: list[int] = []
        self._stop = StopSignal()
        self.end = asyncio.run(self._play(reaching(schedule, stop_after, self._stop.request), settings))

    async def _play(self, schedule: Iterable[PlannedRequest], settings: RunnerSettings) -> RunEnd:
        return await play(
            schedule,
            transport=self.transport,
            settings=settings,
            money=self.money,
            on_sample=self._note,
            stop=self._stop,
        )

    def _note(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.sent_by_then.append(len(self.transport.sent_ns))


def reaching(
    schedule: Iterable[PlannedRequest], index: int | None, then: Callable[[], object]
) -> Iterator[PlannedRequest]:
    """Pass the schedule on, and do something as soon as the request with this index is prepared."""
    for planned in schedule:
        if planned.index == index:
            then()
        yield planned


async def turns_until(reached: Callable[[], bool]) -> int:
    """Let everybody else run until something is so, and return how often."""
    until_s = time.monotonic() + 20
    for turn in count():
        if reached():
            return turn
        assert time.monotonic() < until_s
        await asyncio.sleep(0)
    raise AssertionError


def without_times(sample: Sample) -> Sample:
    blank = replace(sample, intended_ns=0, sent_ns=None, headers_ns=None, first_byte_ns=None, end_ns=None)
    return replace(blank, first_token_ns=None, first_visible_ns=None, last_token_ns=None)


@pytest.mark.parametrize("slots", [None, 3])
def test_answers_that_wait_are_decoded_after_the_last_one_has_ended_and_say_the_same(slots: int | None) -> None:
    late = Played(paced(12, 0.002), settings=RunnerSettings(concurrency=slots, defer_bytes=LIMIT))
    at_once = Played(paced(12, 0.002), settings=RunnerSettings(concurrency=slots))
    assert set(late.sent_by_then) == {12}
    assert at_once.sent_by_then[0] < 12
    found = [sorted(map(without_times, played.samples), key=lambda one: one.index) for played in (late, at_once)]
    assert found[0] == found[1]
    assert late.end.deferred == 12
    assert at_once.end.deferred is None
    assert late.money.held == 0


def test_an_answer_that_waits_keeps_the_times_of_its_reads() -> None:
    played = Played(paced(3, 0.05))
    # The transport stamps head and body of its answers alike, and the first is decoded 0.1 s later.
    assert all(sample.end_ns == sample.first_byte_ns == sample.headers_ns for sample in played.samples)


def test_what_is_no_success_is_decoded_at_once_and_may_end_the_run() -> None:
    played = Played(paced(200, 0.005), transport=ScriptedTransport(lambda _: Reply(status=401)))
    assert played.end.ending is Ending.AUTHENTICATION
    assert len(played.transport.sent_ns) < 200
    assert played.end.deferred == 0


def test_an_exchange_that_broke_does_not_wait() -> None:
    played = Played(paced(30, 0.01), transport=ScriptedTransport(lambda _: Reply(fails=ErrorClass.RESET)))
    assert played.sent_by_then[0] < 30
    assert {sample.error_class for sample in played.samples} == {ErrorClass.RESET}


def test_the_turns_of_a_conversation_are_decoded_at_once_for_the_next_one_carries_the_answer() -> None:
    conversation = replace(a_request(0), follow_up=a_request(1))
    played = Played([conversation, a_request(2, offset_ns=20_000_000)])
    assert [sample.index for sample in played.samples] == [0, 1, 2]
    assert played.end.deferred == 1


def test_answers_beyond_the_limit_are_decoded_meanwhile_the_oldest_first() -> None:
    played = Played(paced(40, 0.003), settings=RunnerSettings(defer_bytes=5 * (len(ANSWER) + 64)))
    assert played.sent_by_then[0] < 40
    assert played.sent_by_then[-5:] == [40] * 5
    assert [sample.index for sample in played.samples] == sorted(sample.index for sample in played.samples)
    assert played.end.deferred == 40


def test_a_run_that_is_interrupted_still_decodes_what_it_holds() -> None:
    played = Played(paced(400, 0.005), stop_after=40)
    assert played.end.ending is Ending.INTERRUPTED
    assert len(played.samples) == len(played.transport.sent_ns) == 40
    assert {sample.status for sample in played.samples} == {Status.OK}


def test_a_run_that_is_cancelled_still_decodes_what_it_holds() -> None:
    samples: list[Sample] = []

    async def main() -> None:
        def cancel() -> None:
            playing.cancel()

        playing: asyncio.Task[RunEnd] = asyncio.create_task(
            play(
                reaching(paced(400, 0.005), 40, cancel),
                transport=ScriptedTransport(),
                settings=RunnerSettings(defer_bytes=LIMIT),
                money=FreeMoney(),
                on_sample=samples.append,
                stop=StopSignal(),
            )
        )
        await playing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert len(samples) == 40
    # The last one may have been in flight.
    assert [sample.status for sample in samples].count(Status.OK) >= 39


@pytest.mark.parametrize("defer_bytes", [None, 100 * LIMIT], ids=["at once", "deferred"])
def test_a_run_that_is_cancelled_decodes_without_a_pause_and_leaves_no_task(defer_bytes: int | None) -> None:
    """Each answer takes some slices; between two of them everybody else would have a turn."""
    answers, release = 30, asyncio.Event()
    reply = Reply(body=b"text word\n" * 5_000 + b"end\n", wait_for=release)
    samples: list[Sample] = []
    transport = ScriptedTransport(lambda _: reply)

    async def played() -> set[asyncio.Task[object]]:
        before = asyncio.all_tasks()
        with suppress(asyncio.CancelledError):
            await play(
                paced(answers, 0.001),
                transport=transport,
                settings=RunnerSettings(defer_bytes=defer_bytes, drain_s=0),
                money=FreeMoney(),
                on_sample=samples.append,
                stop=StopSignal(),
            )
        return asyncio.all_tasks() - before

    async def main() -> tuple[int, set[asyncio.Task[object]]]:
        playing = asyncio.create_task(played())
        await turns_until(lambda: transport.waiting == answers)
        release.set()
        await turns_until(lambda: bool(samples) or transport.waiting == 0)
        playing.cancel()
        return await turns_until(playing.done), playing.result()

    turns, left = asyncio.run(main())
    assert (len(samples), left) == (answers, set())
    assert turns < answers / 2


@pytest.mark.parametrize("limit", [0, LIMIT], ids=["while it is sent", "at the end"])
def test_an_error_of_the_keeper_of_samples_is_raised(limit: int) -> None:
    def broken(_: Sample) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        await play(
            paced(5, 0.01),
            transport=ScriptedTransport(),
            settings=RunnerSettings(defer_bytes=limit),
            money=FreeMoney(),
            on_sample=broken,
            stop=StopSignal(),
        )

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_a_series_whose_answers_wait_is_not_taken_for_one_that_never_answered() -> None:
    planned = a_request(series=a_series())
    refused = replace(
        Played([planned], transport=ScriptedTransport(lambda _: Reply(status=401))).samples[0],
        error_class=ErrorClass.AUTHENTICATION,
    )
    watch, fresh = (Watch(frozenset({planned.series.series}), patience=3) for _ in range(2))
    watch.answered(planned)
    watch.ended(refused)
    fresh.ended(refused)
    assert not watch.given_up
    assert fresh.given_up


def test_what_is_more_than_may_wait_presses_and_the_rest_does_not() -> None:
    pressed: list[tuple[int, bool]] = []

    async def conclude(answered: int, *, pressing: bool) -> None:
        pressed.append((answered, pressing))

    async def main() -> None:
        deferred = Deferred(conclude, limit_bytes=2)
        for number in range(4):
            deferred.put(number, 1)
        await asyncio.sleep(0.01)
        await deferred.finish()

    asyncio.run(main())
    assert pressed == [(0, True), (1, True), (2, False), (3, False)]


def test_a_run_presses_for_what_is_more_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[bool] = []
    carry_out = Desk.carry_out

    async def noted(desk: Desk, work: Iterator[None], *, pressing: bool = False) -> None:
        pressed.append(pressing)
        await carry_out(desk, work, pressing=pressing)

    monkeypatch.setattr(Desk, "carry_out", noted)
    Played(paced(20, 0.003), settings=RunnerSettings(defer_bytes=5 * (len(ANSWER) + 64)))
    assert pressed == [True] * 15 + [False] * 5


def test_work_on_what_waits_lets_others_run() -> None:
    seen: list[int] = []

    def work(number: int) -> Iterator[None]:
        until_ns = time.perf_counter_ns() + 500_000
        while time.perf_counter_ns() < until_ns:
            pass
        seen.append(number)
        yield

    async def main() -> list[int]:
        desk = Desk(MonotonicClock())

        async def conclude(answered: int, *, pressing: bool) -> None:
            await desk.carry_out(work(answered), pressing=pressing)

        deferred = Deferred(conclude)
        for number in range(20):
            deferred.put(number, 1)
        finishing = asyncio.create_task(deferred.finish())
        looked = []
        while not finishing.done():
            looked.append(len(seen))
            await asyncio.sleep(0)
        return looked

    assert len(set(asyncio.run(main()))) > 10
    assert seen == list(range(20))


def test_what_waits_is_kept_out_of_garbage_collection() -> None:
    async def never(answered: list[int], *, pressing: bool) -> None:
        raise NotImplementedError

    deferred = Deferred(never)
    before = gc.get_freeze_count()
    try:
        for number in range(1000):
            deferred.put([number], 1)
        assert gc.get_freeze_count() >= before + 500
    finally:
        gc.unfreeze()
