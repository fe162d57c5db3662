"""One run on its event loop: its targets, its schedule, and whoever wants to know what became of each request."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from typing_extensions import override

from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Attempt, Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import RunnerSettings, StopSignal
from lens_gate.load.engine.runner import play
from lens_gate.load.limits.rate_limits import pace_limits
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.load.schedule.lengths import Asked
from lens_gate.load.wire.transport import Transport
from lens_gate.steps.recorded.resuming import Charging, Earlier, continued, require_same, rest_of
from lens_gate.steps.recorded.written import head, plan_of
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.scheduling import planned_requests, series_asked
from lens_gate.steps.resolving.secrets import secrets_in
from lens_gate.steps.running.crew import Hands, Played, play_together
from lens_gate.steps.running.foreseen import configs, deferred_bytes
from lens_gate.steps.running.intent import Intent
from lens_gate.steps.running.keeper import Keeper
from lens_gate.steps.running.logbook import Logbook
from lens_gate.steps.running.lookout import Lookout
from lens_gate.steps.running.playing import runner_settings
from lens_gate.steps.running.promises import Promises
from lens_gate.steps.running.sharing import assignments, processes_of
from lens_gate.steps.running.targets import started
from lens_gate.steps.running.warming import warm
from lens_gate.steps.running.watcher import Watcher
from lens_gate.steps.wire import Batch
from lens_gate.steps.world import World, rfc3339
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.secrets import blotting_excerpts

FLUSH_EVERY_S = 1.0
"""How much of a run a kill may lose."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a run is measured with; without a `transport` both arms are equal, and nothing is sent."""

    intent: Intent
    keeper: Keeper
    lookout: Lookout | None
    logbook: Logbook
    transport: Transport | None
    watcher: Watcher
    world: World

    def run(self) -> Played:
        """Play on an event loop of its own."""
        if self.transport is None:
            return Played(_nothing(self.intent.arms, self.world), None, Asked())
        with asyncio.Runner(loop_factory=self.world.new_loop) as runner:
            return runner.run(self.play(self.transport))

    async def play(self, transport: Transport) -> Played:
        """Start the targets, send everything, and stop the targets again."""
        try:
            with _stoppable(self.world.stop):
                async with (
                    started(self.intent.arms, self.keeper.output, self.world) as (candidate, base),
                    _repeated(self.keeper.bring),
                ):
                    pointed = replace(self.intent.arms, candidate=candidate, base=base)
                    several = processes_of(pointed) > 1
                    return await (self._together(pointed) if several else self._sent(pointed, transport))
        finally:
            await transport.aclose()

    async def _together(self, arms: Arms) -> Played:
        """Have several processes send it, and keep what they tell."""
        purse, keeper = self.intent.purse, self.keeper
        assigned = assignments(
            arms,
            self.intent,
            secrets_in(self.intent.arms, self.world),
            keep_chunks=keeper.take_chunks is not None,
            keep_bodies=keeper.take_body is not None,
        )
        return await play_together(assigned, self.world, _Desk(self, self.beginning()), purse.add)

    async def _sent(self, arms: Arms, transport: Transport) -> Played:
        """Send it from this process."""
        asked, begin_ns, settings = Asked(), 0, self.intent.settings
        planned = planned_requests(arms, settings, self.world, asked)
        if self.intent.options.earlier is not None:
            planned, begin_ns = self._resumed(self.intent.options.earlier, planned)
        if self.lookout is not None:
            await self.lookout.warm_up()
            planned = self.lookout.following(planned)
        if self.intent.arms.candidate_side.config.profiler.warm_connections:
            await warm(transport, arms.candidate, arms.base, settings)
        promised = Promises(self.keeper.promise, self.world.now_ns, end=settings.requests).following(planned)
        end = await play(
            self.watcher.following(promised),
            transport=transport,
            settings=self._runner_settings(begin_ns),
            money=self.intent.purse,
            on_sample=self.kept,
            stop=self.world.stop,
        )
        if self.lookout is not None:
            await self.lookout.finish()
        return Played(end, transport.stamps(), asked)

    def _resumed(self, earlier: Earlier, planned: Iterator[PlannedRequest]) -> tuple[Iterator[PlannedRequest], int]:
        """Take over what was measured already, and return what is left with the instant at which that begins."""
        retries = self.intent.arms.candidate_side.config.resilience.retries
        known = continued(earlier, self.head(self.world.now_ns()))
        require_same(earlier, known)
        rest = rest_of(earlier, planned, self.intent.settings, Charging(self.intent.purse, retries.max_attempts))
        self.intent.account.is_charged()
        # First what may take long: a kill meanwhile leaves no journal of this part that lacks what the earlier one has.
        self.keeper.adopt_beside(earlier)
        self.keeper.begin(known)
        self.keeper.adopt(earlier)
        return rest.requests, rest.begin_ns

    def _runner_settings(self, begin_ns: int) -> RunnerSettings:
        rules = self.intent.arms.candidate_side.config.resilience
        return replace(
            runner_settings(self.intent.settings, rules),
            series=series_asked(self.intent.arms),
            pace=pace_limits(configs(self.intent.arms)),
            on_attempts=self.tried,
            on_breaker=self.logbook.breaker,
            on_paced=self.logbook.paced,
            on_chunks=self.keeper.take_chunks,
            on_body=self.keeper.take_body,
            begin_ns=begin_ns,
            cost_cap=self.intent.account.cap_name,
            on_anchor=self.beginning(begin_ns),
            blot=blotting_excerpts(secrets_in(self.intent.arms, self.world)),
            defer_bytes=deferred_bytes(self.intent.arms, looks=self.lookout is not None),
        )

    def beginning(self, begin_ns: int = 0) -> Callable[[int], None]:
        """Find out what is known of the run, and return what writes that down when the sending begins at an anchor.

        Asking git takes longer than there is between the anchor and the first request, which would then be late.
        """
        if self.intent.options.earlier is not None:
            return lambda anchor_ns: self.keeper.segment(self._time(anchor_ns + begin_ns), begin_ns)
        known = self.head(self.world.now_ns())
        return lambda anchor_ns: self.keeper.begin(known.model_copy(update={"start_time": self._time(anchor_ns)}))

    def _time(self, t_ns: int) -> str:
        return rfc3339(_wall_clock(t_ns, self.world))

    def head(self, anchor_ns: int) -> RunHead:
        """Return what is known of the run at its start, `anchor_ns` on the transport's clock."""
        started = _wall_clock(anchor_ns, self.world)
        looks = self.lookout.planned if self.lookout else ()
        plan = plan_of(self.intent.settings, self.intent.arms).model_copy(update={"looks": looks})
        name = "none" if self.transport is None else self.transport.name
        known = head(self.intent.arms, plan, self.intent.purse.spend(), started, self.world, transport=name)
        return known.model_copy(update={"kept": self.keeper.kept})

    def tried(self, attempts: Sequence[Attempt]) -> None:
        """Keep attempts."""
        self.keeper.take_attempts(attempts)
        self.logbook.attempts(attempts)

    def kept(self, sample: Sample) -> None:
        """Keep a sample, and tell who wants to know."""
        self.keeper.take(sample)
        self.logbook.sample(sample)
        self.watcher.note(sample)
        if self.lookout is not None:
            self.lookout.note(sample)


