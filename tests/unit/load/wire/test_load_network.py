from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from typing_extensions import override

from lens_gate.load.wire.network import Way, way_to
from lens_gate.load.wire.tls import Contexts

REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def gone(answer: Callable[[], bytes], *, scheme: str = "http", timeout_s: float = 5.0) -> tuple[Way, bytes]:
    """Go to a server that answers what is first sent to it so, and return the way and what it heard."""
    heard: list[bytes] = []

    class Handler(BaseRequestHandler):
        @override
        def handle(self) -> None:
            heard.append(self.request.recv(65536))
            self.request.sendall(answer())

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"{scheme}://127.0.0.1:{server.server_address[1]}/v1?key=secret"
            way = asyncio.run(way_to(url, Contexts(), timeout_s=timeout_s))
        finally:
            server.shutdown()
            thread.join(10)
    return way, b"".join(heard)


def refuse() -> bytes:
    time.sleep(0.02)
    return REFUSAL


def hang_up() -> bytes:
    return b""


def stall() -> bytes:
    time.sleep(0.4)
    return b""


def test_every_part_of_the_way_is_timed() -> None:
    way, _ = gone(refuse)
    assert way.failure is None
    assert way.status == 404
    assert way.dns_ns is not None
    assert way.connect_ns is not None
    assert way.answer_ns is not None
    assert way.answer_ns > 19_000_000
    assert (way.tls_ns, way.tls_version) == (None, None)


def test_neither_key_nor_path_is_sent() -> None:
    _, heard = gone(refuse)
    assert heard.startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"secret" not in heard
    assert b"uthorization" not in heard


def test_a_server_that_hangs_up_is_a_failure() -> None:
    way, _ = gone(hang_up)
    assert way.failure == "the connection was closed without an answer"
    assert way.connect_ns is not None


def test_a_server_that_says_nothing_is_given_up() -> None:
    way, _ = gone(stall, timeout_s=0.1)
    assert way.failure == "nothing came within 0.1 s"
    assert way.answer_ns is None


def test_nobody_listening_is_a_failure_with_its_reason() -> None:
    way = asyncio.run(way_to("http://127.0.0.1:9", Contexts()))
    assert way.failure is not None
    assert "127.0.0.1" in way.failure
    assert way.connect_ns is None


def test_a_server_without_tls_fails_at_tls() -> None:
    way, _ = gone(refuse, scheme="https")
    assert way.failure
    assert way.connect_ns is not None
    assert way.tls_ns is None
