"""Writing on a connection of the fast transport."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest
from typing_extensions import override

from lens_gate.load.wire.fast.connection import Connection
from lens_gate.load.wire.http1 import Destination


class _Transport(asyncio.Transport):
    """A transport of the loop that still holds so many bytes of an earlier write."""

    def __init__(self, held: int) -> None:
        super().__init__()
        self.held = held
        self.written = b""

    @override
    def get_write_buffer_size(self) -> int:
        return self.held

    @override
    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data


def sent(*, held: int, scheme: str = "http") -> tuple[bytes, bytes]:
    """Return what went to the socket at once, and what was left to the loop."""
    near, far = socket.socketpair()
    with near, far:
        connection, transport = Connection(Destination(scheme, "h", 1), near, lambda _: None), _Transport(held)
        connection.connection_made(transport)
        connection.send(b"request")
        far.settimeout(0)
        try:
            return far.recv(100), transport.written
        except BlockingIOError:
            return b"", transport.written


@pytest.mark.skipif(sys.platform == "win32", reason="there the loop writes")
def test_a_request_is_written_at_once() -> None:
    assert sent(held=0) == (b"request", b"")


def test_a_request_waits_for_the_rest_of_one_that_was_answered_before_it_was_written() -> None:
    assert sent(held=5) == (b"", b"request")


def test_an_encrypted_request_is_left_to_the_loop() -> None:
    assert sent(held=0, scheme="https") == (b"", b"request")
