"""The transport on httpx's parts: httpx builds the request, its engine httpcore sends it over HTTP/1.1.

The client on top of them is left out on purpose: its cookie jar, redirects, netrc and request log have no place in a
measurement, and it hides which bytes came out of which read. A network backend of our own stamps every read of the
socket, so bytes that arrived together carry the same time, however many chunks of the body they hold.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final, Self, cast

import httpcore
import httpx
from typing_extensions import override

from lens_gate.load.answer import joined
from lens_gate.load.proxies import SOCKS_SCHEMES, Proxies
from lens_gate.load.socks5 import USUAL_PORT, Login, SocksProxy, open_through
from lens_gate.load.tls import Contexts, is_refusal
from lens_gate.load.transport import (
    ANSWER_LIMIT,
    KEEPALIVE_S,
    TIMED_OUT,
    TOO_LONG,
    Chunk,
    Exchange,
    Head,
    Received,
    Timeouts,
    Transport,
    TransportFailure,
)
from lens_gate.providers.base import HttpRequest, ResponseHead, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass

_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,  # the engine does not translate what a server says by TLS after the greeting
    TimeoutError,
)

_HIGHEST_PORT: Final = 65535

_CUT: Final = "peer closed connection"
"""How the parser (h11) words a body that ended before its announced or chunked end."""


class HttpxTransport(Transport):
    """A pool without caps. Nothing is retried, no redirect is followed, and no cookie is kept.

    `contexts` are what encrypted connections are set up with. `proxies` say which of them go through
    one. Entered as an async context it loads beforehand what the engine would load (some 50 ms) at the first
    request.
    """

    def __init__(
        self, *, contexts: Contexts | None = None, proxies: Proxies | None = None, keepalive_s: float = KEEPALIVE_S
    ) -> None:
        self._contexts = contexts or Contexts()
        self._proxies = proxies or Proxies()
        self._keepalive_s = keepalive_s
        self._pools: dict[tuple[bytes, str | None, TlsChoice | None], httpcore.AsyncConnectionPool] = {}

    async def __aenter__(self) -> Self:
        await _StampingBackend().sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    @override
    def name(self) -> str:
        return "httpx"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return _HttpxExchange(request, timeouts, self._pool)

    @override
    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, wire: httpcore.Request, choice: TlsChoice | None) -> httpcore.AsyncConnectionPool:
        scheme = wire.url.scheme
        proxy = self._proxies.to(scheme.decode("ascii"), wire.url.host.decode("ascii"))
        key = (scheme, proxy, choice if scheme == b"https" else None)
        if key not in self._pools:
            tls = self._contexts.of(choice) if scheme == b"https" else None
            name = choice.server_name if choice else None
            self._pools[key] = self._new_pool(httpx.Proxy(proxy) if proxy else None, tls, name)
        return self._pools[key]

    def _new_pool(
        self, proxy: httpx.Proxy | None, tls: ssl.SSLContext | None, server_name: str | None
    ) -> httpcore.AsyncConnectionPool:
        if proxy is None:
            return self._direct(tls, _StampingBackend(server_name))
        if proxy.url.scheme in SOCKS_SCHEMES:
            return self._direct(tls, _StampingBackend(server_name, socks=_socks(proxy)))
        return self._proxied(proxy, tls, server_name)

    def _direct(self, tls: ssl.SSLContext | None, backend: _StampingBackend) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=self._keepalive_s,
            network_backend=backend,
        )

    def _proxied(
        self, proxy: httpx.Proxy, tls: ssl.SSLContext | None, server_name: str | None
    ) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncHTTPProxy(
            proxy_url=str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=self._keepalive_s,
            network_backend=_StampingBackend(server_name, proxy=proxy.url.host),
        )


def _socks(proxy: httpx.Proxy) -> SocksProxy:
    login = None if proxy.raw_auth is None else Login(*proxy.raw_auth)
    return SocksProxy(host=proxy.url.host, port=proxy.url.port or USUAL_PORT, login=login)


class _HttpxExchange(Exchange):
    """The last Chunk of a whole answer is empty and stamps the end of the body."""

    def __init__(
        self,
        request: HttpRequest,
        timeouts: Timeouts,
        pool_for: Callable[[httpcore.Request, TlsChoice | None], httpcore.AsyncConnectionPool],
    ) -> None:
        self._request = request
        self._pool_for = pool_for
        self._progress = _Progress(timeouts)
        self._received: list[Received] = []

    @override
    def received(self) -> Iterator[Received]:
        return iter(self._received)

    @override
    async def carry_out(self) -> None:
        progress = self._progress
        response: httpcore.Response | None = None
        try:
            wire = _wire(self._request, progress)
            async with progress.limit:
                response = await self._pool_for(wire, self._request.tls).handle_async_request(wire)
            await self._read(response)
        except _FAILURES as error:
            raise progress.failure(error) from None
        finally:
            if response is not None:
                await response.aclose()

    async def _read(self, response: httpcore.Response) -> None:
        stream = cast("_StampedStream", response.extensions["network_stream"])
        self._received.append(self._progress.head(response, stream))
        body, size = aiter(response.aiter_stream()), 0
        while (data := await self._progress.next_part(body)) is not None:
            self._received.append(Chunk(stream.read_ns, data))
            size += len(data)
            if size > ANSWER_LIMIT:
                raise self._progress.too_long()
        self._received.append(Chunk(stream.read_ns, b""))


def _wire(request: HttpRequest, progress: _Progress) -> httpcore.Request:
    """Write `request` for the engine; compressed answers are refused, because a codec would hold chunks back."""
    try:
        headers = httpx.Headers(dict(request.headers))
        headers["accept-encoding"] = "identity"
        built = httpx.Request(request.method, request.url, headers=headers, content=request.body)
        target = _target(built.url)
    except (httpx.InvalidURL, ValueError) as error:
        raise progress.failure(error) from None
    return httpcore.Request(
        method=built.method,
        url=target,
        headers=built.headers.raw,
        content=request.body,
        extensions={"timeout": progress.engine_timeouts(), "trace": progress.trace},
    )


def _target(url: httpx.URL) -> httpcore.URL:
    if (url.port or 0) > _HIGHEST_PORT:
        raise ValueError(url.port)
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


class _Progress:
    """The stamps and limits of one request; told by the engine's trace how far the request has come."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._deadline: float | None = None
        self._connecting_ns: int | None = None
        self._connected_ns: int | None = None
        self._in_tls = False
        self._sent_ns: int | None = None
        self._head_seen = False
        self.limit = asyncio.timeout(timeouts.connect_s)

    def engine_timeouts(self) -> dict[str, float]:
        idle = self._timeouts.idle_s
        return {"connect": self._timeouts.connect_s, "read": idle, "write": idle}

    async def trace(self, event: str, _info: Mapping[str, object]) -> None:
        now_ns = time.perf_counter_ns()
        match event.partition(".")[2]:
            case "connect_tcp.started":
                self._connecting_ns = now_ns
            case "connect_tcp.complete":
                self._connected_ns = now_ns
            case "start_tls.started":
                # Through a proxy its CONNECT was sent before, but that is not the request.
                self._in_tls, self._sent_ns = True, None
            case "start_tls.complete":
                self._in_tls, self._connected_ns = False, now_ns
            case "send_request_headers.started":
                self._sent(now_ns)
            case _:
                pass

    def _sent(self, now_ns: int) -> None:
        """Start the limit of the whole request."""
        self._sent_ns = now_ns
        self._deadline = asyncio.get_running_loop().time() + self._timeouts.request_s
        self.limit.reschedule(self._deadline)

    def head(self, response: httpcore.Response, stream: _StampedStream) -> Head:
        self._head_seen = True
        opened = self._connecting_ns is not None and self._connected_ns is not None
        return Head(
            t_ns=stream.read_ns,
            sent_ns=cast("int", self._sent_ns),
            head=ResponseHead(status=response.status, headers=joined(response.headers)),
            connect_ns=cast("int", self._connected_ns) - cast("int", self._connecting_ns) if opened else None,
        )

    async def next_part(self, body: AsyncIterator[bytes]) -> bytes | None:
        async with asyncio.timeout_at(self._deadline):
            return await anext(body, None)

    def failure(self, error: Exception) -> TransportFailure:
        return TransportFailure(
            self._classify(error), _describe(error), t_ns=time.perf_counter_ns(), sent_ns=self._sent_ns
        )

    def too_long(self) -> TransportFailure:
        return TransportFailure(ErrorClass.MALFORMED, TOO_LONG, t_ns=time.perf_counter_ns(), sent_ns=self._sent_ns)

    def _classify(self, error: Exception) -> ErrorClass:
        match error:
            case TimeoutError():
                found = ErrorClass.CONNECT_TIMEOUT if self._sent_ns is None else ErrorClass.TIMEOUT
            case httpcore.ConnectTimeout():
                found = ErrorClass.CONNECT_TIMEOUT
            case httpcore.TimeoutException():
                found = ErrorClass.IDLE_TIMEOUT if self._head_seen else ErrorClass.HEADERS_TIMEOUT
            case httpcore.ConnectError() | httpcore.ProxyError():
                found = ErrorClass.TLS if self._in_tls else ErrorClass.CONNECT
            case ssl.SSLError() if not self._head_seen and is_refusal(error):
                found = ErrorClass.TLS
            case httpcore.NetworkError() | ssl.SSLError():
                found = ErrorClass.RESET
            case httpcore.RemoteProtocolError():
                found = self._broken_protocol(str(error))
            case _:
                found = ErrorClass.INVALID_REQUEST
        return found

    def _broken_protocol(self, message: str) -> ErrorClass:
        if self._head_seen and _CUT in message:
            return ErrorClass.CUT_STREAM
        return ErrorClass.RESET if "disconnected" in message else ErrorClass.MALFORMED


