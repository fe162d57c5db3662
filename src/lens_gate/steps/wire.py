"""What the processes of one run tell each other, and how: pickled messages over a pair of sockets.

Both ends are our own, and nobody else can reach them. Writing never waits, so that a slow reader makes no send late.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from lens_gate.artifacts.instrument import Stamps
from lens_gate.artifacts.samples import Attempt, Sample
from lens_gate.config.resilience import Resilience
from lens_gate.load.money.budget import Standing
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.schedule.script import Script
from lens_gate.load.wire.choice import TransportOrder
from lens_gate.vocabulary.outcomes import Ending

_LENGTH_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What one process is told of the run: what to send of it, how, and for how many dollars (None: any sum).

    `series` are those of the whole run; `secrets` are taken out of the messages that are kept of failures. `cost_cap`
    is what the limit of the money is called.
    """

    script: Script
    series: frozenset[str]
    secrets: frozenset[str] = field(repr=False)
    resilience: Resilience
    order: TransportOrder
    prices: PriceList
    cap_usd: Fraction | None
    warm_connections: bool
    defer_bytes: int | None
    keep_chunks: bool
    keep_bodies: bool
    cost_cap: str


@dataclass(frozen=True, slots=True)
class Go:
    """To a worker: begin, with offset 0 at this instant of the clock that all processes share."""

    anchor_ns: int


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker or from one: the run ends, and why."""

    ending: Ending
    message: str | None


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: its connections are open, and it waits for `Go`."""


@dataclass(frozen=True, slots=True)
class Promise:
    """From a worker: it may send the requests below this index from now on."""

    through: int


@dataclass(slots=True)
class Batch:
    """From a worker: what ended since the last batch, and its account; attempts belong to these samples."""

    samples: list[Sample] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    chunks: list[tuple[int, tuple[tuple[int, int], ...]]] = field(default_factory=list)
    bodies: list[tuple[int, bytes, str]] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Done:
    """From a worker: its last word, after its last batch."""

    end: RunEnd
    standing: Standing
    stamps: Stamps | None
    asked: Asked


@dataclass(frozen=True, slots=True)
class Broken:
    """From a worker: a defect stopped it, with this traceback."""

    traceback: str


ToWorker = Go | Stop
FromWorker = Ready | Stop | Promise | Batch | Done | Broken
Message = ToWorker | FromWorker


class Line:
    """One end of the pair, on the running event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Line:
        """Take over a socket."""
        if end.family == socket.AF_INET:
            return cls(*await asyncio.open_connection(sock=end))
        return cls(*await asyncio.open_unix_connection(sock=end))

    def put(self, message: Message) -> None:
        """Hand a message over; it waits in memory for a reader that is slow, and is lost where there is none."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES) + data)

    async def next(self) -> Message | None:
        """Wait for the next message; None where the other end is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES))
            message: Message = pickle.loads(await self._reader.readexactly(length))  # noqa: S301 - see above
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return message

    async def see_off(self) -> None:
        """Say no more, and hang up after the other end: who speaks to a closed one loses what he has not read of it."""
        self._writer.write_eof()
        while await self.next() is not None:
            continue
        await self.close()

    async def close(self) -> None:
        """Wait until all was handed over, and hang up."""
        try:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()
        except ConnectionError:
            return
