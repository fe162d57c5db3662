"""From what was measured to the Run that is written (pure but for the clock's stamps that it is given)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from lens_gate.analysis.summarize import summarize, summary_of
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind, Provenance
from lens_gate.artifacts.limits import BreakerChange, Paced
from lens_gate.artifacts.load import PlannedStage
from lens_gate.artifacts.run import (
    ArmIdentity,
    Benchmark,
    InlineSamples,
    LatencySummary,
    ModelResult,
    Plan,
    ProviderResult,
    Run,
    Sidecar,
    Spend,
    Validity,
)
from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.segment import Segment
from lens_gate.config.validity import ValidityLimits
from lens_gate.load.arms.plan import ArmPlan, SeriesPlan
from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.limits.pacing import PacedCount
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.trust.gaps import with_gaps
from lens_gate.load.trust.validity import judge
from lens_gate.steps.recorded.instrument import known_instrument
from lens_gate.steps.recorded.tail import Tail
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.secrets import secrets_in
from lens_gate.steps.world import World, rfc3339
from lens_gate.vocabulary.requests import Arm, ErrorClass
from lens_gate.vocabulary.secrets import address_of, blotting
from lens_gate.vocabulary.slo import parse_slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Everything that is known when a run has ended: what was known before, what was measured, and how it ended."""

    run_id: str
    head: RunHead
    tail: Tail
    samples: Samples
    reference: InlineSamples | Sidecar
    attempts: tuple[dict[str, JsonValue], ...] = ()
    segments: tuple[Segment, ...] = ()


def head(arms: Arms, plan: Plan, spend: Spend, started: datetime, world: World, *, transport: str) -> RunHead:
    """Return what is known of a run before its first request; `started` is the wall clock at offset 0."""
    metrics = arms.candidate_side.config.metrics
    blot = blotting(secrets_in(arms, world))
    rate = None if plan.requests_per_second is None else plan.requests_per_second / plan.processes
    return RunHead(
        provenance=world.provenance(),
        fingerprint=world.fingerprint(arms.config_hash),
        name=arms.candidate_side.config.profiler.name,
        start_time=rfc3339(started),
        config=arms.snapshot(),
        plan=plan,
        arms=tuple(identity(arm, blot) for arm in (arms.candidate, arms.base) if arm),
        comparison=arms.comparison,
        uncovered=arms.uncovered,
        spend=spend,
        transport=transport,
        percentiles=metrics.percentiles,
        resolution_seconds=metrics.resolution,
        validity_limits=arms.candidate_side.config.validity.model_dump(mode="json"),
        instrument=known_instrument(world, rate, transport),
    )


def written(measured: Measurement, provenance: Provenance) -> Run:
    """Summarize both arms, judge the instrument, and put the artifact together."""
    known, tail = measured.head, measured.tail
    limits = ValidityLimits.model_validate(known.validity_limits)
    judged = judge(measured.samples, tail.end, known.plan, limits, known.instrument)
    validity = with_gaps(judged, measured.segments)
    candidate = _trusted(_with_examples(_summaries(measured, Arm.CANDIDATE), tail.end), validity)
    return Run(
        kind=Kind.RUN,
        schema_version=SCHEMA_VERSIONS[Kind.RUN],
        provenance=provenance,
        fingerprint=known.fingerprint,
        benchmark=_benchmark(measured),
        providers=candidate,
        base_providers=_trusted(_summaries(measured, Arm.BASE), validity),
        summary=summary_of(candidate, _rows(measured.samples, Arm.CANDIDATE)),
        plan=known.plan,
        arms=known.arms,
        comparison=known.comparison,
        uncovered=known.uncovered,
        looks=tail.looks,
        segments=measured.segments,
        anchor_ns=_anchor_ns(measured),
        ending=tail.end.ending,
        ending_message=tail.end.message,
        validity=validity,
        instrument=known.instrument,
        spend=tail.spend,
        transport=known.transport,
        stamps=tail.stamps,
        samples=measured.reference,
        attempts=measured.attempts,
        breaker=tuple(breaker_change(event, tail.end.anchor_ns) for event in tail.end.breaker),
        paced=paced(tail.end.paced),
        replayed=tail.replayed,
        kept=known.kept,
    )


def _anchor_ns(measured: Measurement) -> int | None:
    """Return where all times begin on the machine's clock; stretches of a run that went on have no common one."""
    return None if measured.segments else measured.tail.end.anchor_ns or None


