"""Both transports on both event loops, and how tests ask through them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import uvloop

from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.transport import Head, Received, Timeouts, Transport
from lens_gate.providers.base import HttpRequest

KEY = "sk-very-secret-0123456789"
PATIENT = Timeouts(connect_s=20, request_s=20, idle_s=20)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Kind:
    """A transport, and the loop that it runs on."""

    transport: Callable[..., Transport]
    new_loop: Callable[[], asyncio.AbstractEventLoop]

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        with asyncio.Runner(loop_factory=self.new_loop) as runner:
            return runner.run(main)


KINDS = {
    "fast on uvloop": Kind(FastTransport, uvloop.new_event_loop),
    "fast on asyncio": Kind(FastTransport, asyncio.new_event_loop),
    "kernel stamps on uvloop": Kind(partial(FastTransport, kernel_stamps=True), uvloop.new_event_loop),
    "kernel stamps on asyncio": Kind(partial(FastTransport, kernel_stamps=True), asyncio.new_event_loop),
    "httpx on uvloop": Kind(HttpxTransport, uvloop.new_event_loop),
    "httpx on asyncio": Kind(HttpxTransport, asyncio.new_event_loop),
}


def post(url: str, **headers: str) -> HttpRequest:
    return HttpRequest(method="POST", url=url, headers={"authorization": f"Bearer {KEY}", **headers}, body=b"{}")


class Chunk(NamedTuple):
    """A part of a body, and when it was read."""

    t_ns: int
    data: bytes


Came = Head | Chunk


def in_order(received: Received) -> list[Came]:
    """Return the head, then the parts; nothing where no head came."""
    head = [] if received.head is None else [received.head]
    return [*head, *map(Chunk, received.times_ns, received.parts)]


async def exchange(transport: Transport, request: HttpRequest, timeouts: Timeouts = PATIENT) -> list[Came]:
    one = transport.exchange(request, timeouts)
    one.begin()
    await one.carry_out()
    return in_order(one.received())
