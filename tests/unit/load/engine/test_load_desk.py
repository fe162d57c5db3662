"""Decoding in slices: behind whoever came before, and giving way to a request that is due and to the event loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator

import pytest
from typing_extensions import override

from lens_gate.load.engine.clock import MonotonicClock
from lens_gate.load.engine.desk import CLEAR_NS, LONGEST_NS, PATIENCE_NS, SLICE_NS, Desk


class _Hand(MonotonicClock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.t_ns = 1_000_000_000

    @override
    def now_ns(self) -> int:
        return self.t_ns


Play = Callable[[Desk, _Hand, list[str]], Coroutine[None, None, None]]


def _told(play: Play) -> list[str]:
    """Return what `play` tells, given a desk and its clock."""
    told: list[str] = []

    async def main() -> None:
        clock = _Hand()
        desk = Desk(clock)
        await asyncio.wait_for(play(desk, clock, told), 5)
        await asyncio.wait_for(desk.close(), 5)

    asyncio.run(main())
    return told


async def _turns() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


def _work(
    told: list[str], name: str, *, clock: _Hand | None = None, takes_ns: int = 0, steps: int = 2
) -> Iterator[None]:
    """Tell each step, as it begins; each takes so long."""
    for number in range(steps):
        told.append(f"{name} {number}")
        if clock is not None:
            clock.t_ns += takes_ns
        yield


def _begun(desk: Desk, *work: Iterator[None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(desk.carry_out(one)) for one in work]


async def _until(told: list[str], what: str) -> None:
    for _ in range(100):
        if what in told:
            return
        await asyncio.sleep(0)
    raise AssertionError(told)


def test_work_is_done_in_the_order_in_which_it_came_and_not_at_the_same_time() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        names = ("a", "b", "c", "d")
        await asyncio.gather(*_begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS) for one in names)))

    assert _told(play) == [f"{name} {number}" for name in "abcd" for number in range(2)]


def test_whoever_came_first_does_not_wait_for_those_that_came_after() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        [first, *others] = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS) for one in "abc"))
        await first
        told.append("a is done")
        await asyncio.gather(*others)

    told = _told(play)
    assert told.index("a is done") < told.index("b 1")


def test_nothing_is_begun_while_a_request_is_about_to_be_sent() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns + CLEAR_NS)
        [decoding] = _begun(desk, _work(told, "answer"))
        await _turns()
        told.append("sent")
        desk.go_on()
        await decoding

    assert _told(play) == ["sent", "answer 0", "answer 1"]


def test_work_goes_on_although_each_request_is_late() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        [decoding] = _begun(desk, _work(told, "answer"))
        await _turns()
        desk.go_on()
        desk.expect(clock.t_ns)
        await _turns()
        told.append("sent late")
        desk.go_on()
        await decoding

    assert _told(play) == ["answer 0", "sent late", "answer 1"]


def test_a_request_that_is_due_later_does_not_matter_yet() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns + CLEAR_NS + 1)
        await desk.carry_out(_work(told, "answer"))

    assert _told(play) == ["answer 0", "answer 1"]


@pytest.mark.parametrize(
    ("takes_ns", "order"), [(SLICE_NS, ["a 0", "other", "a 1"]), (SLICE_NS - 1, ["a 0", "a 1", "other"])]
)
def test_others_run_when_a_slice_has_passed(takes_ns: int, order: list[str]) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        asyncio.get_running_loop().call_soon(told.append, "other")
        await desk.carry_out(_work(told, "a", clock=clock, takes_ns=takes_ns))
        await _turns()

    assert [one for one in _told(play) if one in order] == order


def test_answers_that_end_together_share_a_slice() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        takes_ns = SLICE_NS // 2
        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=takes_ns, steps=1) for one in "abcd"))
        asyncio.get_running_loop().call_soon(told.append, "other")
        await asyncio.gather(*works)

    told = _told(play)
    assert told.index("other") == 2


def test_after_a_while_a_new_slice_begins() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        await desk.carry_out(_work(told, "a", clock=clock, takes_ns=SLICE_NS - 1, steps=1))
        clock.t_ns += SLICE_NS
        asyncio.get_running_loop().call_soon(told.append, "other")
        await desk.carry_out(_work(told, "b", clock=clock, takes_ns=SLICE_NS - 1, steps=1))

    assert _told(play)[:2] == ["a 0", "b 0"]


@pytest.mark.parametrize("waited_ns", [PATIENCE_NS, PATIENCE_NS - 1])
def test_who_has_waited_long_waits_for_no_send(waited_ns: int) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        works = _begun(desk, _work(told, "a"), _work(told, "b"), _work(told, "c"))
        await _turns()
        assert told == []
        clock.t_ns += waited_ns
        desk.go_on()
        desk.expect(clock.t_ns)
        await _turns()
        told.append("sent")
        desk.go_on()
        desk.expect(clock.t_ns + SLICE_NS)
        await asyncio.gather(*works)

    late = waited_ns >= PATIENCE_NS
    assert (_told(play).index("sent") > 1) is late


@pytest.mark.parametrize(("paused_ns", "steps"), [(5 * SLICE_NS, 5), (4 * LONGEST_NS, LONGEST_NS // SLICE_NS)])
def test_a_slice_of_whoever_has_waited_long_is_as_long_as_the_pause_before_it_within_bounds(
    paused_ns: int, steps: int
) -> None:
    """So that decoding has half of the time, whatever else there is to do, unless that takes long at a time."""

    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        async def busy() -> None:
            while not all(work.done() for work in works):
                clock.t_ns += paused_ns
                told.append("other")
                await asyncio.sleep(0)

        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS, steps=40) for one in "abc"))
        await _until(told, "a 1")
        clock.t_ns += PATIENCE_NS
        await asyncio.gather(busy(), *works)

    told = _told(play)
    decoding = " ".join("." if one != "other" else " " for one in told[told.index("b 2") : told.index("b 38")])
    slices = [one.count(".") for one in decoding.split("   ")]
    assert set(slices[1:-1]) == {steps}


@pytest.mark.parametrize("due", [True, False])
def test_whoever_is_cancelled_while_waiting_goes_on_without_a_pause(due: bool) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        ahead = [] if due else _begun(desk, _work(told, "ahead", clock=clock, takes_ns=SLICE_NS, steps=9))
        if due:
            desk.expect(clock.t_ns)
        [decoding] = _begun(desk, _work(told, "answer"))
        await asyncio.sleep(0)
        decoding.cancel()
        await decoding
        told.append("done")
        await asyncio.gather(*ahead)

    told = _told(play)
    assert [one for one in told if one.startswith(("answer", "done"))] == ["answer 0", "answer 1", "done"]
    assert due or told[-1] == "ahead 8"


def test_work_whose_owner_was_cancelled_does_not_hold_up_those_after_it() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS, steps=6) for one in "abc"))
        await _until(told, "b 2")
        works[1].cancel()
        await asyncio.gather(*works)

    told = _told(play)
    assert sorted(told) == sorted(f"{one} {number}" for one in "abc" for number in range(6))


def _broken(told: list[str], clock: _Hand) -> Iterator[None]:
    told.append("broken")
    clock.t_ns += SLICE_NS
    yield
    raise ZeroDivisionError


def test_an_error_is_raised_where_the_work_came_from_and_the_rest_is_done() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        works = _begun(desk, _broken(told, clock), _broken(told, clock), _work(told, "whole"), _broken(told, clock))
        ended = await asyncio.gather(*works, return_exceptions=True)
        told += [type(one).__name__ for one in ended]

    told = _told(play)
    assert told[-4:] == ["ZeroDivisionError", "ZeroDivisionError", "NoneType", "ZeroDivisionError"]
    assert told[:-4] == ["broken", "broken", "whole 0", "whole 1", "broken"]


def test_an_error_is_raised_although_its_owner_is_cancelled_just_then() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        def last(owner: int) -> Iterator[None]:
            yield
            works[owner].cancel()
            raise ZeroDivisionError

        ahead = _work(told, "ahead", clock=clock, takes_ns=SLICE_NS)
        works = _begun(desk, ahead, last(1))
        ended = await asyncio.gather(*works, return_exceptions=True)
        told += [type(one).__name__ for one in ended]

    assert _told(play)[-2:] == ["NoneType", "ZeroDivisionError"]


def test_an_error_that_was_told_is_not_lost_by_a_cancellation_that_follows() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        def broken() -> Iterator[None]:
            yield
            asyncio.get_running_loop().call_soon(works[1].cancel)
            raise ZeroDivisionError

        works = _begun(desk, _work(told, "ahead", clock=clock, takes_ns=SLICE_NS), broken())
        ended = await asyncio.gather(*works, return_exceptions=True)
        told += [type(one).__name__ for one in ended]

    assert _told(play)[-2:] == ["NoneType", "ZeroDivisionError"]


def test_who_waits_gets_what_he_came_for_although_all_tasks_are_cancelled() -> None:
    """As a loop does that is about to be closed."""

    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        before = asyncio.all_tasks()
        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS, steps=6) for one in "abc"))
        await _until(told, "b 2")
        others = asyncio.all_tasks() - before
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await desk.carry_out(_work(told, "later", clock=clock))
        await asyncio.gather(*works)

    told = _told(play)
    assert sorted(told[:-2]) == sorted(f"{one} {number}" for one in "abc" for number in range(6))
    assert told[-2:] == ["later 0", "later 1"]


def test_work_goes_on_without_a_pause_where_only_the_task_that_does_it_is_cancelled() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        before = asyncio.all_tasks()
        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS, steps=6) for one in "abc"))
        await _until(told, "b 2")
        [rest] = asyncio.all_tasks() - before - set(works)
        rest.cancel()
        asyncio.get_running_loop().call_soon(told.append, "other")
        await asyncio.gather(*works)

    told = [one for one in _told(play) if one != "other"]
    assert told == [f"{one} {number}" for one in "abc" for number in range(6)]


def test_who_waits_is_served_although_all_tasks_are_cancelled_as_soon_as_his_turn_comes() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        before = asyncio.all_tasks()

        async def first() -> None:
            await desk.carry_out(_work(told, "a", clock=clock, takes_ns=SLICE_NS))
            for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
                task.cancel()

        works = [asyncio.create_task(first()), *_begun(desk, _work(told, "b"), _work(told, "c"))]
        await asyncio.gather(*works)
        served, _ = await asyncio.wait(_begun(desk, _work(told, "later")), timeout=2)
        assert served

    told = _told(play)
    assert told[:2] == ["a 0", "a 1"]
    assert sorted(told[2:6]) == ["b 0", "b 1", "c 0", "c 1"]
    assert told[6:] == ["later 0", "later 1"]


@pytest.mark.parametrize("seed", range(40))
def test_owners_go_on_in_the_order_in_which_they_came(seed: int) -> None:
    luck = random.Random(seed)

    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        async def owner(number: int) -> None:
            for _ in range(luck.randint(0, 12)):
                await asyncio.sleep(0)
            told.append(f"in {number}")
            takes_ns = luck.choice([1, SLICE_NS])
            await desk.carry_out(_work([], "", clock=clock, takes_ns=takes_ns, steps=luck.randint(1, 4)))
            told.append(f"out {number}")

        await asyncio.gather(*(owner(number) for number in range(8)))

    told = _told(play)
    came = [one.removeprefix("in ") for one in told if one.startswith("in")]
    assert came == [one.removeprefix("out ") for one in told if one.startswith("out")]


@pytest.mark.parametrize("pressing", [True, False])
def test_what_is_pressing_waits_for_no_send(pressing: bool) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        work = asyncio.create_task(desk.carry_out(_work(told, "a"), pressing=pressing))
        await _turns()
        told.append("sent")
        desk.go_on()
        await work

    assert _told(play).index("sent") == (2 if pressing else 0)


def test_who_hurries_waits_for_nothing() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        desk.hurried = True
        asyncio.get_running_loop().call_soon(told.append, "other")
        await desk.carry_out(_work(told, "answer", clock=clock, takes_ns=SLICE_NS))
        told.append("done")

    assert _told(play)[:3] == ["answer 0", "answer 1", "done"]


def test_closing_hurries_and_waits_for_what_is_left() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        works = _begun(desk, *(_work(told, one, clock=clock, takes_ns=SLICE_NS, steps=9) for one in "ab"))
        await works[0]
        asyncio.get_running_loop().call_later(0.01, told.append, "much later")
        desk.expect(clock.t_ns)
        await desk.close()
        told.append("closed")
        await asyncio.gather(*works)

    told = _told(play)
    assert told[-2:] == ["b 8", "closed"]