def _benchmark(measured: Measurement) -> Benchmark:
    known, ended = measured.head, measured.tail.ended
    lasted = datetime.fromisoformat(ended) - datetime.fromisoformat(known.start_time)
    return Benchmark(
        id=measured.run_id,
        name=known.name,
        start_time=known.start_time,
        end_time=ended,
        duration_seconds=round(lasted / timedelta(seconds=1), 3),
        config=known.config,
    )


def _summaries(measured: Measurement, arm: Arm) -> tuple[ProviderResult, ...]:
    return summarize(
        _rows(measured.samples, arm),
        anchor_time=datetime.fromisoformat(measured.head.start_time),
        percentiles=measured.head.percentiles,
        resolution_s=measured.head.resolution_seconds,
        prices=measured.tail.spend.prices,
        slo=parse_slo(measured.head.plan.slo) if measured.head.plan.slo else (),
    )


def _trusted(providers: tuple[ProviderResult, ...], validity: Validity) -> tuple[ProviderResult, ...]:
    """Leave out the inter-chunk latency, where the chunks did not come one by one."""
    if all(check.ok or check.effect != "drop" for check in validity.checks):
        return providers
    return tuple(
        provider.model_copy(update={"models": tuple(map(_without_gaps, provider.models))}) for provider in providers
    )


def _without_gaps(model: ModelResult) -> ModelResult:
    latency = model.latency.model_copy(update={"inter_token": LatencySummary(count=0)})
    return model.model_copy(update={"latency": latency})


def _with_examples(providers: tuple[ProviderResult, ...], end: RunEnd) -> tuple[ProviderResult, ...]:
    """Add to each error class the first message that was seen of it."""
    return tuple(
        provider.model_copy(update={"models": tuple(_told(model, provider.name, end) for model in provider.models)})
        for provider in providers
    )


def _told(model: ModelResult, provider: str, end: RunEnd) -> ModelResult:
    errors = tuple(
        error.model_copy(update={"example": end.examples.get((f"{provider}/{model.id}", ErrorClass(error.type)))})
        for error in model.errors
    )
    return model.model_copy(update={"errors": errors})


def _rows(samples: Samples, arm: Arm) -> Samples:
    return samples.where(samples.texts["arm"].equals(arm))


def breaker_change(event: BreakerEvent, anchor_ns: int) -> BreakerChange:
    """Write down that a circuit breaker changed."""
    return BreakerChange(
        at_ns=event.at_ns - anchor_ns,
        arm=event.arm,
        provider=event.provider,
        endpoint=address_of(event.endpoint),
        state=event.state.value,
    )


def paced(counts: Mapping[str, PacedCount]) -> tuple[Paced, ...]:
    """Write down what was held back to keep rate limits."""
    return tuple(
        Paced(
            provider=provider,
            paced=count.paced,
            shed=count.shed,
            waited_s=count.waited_ns / 1e9,
            longest_s=count.longest_ns / 1e9,
        )
        for provider, count in sorted(counts.items())
    )


def plan_of(settings: ScheduleSettings, arms: Arms) -> Plan:
    """Write down what was asked of the run."""
    return Plan(
        arrival=settings.arrival.value,
        requests_per_second=settings.requests_per_second,
        concurrency=settings.concurrency,
        requests=settings.requests,
        duration_s=settings.duration_s,
        warmup_s=settings.warmup_s,
        cooldown_s=settings.cooldown_s,
        seed=settings.seed,
        request_timeout_s=arms.candidate_side.config.resilience.timeouts.request,
        burstiness=settings.burstiness if settings.arrival is Arrival.GAMMA else None,
        burst=settings.burst if settings.arrival is Arrival.BURST else None,
        stages=tuple(PlannedStage(**asdict(stage)) for stage in settings.curve.stages) if settings.curve else (),
        slo=arms.candidate_side.config.metrics.slo,
        cover=arms.candidate_side.config.regression.cover,
        nonce=settings.cache.nonce.value,
        prefix_characters=len(settings.cache.prefix),
        processes=arms.candidate_side.config.profiler.processes,
    )


def identity(arm: ArmPlan, blot: Callable[[str], str]) -> ArmIdentity:
    """Describe an arm without anything secret, which `blot` takes out of its addresses."""
    return ArmIdentity(
        arm=arm.arm,
        label=arm.label,
        commit=arm.commit,
        config_hash=arm.config_hash,
        requests_hash=arm.requests_hash,
        target=arm.target,
        endpoints=tuple(dict.fromkeys(blot(_address(series)) for series in arm.series)),
        models=tuple(dict.fromkeys(series.model for series in arm.series)),
        http2=tuple(series.series for series in arm.series if series.endpoint.http2),
    )


def _address(series: SeriesPlan) -> str:
    """Return where requests go."""
    return "target" if series.through_target else address_of(series.endpoint.base_url)
