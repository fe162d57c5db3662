"""The step `selftest`: whole runs against the simulator at rising rates, each held against what was really written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from typing_extensions import override

from lens_gate.analysis.selftest import Counts, Ladder, bracket, limiting, next_rate, patience, rung_of
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Sample
from lens_gate.artifacts.selftest import Limits, Rung, Selftest
from lens_gate.config.load import Source
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.simulator.log import read_log
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.steps.running.watcher import Looked, Watcher
from lens_gate.steps.simulated import simulated
from lens_gate.steps.truth import Chunks, by_index, compared, tagged
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.transports import TransportKind

MODEL = "sim-small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long is tested: seconds at each rate, and after how many in all no further rate is tried; and with what.

    While no rate was right, lower ones get twice that time.
    """

    window_s: float = 2.0
    limit_s: float = 18.0
    transport: TransportKind = TransportKind.FAST
    ladder: Ladder = field(default_factory=Ladder)


QUICK = Effort(window_s=1.0, limit_s=6.0, ladder=Ladder(factor=4.0, precision=2.0))


class Tagging(Watcher):
    """Tags every request of a run, so that it is found in the simulator's log."""

    @override
    def begin(self, settings: ScheduleSettings, arms: Arms) -> None:
        """Show nothing."""

    @override
    def following(self, planned: Iterator[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass the schedule on with tags."""
        return tagged(planned)

    @override
    def note(self, sample: Sample) -> None:
        """Show nothing."""

    @override
    def looked(self, look: Looked) -> None:
        """Show nothing."""


def selftest_of(effort: Effort, world: World, on_rung: Callable[[Rung], None]) -> Selftest:
    """Find the highest rate at which this machine measures what is true; `on_rung` learns of each try.

    Raises CouldNotMeasure where the simulator does not start.
    """
    rungs: list[Rung] = []
    limits = Limits()
    began_ns = world.now_ns()
    while (rate := next_rate(rungs, effort.ladder, limits)) is not None:
        if world.now_ns() - began_ns >= 1e9 * effort.limit_s * patience(rungs):
            break
        rungs.append(tried(rate, effort, limits, world))
        on_rung(rungs[-1])
    right, wrong = bracket(rungs)
    return Selftest(
        kind=Kind.SELFTEST,
        schema_version=SCHEMA_VERSIONS[Kind.SELFTEST],
        provenance=world.provenance(),
        fingerprint=world.fingerprint(""),
        machine=world.machine,
        transport=effort.transport,
        limits=limits,
        rungs=tuple(rungs),
        ceiling_rps=right,
        wrong_rps=wrong,
        limited_by=limiting(rungs, limits),
        cut_short=rate is not None,
    )


def tried(rate: float, effort: Effort, limits: Limits, world: World) -> Rung:
    """Measure for a while at one rate against a fresh simulator, journal and artifact included."""
    with TemporaryDirectory(prefix="lens-gate-selftest-") as name:
        folder = Path(name)
        log = folder / "log.jsonl"
        with simulated(log) as base_url:
            measured = _measured(_configuration(rate, effort, base_url), folder / "run.json", world)
        if measured.run.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        truth = by_index(read_log(log))
        errors = compared(measured.samples, _chunks(folder / "run.chunks.jsonl.gz"), truth, measured.anchor_ns)
    return rung_of(rate, errors, _counts(measured.run), limits)


def _configuration(rate: float, effort: Effort, base_url: str) -> Source:
    provider = {"name": "simulator", "api": "openai-chat", "endpoint": f"{base_url}/v1", "models": [MODEL]}
    config = {
        "profiler": {"name": "selftest", "duration": effort.window_s, "transport": effort.transport.value},
        "providers": [provider],
        "workload": {"fixed": {"requests_per_second": rate}},
    }
    return Source("selftest.yaml", json.dumps(config))


def _measured(source: Source, output: Path, world: World) -> Measured:
    alone = replace(world, stop=StopSignal(), repository=None, trusted_ref=None, data_folder=None)
    arms = resolve(RunOrder(sources=(source,), overrides=Overrides()), alone)
    return measure(arms, output, alone, Tagging(), MeasureOptions(save_chunks=True))


def _chunks(path: Path) -> Chunks:
    with gzip.open(path) as lines:
        return {one["index"]: one["chunks"] for one in map(orjson.loads, lines)}


def _counts(run: Run) -> Counts:
    checks = {check.name: check.value for check in run.validity.checks}
    model = run.providers[0].models[0].requests
    return Counts(
        requests=model.total,
        failed=model.total - model.successful,
        achieved=checks["achieved_rate"],
        cpu_share=checks["cpu_share"],
        valid=run.validity.valid,
    )
