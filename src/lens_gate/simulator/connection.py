"""One connection: HTTP/1.1 in by httptools, the engine's script out by absolute deadlines, each write stamped.

A deadline is `received_ns` plus the write's due time, and each delay is computed anew from it, so lateness never adds
up. A write that is due already waits for one turn of the loop: writes are never gathered, and no stream holds up the
others. The stamp is taken when the transport has taken the bytes: asyncio's has passed them to the kernel by then,
uvloop's does so at the end of the same turn.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import assert_never, cast

import httptools

from lens_gate.simulator import wire_http
from lens_gate.simulator.dialogue import Frame
from lens_gate.simulator.engine import Engine
from lens_gate.simulator.faults import Ending
from lens_gate.simulator.log import LogWriter, Stamp, line_of
from lens_gate.simulator.staging import Call, Script

_BODY_LIMIT = 32 * 1024 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(slots=True, kw_only=True)
class Host:
    """What all connections of a server share."""

    engine: Engine
    log: LogWriter
    started_ns: int
    stall_s: float
    connections: set[Connection] = field(default_factory=set)


class Performance:
    """Plays one script on a transport, beginning at once, then reports."""

    def __init__(
        self,
        script: Script,
        received_ns: int,
        transport: asyncio.Transport,
        on_end: Callable[[Performance], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._on_end = on_end
        self._writes = iter(script.writes)
        self.script = script
        self.received_ns = received_ns
        self.stamps: list[Stamp] = []
        self.unfinished = True
        self._timer = self._wait_for(next(self._writes), perf_counter_ns())

    def stop(self) -> None:
        """Write nothing any more."""
        self._timer.cancel()

    def _wait_for(self, frame: Frame, now_ns: int) -> asyncio.Handle:
        delay_ns = self.received_ns + frame.due_s * 1e9 - now_ns
        if delay_ns > 0:
            return self._loop.call_later(delay_ns / 1e9, self._write, frame)
        return self._loop.call_soon(self._write, frame)

    def _write(self, frame: Frame) -> None:
        self._transport.write(frame.data)
        now_ns = perf_counter_ns()
        self.stamps.append((now_ns, frame.tokens, frame.kind))
        following = next(self._writes, None)
        if following is not None:
            self._timer = self._wait_for(following, now_ns)
            return
        self.unfinished = False
        self._on_end(self)


class Connection(asyncio.Protocol):
    """One client's connection; requests that it sends ahead wait their turn."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Call, int]] = deque()
        self._performance: Performance | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._keep_alive = True
        self._read_ns = 0
        self._begin_message()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, without Nagle's delays."""
        # uvloop's transports have the methods of asyncio.Transport, but are no subclass of it.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # the caller's signature
        """Stop what was being sent and log it."""
        self._host.connections.discard(self)
        self._waiting.clear()
        if self._silence is not None:
            self._silence.cancel()
        if self._performance is not None:
            self._performance.stop()
            self._report(self._performance, client_closed=self._performance.unfinished)
        self._lost.set()

    async def abort(self) -> None:
        """End the connection at once, and wait until what it sent is logged."""
        self._transport.abort()
        await self._lost.wait()

    def data_received(self, data: bytes) -> None:
        """Parse; a request counts as received when its last byte was read."""
        self._read_ns = perf_counter_ns()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reject(400)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begin_message()

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in parts."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Ask for the body where the client waits to be asked."""
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(wire_http.CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to a limit."""
        self._size += len(body)
        if self._size <= _BODY_LIMIT:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request, or line it up behind the one before it."""
        if self._size > _BODY_LIMIT:
            self._reject(413)
            return
        call = Call(
            method=self._parser.get_method().decode("latin-1"),
            target=self._target.decode("latin-1"),
            headers=self._headers,
            body=b"".join(self._body),
            keep_alive=self._parser.should_keep_alive(),
        )
        self._waiting.append((call, self._read_ns))
        if self._performance is None:
            self._answer_next()

    def _begin_message(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def _answer_next(self) -> None:
        call, received_ns = self._waiting.popleft()
        script = self._host.engine.answer(call, (received_ns - self._host.started_ns) / 1e9)
        self._keep_alive = call.keep_alive
        self._performance = Performance(script, received_ns, self._transport, self._end)

    def _end(self, performance: Performance) -> None:
        """Do what the script says after the last write; what ends the connection is logged when that is lost."""
        match performance.script.ending:
            case Ending.COMPLETE:
                self._performance = None
                self._report(performance, client_closed=False)
                self._go_on()
            case Ending.CLOSE:
                self._transport.close()
            case Ending.RESET:
                self._reset()
            case Ending.SILENCE:
                self._silence = asyncio.get_running_loop().call_later(self._host.stall_s, self._transport.close)
            case _:
                assert_never(performance.script.ending)

    def _go_on(self) -> None:
        if not self._keep_alive:
            self._transport.close()
        elif self._waiting:
            self._answer_next()

    def _reset(self) -> None:
        """Close with RST: a socket that doesn't linger drops what is unsent and tells the peer so."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        asyncio.get_running_loop().call_soon(self._transport.abort)

    def _reject(self, status: int) -> None:
        """Refuse what is no HTTP request, or one that is too large."""
        self._transport.write(wire_http.head(status, wire_http.JSON, (), length=0, keep_alive=False))
        self._transport.close()

    def _report(self, performance: Performance, *, client_closed: bool) -> None:
        if not self._host.log.active:
            return
        end_ns = perf_counter_ns() if performance.script.ending is not Ending.COMPLETE else 0
        stamps = performance.stamps
        line = line_of(
            performance.script.facts,
            stamps,
            received_ns=performance.received_ns,
            end_ns=end_ns or (stamps[-1][0] if stamps else perf_counter_ns()),
            client_closed=client_closed,
        )
        self._host.log.add(line)
