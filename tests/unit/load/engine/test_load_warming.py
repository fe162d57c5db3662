"""How many connections a run opens beforehand, and that its requests then find them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from lens_gate.load.engine.warming import WarmUp, warm_ups
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.wire.fast.connection import Wire
from lens_gate.load.wire.fast.pool import Pool
from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.http1 import Destination, route
from lens_gate.load.wire.tls import Contexts
from lens_gate.load.wire.transport import Head, Timeouts, TransportFailure
from lens_gate.providers.base import Endpoint, TlsChoice
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.transports import KINDS, exchange, post

OPEN = ScheduleSettings(arrival=Arrival.FIXED, rate=20, concurrency=None, duration_s=None, requests=1000)
A, B = Endpoint(base_url="https://a.example/v1"), Endpoint(base_url="http://b.example")
FAST = [name for name in KINDS if not name.startswith("httpx")]


@pytest.mark.parametrize(
    ("rate", "requests", "duration_s", "expected"),
    [
        (0.1, 1000, None, 1),
        (20, 1000, None, 5),
        (20, 5, None, 5),
        (20, 4, None, None),
        (20, None, 0.25, 5),
        (20, 1000, 0.2, None),
        (20, None, None, 5),
        (1000, 1000, None, 250),
        (5000, 5000, None, 1000),
    ],
)
def test_a_quarter_of_a_second_is_warm_where_the_run_is_sure_to_use_it(
    rate: float, requests: int | None, duration_s: float | None, expected: int | None
) -> None:
    settings = replace(OPEN, rate=rate, requests=requests, duration_s=duration_s)
    assert warm_ups([A], settings) == (() if expected is None else (WarmUp(A.base_url, None, expected),))


def test_all_destinations_share_what_may_be_open() -> None:
    found = warm_ups([A, B], replace(OPEN, rate=1000, requests=5000), most=64)
    assert [one.count for one in found] == [32, 32]


def test_a_closed_loop_begins_cold() -> None:
    assert warm_ups([A], replace(OPEN, rate=None, concurrency=8)) == ()


def test_each_destination_has_its_share_and_other_certificates_are_another_one() -> None:
    ours = TlsChoice(server_name="a.internal")
    other_path = replace(A, base_url="https://a.example:443/v2")
    found = warm_ups([A, other_path, B, replace(A, tls=ours)], replace(OPEN, rate=80))
    assert found == (
        WarmUp(A.base_url, None, 10),
        WarmUp(B.base_url, None, 5),
        WarmUp(A.base_url, ours, 5),
    )


def test_what_is_no_address_is_left_to_its_request_and_nowhere_is_nowhere() -> None:
    assert warm_ups([Endpoint(base_url="nowhere")], OPEN) == ()
    assert warm_ups([], OPEN) == ()


@pytest.mark.parametrize("name", FAST)
def test_requests_find_the_connections_that_were_opened_for_them(name: str) -> None:
    kind = KINDS[name]

    async def main() -> tuple[list[int | None], int, int]:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(sending(HEAD, chunk(b"x"), chunk(b""), gap_s=0.1)) as server:
            await transport.warm(server.base_url, 3)
            before = len(server.requests)
            got = await asyncio.gather(*(exchange(transport, post(f"{server.base_url}/v1")) for _ in range(4)))
            await transport.aclose()
            heads = [one[0] for one in got]
            return [head.connect_ns for head in heads if isinstance(head, Head)], before, server.connections

    connect_ns, before, connections = kind.run(main())
    assert [one is None for one in connect_ns] == [True, True, True, False]
    assert (before, connections) == (0, 4)


@pytest.mark.parametrize("name", FAST)
def test_the_connection_that_was_opened_first_is_used_first(name: str) -> None:
    """A server that takes one connection after the other, and closes each, waits for exactly that one.

    On a busy machine the handshakes of connections that are opened together may end in another order, now and then.
    """
    kind = KINDS[name]

    async def main() -> bool:
        transport = kind.transport(keepalive_s=30)
        turn = asyncio.Lock()

        async def one_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with turn:
                with suppress(asyncio.IncompleteReadError):
                    await reader.readuntil(b"{}")
                    writer.write(b"HTTP/1.0 200 OK\r\n\r\nx")
                writer.close()

        server = await asyncio.start_server(one_at_a_time, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            await transport.warm(url, 3)
            limits = Timeouts(connect_s=5, request_s=5, idle_s=5)
            return all([await exchange(transport, post(url), limits) for _ in range(3)])
        except TransportFailure:
            return False
        finally:
            await transport.aclose()
            server.close()
            await asyncio.sleep(0.05)  # the server's tasks end one after the other

    assert any(kind.run(main()) for _ in range(4))


def test_connections_are_opened_some_at_a_time_as_long_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way: list[int] = []
    limits: list[float] = []

    async def main() -> tuple[int, int]:
        async with FastTransport(keepalive_s=30) as transport, raw_server(sending(HEAD, chunk(b""))) as server:
            opened, waiting = transport.pool.open, [0]

            async def slow(destination: Destination, limit_s: float) -> Wire:
                waiting[0] += 1
                under_way.append(waiting[0])
                limits.append(limit_s)
                await asyncio.sleep(0.05)
                waiting[0] -= 1
                return await opened(destination, limit_s)

            monkeypatch.setattr(transport.pool, "open", slow)
            await transport.warm(server.base_url, 70, limit_s=30)
            await asyncio.sleep(0.05)
            enough = server.connections
            await transport.warm(server.base_url, 2000, limit_s=0.2)
            await asyncio.sleep(0.05)
            await transport.aclose()
            return enough, server.connections

    enough, until_the_limit = asyncio.run(main())
    assert (max(under_way), enough) == (32, 70)
    assert limits[0] <= 30
    assert limits[69] <= 30 - 0.1
    assert 70 < until_the_limit < 70 + 6 * 32


class Idle(Wire):
    """A connection that stands until it is aborted."""

    aborted = False

    def send(self, data: bytes) -> None:
        raise AssertionError

    @property
    def usable(self) -> bool:
        return True

    def abort(self) -> None:
        self.aborted = True


def test_connections_that_were_never_used_are_let_go_one_by_one_for_their_end_holds_up_others() -> None:
    there = route("http://a.example").destination
    pool, warm, fresh = Pool(keepalive_s=0.05, contexts=Contexts()), [Idle(there) for _ in range(3)], Idle(there)
    for one in warm:
        pool.give_back(one)
    time.sleep(0.06)
    gone = []
    for _ in range(4):
        pool.give_back(fresh)
        assert pool.warmest(there) is fresh
        gone.append(sum(one.aborted for one in warm))
    assert gone == [1, 2, 3, 3]


def test_a_connection_that_cannot_be_opened_is_told_and_the_others_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> int:
        async with FastTransport(keepalive_s=30) as transport, raw_server(sending(HEAD, chunk(b""))) as server:
            opened, tries = transport.pool.open, iter(range(3))

            async def often(destination: object, limit_s: float) -> object:
                limit_s = 0 if next(tries) == 1 else limit_s
                return await opened(destination, limit_s)  # type: ignore[arg-type]

            monkeypatch.setattr(transport.pool, "open", often)
            with pytest.raises(TransportFailure, match="within its limit"):
                await transport.warm(server.base_url, 3)
            monkeypatch.undo()
            for _ in range(2):
                await exchange(transport, post(server.base_url))
            await transport.aclose()
            return server.connections

    assert asyncio.run(main()) <= 3
