"""What the log says of a run: its beginning and end, and at the lower levels what happened on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lens_gate.artifacts.run import Run, Sidecar
from lens_gate.artifacts.samples import Attempt, Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.reports.facts import known_usd
from lens_gate.steps.log import SILENT, Log
from lens_gate.steps.recorded.resuming import Earlier
from lens_gate.steps.resolving.arms import Arms


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a run before its first request; `earlier` is what was measured of it already."""

    run_id: str
    arms: Arms
    settings: ScheduleSettings
    cap_usd: float | None
    earlier: Earlier | None


class Logbook:
    """Turns what a run tells into entries. Nothing is logged for a request above `trace`, and nothing for a token."""

    def __init__(self, log: Log = SILENT) -> None:
        self._log = log
        self._tracing = log.hears("trace")
        self._debugging = log.hears("debug")

    @classmethod
    def begun(cls, log: Log, run: Begun) -> Self:
        """Note what is about to be sent, and what an earlier part of the run brings along."""
        arms, settings, earlier = run.arms, run.settings, run.earlier
        log.note(
            "info",
            "run begins",
            id=run.run_id,
            name=arms.candidate_side.config.profiler.name,
            candidate=arms.candidate.label,
            base=arms.base.label if arms.base else None,
            models=len(arms.candidate.series),
            rate=settings.requests_per_second,
            concurrency=settings.concurrency,
            duration_s=settings.duration_s,
            requests=settings.requests,
            cap_usd=run.cap_usd,
        )
        if earlier is not None:
            path, requests = str(earlier.path), len(earlier.samples)
            log.note(
                "info", "recovered an earlier part", path=path, requests=requests, stretches=len(earlier.stretches)
            )
        return cls(log)

    def sample(self, sample: Sample) -> None:
        """Note how one request ended: for whom it was and how long it took, not what it said."""
        if self._tracing:
            self._log.note(
                "trace",
                "request ended",
                index=sample.index,
                series=sample.series,
                arm=sample.arm.value,
                status=sample.status.value,
                error=sample.error_class.value,
                http=sample.http_status,
                ttft_ms=_ms(sample.sent_ns, sample.first_token_ns),
                total_ms=_ms(sample.sent_ns, sample.end_ns),
                output_tokens=sample.output_tokens,
            )

    def attempts(self, attempts: Sequence[Attempt]) -> None:
        """Note the tries of one request, if there was more than one."""
        if self._debugging:
            for one in attempts:
                self._log.note(
                    "debug",
                    "tried",
                    index=one.index,
                    attempt=one.attempt,
                    error=one.error_class.value,
                    http=one.http_status,
                    backoff_ms=one.backoff_ns / 1e6,
                )

    def breaker(self, event: BreakerEvent) -> None:
        """Note that a circuit breaker changed its state."""
        self._log.note(
            "debug",
            "circuit breaker changed",
            provider=event.provider,
            arm=event.arm.value,
            endpoint=event.endpoint.partition("?")[0],
            state=event.state.value,
        )

    def paced(self, planned: PlannedRequest, waited_ns: int) -> None:
        """Note that a request was held back to keep a provider's limits."""
        if self._debugging:
            provider = planned.series.provider_name
            self._log.note(
                "debug", "held back by a limit", index=planned.index, provider=provider, waited_ms=waited_ns / 1e6
            )

    def ended(self, run: Run, end: RunEnd, path: Path) -> None:
        """Note how a run ended, what could not be trusted in it, what failed, and where it was written."""
        counted = [m.requests for part in (run.providers, run.base_providers) for one in part for m in one.models]
        for check in run.validity.checks:
            if not check.ok:
                self._log.note(
                    "warn",
                    "validity check failed",
                    check=check.name,
                    value=check.value,
                    limit=check.limit,
                    unit=check.unit,
                    effect=check.effect,
                    text=check.message,
                )
        for (series, error), example in end.examples.items():
            self._log.note("warn", "requests failed", series=series, error=error.value, example=example)
        for series, ending in end.given_up.items():
            self._log.note("warn", "given up", series=series, reason=ending.value)
        self._log.note(
            "info",
            "run ended",
            id=run.benchmark.id,
            ending=run.ending.value,
            text=end.message,
            valid=run.validity.valid,
            measured=sum(counts.total for counts in counted),
            successful=sum(counts.successful for counts in counted),
            scheduled=end.scheduled,
            sent=end.sent,
            shed=end.shed,
            usd=known_usd(run.spend),
        )
        sidecar = run.samples.file if isinstance(run.samples, Sidecar) else None
        self._log.note("info", "run written", path=str(path), samples=sidecar)


def _ms(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e6