def _describe(error: Exception) -> str:
    """Word the failure; what is wrong with a request is not quoted, because the quotation could hold the key."""
    match error:
        case TimeoutError():
            return TIMED_OUT
        case httpcore.NetworkError() | httpcore.TimeoutException() | httpcore.RemoteProtocolError():
            return f"{type(error).__name__}: {error}".removesuffix(": ")
        case ssl.SSLError():
            return f"the connection broke: {error}"
        case httpcore.ProxyError():
            return f"the proxy refused: {error}"
        case _:
            return "the URL or a header of the request is not valid HTTP"


class _StampingBackend(httpcore.AsyncNetworkBackend):
    """The engine's own asyncio backend, whose streams remember when they were last read.

    Servers, but not a `proxy` (a host), are asked for `server_name` where there is one. With `socks` every connection
    leads through that proxy.
    """

    def __init__(
        self, server_name: str | None = None, *, proxy: str | None = None, socks: SocksProxy | None = None
    ) -> None:
        self._server_name = server_name
        self._proxy = proxy
        self._socks = socks
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
        near = (host, port) if self._socks is None else (self._socks.host, self._socks.port)
        stream = await self._backend.connect_tcp(*near, timeout, local_address, socket_options)
        if self._socks is not None:
            await _reach(stream, host, port, self._socks.login)
        return _StampedStream(stream, self._name_for)

    def _name_for(self, host: str | None) -> str | None:
        return host if self._server_name is None or host == self._proxy else self._server_name

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


class _StampedStream(httpcore.AsyncNetworkStream):
    """A connection that stamps each read as soon as it returns."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, name_for: Callable[[str | None], str | None]) -> None:
        self._stream = stream
        self._name_for = name_for
        self.read_ns = 0

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self.read_ns = time.perf_counter_ns()
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
        try:
            name = self._name_for(server_hostname)
            return _StampedStream(await self._stream.start_tls(ssl_context, name, timeout), self._name_for)
        except asyncio.CancelledError:
            # The backend closes the socket after an error, but not after our own limit has cancelled it.
            await self._stream.aclose()
            raise

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
