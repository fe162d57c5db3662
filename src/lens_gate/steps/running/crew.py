"""The processes that send a run together: started, given one instant to begin at, listened to, and ended.

This process sends nothing itself. It keeps what the others measured, so that the loss of one of them loses no more than
what that one had in flight.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from lens_gate.artifacts.instrument import Stamps
from lens_gate.errors import CouldNotMeasure
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.engine.merging import merged_end, merged_stamps
from lens_gate.load.engine.tasks import cancelled
from lens_gate.load.money.budget import Standing, used_up
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.load.schedule.lengths import Asked
from lens_gate.steps.wire import Assignment, Batch, Broken, Done, Go, Line, Message, Promise, Ready, Stop
from lens_gate.steps.world import Spawned, World
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Status

READY_WITHIN_S: Final = 60.0
AHEAD_NS: Final = 250_000_000
"""From the word to begin to the anchor: all processes must have heard it, and have collected their garbage."""

LAST_WORDS_S: Final = 60.0
"""How long what was measured may take to arrive after an urgent end, before the processes are killed."""

ENDS_WITHIN_S: Final = 5.0


class Hands(Protocol):
    """Where what the processes tell goes to."""

    def begin(self, anchor_ns: int) -> None:
        """Learn the clock at offset 0, before the first request."""
        ...

    def promise(self, through: int) -> None:
        """Learn that requests below this index may be sent from now on."""
        ...

    def take(self, batch: Batch) -> None:
        """Keep what ended."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """What a run leaves behind beside its samples and its account."""

    end: RunEnd
    stamps: Stamps | None
    asked: Asked


class ProcessBroken(RuntimeError):
    """A process of the run had a defect; the message is its traceback."""


@dataclass(slots=True)
class Member:
    """One of the processes, as this one sees it."""

    name: str
    process: Spawned
    line: Line
    assignment: Assignment
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    standing: Standing = field(default_factory=Standing)
    sent: int = 0
    shed: int = 0
    done: Done | None = None
    broken: str | None = None

    async def follow(self, hands: Hands, stop: StopSignal) -> None:
        """Listen to its last word; one that dies, or has a defect, ends the run."""
        while self.done is None and self.broken is None:
            message = await self.line.next()
            if message is None:
                self._lost(stop)
                break
            self._heard(message, hands, stop)
        self.ready.set()

    def _heard(self, message: Message, hands: Hands, stop: StopSignal) -> None:
        match message:
            case Ready():
                self.ready.set()
            case Promise(through):
                hands.promise(through)
            case Batch():
                self._take(message)
                hands.take(message)
            case Stop(ending, reason):
                stop.request(ending, reason)
            case Done():
                self.done, self.standing = message, message.standing
            case Broken(traceback):
                self.broken = traceback
                stop.request(Ending.INTERRUPTED, f"{self.name} had a defect")
            case Go():
                pass

    def _take(self, batch: Batch) -> None:
        shed = sum(sample.status is Status.SHED for sample in batch.samples)
        self.shed += shed
        self.sent += len(batch.samples) - shed
        self.standing = batch.standing

    def _lost(self, stop: StopSignal) -> None:
        """Say that it died; what it may have spent counts in full."""
        how = told_exit(self.process.exited(ENDS_WITHIN_S))
        cap_usd = self.assignment.cap_usd
        self.standing = self.standing if cap_usd is None else used_up(cap_usd)
        stop.request(Ending.INTERRUPTED, f"{self.name} {how}, and what it had in flight is lost")

    @property
    def end(self) -> RunEnd:
        """How it ended; of one that died what is known."""
        if self.done is not None:
            return self.done.end
        return RunEnd(
            ending=Ending.INTERRUPTED,
            message=None,
            anchor_ns=0,
            scheduled=self.sent + self.shed,
            sent=self.sent,
            shed=self.shed,
            lateness=Spread(),
            loop_lag=Spread(),
            given_up={},
            examples={},
        )


def told_exit(code: int | None) -> str:
    """Say in words how a process ended."""
    if code is None:
        return "fell silent"
    return f"was killed by signal {-code}" if code < 0 else f"ended before the run, with code {code}"


async def play_together(
    assignments: Sequence[Assignment], world: World, hands: Hands, book: Callable[[Standing], None]
) -> Played:
    """Send a run with one process for each assignment; `book` learns at the end what each of them spent.

    Raises CouldNotMeasure where one does not start, ProcessBroken for a defect in one, and what `hands` raises.
    """
    members = [await _started(assignment, world) for assignment in assignments]
    following = [asyncio.create_task(member.follow(hands, world.stop)) for member in members]
    try:
        anchor_ns = await _begun(members, world, hands)
        await _ended(members, following, world.stop)
    finally:
        await cancelled(*following)
        for member in members:
            await member.line.close()
            if member.process.exited(ENDS_WITHIN_S) is None:
                member.process.kill()
            book(member.standing)
    defect = next((member.broken for member in members if member.broken is not None), None)
    if defect is not None:
        raise ProcessBroken(defect)
    words = [member.done for member in members if member.done is not None]
    return Played(
        end=merged_end([member.end for member in members], world.stop, anchor_ns=anchor_ns),
        stamps=merged_stamps(one.stamps for one in words),
        asked=max((one.asked for one in words), key=lambda asked: len(asked.inputs), default=Asked()),
    )


async def _started(assignment: Assignment, world: World) -> Member:
    ours, theirs = socket.socketpair()
    share = assignment.script.settings.share
    with theirs:
        process = world.spawn(theirs, assignment)
    name = f"process {share.number + 1} of {share.of}"
    return Member(name, process, await Line.over(ours), assignment)


async def _all_ready(members: Sequence[Member]) -> None:
    for member in members:
        await member.ready.wait()


async def _begun(members: Sequence[Member], world: World, hands: Hands) -> int:
    """Wait until all are ready, or the run is ended, and give the word; returns the clock at offset 0."""
    ready = asyncio.create_task(_all_ready(members))
    stopped = asyncio.create_task(world.stop.stopped.wait())
    await asyncio.wait({ready, stopped}, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    await cancelled(ready, stopped)
    silent = [member.name for member in members if not member.ready.is_set()]
    if silent and not world.stop.stopped.is_set():
        raise CouldNotMeasure(f"{silent[0]} did not start within {READY_WITHIN_S:g} s", hint="Try fewer processes.")
    anchor_ns = world.now_ns() + AHEAD_NS
    hands.begin(anchor_ns)
    for member in members:
        member.line.put(Go(anchor_ns))
    return anchor_ns


async def _ended(members: Sequence[Member], following: Sequence[asyncio.Task[None]], stop: StopSignal) -> None:
    """Wait for everybody's last word; what ends the run is passed on, and who does not listen then is killed."""
    everybody = asyncio.gather(*following)
    passing = asyncio.create_task(_pass_on(members, stop))
    try:
        await asyncio.wait((everybody, passing), return_when=asyncio.FIRST_COMPLETED)
        if not everybody.done():
            await asyncio.wait({everybody}, timeout=LAST_WORDS_S)
        if not everybody.done():
            for member in members:
                member.process.kill()
        await everybody
    finally:
        await cancelled(passing)


async def _pass_on(members: Sequence[Member], stop: StopSignal) -> None:
    """Tell everybody that the run is stopped, and again that it is urgent."""
    for said in (stop.stopped, stop.urgent):
        await said.wait()
        for member in members:
            member.line.put(Stop(stop.ending or Ending.INTERRUPTED, stop.message))
