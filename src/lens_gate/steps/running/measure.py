"""The step `run`: play the schedule of both arms, and write down what was measured."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import PublishFailed
from lens_gate.steps.recorded.tail import Tail, tail_note
from lens_gate.steps.recorded.written import Measurement, written
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.replaying import replayed_part
from lens_gate.steps.resolving.secrets import secrets_in
from lens_gate.steps.resolving.transporting import transport_order
from lens_gate.steps.running.bodies import personal_rules
from lens_gate.steps.running.crew import Played
from lens_gate.steps.running.foreseen import remarks_on
from lens_gate.steps.running.intent import Intent, MeasureOptions, intended
from lens_gate.steps.running.keeper import Keeper, KeeperOptions
from lens_gate.steps.running.logbook import Begun, Logbook
from lens_gate.steps.running.lookout import Lookout
from lens_gate.steps.running.session import Session
from lens_gate.steps.running.watcher import Watcher
from lens_gate.steps.world import World, rfc3339
from lens_gate.vocabulary.outcomes import Ending, ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run as it was written to `path`, with its samples, and the clock of its transport at their offset 0."""

    run: Run
    samples: Samples
    path: Path
    anchor_ns: int


def measure(
    arms: Arms, output: Path, world: World, watcher: Watcher, options: MeasureOptions | None = None
) -> Measured:
    """Measure, and write the artifact to `output` (its samples beside it where they are many).

    Equal arms send nothing. Raises ConfigProblem where a cap cannot hold, UsageProblem where the earlier part is of
    another run, TargetNotReady and PublishFailed.
    """
    intent = intended(arms, world, options or MeasureOptions())
    for remark in remarks_on(arms, intent.settings):
        world.say(remark)
    watcher.begin(intent.settings, arms)
    begun = Begun(intent.run_id, arms, intent.settings, intent.account.cap_usd, intent.options.earlier)
    logbook = Logbook.begun(world.log, begun)
    with placing(arms.loaded, arms.options), ExitStack() as stack:
        stack.enter_context(intent.account.settling(lambda: intent.purse.spend().spent_usd))
        keeper, lookout = _opened(stack, intent, output, world, watcher)
        transport = None if arms.comparison and arms.comparison.equal else world.transport(transport_order(arms))
        session = Session(intent, keeper, lookout, logbook, transport, watcher, world)
        done = _published(session, session.run())
    if keeper.failure is not None:
        raise _told(keeper.failure, output)
    return done


def _opened(
    stack: ExitStack, intent: Intent, output: Path, world: World, watcher: Watcher
) -> tuple[Keeper, Lookout | None]:
    """Return what keeps the samples, and what looks at them where that is wanted, until the `stack` is left."""
    arms, looks, earlier = intent.arms, intent.options.looks, intent.options.earlier
    personal = personal_rules(arms.candidate_side.config, secrets_in(arms, world), key=world.new_id())
    executor = stack.enter_context(world.executor()) if looks or personal else None
    keeping = KeeperOptions(
        save_chunks=intent.options.save_chunks,
        remember=looks is not None,
        part=len(earlier.stretches) + 1 if earlier else 1,
        on_failure=lambda failure: _stop_writing(failure, world),
    )
    keeper = stack.enter_context(Keeper(output, run_id=intent.run_id, say=world.say, options=keeping))
    if executor and personal:
        keeper.keep_bodies(personal, executor)
    if executor and looks:
        return keeper, Lookout(
            looks,
            executor=executor,
            samples=keeper.samples,
            stop=world.stop,
            on_look=keeper.look,
            on_found=watcher.looked,
        )
    return keeper, None


def _published(session: Session, played: Played) -> Measured:
    """Write the artifact of a run that has ended; its last line goes to the journal first, should that be all."""
    keeper, world, lookout, intent = session.keeper, session.world, session.lookout, session.intent
    samples = keeper.samples()
    looks = lookout.looks(samples) if lookout else ()
    earlier, log, end = intent.options.earlier, intent.arms.log, played.end
    tail = Tail(
        end=earlier.worst(end) if earlier else end,
        ended=rfc3339(world.now()),
        spend=intent.purse.spend(),
        looks=looks,
        replayed=replayed_part(log, played.asked, samples) if log else None,
        stamps=played.stamps,
    )
    if len(samples):
        keeper.end(tail_note(tail))
    measured = Measurement(
        run_id=intent.run_id,
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
