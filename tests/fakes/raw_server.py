"""A loopback server that writes exactly the bytes that a test gives it, faults included."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Handler = Callable[[bytes, Writer], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class RawServer:
    """`base_url`, the heads of the requests it got, and how many connections were opened."""

    base_url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def raw_server(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve `handler(request_head, writer)` for each request of each connection until the context ends."""
    state = RawServer()
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: Reader, writer: Writer) -> None:
        state.connections += 1
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        task.add_done_callback(running.discard)
        try:
            while not writer.is_closing():
                state.requests.append(await _request(reader))
                await handler(state.requests[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            # One of TLS would wait for a last word of the client.
            writer.close() if tls is None else writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    state.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield state
    finally:
        await _ended(server, running)


async def _ended(server: asyncio.Server, running: set[asyncio.Task[None]]) -> None:
    """End a server and its connections, and let the loop have its turns to close them."""
    await asyncio.sleep(0.01)  # a connection that is just being accepted is lost, and never closed, with the server
    server.close()
    for task in list(running):
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await server.wait_closed()
    await asyncio.sleep(0.01)


async def _request(reader: Reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
    return head


def chunk(data: bytes) -> bytes:
    """Frame `data` as one HTTP chunk; no data is the end of the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


async def write(writer: Writer, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def reset(writer: Writer) -> None:
    """Close the connection with a RST instead of a FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def sending(*parts: bytes, gap_s: float = 0.0) -> Handler:
    async def handler(_: bytes, writer: Writer) -> None:
        for part in parts:
            await write(writer, part)
            await asyncio.sleep(gap_s)

    return handler


def then_close(*parts: bytes) -> Handler:
    async def handler(_: bytes, writer: Writer) -> None:
        for part in parts:
            await write(writer, part)
        writer.close()

    return handler


async def hang(_: bytes, _writer: Writer) -> None:
    await asyncio.sleep(60)
