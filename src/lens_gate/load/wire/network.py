"""The way to an endpoint, measured without a key and without money: name, connection, TLS, one refused request."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from lens_gate import __version__
from lens_gate.load.wire.tls import Contexts
from lens_gate.providers.base import TlsChoice

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One connection, in nanoseconds; None where it was not reached, `failure` says why."""

    dns_ns: int | None = None
    connect_ns: int | None = None
    tls_ns: int | None = None
    tls_version: str | None = None
    answer_ns: int | None = None
    status: int | None = None
    failure: str | None = None


async def way_to(url: str, contexts: Contexts, *, tls: TlsChoice | None = None, timeout_s: float = TIMEOUT_S) -> Way:
    """Open a connection of its own to `url`, send a request without a key, and close it again.

    The context of `tls` is built before anything is timed. Raises BadCertificate.
    """
    taken = _Taken()
    try:
        if urlsplit(url).scheme == "https":
            contexts.of(tls)
        taken.begin()
        async with asyncio.timeout(timeout_s):
            await _walk(url, taken, contexts, tls)
    except TimeoutError:
        taken.failure = f"nothing came within {timeout_s:g} s"
    except (OSError, ValueError) as error:
        taken.failure = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return taken.way()


class _Taken:
    """What is known so far."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.tls_version: str | None = None
        self.status: int | None = None
        self.failure: str | None = None
        self._last_ns = 0

    def begin(self) -> None:
        self._last_ns = time.perf_counter_ns()

    def reached(self, name: str) -> None:
        now_ns = time.perf_counter_ns()
        self.times[name] = now_ns - self._last_ns
        self._last_ns = now_ns

    def way(self) -> Way:
        return Way(
            dns_ns=self.times.get("dns"),
            connect_ns=self.times.get("connect"),
            tls_ns=self.times.get("tls"),
            tls_version=self.tls_version,
            answer_ns=self.times.get("answer"),
            status=self.status,
            failure=self.failure,
        )


async def _walk(url: str, taken: _Taken, contexts: Contexts, tls: TlsChoice | None) -> None:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    taken.reached("dns")
    family, _, _, _, address = found[0]
    reader, writer = await asyncio.open_connection(str(address[0]), port, family=family)
    try:
        taken.reached("connect")
        if secure:
            name = (tls.server_name if tls else None) or host
            await writer.start_tls(contexts.of(tls), server_hostname=name)
            taken.reached("tls")
            taken.tls_version = writer.get_extra_info("ssl_object").version()
        await _ask(reader, writer, taken, host=parts.netloc.rpartition("@")[2])
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: _Taken, *, host: str) -> None:
    """Ask for the root, which no endpoint bills, and read the status that it is answered with."""
    head = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: lens-gate/{__version__}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode("ascii"))
    words = (await reader.readline()).split()
    if not words:
        msg = "the connection was closed without an answer"
        raise ValueError(msg)
    taken.reached("answer")
    taken.status = int(words[1]) if len(words) > 1 and words[1].isdigit() else None
