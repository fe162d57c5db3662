"""Limits that pass while an answer ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.transport import Timeouts, TransportFailure
from tests.fakes.raw_server import HEAD, chunk, raw_server, sending
from tests.transports import post


def test_an_answer_that_ends_in_the_turn_of_its_limit_has_ended() -> None:
    """We are held up when the answer is there and not read; how many turns that takes is the event loop's affair."""
    errors: list[object] = []

    async def held_up_after(turns: int) -> None:
        async with FastTransport() as transport, raw_server(sending(HEAD + chunk(b"x") + chunk(b""))) as server:
            await transport.warm(server.base_url, 1)
            one = transport.exchange(post(server.base_url), Timeouts(connect_s=1, request_s=0.02, idle_s=0.02))
            one.begin()
            for _ in range(turns):
                await asyncio.sleep(0)
            time.sleep(0.03)  # noqa: ASYNC251 - that is our own lag
            with suppress(TransportFailure):
                await one.carry_out()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
        for turns in range(8):
            await held_up_after(turns)

    asyncio.run(main())
    assert errors == []
