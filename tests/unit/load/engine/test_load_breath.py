"""Giving way while answers are decoded: to whoever decodes already, to a request that is due, and to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from typing_extensions import override

from lens_gate.load.engine.breath import SLICE_NS, Breath, Desk
from lens_gate.load.engine.clock import MonotonicClock


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
        await asyncio.wait_for(play(Desk(clock), clock, told), 5)

    asyncio.run(main())
    return told


async def _turns() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _decode(desk: Desk, told: list[str], name: str, *, hurried: bool = False) -> None:
    breath = Breath(desk, hurried=hurried)
    async with breath:
        told.append(f"{name} begins")
        await breath.take()
        told.append(f"{name} ends")


def test_answers_are_decoded_one_after_the_other() -> None:
    async def play(desk: Desk, _: _Hand, told: list[str]) -> None:
        second = asyncio.create_task(_decode(desk, told, "second"))
        async with Breath(desk):
            await _turns()
            told.append("first ends")
        await second

    assert _told(play) == ["first ends", "second begins", "second ends"]


def test_nothing_is_begun_while_a_request_is_about_to_be_sent() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns + SLICE_NS)
        decoding = asyncio.create_task(_decode(desk, told, "answer"))
        await _turns()
        told.append("sent")
        desk.go_on()
        await decoding

    assert _told(play) == ["sent", "answer begins", "answer ends"]


def test_work_goes_on_although_each_request_is_late() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        decoding = asyncio.create_task(_decode(desk, told, "answer"))
        await _turns()
        desk.go_on()
        desk.expect(clock.t_ns)
        await _turns()
        told.append("sent late")
        desk.go_on()
        await decoding

    assert _told(play) == ["answer begins", "sent late", "answer ends"]


def test_a_request_that_is_due_later_does_not_matter_yet() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns + SLICE_NS + 1)
        await _decode(desk, told, "answer")

    assert _told(play) == ["answer begins", "answer ends"]


@pytest.mark.parametrize(("passed_ns", "order"), [(SLICE_NS, ["other", "done"]), (SLICE_NS - 1, ["done", "other"])])
def test_others_run_when_a_slice_has_passed(passed_ns: int, order: list[str]) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        breath = Breath(desk)
        async with breath:
            asyncio.get_running_loop().call_soon(told.append, "other")
            clock.t_ns += passed_ns
            await breath.take()
            told.append("done")
        await _turns()

    assert _told(play) == order


@pytest.mark.parametrize("due", [True, False])
def test_whoever_is_cancelled_while_waiting_goes_on_without_a_pause(due: bool) -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        if due:
            desk.expect(clock.t_ns)
        else:
            await desk.turn.acquire()
        decoding = asyncio.create_task(_decode(desk, told, "answer"))
        await _turns()
        decoding.cancel()
        await decoding
        told.append("free" if not desk.turn.locked() else "taken")

    assert _told(play) == ["answer begins", "answer ends", "free" if due else "taken"]


def test_who_hurries_waits_for_nothing() -> None:
    async def play(desk: Desk, clock: _Hand, told: list[str]) -> None:
        desk.expect(clock.t_ns)
        await desk.turn.acquire()
        await _decode(desk, told, "answer", hurried=True)

    assert _told(play) == ["answer begins", "answer ends"]
