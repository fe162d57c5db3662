"""Looking names up once for all who ask."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from lens_gate.load.wire.fast.names import KEPT_NS, Names

ADDRESS = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))


class _System:
    """The system's lookup, which fails so many times first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failures: int = 0) -> None:
        self.asked: list[tuple[str, int]] = []
        self.failures = failures
        self.now_ns = 10**12
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self._getaddrinfo)
        monkeypatch.setattr("lens_gate.load.wire.fast.names.time.perf_counter_ns", lambda: self.now_ns)

    async def _getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append((host, port))
        await asyncio.sleep(0.01)
        if len(self.asked) <= self.failures:
            raise socket.gaierror("no such name")
        return [ADDRESS]


def test_all_who_ask_at_once_share_a_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        system, names = _System(monkeypatch), Names()
        told = await asyncio.gather(*(names.addresses("api.example", 443) for _ in range(100)))
        assert told == [[ADDRESS]] * 100
        await names.addresses("api.example", 80)
        assert system.asked == [("api.example", 443), ("api.example", 80)]

    asyncio.run(main())


def test_a_name_is_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        system, names = _System(monkeypatch), Names()
        for lookups, wait_ns in ((1, 0), (1, KEPT_NS), (2, 1), (2, KEPT_NS)):
            system.now_ns += wait_ns
            await names.addresses("api.example", 443)
            assert len(system.asked) == lookups

    asyncio.run(main())


def test_a_failure_is_told_to_all_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        system, names = _System(monkeypatch, failures=1), Names()
        told = await asyncio.gather(*(names.addresses("h", 1) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [socket.gaierror] * 3
        assert await names.addresses("h", 1) == [ADDRESS]
        assert len(system.asked) == 2

    asyncio.run(main())


def test_who_gives_up_waiting_spoils_it_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        system, names = _System(monkeypatch), Names()
        impatient = asyncio.create_task(names.addresses("h", 1))
        patient = asyncio.create_task(names.addresses("h", 1))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == [ADDRESS]
        assert impatient.cancelled()
        assert len(system.asked) == 1

    asyncio.run(main())
