"""The step `doctor`: measure a configuration against itself, and say how noisy its endpoint is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from lens_gate.analysis.doctor import diagnose
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.doctor import DoctorReport
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.planning import pace_of, read_run
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import ITSELF
from lens_gate.steps.resolving.scheduling import settings_of
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.steps.running.watcher import Watcher
from lens_gate.steps.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What will be sent, and what a gate would have: the pairs of each model as configured (None: not known)."""

    arms: Arms
    configured_pairs: int | None


def examination(order: RunOrder, pairs: int | None, world: World) -> Examination:
    """Resolve the configuration twice over, for so many pairs of each model; None leaves the length as it is.

    Raises ConfigProblem where a cap cannot hold.
    """
    itself = replace(order, against=ITSELF)
    as_configured = resolve(itself, world)
    shown = preview(as_configured, world)
    models = len(as_configured.candidate.series)
    pace = pace_of(settings_of(as_configured), shown)
    configured = None if pace.requests is None else max(0, pace.requests - pace.unmeasured) // (2 * models)
    if pairs is None:
        return Examination(arms=as_configured, configured_pairs=configured)
    whole = 2 * models
    requests = whole * (pairs + ceil(pace.unmeasured / whole))
    longer = replace(itself, overrides=replace(order.overrides, requests=requests, duration_s=None))
    return Examination(arms=resolve(longer, world), configured_pairs=configured)


def examine(
    asked: Examination, judged_by: Rules, output: Path, world: World, watcher: Watcher
) -> tuple[Measured, DoctorReport]:
    """Send the requests, keep the run in `output`, and say how noisy the endpoint is."""
    measured = measure(asked.arms, output, world, watcher)
    report = _diagnosis(measured.run, measured.samples, judged_by, str(output), asked.configured_pairs)
    return measured, report


def examine_run(path: Path, judged_by: Rules) -> tuple[Run, DoctorReport]:
    """Say how noisy the endpoint of an earlier run was; a gate is taken to have as many pairs as that run."""
    run, samples = read_run(path)
    models = sum(len(provider.models) for provider in run.providers)
    requests = sum(m.requests.total for found in (run.providers, run.base_providers) for p in found for m in p.models)
    arms = 2 if run.base_providers else 1
    pairs = requests // (arms * models) if models else None
    return run, _diagnosis(run, samples, judged_by, str(path), pairs)


def _diagnosis(run: Run, samples: Samples, judged_by: Rules, source: str, pairs: int | None) -> DoctorReport:
    limit_s = run.plan.request_timeout_s or judged_by.config.resilience.timeouts.request
    rules = rules_of(judged_by.config.regression)
    return diagnose(run, samples, rules, source=source, configured_pairs=pairs, limit_ns=1e9 * limit_s)
