"""How far a request has come on httpx's engine: its stamps, its limits, and the class of what went wrong."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from typing import Final, cast

import httpcore

from lens_gate.load.wire.answer import joined
from lens_gate.load.wire.tls import is_refusal
from lens_gate.load.wire.transport import TIMED_OUT, TOO_LONG, Head, Timeouts, TransportFailure
from lens_gate.providers.base import ResponseHead
from lens_gate.vocabulary.requests import ErrorClass

_CUT: Final = "peer closed connection"
"""How the parser (h11) words a body that ended before its announced or chunked end."""

_GONE: Final = "disconnected"
"""How the engine words that the server hung up, which by HTTP/2 may be in the middle of an answer."""


class Progress:
    """The stamps and limits of one request; told by the engine's trace how far the request has come.

    With `http2` the limit of silence is kept here, for this request alone: the engine's would be one for a whole
    connection, and end all its requests for the silence of one, or none as long as another is answered.
    """

    def __init__(self, timeouts: Timeouts, *, http2: bool = False) -> None:
        self._timeouts = timeouts
        self._http2 = http2
        self._deadline: float | None = None
        self._connecting_ns: int | None = None
        self._connected_ns: int | None = None
        self._in_tls = False
        self._sent_ns: int | None = None
        self._all_sent = False
        self._head_seen = False
        self._silence_first = False
        self.limit = asyncio.timeout(timeouts.connect_s)

    def engine_timeouts(self) -> dict[str, float]:
        """Return the limits (seconds) that the engine keeps."""
        idle = self._timeouts.idle_s
        limits = {"connect": self._timeouts.connect_s, "write": idle}
        return limits if self._http2 else {**limits, "read": idle}

    async def trace(self, event: str, _info: Mapping[str, object]) -> None:
        """Take note of an event, whose name begins with the part of the engine that it is from."""
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
            case "send_request_headers.complete":
                self._all_sent = True
            case _:
                pass

    def _sent(self, now_ns: int) -> None:
        """Start the limit of the whole request."""
        self._sent_ns = now_ns
        self._deadline = asyncio.get_running_loop().time() + self._timeouts.request_s
        self.limit.reschedule(self._next_limit(self._deadline))

    def _next_limit(self, deadline: float) -> float:
        """Return when the wait that begins now must have ended."""
        if not self._http2:
            return deadline
        silent = asyncio.get_running_loop().time() + self._timeouts.idle_s
        self._silence_first = silent < deadline
        return min(silent, deadline)

    def head(self, response: httpcore.Response, read_ns: int) -> Head:
        """Return the head of an answer that was read at `read_ns`."""
        self._head_seen = True
        return Head(
            t_ns=read_ns,
            sent_ns=cast("int", self._sent_ns),
            head=ResponseHead(status=response.status, headers=joined(response.headers)),
            connect_ns=self._connect_ns,
        )

    @property
    def _connect_ns(self) -> int | None:
        """How long the connection took that was opened for this request."""
        if self._connecting_ns is None or self._connected_ns is None:
            return None
        return self._connected_ns - self._connecting_ns

    async def next_part(self, body: AsyncIterator[bytes]) -> bytes | None:
        """Wait, within the limits, for more of a body; None at its end."""
        async with asyncio.timeout_at(self._next_limit(cast("float", self._deadline))):
            return await anext(body, None)

    def failure(self, error: Exception) -> TransportFailure:
        """Return what went wrong, in the terms of the port."""
        if isinstance(error, TimeoutError) and self._silence_first and self._sent_ns is not None:
            error = httpcore.ReadTimeout("nothing came for too long")
        return self._broken(self._classify(error), self._described(error))

    def too_long(self) -> TransportFailure:
        """Return the failure of an answer that was cut off."""
        return self._broken(ErrorClass.MALFORMED, TOO_LONG)

    def _broken(self, error_class: ErrorClass, message: str) -> TransportFailure:
        now_ns, sent_ns = time.perf_counter_ns(), self._sent_ns
        connect_ns = None if sent_ns is None else self._connect_ns
        return TransportFailure(error_class, message, t_ns=now_ns, sent_ns=sent_ns, connect_ns=connect_ns)

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
            case ssl.SSLError() if self._connect_ns is not None and not self._head_seen and is_refusal(error):
                found = ErrorClass.TLS
            case httpcore.NetworkError() | ssl.SSLError():
                found = ErrorClass.RESET
            case httpcore.RemoteProtocolError():
                found = self._broken_protocol(error)
            case _:
                found = ErrorClass.MALFORMED if self._http2 and self._all_sent else ErrorClass.INVALID_REQUEST
        return found

    def _broken_protocol(self, error: httpcore.RemoteProtocolError) -> ErrorClass:
        message = str(error)
        if _http2_code(error) is not None:
            return ErrorClass.RESET
        if self._head_seen and (_CUT in message or _GONE in message):
            return ErrorClass.CUT_STREAM
        return ErrorClass.RESET if _GONE in message else ErrorClass.MALFORMED

    def _described(self, error: Exception) -> str:
        """Word the failure; what is wrong with a request is not quoted, because the quotation could hold the key."""
        code = _http2_code(error)
        match error:
            case TimeoutError():
                words = TIMED_OUT
            case httpcore.RemoteProtocolError() if code is not None:
                words = f"the server ended the request or the connection (HTTP/2: {code})"
            case httpcore.NetworkError() | httpcore.TimeoutException() | httpcore.RemoteProtocolError():
                words = f"{type(error).__name__}: {error}".removesuffix(": ")
            case ssl.SSLError():
                words = f"the connection broke: {error}"
            case httpcore.ProxyError():
                words = f"the proxy refused: {error}"
            case _ if self._http2 and self._all_sent:
                words = "the server broke the rules of HTTP/2"
            case _:
                words = "the URL or a header of the request is not valid HTTP"
        return words


def _http2_code(error: Exception) -> str | None:
    """Return the code by which a server of HTTP/2 ended a request or the connection; None where it did not."""
    event = error.args[0] if error.args else None
    code = getattr(event, "error_code", None)
    return None if code is None else str(getattr(code, "name", code))
