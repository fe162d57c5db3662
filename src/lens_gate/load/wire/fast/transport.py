"""The fast transport: HTTP/1.1 on asyncio's protocols, with nothing between the socket and the stamp.

For plain HTTP/1.1 without a proxy, which is what nearly all endpoints are asked by; the transport on httpx takes the
rest. Nothing is retried, no redirect is followed, and no cookie is kept.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final, Self, cast

from typing_extensions import override

from lens_gate.artifacts.instrument import Stamps
from lens_gate.load.wire.answer import Answer, BrokenAnswer, as_read
from lens_gate.load.wire.fast.connection import Receiver, Wire
from lens_gate.load.wire.fast.kernel_stamps import KernelStamps
from lens_gate.load.wire.fast.pool import Pool
from lens_gate.load.wire.http1 import Invalid, Route, encode, route
from lens_gate.load.wire.tls import Contexts, is_refusal
from lens_gate.load.wire.transport import (
    KEEPALIVE_S,
    TIMED_OUT,
    Exchange,
    Received,
    Timeouts,
    Transport,
    TransportFailure,
)
from lens_gate.providers.base import HttpRequest, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass

_MOST_ROUTES: Final = 1024
_QUIET_S: Final = 1.0
"""After such a silence an answer is taken apart, however it goes on: one that is no HTTP may never end."""

_TICK_S: Final = 0.001
"""The grain of uvloop's timers, which may be that much early."""


class FastTransport(Transport):
    """Connections without a cap; `contexts` are what encrypted ones are set up with.

    With `kernel_stamps` (Linux only) bytes carry the time at which the kernel took them from the network.
    """

    def __init__(
        self, *, contexts: Contexts | None = None, keepalive_s: float = KEEPALIVE_S, kernel_stamps: bool = False
    ) -> None:
        self._stamps = KernelStamps() if kernel_stamps else None
        self._arrivals = as_read if self._stamps is None else self._stamps.arrivals
        self._pool = Pool(keepalive_s=keepalive_s, contexts=contexts or Contexts(), kernel_stamps=kernel_stamps)
        self._routes: dict[tuple[str, TlsChoice | None], Route] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    @override
    def name(self) -> str:
        return "fast" if self._stamps is None else "fast, kernel stamps"

    @override
    def stamps(self) -> Stamps | None:
        return None if self._stamps is None else self._stamps.report()

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return _FastExchange(self, request, timeouts, Answer(self._arrivals))

    @override
    async def warm(self, url: str, count: int, *, tls: TlsChoice | None = None, limit_s: float = 10.0) -> None:
        await self._pool.warm(self.route(url, tls).destination, count, limit_s)

    @override
    async def aclose(self) -> None:
        await self._pool.aclose()

    @property
    def pool(self) -> Pool:
        """The connections."""
        return self._pool

    def route(self, url: str, tls: TlsChoice | None = None) -> Route:
        """Take a URL apart, or remember how. Raises Invalid."""
        known = self._routes.get((url, tls))
        if known is None:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            known = self._routes[url, tls] = route(url, tls)
        return known