@dataclass(slots=True)
class _Desk(Hands):
    """Takes in what the processes of a run tell, as the run itself does with what it sends alone."""

    session: Session
    begun: Callable[[int], None]
    promised: int = 0

    @override
    def begin(self, anchor_ns: int) -> None:
        self.begun(anchor_ns)

    @override
    def promise(self, through: int) -> None:
        # The journal counts the last promise, and the processes are not equally far.
        if through > self.promised:
            self.promised = through
            self.session.keeper.promise(through)

    @override
    def take(self, batch: Batch) -> None:
        session, keeper = self.session, self.session.keeper
        session.tried(batch.attempts)
        for sample in batch.samples:
            session.kept(sample)
        if keeper.take_chunks is not None:
            for index, chunks in batch.chunks:
                keeper.take_chunks(index, chunks)
        if keeper.take_body is not None:
            for body in batch.bodies:
                keeper.take_body(*body)


@asynccontextmanager
async def _repeated(action: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do something every second on the event loop."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await action()

    repeating = asyncio.create_task(repeat())
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait({repeating})


@contextmanager
def _stoppable(stop: StopSignal) -> Iterator[None]:
    """Let Ctrl-C and a pipeline's cancellation end the run, and keep what was measured."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous: dict[signal.Signals, Callable[..., object] | int | None] = {}

    def ask(*_: object) -> None:
        loop.call_soon_threadsafe(stop.request, Ending.INTERRUPTED, "the run was interrupted")

    for name in signals:
        previous[name] = signal.signal(name, ask)
    try:
        yield
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)


def _wall_clock(t_ns: int, world: World) -> datetime:
    """Return the time of day of an instant on the transport's clock."""
    return world.now() - timedelta(microseconds=(world.now_ns() - t_ns) / 1000)


def _nothing(arms: Arms, world: World) -> RunEnd:
    """Return the end of a run that had nothing to send."""
    same = "what both arms have is the same" if arms.uncovered else "both arms are the same"
    return RunEnd(
        ending=Ending.COMPLETE,
        message=f"{same}, so nothing was sent",
        anchor_ns=world.now_ns(),
        scheduled=0,
        sent=0,
        shed=0,
        lateness=Spread(),
        loop_lag=Spread(),
        given_up={},
        examples={},
    )
