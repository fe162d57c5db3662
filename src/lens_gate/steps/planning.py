"""The step `plan`: from a configuration, and an earlier run where there is one, to what an answer would take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.analysis.noise import SeriesNoise, assumed_noise, noise_of_run
from lens_gate.analysis.planning import Asked, Gate, Pace, plan
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.planning import NoiseSource, PlanReport, PriceSource
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactProblem, UsageProblem
from lens_gate.load.money.forecast import Forecast, forecast
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import ITSELF
from lens_gate.steps.resolving.scheduling import planned_requests, settings_of
from lens_gate.steps.running.foreseen import preview, price_list
from lens_gate.steps.world import World

PRICED_REQUESTS = 100
"""Requests of each series and arm from which the listed price of one is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOrder:
    """A plan as asked for: the run that it is for, the rules, and an earlier run that knows the noise."""

    run: RunOrder
    judged_by: Rules
    asked: Asked
    earlier: Path | None = None


def planned(order: PlanOrder, world: World) -> PlanReport:
    """Say what an answer would take; sends nothing.

    Raises UsageProblem for an earlier run that is no ground to plan on, and ConfigProblem where a cap cannot hold.
    """
    asked = order.run if order.run.against else replace(order.run, against=ITSELF)
    arms = resolve(asked, world)
    config = arms.candidate_side.config
    settings, shown = settings_of(arms), preview(arms, world)
    listed = _listed_prices(arms, settings, world)
    if not listed:
        raise UsageProblem("the two versions have no model and prompt in common", hint="Compare two that share some.")
    known = _known_noise(order.earlier, config.resilience.timeouts.request)
    series = tuple(_priced(known.get(name) or assumed_noise(name), price) for name, price in listed.items())
    cap = config.profiler.max_cost_usd
    gate = Gate(
        series=series,
        rules=rules_of(order.judged_by.config.regression),
        pace=pace_of(settings, shown),
        asked=replace(order.asked, max_cost_usd=cap),
    )
    return plan(
        gate,
        source=str(order.earlier) if any(one.source is not NoiseSource.ASSUMED for one in series) else None,
        price_source=_price_source(gate, known),
    )


def pace_of(settings: ScheduleSettings, shown: Forecast) -> Pace:
    """Return how a run is sent that was forecast so."""
    return Pace(
        requests_per_second=settings.requests_per_second,
        requests=shown.requests,
        unmeasured_s=settings.warmup_s + settings.cooldown_s,
    )


def _known_noise(earlier: Path | None, request_timeout_s: float) -> Mapping[str, SeriesNoise]:
    if earlier is None:
        return {}
    run, samples = read_run(earlier)
    if not run.validity.valid:
        reasons = "; ".join(one.message for one in run.validity.checks if not one.ok and one.effect == "invalid")
        raise UsageProblem(
            f"the run is invalid, so that its noise is not that of the endpoint: {reasons}",
            place=str(earlier),
            hint="Name a valid run, or leave --from out and plan with what is typical.",
        )
    limit_s = run.plan.request_timeout_s or request_timeout_s
    return {one.series: one for one in noise_of_run(samples, limit_ns=1e9 * limit_s)}


def read_run(path: Path) -> tuple[Run, Samples]:
    """Read a run with its samples; ArtifactProblem for an artifact that has none."""
    artifact = read_artifact(path)
    if not isinstance(artifact, Run):
        raise ArtifactProblem(
            f"only a run holds samples, and this is an artifact of kind {artifact.kind}",
            place=str(path),
            hint="Give the run.json that it was made from.",
        )
    return artifact, samples_beside(artifact, path)


def _listed_prices(arms: Arms, settings: ScheduleSettings, world: World) -> dict[str, float | None]:
    """Return what a pair of each series costs at most by the price list: every answer as long as it may be."""
    arm_count = 1 if arms.base is None else 2
    requests = PRICED_REQUESTS * arm_count * len(arms.candidate.series)
    many = replace(settings, requests=requests, duration_s=None, warmup_s=0.0, cooldown_s=0.0)
    planned = planned_requests(arms, many, world)
    rows = forecast(arms.candidate, arms.base, many, price_list(arms, world.now()), planned).rows
    found: dict[str, float | None] = {}
    for row in rows:
        price = row.usd / row.requests if row.usd is not None and row.requests else None
        before = found.get(row.series, 0.0)
        found[row.series] = None if price is None or before is None else before + price
    return found


def _priced(noise: SeriesNoise, listed: float | None) -> SeriesNoise:
    """Keep the price that was measured; else take the listed one."""
    return noise if noise.usd_per_pair is not None else replace(noise, usd_per_pair=listed)


def _price_source(gate: Gate, known: Mapping[str, SeriesNoise]) -> PriceSource:
    if any(one.usd_per_pair is None for one in gate.series):
        return PriceSource.UNKNOWN
    measured = all(one.series in known and known[one.series].usd_per_pair is not None for one in gate.series)
    return PriceSource.MEASURED if measured else PriceSource.LISTED
