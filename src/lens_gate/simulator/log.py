"""The simulator's log: what it really wrote and when, one JSON line for each request.

All times are nanoseconds of `time.perf_counter_ns`, the clock that measurements on the same machine use.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from lens_gate.errors import ArtifactCorrupt, PublishFailed
from lens_gate.simulator.effects import Fault
from lens_gate.simulator.staging import Facts
from lens_gate.vocabulary.requests import Api, FinishReason, TokenKind

FLUSH_INTERVAL_S = 1.0

_GENERATED = frozenset(TokenKind)


Stamp = tuple[int, int, str]
"""One write: when the transport took it, how many tokens it held, and what it was."""


class RequestRecord(BaseModel):
    """One line of the log.

    `writes` are (t_ns, tokens, kind) of each write; the first one is the head's, alone or with what came in the same
    write. `output_tokens` is what a whole answer bills, reasoning included; the sum over `writes` is what was sent.
    `request_id` is the client's own (`x-lens-request` or `x-request-id`).
    """

    model_config = ConfigDict(frozen=True)

    id: str
    api: Api | None
    model: str | None
    received_ns: int
    head_ns: int | None
    writes: list[Stamp]
    first_token_ns: int | None
    last_token_ns: int | None
    end_ns: int
    status: int
    fault: Fault | None
    prompt_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    finish_reason: FinishReason
    request_id: str | None
    client_closed: bool


def line_of(facts: Facts, stamps: list[Stamp], *, received_ns: int, end_ns: int, client_closed: bool) -> bytes:
    """Write one line; `client_closed` where the client went away before the last write."""
    tokens = [t_ns for t_ns, _, kind in stamps if kind in _GENERATED]
    fields = {
        "id": facts.id,
        "api": facts.api,
        "model": facts.model,
        "received_ns": received_ns,
        "head_ns": stamps[0][0] if stamps else None,
        "writes": stamps,
        "first_token_ns": tokens[0] if tokens else None,
        "last_token_ns": tokens[-1] if tokens else None,
        "end_ns": end_ns,
        "status": facts.status,
        "fault": facts.fault,
        "prompt_tokens": facts.counts.prompt,
        "output_tokens": facts.counts.output,
        "reasoning_tokens": facts.counts.reasoning,
        "cached_tokens": facts.counts.cached,
        "finish_reason": facts.finish_reason,
        "request_id": facts.request_id,
        "client_closed": client_closed,
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def read_log(path: Path) -> Iterator[RequestRecord]:
    """Read a log line by line. Raises ArtifactCorrupt, naming the line."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield RequestRecord.model_validate_json(line)
            except ValueError:
                place = f"{path}:{number}"
                raise ArtifactCorrupt(
                    "not a line of a simulator's log", place=place, hint="Was the simulator killed while it wrote?"
                ) from None


class LogWriter:
    """Collects lines and writes them once a second and at the end, in another thread than the streams'."""

    def __init__(self, path: Path | None) -> None:
        """Create the file. Raises PublishFailed."""
        self._lines: list[bytes] = []
        self._path = path
        self._task: asyncio.Task[None] | None = None
        if path is None:
            return
        try:
            self._file = path.open("wb")
        except OSError as problem:
            hint = "Choose another --log."
            raise PublishFailed(f"the log cannot be written: {problem.strerror}", place=str(path), hint=hint) from None

    @property
    def active(self) -> bool:
        """Whether anything is kept."""
        return self._path is not None

    def add(self, line: bytes) -> None:
        """Take a line; it reaches the file later."""
        self._lines.append(line)

    def start(self) -> None:
        """Begin to write regularly."""
        if self.active:
            self._task = asyncio.get_running_loop().create_task(self._write_regularly())

    async def flush(self) -> None:
        """Write everything that was taken so far."""
        lines, self._lines = self._lines, []
        if lines:
            await asyncio.to_thread(self._write, b"".join(lines))

    async def aclose(self) -> None:
        """Write the rest and close the file."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()
        if self.active:
            self._file.close()

    async def _write_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            await self.flush()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
