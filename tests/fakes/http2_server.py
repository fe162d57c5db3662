"""A loopback server of HTTP/2 over TLS, on the h2 library, whose streams a test writes frame by frame."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.exceptions import H2Error

Writer = asyncio.StreamWriter


@dataclass
class Stream:
    """One request: its path and headers, and how to answer it."""

    number: int
    headers: dict[str, str]
    connection: Connection
    body: bytearray = field(default_factory=bytearray)
    whole: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> str:
        return self.headers[":path"]

    async def head(self, status: int = 200, *, end: bool = False) -> int:
        fields = [(":status", str(status)), ("content-type", "text/event-stream")]
        self.connection.h2.send_headers(self.number, fields, end_stream=end)
        return await self.connection.flush()

    async def data(self, data: bytes, *, end: bool = False) -> int:
        """Write one frame, and return when."""
        self.connection.h2.send_data(self.number, data, end_stream=end)
        return await self.connection.flush()

    async def reset(self) -> None:
        self.connection.h2.reset_stream(self.number, ErrorCodes.INTERNAL_ERROR)
        await self.connection.flush()

    async def allow(self, size: int = 65535) -> None:
        """Let the client send so much of its body."""
        self.connection.h2.increment_flow_control_window(size, self.number)
        await self.connection.flush()


@dataclass
class Connection:
    """One connection; `writer` is for bytes that are no HTTP/2."""

    h2: H2Connection
    writer: Writer

    async def flush(self) -> int:
        data = self.h2.data_to_send()
        now_ns = time.perf_counter_ns()
        self.writer.write(data)
        await self.writer.drain()
        return now_ns


Handler = Callable[[Stream], Coroutine[Any, Any, None]]


@dataclass
class Http2Server:
    """`base_url`, the requests it got, and how many connections were opened."""

    handler: Handler
    settings: Mapping[int, int]
    base_url: str = ""
    requests: list[Stream] = field(default_factory=list)
    connections: int = 0
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def connected(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.connections += 1
        connection = Connection(H2Connection(H2Configuration(client_side=False)), writer)
        self.start(self._serve(reader, connection))

    async def _serve(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        streams: dict[int, Stream] = {}
        try:
            connection.h2.initiate_connection()
            if self.settings:
                connection.h2.update_settings(dict(self.settings))
            await connection.flush()
            while data := await reader.read(65536):
                for event in connection.h2.receive_data(data):
                    self._take(event, streams, connection)
                await connection.flush()
        finally:
            connection.writer.transport.abort()

    def _take(self, event: Event, streams: dict[int, Stream], connection: Connection) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=[*headers]):
                told = {bytes(name).decode(): bytes(value).decode() for name, value in headers}
                streams[number] = Stream(number, told, connection)
                self.requests.append(streams[number])
                self.start(self.handler(streams[number]))
            case DataReceived(stream_id=int(number), data=bytes(part)):
                streams[number].body += part
            case StreamEnded(stream_id=int(number)):
                streams[number].whole.set()
            case _:
                pass


@asynccontextmanager
async def http2_server(
    handler: Handler, tls: ssl.SSLContext, *, settings: Mapping[int, int] | None = None
) -> AsyncIterator[Http2Server]:
    """Serve `handler(stream)`, each request in a task of its own that begins at its headers."""
    state = Http2Server(handler, settings or {})
    tls.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(state.connected, "127.0.0.1", 0, ssl=tls)
    state.base_url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        await asyncio.sleep(0.01)
        server.close()
        for task in list(state.running):
            task.cancel()
        await asyncio.gather(*state.running, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with suppress(ConnectionError, H2Error):
        await work