class _FastExchange(Exchange, Receiver):
    """One request on one connection; a single timer watches over its limits."""

    __slots__ = (
        "_connect_ns",
        "_connection",
        "_ended",
        "_request",
        "_sent_ns",
        "_timeouts",
        "_timer",
        "_transport",
        "answer",
    )

    def __init__(self, transport: FastTransport, request: HttpRequest, timeouts: Timeouts, answer: Answer) -> None:
        self._transport = transport
        self._request = request
        self._timeouts = timeouts
        self.answer = answer
        self._connection: Wire | None = None
        self._connect_ns: int | None = None
        self._sent_ns = 0
        self._ended: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    @override
    def status(self) -> int | None:
        return self.answer.status

    @property
    @override
    def held_bytes(self) -> int:
        return self.answer.held_bytes

    @override
    def received(self) -> Received:
        with suppress(BrokenAnswer):  # it was told how the exchange ended
            self.answer.catch_up()
        return self.answer.received(self._sent_ns, self._connect_ns)

    @override
    def begin(self) -> None:
        with suppress(TransportFailure):  # carry_out raises it again
            data, way = self._encoded()
            connection = self._transport.pool.warmest(way.destination)
            if connection is not None:
                self._send(data, connection)

    @override
    async def carry_out(self) -> None:
        if self._ended is None:
            try:
                data, way = self._encoded()
                connection = self._transport.pool.warmest(way.destination) or await self._opened(way)
            except BaseException:
                self.answer.let_go()
                raise
            self._send(data, connection)
        try:
            await cast("asyncio.Future[None]", self._ended)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._connection is not None:  # it was not given back: the answer has not ended, or was the last one
                self._connection.carry(None)
                self._connection.abort()

    async def _opened(self, way: Route) -> Wire:
        began_ns = time.perf_counter_ns()
        connection = await self._transport.pool.open(way.destination, self._timeouts.connect_s)
        self._connect_ns = time.perf_counter_ns() - began_ns
        return connection

    def _encoded(self) -> tuple[bytes, Route]:
        try:
            way = self._transport.route(self._request.url, self._request.tls)
            return encode(self._request, way), way
        except Invalid as error:
            now_ns = time.perf_counter_ns()
            raise TransportFailure(ErrorClass.INVALID_REQUEST, str(error), t_ns=now_ns, sent_ns=None) from None

    def _send(self, data: bytes, connection: Wire) -> None:
        self._connection = connection
        self._ended = asyncio.get_running_loop().create_future()
        connection.carry(self)
        self._sent_ns = time.perf_counter_ns()
        self.answer.expect(self._sent_ns)
        try:
            connection.send(data)
        except OSError as error:
            self.lost(time.perf_counter_ns(), error)
        else:
            self._watch(min(self._timeouts.idle_s, self._timeouts.request_s))

    def _watch(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(min(delay_s, _QUIET_S), self._check_limits)

    def _check_limits(self) -> None:
        """End what passed a limit, or is no HTTP; bytes that came meanwhile only moved the limit between two reads."""
        if cast("asyncio.Future[None]", self._ended).done():  # in the same turn of the loop
            return
        now_ns = time.perf_counter_ns()
        whole_ns = self._sent_ns + int(self._timeouts.request_s * 1e9)
        idle_ns = self.answer.read_ns + int(self._timeouts.idle_s * 1e9)
        due_ns = min(whole_ns, idle_ns)
        if now_ns >= min(due_ns, self.answer.read_ns + int(_QUIET_S * 1e9)) and self._is_over(now_ns):
            return
        if now_ns < due_ns:
            self._watch(max(_TICK_S, (due_ns - now_ns) / 1e9))
        elif due_ns == whole_ns:
            self._fail(ErrorClass.TIMEOUT, TIMED_OUT, now_ns)
        elif self.answer.head_ns is None:
            self._fail(ErrorClass.HEADERS_TIMEOUT, "no answer began within the limit between two reads", now_ns)
        else:
            self._fail(ErrorClass.IDLE_TIMEOUT, "nothing more came within the limit between two reads", now_ns)

    @override
    def look(self, t_ns: int) -> None:
        self._is_over(t_ns)

    @override
    def lost(self, t_ns: int, error: Exception | None) -> None:
        if self._is_over(t_ns):
            return
        if error is not None:
            first = self._connect_ns is not None and self.answer.head_ns is None
            refused = first and is_refusal(error)
            self._fail(ErrorClass.TLS if refused else ErrorClass.RESET, f"the connection broke: {error}", t_ns)
            return
        try:
            self.answer.take_end(t_ns)
        except BrokenAnswer as broken:
            self._fail(broken.error_class, broken.message, t_ns)
            return
        self._end()

    def _is_over(self, t_ns: int) -> bool:
        """Take apart what came, and say whether that was the end, or no HTTP."""
        try:
            whole = self.answer.catch_up()
        except BrokenAnswer as error:
            self._fail(error.error_class, error.message, t_ns)
            return True
        if whole:
            self._end()
        return whole

    def _end(self) -> None:
        """Let the connection carry the next request at once, where it can."""
        connection = self._detached()
        if self.answer.reusable:
            self._transport.pool.give_back(connection)
            self._connection = None
        self._wake(None)

    def _fail(self, error_class: ErrorClass, message: str, t_ns: int) -> None:
        self._detached()
        self.answer.let_go()
        self._wake(self._failure(error_class, message, t_ns))

    def _failure(self, error_class: ErrorClass, message: str, t_ns: int) -> TransportFailure:
        sent_ns, connect_ns = self._sent_ns, self._connect_ns
        return TransportFailure(error_class, message, t_ns=t_ns, sent_ns=sent_ns, connect_ns=connect_ns)

    def _detached(self) -> Wire:
        """Take nothing more from the connection."""
        connection = cast("Wire", self._connection)
        connection.carry(None)
        return connection

    def _wake(self, failure: TransportFailure | None) -> None:
        ended = cast("asyncio.Future[None]", self._ended)
        if ended.done():  # it was cancelled
            return
        if failure is None:
            ended.set_result(None)
        else:
            ended.set_exception(failure)
