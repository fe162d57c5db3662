"""The transport on httpx's parts: httpx builds the request, its engine httpcore sends it over HTTP/1.1 or HTTP/2.

The client on top of them is left out on purpose: its cookie jar, redirects, netrc and request log have no place in a
measurement, and it hides which bytes came out of which read. A network backend of our own stamps every read of the
socket, so bytes that arrived together carry the same time, however many chunks of the body they hold. By HTTP/2 it is
each frame that carries the time of the read that completed it, whoever that read was for.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from math import inf
from typing import Final, Self, cast

import httpcore
import httpx
from typing_extensions import override

from lens_gate.load.wire.on_httpx.progress import Progress
from lens_gate.load.wire.on_httpx.socks5 import USUAL_PORT, Login, SocksProxy
from lens_gate.load.wire.on_httpx.stamping_backend import AnswerStamps, Road, StampedStream, StampingBackend
from lens_gate.load.wire.proxies import SOCKS_SCHEMES, Proxies
from lens_gate.load.wire.tls import Contexts
from lens_gate.load.wire.transport import ANSWER_LIMIT, KEEPALIVE_S, Exchange, Head, Received, Timeouts, Transport
from lens_gate.providers.base import HttpRequest, TlsChoice

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

MOST_STREAMS: Final = 100
"""Requests on one connection of HTTP/2 at a time; the engine would let further ones wait, so they get another."""


_PoolKey = tuple[bytes, str | None, TlsChoice | None, bool]


@dataclass(slots=True)
class _Pool:
    """A pool of the engine's, and how many exchanges it is lent to."""

    engine: httpcore.AsyncConnectionPool
    lent: int = 0


class HttpxTransport(Transport):
    """Pools without caps. No redirect is followed, no cookie is kept, and nothing is sent twice.

    But for one thing: what an HTTP/2 server that leaves says it has not looked at goes to another connection.

    `contexts` are what encrypted connections are set up with. `proxies` say which of them go through
    one. Entered as an async context it loads beforehand what the engine would load (some 50 ms) at the first
    request, with `http2` also for that.
    """

    def __init__(
        self,
        *,
        contexts: Contexts | None = None,
        proxies: Proxies | None = None,
        keepalive_s: float = KEEPALIVE_S,
        http2: bool = False,
    ) -> None:
        self._contexts = contexts or Contexts()
        self._proxies = proxies or Proxies()
        self._keepalive_s = keepalive_s
        self._http2 = http2
        self._pools: dict[_PoolKey, list[_Pool]] = {}

    async def __aenter__(self) -> Self:
        await StampingBackend(Road()).sleep(0)
        if self._http2:
            import_module("h2.connection")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    @override
    def name(self) -> str:
        return "httpx"

    @override
    def exchange(self, request: HttpRequest, timeouts: Timeouts) -> Exchange:
        return _HttpxExchange(request, timeouts, self._lent)

    @override
    async def aclose(self) -> None:
        for pool in chain.from_iterable(self._pools.values()):
            await pool.engine.aclose()

    @contextmanager
    def _lent(self, wire: httpcore.Request, request: HttpRequest) -> Iterator[httpcore.AsyncConnectionPool]:
        """Lend a pool for one exchange: by HTTP/2 one whose connection has a stream to spare."""
        pools, most = self._pools_for(wire.url, request), MOST_STREAMS if request.http2 else inf
        pool = next((one for one in pools if one.lent < most), None)
        if pool is None:
            pool = _Pool(self._new_engine(wire.url, request))
            pools.append(pool)
        pool.lent += 1
        try:
            yield pool.engine
        finally:
            pool.lent -= 1

    def _pools_for(self, url: httpcore.URL, request: HttpRequest) -> list[_Pool]:
        tls = request.tls if url.scheme == b"https" else None
        return self._pools.setdefault((url.scheme, self._proxy_of(url), tls, request.http2), [])

    def _proxy_of(self, url: httpcore.URL) -> str | None:
        return self._proxies.to(url.scheme.decode("ascii"), url.host.decode("ascii"))

    def _new_engine(self, url: httpcore.URL, request: HttpRequest) -> httpcore.AsyncConnectionPool:
        tls = self._contexts.of(request.tls) if url.scheme == b"https" else None
        named = self._proxy_of(url)
        proxy = httpx.Proxy(named) if named else None
        road = Road(server_name=request.tls.server_name if request.tls else None, http2=request.http2)
        if proxy is None:
            return self._direct(tls, road)
        if proxy.url.scheme in SOCKS_SCHEMES:
            return self._direct(tls, replace(road, socks=_socks(proxy)))
        return self._proxied(proxy, tls, replace(road, proxy=proxy.url.host))

    def _direct(self, tls: ssl.SSLContext | None, road: Road) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=self._keepalive_s,
            http2=road.http2,
            network_backend=StampingBackend(road),
        )

    def _proxied(self, proxy: httpx.Proxy, tls: ssl.SSLContext | None, road: Road) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncHTTPProxy(
            proxy_url=str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=self._keepalive_s,
            http2=road.http2,
            network_backend=StampingBackend(road),
        )


