"""Reading many sockets at one waking."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has epoll", allow_module_level=True)

from typing_extensions import override

from lens_gate.load.read_batches import BATCH_NS, ReadBatches
from lens_gate.load.timer_fd import Alarm


class _Alarm(Alarm):
    """One that the test lets come."""

    def __init__(self, on_time: Callable[[], None]) -> None:
        self.come = on_time
        self.set_to: list[int] = []
        self.closed = False

    @override
    def set(self, t_ns: int) -> None:
        self.set_to.append(t_ns)

    @override
    def close(self) -> None:
        self.closed = True


class _Bench:
    """Batches by an alarm and a clock of the test's own; `heard` is what was read from which socket, in order."""

    def __init__(self, now_ns: dict[str, int]) -> None:
        self.now_ns = now_ns
        self.alarms: list[_Alarm] = []
        self.batches = ReadBatches(open_alarm=self._alarm)
        self.heard: list[tuple[str, bytes]] = []
        self.stack = ExitStack()
        self.far: dict[str, socket.socket] = {}
        self.near: dict[str, socket.socket] = {}

    def _alarm(self, on_time: Callable[[], None]) -> _Alarm:
        self.alarms.append(_Alarm(on_time))
        return self.alarms[0]

    def connect(self, name: str) -> None:
        self.far[name], self.near[name] = (self.stack.enter_context(one) for one in socket.socketpair())
        self.batches.add(self.near[name], lambda: self.heard.append((name, self.near[name].recv(100))))

    async def say(self, name: str, data: bytes, *, after_ns: int = 0) -> None:
        """Let time pass, send, and let the loop run."""
        self.now_ns["ours"] += after_ns
        self.far[name].send(data)
        await asyncio.sleep(0.002)


@pytest.fixture
def now_ns(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    now = {"ours": 10**9}
    monkeypatch.setattr("lens_gate.load.read_batches.time.perf_counter_ns", lambda: now["ours"])
    return now


@asynccontextmanager
async def bench(now_ns: dict[str, int]) -> AsyncIterator[_Bench]:
    one = _Bench(now_ns)
    for name in "abc":
        one.connect(name)
    with one.stack:
        yield one
        one.batches.close()


def test_what_arrives_seldom_is_read_at_once(now_ns: dict[str, int]) -> None:
    async def main() -> None:
        async with bench(now_ns) as one:
            for word in (b"1", b"2", b"3"):
                await one.say("a", word, after_ns=BATCH_NS)
                assert one.heard.pop() == ("a", word)
            assert one.alarms[0].set_to == []

    asyncio.run(main())


def test_what_arrives_soon_after_a_read_opens_a_batch_and_the_next_is_read_a_batch_later(
    now_ns: dict[str, int],
) -> None:
    async def main() -> None:
        async with bench(now_ns) as one:
            await one.say("a", b"1")
            await one.say("a", b"2", after_ns=BATCH_NS - 1)
            assert one.alarms[0].set_to == [now_ns["ours"] + BATCH_NS]
            await one.say("b", b"3")
            await one.say("c", b"4")
            assert one.heard == [("a", b"1"), ("a", b"2")]
            one.alarms[0].come()
            assert sorted(one.heard[2:]) == [("b", b"3"), ("c", b"4")]
            assert len(one.alarms[0].set_to) == 2

    asyncio.run(main())


@pytest.mark.parametrize("waiting", [(), ("b",)])
def test_a_batch_of_at_most_one_is_the_last(now_ns: dict[str, int], waiting: tuple[str, ...]) -> None:
    async def main() -> None:
        async with bench(now_ns) as one:
            await one.say("a", b"1")
            await one.say("a", b"2", after_ns=1)
            for name in waiting:
                await one.say(name, b"3")
            one.alarms[0].come()
            await one.say("c", b"4", after_ns=BATCH_NS)
            assert one.heard[-1] == ("c", b"4")
            assert len(one.alarms[0].set_to) == 1

    asyncio.run(main())


def test_a_socket_that_another_reader_of_the_batch_let_go_of_is_not_read(now_ns: dict[str, int]) -> None:
    async def main() -> None:
        async with bench(now_ns) as one:
            for name in "bc":
                one.batches.remove(one.near[name])

            def first_come(other: str) -> None:
                one.heard.append((other, b""))
                one.batches.remove(one.near["b"])
                one.batches.remove(one.near["c"])

            one.batches.add(one.near["b"], lambda: first_come("b"))
            one.batches.add(one.near["c"], lambda: first_come("c"))
            one.far["b"].send(b"1")
            one.far["c"].send(b"1")
            await asyncio.sleep(0.002)
            assert len(one.heard) == 1

    asyncio.run(main())


def test_without_an_alarm_all_is_read_at_once(now_ns: dict[str, int]) -> None:
    async def main() -> None:
        heard: list[bytes] = []
        batches = ReadBatches(open_alarm=lambda _: None)
        far, near = socket.socketpair()
        with far, near:
            batches.add(near, lambda: heard.append(near.recv(100)))
            for word in (b"1", b"2", b"3"):
                far.send(word)
                await asyncio.sleep(0.002)
            assert heard == [b"1", b"2", b"3"]
            batches.close()

    asyncio.run(main())
    assert now_ns == {"ours": 10**9}


def test_closing_lets_go_of_the_alarm(now_ns: dict[str, int]) -> None:
    async def main() -> _Bench:
        async with bench(now_ns) as one:
            return one

    assert asyncio.run(main()).alarms[0].closed
