"""What goes over the wire of HTTP/1.1: where a URL leads, and the bytes of a request (pure).

A request that is no valid HTTP is refused before anything is sent, in words that quote none of it: it may hold the key.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from lens_gate.providers.base import HttpRequest, TlsChoice

NOT_HTTP: Final = "the URL or a header of the request is not valid HTTP"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_HOST: Final = re.compile(r"[-.:%~_0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE: Final = "!$%&'()*+,/:;=@~"
_OURS: Final = frozenset({"host", "accept-encoding"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that say how a request is framed: another word on that could only be wrong."""

_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


class Invalid(ValueError):
    """A request that cannot be written as HTTP/1.1."""

    def __init__(self) -> None:
        super().__init__(NOT_HTTP)


class Destination(NamedTuple):
    """Where a connection leads, and by which certificates: requests to the same one may share it."""

    scheme: str
    host: str
    port: int
    tls: TlsChoice | None = None

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme == "https"

    @property
    def server_name(self) -> str:
        """The name that an encrypted one asks for, and that the server's certificate must hold."""
        return (self.tls.server_name if self.tls else None) or self.host


class Route(NamedTuple):
    """A URL taken apart: where to connect, and what the request's first lines say of it."""

    destination: Destination
    target: str
    authority: str


def route(url: str, tls: TlsChoice | None = None) -> Route:
    """Take an absolute http(s) URL apart. Raises Invalid; user, password and fragment are left out."""
    if _CONTROL.search(url):
        raise Invalid
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("ascii" if url.isascii() else "idna").decode("ascii")
        port = parts.port
    except ValueError:
        raise Invalid from None
    if parts.scheme not in _DEFAULT_PORTS or _HOST.fullmatch(host) is None:
        raise Invalid
    target = quote(parts.path, safe=_PATH_SAFE) or "/"
    if parts.query:
        target = f"{target}?{quote(parts.query, safe=_PATH_SAFE + '?[]')}"
    authority = f"[{host}]" if ":" in host else host
    default = _DEFAULT_PORTS[parts.scheme]
    if port not in {None, default}:
        authority = f"{authority}:{port}"
    choice = tls if parts.scheme == "https" else None
    return Route(Destination(parts.scheme, host, default if port is None else port, choice), target, authority)


def encode(request: HttpRequest, way: Route) -> bytes:
    """Write `request` with the headers that frame it; compression is refused, as a codec would hold chunks back.

    Raises Invalid where the method, a header's name or its value is no HTTP, or a header is about the framing.
    """
    head = _head(request.method, tuple(request.headers.items()), way.target, way.authority)
    framed = request.body or request.method in _BODY_METHODS
    length = b"content-length: %d\r\n" % len(request.body) if framed else b""
    return b"".join((head, length, b"\r\n", request.body))


@lru_cache(maxsize=256)
def _head(method: str, headers: tuple[tuple[str, str], ...], target: str, authority: str) -> bytes:
    """Write all of the head but the length; the requests of a series have it in common. Raises Invalid."""
    if _TOKEN.fullmatch(method) is None:
        raise Invalid
    lines = [f"{method} {target} HTTP/1.1", f"host: {authority}"]
    for name, value in headers:
        if _TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise Invalid
        lower = name.lower()
        if lower in _FRAMING:
            raise Invalid
        if lower not in _OURS:
            lines.append(f"{name}: {value}")
    return "\r\n".join((*lines, "accept-encoding: identity", "")).encode("ascii")
