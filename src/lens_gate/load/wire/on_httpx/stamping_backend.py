"""The network below httpx's engine: asyncio's connections, which remember when they were last read."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore
from typing_extensions import override

from lens_gate.load.wire.on_httpx.http2_stamps import FrameStamps, StreamStamps
from lens_gate.load.wire.on_httpx.socks5 import Login, SocksProxy, open_through

NO_HTTP2 = "the server does not speak HTTP/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """How servers are reached: by which SOCKS proxy, under which name, and whether by HTTP/2 and nothing else.

    Name and protocol are not for a `proxy` (the host of one by HTTP).
    """

    server_name: str | None = None
    proxy: str | None = None
    socks: SocksProxy | None = None
    http2: bool = False

    def name_for(self, host: str | None) -> str | None:
        """Return what a host is asked for, and checked against."""
        return host if self.server_name is None or host == self.proxy else self.server_name

    def by_http2(self, host: str | None) -> bool:
        """Return whether a host must speak HTTP/2."""
        return self.http2 and host != self.proxy


class StampingBackend(httpcore.AsyncNetworkBackend):
    """The engine's own asyncio backend, whose streams are stamped."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._backend = httpcore.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        socks = self._road.socks
        near = (host, port) if socks is None else (socks.host, socks.port)
        stream = await self._backend.connect_tcp(*near, timeout, local_address, socket_options)
        if socks is not None:
            await _reach(stream, host, port, socks.login)
        return StampedStream(stream, self._road)

    @override
    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


async def _reach(stream: httpcore.AsyncNetworkStream, host: str, port: int, login: Login | None) -> None:
    """Go on through a SOCKS proxy; nobody else closes the connection to it if that fails, or takes too long."""
    try:
        await open_through(stream, host, port, login)
    except BaseException:
        await stream.aclose()
        raise


class StampedStream(httpcore.AsyncNetworkStream):
    """A connection that stamps each read as soon as it returns."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, road: Road, *, http2: bool = False) -> None:
        self._stream = stream
        self._road = road
        self._frames = FrameStamps() if http2 else None
        self._read_ns = 0

    def stamps(self, stream_id: int | None) -> AnswerStamps:
        """Return the stamps of the answer on this connection, where it is one of HTTP/2 on one of its streams."""
        if self._frames is None or stream_id is None:
            return _LastRead(self)
        return self._frames.of(stream_id)

    def forget(self, stream_id: int | None) -> None:
        """Keep no more stamps of an answer."""
        if self._frames is not None and stream_id is not None:
            self._frames.forget(stream_id)

    @property
    def read_ns(self) -> int:
        """When it was last read."""
        return self._read_ns

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self._read_ns = time.perf_counter_ns()
        if self._frames is not None:
            self._frames.take(data, self._read_ns)
        return data

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        http2 = self._road.by_http2(server_hostname)
        if http2:
            # The engine offers both, HTTP/1.1 first; what it has set holds for this greeting only.
            ssl_context.set_alpn_protocols(["h2"])
        try:
            name = self._road.name_for(server_hostname)
            secured = await self._stream.start_tls(ssl_context, name, timeout)
        except asyncio.CancelledError:
            # The backend closes the socket after an error, but not after our own limit has cancelled it.
            await self._stream.aclose()
            raise
        if http2 and secured.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            await secured.aclose()
            raise httpcore.ConnectError(NO_HTTP2)
        return StampedStream(secured, self._road, http2=http2)

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _LastRead:
    """The stamps of the one answer that a connection carries at a time: always those of the last read."""

    def __init__(self, stream: StampedStream) -> None:
        self._stream = stream

    @property
    def head_ns(self) -> int:
        return self._stream.read_ns

    @property
    def end_ns(self) -> int:
        return self._stream.read_ns

    def next_ns(self) -> int:
        return self._stream.read_ns


AnswerStamps = _LastRead | StreamStamps