def _socks(proxy: httpx.Proxy) -> SocksProxy:
    login = None if proxy.raw_auth is None else Login(*proxy.raw_auth)
    return SocksProxy(host=proxy.url.host, port=proxy.url.port or USUAL_PORT, login=login)


class _HttpxExchange(Exchange):
    """One request; what comes of its answer is kept as it comes."""

    def __init__(
        self,
        request: HttpRequest,
        timeouts: Timeouts,
        lent: Callable[[httpcore.Request, HttpRequest], AbstractContextManager[httpcore.AsyncConnectionPool]],
    ) -> None:
        self._request = request
        self._lent = lent
        self._progress = Progress(timeouts, http2=request.http2)
        self._head: Head | None = None
        self._times: list[int] = []
        self._parts: list[bytes] = []

    @override
    def received(self) -> Received:
        return Received(self._head, self._times, self._parts)

    @override
    async def carry_out(self) -> None:
        progress = self._progress
        try:
            wire = _wire(self._request, progress)
            with self._lent(wire, self._request) as pool:
                await self._ask(pool, wire)
        except _failures() as error:
            failure = progress.failure(error)
            _forget_frames(error)
            raise failure from None

    async def _ask(self, pool: httpcore.AsyncConnectionPool, wire: httpcore.Request) -> None:
        async with self._progress.limit:
            response = await pool.handle_async_request(wire)
        stream = cast("StampedStream", response.extensions["network_stream"])
        number = response.extensions.get("stream_id")
        try:
            await self._read(response, stream.stamps(number))
        finally:
            stream.forget(number)
            await response.aclose()

    async def _read(self, response: httpcore.Response, stamps: AnswerStamps) -> None:
        self._head = self._progress.head(response, stamps.head_ns)
        body, size = aiter(response.aiter_stream()), 0
        while (data := await self._progress.next_part(body)) is not None:
            self._keep(stamps.next_ns(), data)
            size += len(data)
            if size > ANSWER_LIMIT:
                raise self._progress.too_long()
        self._keep(stamps.end_ns, b"")

    def _keep(self, t_ns: int, data: bytes) -> None:
        self._times.append(t_ns)
        self._parts.append(data)


def _forget_frames(error: BaseException | None) -> None:
    """Let go of the frames that an error and those behind it came through: in the engine some hold their error."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _failures() -> tuple[type[Exception], ...]:
    """Return what is a failure of an exchange; the engine translates not all that its HTTP/2 library says."""
    of_http2 = sys.modules.get("h2.exceptions")
    return _FAILURES if of_http2 is None else (*_FAILURES, of_http2.H2Error)


def _wire(request: HttpRequest, progress: Progress) -> httpcore.Request:
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
