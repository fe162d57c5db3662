"""Waiting for an instant."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

import pytest
import uvloop

from lens_gate.load.engine.clock import MonotonicClock
from lens_gate.load.engine.timer_fd import TimerFd

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
TIMERS: dict[str, Callable[[], TimerFd | None]] = {"the kernel's timer": TimerFd.open, "polling": lambda: None}
pytestmark = pytest.mark.measuring
MS = 1_000_000
WAIT_NS = 3_300_000


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return LOOPS[request.param]


@pytest.fixture(params=TIMERS)
def clock(request: pytest.FixtureRequest) -> MonotonicClock:
    return MonotonicClock(open_timer=TIMERS[request.param])


def test_no_wait_is_over_early_and_most_are_hardly_later_than_the_machine_wakes_anybody(
    clock: MonotonicClock, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def late() -> list[int]:
        found = []
        for _ in range(30):
            due_ns = clock.now_ns() + WAIT_NS
            await clock.sleep_until(due_ns)
            found.append(clock.now_ns() - due_ns)
            due_ns = clock.now_ns() + WAIT_NS
            time.sleep(WAIT_NS / 1e9)  # noqa: ASYNC251 - nothing else waits here: how late a bare wait ends
            bare.append(clock.now_ns() - due_ns)
        clock.close()
        return sorted(found)

    bare: list[int] = []

    with asyncio.Runner(loop_factory=new_loop) as runner:
        found = runner.run(late())
    assert found[0] >= 0
    assert found[15] < 2 * MS + sorted(bare)[15]


def test_several_wait_at_once_and_one_that_is_cancelled_holds_up_no_other(
    clock: MonotonicClock, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    order: list[int] = []

    async def wait(number: int, t_ns: int) -> None:
        await clock.sleep_until(t_ns)
        order.append(number)

    async def main() -> None:
        start_ns = clock.now_ns()
        waits = [asyncio.create_task(wait(n, start_ns + n * 20 * MS)) for n in (3, 1, 2)]
        await asyncio.sleep(0.005)
        waits[1].cancel()
        await asyncio.wait(waits)
        clock.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert order == [2, 3]


def test_an_instant_that_has_passed_lets_the_loop_run_once(clock: MonotonicClock) -> None:
    ran: list[bool] = []

    async def main() -> None:
        asyncio.get_running_loop().call_soon(ran.append, True)  # noqa: FBT003 - what is called takes it
        await clock.sleep_until(clock.now_ns() - MS)
        clock.close()

    asyncio.run(main())
    assert ran


def test_a_clock_that_was_closed_waits_again_on_another_loop(clock: MonotonicClock) -> None:
    async def main() -> None:
        await clock.sleep_until(clock.now_ns() + MS)
        clock.close()

    for new_loop in LOOPS.values():
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="a timer of the Linux kernel")
def test_waiting_for_the_kernel_costs_little_processor_time() -> None:
    async def main() -> float:
        clock = MonotonicClock()
        began_s = time.process_time()
        for _ in range(100):
            await clock.sleep_until(clock.now_ns() + 2 * MS)
        spent_s = time.process_time() - began_s
        clock.close()
        return spent_s

    # Polling would take 100 times 1.5 ms.
    assert asyncio.run(main()) < 0.075


def test_without_a_timer_in_the_system_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert TimerFd.open() is None
