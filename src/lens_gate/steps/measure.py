"""The step `run`: play the schedule of both arms, and write down what was measured."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, assert_never

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Attempt, Sample, Samples
from lens_gate.errors import PublishFailed
from lens_gate.load.contract import RunEnd, RunnerSettings, Spread, StopSignal
from lens_gate.load.lengths import Asked
from lens_gate.load.pace import ScheduleSettings, phase_at
from lens_gate.load.pace_limits import pace_limits
from lens_gate.load.plan import ArmPlan, PlannedRequest
from lens_gate.load.purse import Purse
from lens_gate.load.resilience import failure_rules
from lens_gate.load.runner import play
from lens_gate.load.transport import Timeouts, Transport
from lens_gate.steps.arms import Arms
from lens_gate.steps.bodies import personal_rules, secrets_in
from lens_gate.steps.budgets import open_account
from lens_gate.steps.foreseen import configs, deferred_bytes, foreseen, price_list, require_limits
from lens_gate.steps.keeper import Keeper, KeeperOptions
from lens_gate.steps.logbook import Begun, Logbook
from lens_gate.steps.lookout import Lookout, LookPlan
from lens_gate.steps.promises import Promises
from lens_gate.steps.replaying import replayed_part
from lens_gate.steps.resuming import Earlier, continued, require_same, rest_of
from lens_gate.steps.scheduling import planned_requests, settings_of
from lens_gate.steps.tail import Tail, tail_note
from lens_gate.steps.targets import started
from lens_gate.steps.transporting import transport_order
from lens_gate.steps.warming import warm
from lens_gate.steps.world import World, rfc3339
from lens_gate.steps.written import Measurement, head, plan_of, written
from lens_gate.vocabulary.outcomes import Ending, ExitCode

FLUSH_EVERY_S = 1.0
"""How much of a run a kill may lose."""


class Watcher(Protocol):
    """What is shown while a run goes on."""

    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Take note of what was planned."""
        ...

    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on, counting."""
        ...

    def note(self, sample: Sample) -> None:
        """Take note of a request that ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run as it was written to `path`, with its samples, and the clock of its transport at their offset 0."""

    run: Run
    samples: Samples
    path: Path
    anchor_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """What else a run is to do: keep raw chunk times, end when `looks` decide, go on with an `earlier` part of it."""

    save_chunks: bool = False
    looks: LookPlan | None = None
    earlier: Earlier | None = None


def measure(
    arms: Arms, output: Path, world: World, watcher: Watcher, options: MeasureOptions = MeasureOptions()
) -> Measured:
    """Measure, and write the artifact to `output` (its samples beside it where they are many).

    Equal arms send nothing. Raises ConfigProblem where a cap cannot hold, UsageProblem where the earlier part is of
    another run, TargetNotReady and PublishFailed.
    """
    config = arms.candidate_side.config
    looks, earlier = options.looks, options.earlier
    run_id = earlier.run.benchmark.id if earlier else world.new_id()
    settings = settings_of(arms).salted(run_id)
    prices = price_list(arms, world.now())
    require_limits(arms, settings, prices, looks=looks is not None)
    account = open_account(config, run_id, lambda: foreseen(arms, settings, prices, world).usd_reserved, world)
    purse = Purse(prices, account.cap_usd)
    if arms.log is not None and config.workload.prompts:
        world.say("the prompts of a replay are those of its log, so that workload.prompts are left aside")
    watcher.begin(settings, arms)
    logbook = Logbook.begun(world.log, Begun(run_id, arms, settings, account.cap_usd, earlier))
    keeping = KeeperOptions(
        save_chunks=options.save_chunks,
        remember=looks is not None,
        part=len(earlier.stretches) + 1 if earlier else 1,
        on_failure=lambda failure: _stop_writing(failure, world),
    )
    personal = personal_rules(config, secrets_in(arms, world), key=world.new_id())
    with ExitStack() as stack:
        stack.enter_context(account.settling(lambda: purse.spend().spent_usd))
        executor = stack.enter_context(world.executor()) if looks or personal else None
        keeper = stack.enter_context(Keeper(output, run_id=run_id, say=world.say, options=keeping))
        lookout = None
        if executor and personal:
            keeper.keep_bodies(personal, executor)
        if executor and looks:
            lookout = Lookout(looks, executor=executor, samples=keeper.samples, stop=world.stop, on_look=keeper.look)
        transport = None if arms.comparison and arms.comparison.equal else world.transport(transport_order(arms))
        session = _Session(arms, settings, purse, keeper, world, watcher, transport, lookout, earlier, logbook)
        end = _nothing(arms, world) if transport is None else session.run(transport)
        done = _published(session, end, run_id)
    if keeper.failure is not None:
        raise _told(keeper.failure, output)
    return done


def _published(session: _Session, end: RunEnd, run_id: str) -> Measured:
    """Write the artifact of a run that has ended; its last line goes to the journal first, should that be all."""
    keeper, world, lookout = session.keeper, session.world, session.lookout
    samples = keeper.samples()
    looks = lookout.looks(samples) if lookout else ()
    earlier = session.earlier
    tail = Tail(
        end=earlier.worst(end) if earlier else end,
        ended=rfc3339(world.now()),
        spend=session.purse.spend(),
        looks=looks,
        replayed=replayed_part(session.arms.log, session.asked, samples) if session.arms.log else None,
        stamps=session.transport.stamps() if session.transport else None,
    )
    if len(samples):
        keeper.end(tail_note(tail))
    measured = Measurement(
        run_id=run_id,
        head=keeper.head or session.head(end.anchor_ns),
        tail=tail,
        samples=samples,
        reference=keeper.reference(samples),
        attempts=keeper.attempts(samples),
        segments=earlier.followed_by(keeper.began, len(samples)) if earlier and keeper.began else (),
    )
    run = written(measured, world.provenance())
    keeper.publish(run)
    session.logbook.ended(run, end, keeper.output)
    return Measured(run=run, samples=samples, path=keeper.output, anchor_ns=end.anchor_ns)


def _stop_writing(failure: PublishFailed, world: World) -> None:
    """End a run whose journal cannot be written: what it sent from now on could be lost."""
    world.log.note("error", "the journal cannot be written", place=failure.place, text=failure.message)
    world.stop.request(Ending.INTERRUPTED, f"the journal of the run could not be written ({failure.message})")


def _told(failure: PublishFailed, output: Path) -> PublishFailed:
    """Say what became of a run whose journal could not be written."""
    return PublishFailed(
        f"{failure.message}; what was measured until then is in {output}",
        place=failure.place,
        hint=failure.hint,
    )


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
        most_in_flight=0,
        lateness=Spread(),
        loop_lag=Spread(),
        given_up={},
        examples={},
    )


@dataclass(frozen=True, slots=True)
class _Session:
    """One run on its event loop."""

    arms: Arms
    settings: ScheduleSettings
    purse: Purse
    keeper: Keeper
    world: World
    watcher: Watcher
    transport: Transport | None
    lookout: Lookout | None = None
    earlier: Earlier | None = None
    logbook: Logbook = field(default_factory=Logbook)
    asked: Asked = field(default_factory=Asked)

    def run(self, transport: Transport) -> RunEnd:
        """Play on an event loop of its own."""
        with asyncio.Runner(loop_factory=self.world.new_loop) as runner:
            return runner.run(self.play(transport))

    async def play(self, transport: Transport) -> RunEnd:
        """Start the targets, send everything, and stop the targets again."""
        try:
            with _stoppable(self.world.stop):
                async with (
                    started(self.arms, self.keeper.output, self.world) as (candidate, base),
                    _repeated(self.keeper.flush),
                ):
                    return await self._sent(candidate, base, transport)
        finally:
            await transport.aclose()

    async def _sent(self, candidate: ArmPlan, base: ArmPlan | None, transport: Transport) -> RunEnd:
        pointed = replace(self.arms, candidate=candidate, base=base)
        planned, begin_ns = planned_requests(pointed, self.settings, self.world, self.asked), 0
        if self.earlier is not None:
            planned, begin_ns = self._resumed(self.earlier, planned)
        if self.lookout is not None:
            await self.lookout.warm_up()
            planned = self.lookout.following(planned)
        if self.arms.candidate_side.config.profiler.warm_connections:
            await warm(transport, candidate, base, self.settings)
        promised = Promises(self.keeper.promise, self.world.now_ns).following(planned)
        end = await play(
            self.watcher.following(promised),
            transport=transport,
            settings=self._runner_settings(begin_ns),
            money=self.purse,
            on_sample=self._kept,
            stop=self.world.stop,
        )
        if self.lookout is not None:
            await self.lookout.finish()
        return end

    def _resumed(self, earlier: Earlier, planned: Iterator[PlannedRequest]) -> tuple[Iterator[PlannedRequest], int]:
        """Take over what was measured already, and return what is left with the instant at which that begins."""
        known = continued(earlier, self.head(self.world.now_ns()))
        require_same(earlier, known)
        rest = rest_of(earlier, planned, self.settings, self.purse)
        self.keeper.begin(known)
        self.keeper.adopt(earlier)
        return rest.requests, rest.begin_ns

    def _runner_settings(self, begin_ns: int) -> RunnerSettings:
        settings, rules = self.settings, self.arms.candidate_side.config.resilience
        closed, limits = settings.concurrency is not None, rules.timeouts
        return RunnerSettings(
            timeouts=Timeouts(connect_s=limits.connect, request_s=limits.request, idle_s=limits.idle),
            concurrency=settings.concurrency,
            ramp_up_s=settings.ramp_up_s,
            duration_s=settings.duration_s if closed else None,
            phase_at=(lambda offset_ns: phase_at(settings, offset_ns)) if closed else None,
            failures=failure_rules(rules, seed=settings.seed),
            pace=pace_limits(configs(self.arms)),
            on_attempts=self._tried,
            on_breaker=self.logbook.breaker,
            on_paced=self.logbook.paced,
            on_chunks=self.keeper.take_chunks,
            on_body=self.keeper.take_body,
            begin_ns=begin_ns,
            on_anchor=lambda anchor_ns: self._begun(anchor_ns, begin_ns),
            defer_bytes=deferred_bytes(self.arms, looks=self.lookout is not None),
        )

    def _begun(self, anchor_ns: int, begin_ns: int) -> None:
        if self.earlier is None:
            self.keeper.begin(self.head(anchor_ns))
        else:
            self.keeper.segment(rfc3339(_wall_clock(anchor_ns + begin_ns, self.world)), begin_ns)

    def head(self, anchor_ns: int) -> RunHead:
        """Return what is known of the run at its start, `anchor_ns` on the transport's clock."""
        started = _wall_clock(anchor_ns, self.world)
        looks = self.lookout.planned if self.lookout else ()
        plan = plan_of(self.settings, self.arms).model_copy(update={"looks": looks})
        name = "none" if self.transport is None else self.transport.name
        return head(self.arms, plan, self.purse.spend(), started, self.world, transport=name)

    def _tried(self, attempts: Sequence[Attempt]) -> None:
        self.keeper.take_attempts(attempts)
        self.logbook.attempts(attempts)

    def _kept(self, sample: Sample) -> None:
        self.keeper.take(sample)
        self.logbook.sample(sample)
        self.watcher.note(sample)
        if self.lookout is not None:
            self.lookout.note(sample)


