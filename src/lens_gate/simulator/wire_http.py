"""HTTP/1.1 bytes: heads and chunks."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"
HTML = "text/html; charset=utf-8"

_OVERLOADED = 529


def head(
    status: int, content_type: str, headers: Iterable[tuple[str, str]], *, length: int | None, keep_alive: bool
) -> bytes:
    """Write a response's head; without a length the body comes in chunks."""
    reason = "Overloaded" if status == _OVERLOADED else HTTPStatus(status).phrase
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    connection = "keep-alive" if keep_alive else "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n{framing}\r\n"
        f"connection: {connection}\r\n{lines}\r\n"
    ).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Write one chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
