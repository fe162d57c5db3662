"""What the fast transport does before anything is waited for."""

from __future__ import annotations

import asyncio
import time

import pytest

from lens_gate.load.record.recorder import BUFFERED_MAX_READS
from lens_gate.load.wire.transport import TransportFailure
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.transports import KINDS, PATIENT, exchange, post

FAST = [name for name in KINDS if not name.startswith("httpx")]


@pytest.mark.parametrize("name", FAST)
def test_what_was_held_back_comes_in_so_few_pieces_that_it_is_known(name: str) -> None:
    kind, held_back = KINDS[name], HEAD + chunk(b"x" * 250) * 400 + chunk(b"")

    async def main() -> int:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(sending(held_back)) as server:
            try:
                _, *parts = await exchange(transport, post(server.base_url))
                return len({part.t_ns for part in parts})
            finally:
                await transport.aclose()

    # On a busy machine the client may be at the front of it while the server still writes.
    assert min(kind.run(main()) for _ in range(3)) <= BUFFERED_MAX_READS


@pytest.mark.parametrize("name", FAST)
def test_a_request_on_a_connection_that_stands_leaves_at_once(name: str) -> None:
    kind = KINDS[name]

    async def main() -> tuple[int, int]:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(sending(HEAD + chunk(b"x") + chunk(b""))) as server:
            try:
                await exchange(transport, post(server.base_url))
                one = transport.exchange(post(server.base_url), PATIENT)
                one.begin()
                begun_ns = time.perf_counter_ns()
                await asyncio.sleep(0.01)
                await one.carry_out()
                head = one.received().head
                assert head is not None
                return head.sent_ns, begun_ns
            finally:
                await transport.aclose()

    sent_ns, begun_ns = kind.run(main())
    assert sent_ns < begun_ns


@pytest.mark.parametrize("name", FAST)
def test_what_came_before_an_exchange_was_broken_off_is_told(name: str) -> None:
    kind = KINDS[name]

    async def main() -> list[bytes]:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(sending(HEAD + chunk(b"one"), chunk(b"two"), gap_s=0.02)) as server:
            try:
                one = transport.exchange(post(server.base_url), PATIENT)
                one.begin()
                waiting = asyncio.create_task(one.carry_out())
                await asyncio.sleep(0.3)
                waiting.cancel()
                await asyncio.wait({waiting})
                return list(one.received().parts)
            finally:
                await transport.aclose()

    assert kind.run(main()) == [b"one", b"two"]


@pytest.mark.parametrize("name", FAST)
def test_what_cannot_be_asked_is_told_when_the_answer_is_waited_for(name: str) -> None:
    kind = KINDS[name]

    async def main() -> None:
        transport = kind.transport()
        one = transport.exchange(post("ftp://127.0.0.1/"), PATIENT)
        one.begin()
        try:
            await one.carry_out()
        finally:
            await transport.aclose()

    with pytest.raises(TransportFailure):
        kind.run(main())
