"""One process of several that send a run: it walks through the whole schedule, sends its share, and tells the first.

It keeps nothing and decides little: what ended goes to the first process in batches, which has the journal.
"""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

import numpy as np

from lens_gate.artifacts.samples import Attempt, Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.engine.tasks import cancelled
from lens_gate.load.money.purse import Purse
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.wire.choice import TransportOrder
from lens_gate.load.wire.transport import Transport
from lens_gate.steps.running.playing import runner_settings
from lens_gate.steps.running.promises import Promises
from lens_gate.steps.running.warming import warm
from lens_gate.steps.wire import Assignment, Batch, Broken, Done, Go, Line, Promise, Ready, Stop
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.secrets import blotting_excerpts

BATCH: Final = 64
"""Samples after which a batch is sent at once: packing it takes about 1 ms of the event loop."""

BATCH_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a process builds for itself: its transport, its randomness by seed, its clock and its event loop."""

    transport: Callable[[TransportOrder], Transport]
    rng: Callable[[int], np.random.Generator]
    now_ns: Callable[[], int]
    new_loop: Callable[[], asyncio.AbstractEventLoop]


def work(end: socket.socket, assignment: Assignment, tools: Tools) -> None:
    """Send a share, on an event loop of its own, for the process at the other end of the socket."""
    with asyncio.Runner(loop_factory=tools.new_loop) as runner:
        runner.run(_worked(end, assignment, tools))


async def _worked(end: socket.socket, assignment: Assignment, tools: Tools) -> None:
    line = await Line.over(end)
    try:
        await _Worker(line, assignment, tools).run()
    except Exception:  # noqa: BLE001 - the first process raises it again
        line.put(Broken(traceback.format_exc()))
    except asyncio.CancelledError:
        # The first process is gone, and with it whoever could be told.
        pass
    finally:
        await line.see_off()


class Outbox:
    """Gathers what is kept of each request, and sends it in batches: often enough, and never one by one."""

    def __init__(self, line: Line, purse: Purse) -> None:
        self._line = line
        self._purse = purse
        self._batch = Batch()

    def attempts(self, attempts: Sequence[Attempt]) -> None:
        """Gather the attempts of the request whose sample comes next."""
        self._batch.attempts.extend(attempts)

    def sample(self, sample: Sample) -> None:
        """Gather a sample; a full batch goes when all else of its last request is in it."""
        self._batch.samples.append(sample)
        if len(self._batch.samples) == BATCH:
            asyncio.get_running_loop().call_soon(self.send)

    def chunks(self, index: int, chunks: tuple[tuple[int, int], ...]) -> None:
        """Gather the raw times of a request's chunks."""
        self._batch.chunks.append((index, chunks))

    def body(self, index: int, request: bytes, answer: str) -> None:
        """Gather a request and its answer."""
        self._batch.bodies.append((index, request, answer))

    def send(self) -> None:
        """Send what was gathered, with the account as it stands."""
        if self._batch.samples:
            batch, self._batch = self._batch, Batch()
            batch.standing = self._purse.standing
            self._line.put(batch)

    async def keep_sending(self) -> None:
        """Send what was gathered, again and again."""
        while True:
            await asyncio.sleep(BATCH_S)
            self.send()


class _Worker:
    def __init__(self, line: Line, assignment: Assignment, tools: Tools) -> None:
        self._line = line
        self._assignment = assignment
        self._tools = tools
        self._purse = Purse(assignment.prices, assignment.cap_usd)
        self._outbox = Outbox(line, self._purse)
        self._stop = StopSignal()

    async def run(self) -> None:
        """Get ready, wait for the word, and send."""
        script, transport = self._assignment.script, self._tools.transport(self._assignment.order)
        try:
            if self._assignment.warm_connections:
                await warm(transport, script.candidate, script.base, script.settings)
            asked = Asked()
            planned = _first_drawn(script.requests(self._tools.rng(script.settings.seed), asked))
            self._line.put(Ready())
            go = await self._line.next()
            if isinstance(go, Go):
                await self._play(transport, go.anchor_ns, planned, asked)
        finally:
            await transport.aclose()

    async def _play(
        self, transport: Transport, anchor_ns: int, planned: Iterator[PlannedRequest], asked: Asked
    ) -> None:
        playing = asyncio.current_task()
        beside = [
            asyncio.create_task(each) for each in (self._hear(playing), self._tell(), self._outbox.keep_sending())
        ]
        try:
            end = await play(
                self._promised(planned),
                transport=transport,
                settings=self._settings(anchor_ns),
                money=self._purse,
                on_sample=self._outbox.sample,
                stop=self._stop,
            )
        finally:
            await cancelled(*beside)
            self._outbox.send()
        self._line.put(Done(end, self._purse.standing, transport.stamps(), asked))

    def _promised(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        end = self._assignment.script.settings.requests
        return Promises(self._promise, self._tools.now_ns, early=True, end=end).following(planned)

    def _promise(self, through: int) -> bool:
        self._line.put(Promise(through))
        return True

    def _settings(self, anchor_ns: int) -> RunnerSettings:
        mine, outbox = self._assignment, self._outbox
        return replace(
            runner_settings(mine.script.settings, mine.resilience),
            anchor_ns=anchor_ns,
            cost_cap=mine.cost_cap,
            series=mine.series,
            blot=blotting_excerpts(mine.secrets),
            defer_bytes=mine.defer_bytes,
            on_attempts=outbox.attempts,
            on_chunks=outbox.chunks if mine.keep_chunks else None,
            on_body=outbox.body if mine.keep_bodies else None,
        )

    async def _tell(self) -> None:
        """Tell the others that this process found a reason to end the run."""
        await self._stop.stopped.wait()
        self._line.put(Stop(self._stop.ending or Ending.INTERRUPTED, self._stop.message))

    async def _hear(self, playing: asyncio.Task[None] | None) -> None:
        """End the run when it is asked for, and at once where the first process is gone: nobody keeps what is sent."""
        while (message := await self._line.next()) is not None:
            if isinstance(message, Stop):
                self._stop.request(message.ending, message.message)
        if playing is not None:
            playing.cancel()


def _first_drawn(planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
    """Draw the first request now: it takes the longest, and there is little time once the word to begin is given."""
    return chain(tuple(islice(planned, 1)), planned)
