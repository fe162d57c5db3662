"""A SOCKS5 proxy on loopback: it looks every name up as this machine, and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@dataclass(kw_only=True)
class Manners:
    """How a proxy behaves: whom it lets in, what it answers, how it writes that, and how long it thinks first."""

    login: tuple[bytes, bytes] | None = None
    code: int = 0
    bound: bytes = b"\x01\0\0\0\0\0\0"
    one_by_one: bool = False
    delay_s: float = 0.0


@dataclass
class SocksServer:
    """`address` is host and port; `asked` holds the destinations, `relayed` the bytes that clients sent through."""

    address: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)
    relayed: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def socks_server(manners: Manners | None = None) -> AsyncIterator[SocksServer]:
    state, how = SocksServer(), manners or Manners()
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        task.add_done_callback(running.discard)
        try:
            await _serve(reader, writer, state, how)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            state.ended.set()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    state.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        await asyncio.sleep(0.01)
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def _serve(reader: Reader, writer: Writer, state: SocksServer, how: Manners) -> None:
    if not await _let_in(reader, writer, how):
        return
    destination = await _destination(reader)
    state.asked.append(destination)
    await asyncio.sleep(how.delay_s)
    if how.code:
        await _say(writer, bytes([5, how.code, 0]) + how.bound, how)
        return
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", destination[1])
    try:
        await _say(writer, b"\x05\0\0" + how.bound, how)
        await asyncio.gather(_relay(reader, there_writer, state.relayed), _relay(there_reader, writer, bytearray()))
    finally:
        there_writer.close()
        with suppress(OSError):
            await there_writer.wait_closed()


async def _let_in(reader: Reader, writer: Writer, how: Manners) -> bool:
    version, count = await reader.readexactly(2)
    offered = await reader.readexactly(count)
    assert version == 5
    wanted = 0 if how.login is None else 2
    await _say(writer, bytes([5, wanted if wanted in offered else 0xFF]), how)
    if wanted not in offered:
        return False
    if how.login is None:
        return True
    user = await reader.readexactly((await reader.readexactly(2))[1])
    password = await reader.readexactly((await reader.readexactly(1))[0])
    await _say(writer, b"\x01\0" if (user, password) == how.login else b"\x01\x01", how)
    return (user, password) == how.login


async def _destination(reader: Reader) -> tuple[str, int]:
    _, command, _, kind = await reader.readexactly(4)
    assert command == 1
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode("ascii")
    else:
        host = (await reader.readexactly(4 if kind == 1 else 16)).hex()
    return host, int.from_bytes(await reader.readexactly(2))


async def _say(writer: Writer, text: bytes, how: Manners) -> None:
    for piece in [text[n : n + 1] for n in range(len(text))] if how.one_by_one else [text]:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.002 * how.one_by_one)


async def _relay(reader: Reader, writer: Writer, seen: bytearray) -> None:
    while data := await reader.read(65536):
        seen += data
        writer.write(data)
        await writer.drain()
    writer.close()