@asynccontextmanager
async def _repeated(action: Callable[[], None]) -> AsyncIterator[None]:
    """Do something every second on the event loop."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            action()

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


def exit_code_of(run: Run) -> ExitCode:
    """Return the exit code of `lens-gate run`: it measured, a cap ended it, it was interrupted, or it could not."""
    match run.ending:
        case Ending.INTERRUPTED:
            return ExitCode.INTERRUPTED
        case Ending.AUTHENTICATION | Ending.UNREACHABLE | Ending.ERROR_RATE:
            return ExitCode.COULD_NOT_MEASURE
        case Ending.COMPLETE | Ending.DECIDED | Ending.COST_CAP | Ending.TIME_CAP:
            return _measured_code(run)
        case _ as never:
            assert_never(never)


def _measured_code(run: Run) -> ExitCode:
    if run.comparison is not None and run.comparison.equal:
        return ExitCode.OK
    if run.ending in (Ending.COST_CAP, Ending.TIME_CAP) and run.summary.total_requests == 0:
        return ExitCode.CAP_REACHED
    if not run.validity.valid or run.summary.successful_requests == 0:
        return ExitCode.COULD_NOT_MEASURE
    return ExitCode.OK if run.ending in (Ending.COMPLETE, Ending.DECIDED) else ExitCode.CAP_REACHED
