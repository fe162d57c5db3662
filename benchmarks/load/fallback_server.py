"""The truth server where there is no C compiler: asyncio's protocols, on uvloop where there is one.

The same command line, answers and log as `c/truth_server.c`; slower, so it is a limit at high rates itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import ssl
import sys
import time
from math import exp
from pathlib import Path
from random import Random

import numpy as np
import orjson
from benchmarks.load.logs import COLUMNS, write_records

OPENAI_CHAT, ANTHROPIC, GEMINI = "/chat/completions", "/messages", ":streamGenerateContent"
ID, RECEIVED, CONNECTION, TOKENS, FIRST, LAST, WRITES = range(7)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
OTHER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n{"object":"list","data":[]}'


def event(data: object, name: str | None = None) -> bytes:
    """Write one server-sent event as one chunk of the body."""
    body = b"data: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"
    body = f"event: {name}\n".encode() + body if name else body
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


def named(kind: str, **fields: object) -> bytes:
    """Write one event of Anthropic's, whose name stands in its data as well."""
    return event({"type": kind, **fields}, kind)


def chat(choices: list[object], usage: object = None) -> bytes:
    """Write one chunk of OpenAI's chat completions."""
    return event({"id": "c", "object": "chat.completion.chunk", "model": "truth", "choices": choices, "usage": usage})


def choice(delta: dict[str, str], finish: str | None = None) -> list[object]:
    """Return the choices of a chunk."""
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


def opening(shape: str, serial: int) -> bytes:
    """Return what comes before the first token."""
    if shape == OPENAI_CHAT:
        return HEAD + chat(choice({"role": "assistant", "content": ""}))
    if shape == GEMINI:
        return HEAD
    message = {"id": "m", "type": "message", "role": "assistant", "model": "truth", "content": []}
    usage = {"usage": {"input_tokens": serial, "output_tokens": 1}}
    block = named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return HEAD + named("message_start", message=message | usage) + block + named("ping")


WORDS = (" the", " tide", " rises", ",", " and", " falls", " again", ".")
"""Answers are not one word over and over."""


def token(shape: str, serial: int, so_far: int, *, last: bool) -> bytes:
    """Return one token."""
    word = WORDS[so_far % len(WORDS)]
    if shape == OPENAI_CHAT:
        return chat(choice({"content": word}))
    if shape == ANTHROPIC:
        return named("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    counts = {"promptTokenCount": serial, "candidatesTokenCount": so_far, "totalTokenCount": serial + so_far}
    candidate = {"content": {"parts": [{"text": word}], "role": "model"}, "index": 0}
    candidate |= {"finishReason": "STOP"} if last else {}
    return event({"candidates": [candidate], "usageMetadata": counts, "modelVersion": "truth"})


def ending(shape: str, serial: int, tokens: int) -> bytes:
    """Return what comes after the last token."""
    end = b"0\r\n\r\n"
    if shape == OPENAI_CHAT:
        usage = {"prompt_tokens": serial, "completion_tokens": tokens, "total_tokens": serial + tokens}
        return chat(choice({}, "stop")) + chat([], usage) + event(b"[DONE]") + end
    if shape == GEMINI:
        return end
    delta = named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": tokens})
    return named("content_block_stop", index=0) + delta + named("message_stop") + end


class Log:
    """What is written at the end."""

    def __init__(self) -> None:
        self.records: list[list[int]] = []
        self.events: list[tuple[int, int]] = []
        self.lost = 0


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    connections = 0

    def __init__(self, log: Log, usual: str, seed: int) -> None:
        self._log, self._usual, self._seed = log, usual, seed
        self._number, Connection.connections = Connection.connections, Connection.connections + 1
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the caller's signature
        if self._timer is not None:
            self._timer.cancel()
            self._log.lost += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take()

    def _take(self) -> None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or self._timer is not None:
            return
        length = int(_header(head, b"content-length") or 0)
        if len(rest) < length:
            return
        received = time.monotonic_ns()
        self._buffer = rest[length:]
        target = head.split(b"\r\n", 1)[0].decode()
        shape = next((shape for shape in (OPENAI_CHAT, ANTHROPIC, GEMINI) if shape in target), None)
        if shape is None:
            self._transport.write(OTHER)
            return
        self._begin(shape, target, received, int(_header(head, b"x-request-id") or 0))

    def _begin(self, shape: str, target: str, received: int, own_id: int) -> None:
        own = re.search(r"/s=([\d:]+)/", target)
        script = (own[1] if own else self._usual).split(":")
        self._ttft, self._ttft_sigma, self._gap, self._gap_sigma, self._tokens = map(int, script)
        self._shape, self._record, self._written = shape, len(self._log.records), 0
        self._random = Random(self._seed * 1_000_003 + self._record)
        self._log.records.append([own_id, received, self._number, self._tokens, *([0] * (COLUMNS - 4))])
        self._due = received + self._drawn(self._ttft, self._ttft_sigma)
        self._wait()

    def _drawn(self, median_us: int, sigma: int) -> int:
        return int(median_us * 1000 * exp(self._random.gauss(0, sigma / 1000)))

    def _wait(self) -> None:
        left = (self._due - time.monotonic_ns()) / 1e9
        self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._write)

    def _write(self) -> None:
        if time.monotonic_ns() < self._due:  # uvloop's timers may be early
            self._wait()
            return
        self._timer, self._written = None, self._written + 1
        serial, last = self._record + 1, self._written == self._tokens
        data = opening(self._shape, serial) if self._written == 1 else b""
        data += token(self._shape, serial, self._written, last=last)
        data += ending(self._shape, serial, self._tokens) if last else b""
        row, now = self._log.records[self._record], time.monotonic_ns()
        row[FIRST], row[LAST], row[WRITES] = row[FIRST] or now, now, self._written
        self._log.events.append((self._record, now))
        self._transport.write(data)
        if last:
            self._take()
            return
        self._due += self._drawn(self._gap, self._gap_sigma)
        self._wait()


def _header(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"\r\n" + name + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1] if found else None


async def serve(log: Log, script: str, seed: int, pem: list[str]) -> None:
    """Listen until SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    tls = None
    if pem:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*pem)
    server = await loop.create_server(lambda: Connection(log, script, seed), "127.0.0.1", 0, ssl=tls, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    server.close()


def main() -> None:
    path, script, seed, *pem = sys.argv[1:]
    log = Log()
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - Windows has none

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve(log, script, int(seed), pem))
    records = np.array(log.records, dtype=np.int64).reshape(-1, COLUMNS)
    write_records(Path(path), records, np.array(log.events, dtype=np.int64).reshape(-1, 2), log.lost)


if __name__ == "__main__":
    main()
