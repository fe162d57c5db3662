"""Minimal valid artifacts by keyword: a fixed clock, a fixed fingerprint, one series, nothing wrong.

Every builder takes the fields of what it builds as keywords; what is not given has a plain default. Nested parts have
builders of their own, so that a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from lens_gate.artifacts.analysis import (
    Analysis,
    Attribution,
    Coverage,
    Effect,
    EqualCache,
    Finding,
    Need,
    Part,
    Policy,
    RegressionSummary,
)
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.envelope import Fingerprint, Kind, Provenance
from lens_gate.artifacts.run import (
    ArmIdentity,
    Benchmark,
    Comparison,
    Cost,
    ErrorCount,
    InlineSamples,
    Latency,
    LatencySummary,
    ModelResult,
    Plan,
    Price,
    ProviderResult,
    Requests,
    Run,
    Spend,
    Summary,
    Throughput,
    Tokens,
    Validity,
    ValidityCheck,
)
from lens_gate.artifacts.run_head import RunHead
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Check, CheckKind, PipelineJob, Verdict
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Ending, ExitCode, Outcome, Severity
from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Status, TokenSource

PROVIDER = "openai"
MODEL = "gpt-small"
SERIES = f"{PROVIDER}/{MODEL}"
START = "2026-03-02T10:00:00Z"
END = "2026-03-02T10:05:00Z"
WRITTEN = "2026-03-02T10:05:01Z"
MS = 1_000_000

PROVENANCE = Provenance(tool_version="0.1.0", created_at=WRITTEN, commit="3f9c2ab41d", branch="longer-prompt")
FINGERPRINT = Fingerprint(runner="runner-1", platform="linux-x86_64", python="3.12.4", config_hash="c0ffee")
COMPARISON = Comparison(kind="ref", value="main", equal=False)

PLAIN_SAMPLE = Sample(
    index=0,
    series=SERIES,
    provider=PROVIDER,
    model=MODEL,
    model_returned=MODEL,
    prompt_id="greeting",
    draw="d0",
    intended_ns=0,
    sent_ns=200_000,
    headers_ns=400 * MS,
    first_byte_ns=410 * MS,
    first_token_ns=500 * MS,
    first_visible_ns=500 * MS,
    last_token_ns=1_500 * MS,
    end_ns=1_510 * MS,
    reused=True,
    input_tokens=100,
    output_tokens=50,
    reasoning_tokens=0,
    cached_tokens=0,
    cache_write_tokens=0,
    token_source=TokenSource.SERVER,
    prompt_hash="p0",
    prompt_characters=400,
    answer_hash="a0",
    answer_characters=200,
    finish_reason=FinishReason.STOP,
    status=Status.OK,
    http_status=200,
    chunk_count=50,
    read_count=50,
    largest_gap_ns=40 * MS,
    cost_usd=0.002,
)
"""A success: first token after 500 ms, 49 gaps of 20 ms, 50 tokens, $0.002."""

_PLAIN: dict[str, Any] = {one.name: getattr(PLAIN_SAMPLE, one.name) for one in fields(Sample)}
"""Its fields, which `replace` would ask for one by one, for each of very many samples."""

NOTHING_RECEIVED = {
    "model_returned": None,
    "headers_ns": None,
    "first_byte_ns": None,
    "first_token_ns": None,
    "first_visible_ns": None,
    "last_token_ns": None,
    "output_tokens": None,
    "reasoning_tokens": None,
    "cached_tokens": None,
    "cache_write_tokens": None,
    "token_source": TokenSource.NONE,
    "answer_hash": None,
    "answer_characters": 0,
    "finish_reason": FinishReason.NONE,
    "chunk_count": 0,
    "read_count": 0,
    "largest_gap_ns": None,
    "cost_usd": None,
}


def a_sample(**changes: Any) -> Sample:
    """Return one successful request."""
    return Sample(**{**_PLAIN, **changes})


def a_failed_sample(error_class: ErrorClass = ErrorClass.API_ERROR, **changes: Any) -> Sample:
    """Return one request that brought nothing."""
    status = Status.THROTTLED if error_class.throttled else Status.FAILED
    failed = {**NOTHING_RECEIVED, "status": status, "error_class": error_class, "http_status": None}
    return a_sample(**{**failed, **changes})


def a_pair(number: int, **changes: Any) -> tuple[Sample, Sample]:
    """Return the base's and the candidate's request of one pair, in an order that alternates.

    `changes` go to the candidate.
    """
    first = number % 2
    both = {"pair": number, "intended_ns": number * 100 * MS}
    base = a_sample(**both, index=2 * number, slot=first, arm=Arm.BASE)
    moved = {"index": 2 * number + 1, "slot": 1 - first, "arm": Arm.CANDIDATE}
    return base, a_sample(**{**both, **moved, **changes})


def a_latency_summary(median_ms: float = 500.0, *, count: int = 300, **changes: Any) -> LatencySummary:
    """Return a summary whose percentiles are plain multiples of its median."""
    values = {
        "min_ms": 0.5 * median_ms,
        "max_ms": 4 * median_ms,
        "mean_ms": 1.1 * median_ms,
        "median_ms": median_ms,
        "p75_ms": 1.3 * median_ms,
        "p90_ms": 1.6 * median_ms,
        "p95_ms": 1.9 * median_ms,
        "p99_ms": 2.5 * median_ms,
        "stddev_ms": 0.3 * median_ms,
    }
    return LatencySummary(count=count, **{**values, **changes})


def a_latency(scale: float = 1.0, **changes: Any) -> Latency:
    """Return the times of one model: first token 500 ms, 20 ms a token, 1.5 s in all, times `scale`."""
    values = {
        "ttft": a_latency_summary(500 * scale),
        "total": a_latency_summary(1500 * scale),
        "inter_token": a_latency_summary(20 * scale),
        "ttft_visible": a_latency_summary(500 * scale),
        "tpot": a_latency_summary(20 * scale),
        "service": a_latency_summary(1499 * scale),
    }
    return Latency(**{**values, **changes})


def an_unmeasured_latency() -> Latency:
    """Return the times of a model of which no request succeeded."""
    nothing = LatencySummary(count=0)
    return Latency(
        ttft=nothing, total=nothing, inter_token=nothing, ttft_visible=nothing, tpot=nothing, service=nothing
    )


def some_requests(total: int = 300, *, failed: int = 0, throttled: int = 0) -> Requests:
    """Return how the requests ended, most of them well."""
    return Requests(
        total=total, successful=total - failed - throttled, failed=failed, retried=0, throttled=throttled, shed=0
    )


def a_model_result(**changes: Any) -> ModelResult:
    """Return the summary of one model with 300 successes."""
    values = {
        "id": MODEL,
        "returned": (MODEL,),
        "requests": some_requests(),
        "latency": a_latency(),
        "throughput": Throughput(
            requests_per_second=1.0,
            tokens_per_second=150.0,
            input_tokens_per_second=100.0,
            output_tokens_per_second=50.0,
        ),
        "tokens": Tokens(
            total=45_000,
            input=30_000,
            output=15_000,
            cached=0,
            reasoning=0,
            average_per_request=150.0,
            source="server",
        ),
        "cost": Cost(
            total_usd=0.6,
            input_usd=0.2,
            output_usd=0.4,
            average_per_request_usd=0.002,
            per_1k_tokens_usd=0.0133,
        ),
        "errors": (),
        "time_series": (),
    }
    return ModelResult(**{**values, **changes})


def an_error_count(type_: str = "rate_limit", count: int = 3, **changes: Any) -> ErrorCount:
    """Return how often one error class occurred among 300 requests."""
    return ErrorCount(**{"type": type_, "count": count, "percentage": count / 3, "example": None, **changes})


def a_provider_result(*models: ModelResult, name: str = PROVIDER) -> ProviderResult:
    """Return a provider with the models given, or with the plain one."""
    return ProviderResult(name=name, models=models or (a_model_result(),))


def a_benchmark(**changes: Any) -> Benchmark:
    """Return five minutes of measuring."""
    values = {
        "id": "run-1",
        "name": "support-bot",
        "start_time": START,
        "end_time": END,
        "duration_seconds": 300.0,
        "config": {},
    }
    return Benchmark(**{**values, **changes})


def a_summary(**changes: Any) -> Summary:
    """Return the summary of 300 successes."""
    values = {
        "total_requests": 300,
        "successful_requests": 300,
        "total_tokens": 45_000,
        "total_cost_usd": 0.6,
        "average_latency_ms": 1650.0,
        "p95_latency_ms": 2850.0,
        "error_rate": 0.0,
        "fastest_model": SERIES,
        "most_cost_effective": SERIES,
    }
    return Summary(**{**values, **changes})


def a_plan(**changes: Any) -> Plan:
    """Return what was asked of the run."""
    values = {
        "arrival": "fixed",
        "requests_per_second": 2.0,
        "concurrency": None,
        "requests": 600,
        "duration_s": None,
        "warmup_s": 0.0,
        "cooldown_s": 0.0,
        "seed": 1,
    }
    return Plan(**{**values, **changes})


def an_arm(arm: Arm = Arm.CANDIDATE, **changes: Any) -> ArmIdentity:
    """Return the identity of one arm; the two differ in commit, configuration and requests."""
    base = arm is Arm.BASE
    values = {
        "arm": arm,
        "label": "main" if base else "work tree",
        "commit": "91d04e7aa0" if base else "3f9c2ab41d",
        "config_hash": "base-config" if base else "candidate-config",
        "requests_hash": "base-requests" if base else "candidate-requests",
        "target": None,
        "endpoints": ("https://api.example.com/v1",),
        "models": (SERIES,),
    }
    return ArmIdentity(**{**values, **changes})


def both_arms() -> tuple[ArmIdentity, ArmIdentity]:
    """Return the candidate and the base."""
    return an_arm(), an_arm(Arm.BASE)


def a_validity_check(**changes: Any) -> ValidityCheck:
    """Return a question about the instrument that was answered well."""
    values = {
        "name": "send_lateness",
        "value": 0.3,
        "limit": 5.0,
        "unit": "ms",
        "ok": True,
        "effect": "invalid",
        "message": "requests left at most 0.3 ms late",
    }
    return ValidityCheck(**{**values, **changes})


def a_validity(*checks: ValidityCheck) -> Validity:
    """Return a validity verdict: invalid where a check that invalidates has failed."""
    kept = checks or (a_validity_check(),)
    return Validity(valid=all(check.ok or check.effect != "invalid" for check in kept), checks=kept)


def a_spend(**changes: Any) -> Spend:
    """Return a run of $1.20 under a cap of $5."""
    price = Price(
        provider=PROVIDER,
        model=MODEL,
        input_usd_per_million=5.0,
        output_usd_per_million=30.0,
        source="genai-prices",
        date="2026-02-01",
    )
    values = {"spent_usd": 1.2, "reserved_usd": 0.05, "cap_usd": 5.0, "unpriced_models": (), "prices": (price,)}
    return Spend(**{**values, **changes})


def inline(samples: Iterable[Sample]) -> InlineSamples:
    """Return samples as a run holds them."""
    columns = Samples.of(samples)
    return InlineSamples(requests=len(columns), columns=encode(columns))


def a_run(samples: Iterable[Sample] = (), **changes: Any) -> Run:
    """Return a run of one model and one arm; the summaries are typed in, not computed from the samples."""
    values = {
        "kind": Kind.RUN,
        "schema_version": 1,
        "provenance": PROVENANCE,
        "fingerprint": FINGERPRINT,
        "benchmark": a_benchmark(),
        "providers": (a_provider_result(),),
        "summary": a_summary(),
        "plan": a_plan(),
        "arms": (an_arm(),),
        "ending": Ending.COMPLETE,
        "validity": a_validity(),
        "spend": a_spend(),
        "transport": "httpx",
        "samples": inline(samples),
    }
    return Run(**{**values, **changes})


def a_run_head(**changes: Any) -> RunHead:
    """Return what the journal of a run of one arm begins with."""
    values = {
        "provenance": PROVENANCE,
        "fingerprint": FINGERPRINT,
        "name": "nightly",
        "start_time": "2026-03-02T10:00:00.000Z",
        "config": {"profiler": {"name": "nightly"}},
        "plan": a_plan(),
        "arms": (an_arm(),),
        "comparison": None,
        "uncovered": (),
        "spend": a_spend(spent_usd=0.0),
        "transport": "httpx",
        "percentiles": (50.0, 95.0),
        "resolution_seconds": 1.0,
    }
    return RunHead(**{**values, **changes})


def a_duet_run(samples: Iterable[Sample] = (), **changes: Any) -> Run:
    """Return a run of both arms."""
    both = {"arms": both_arms(), "comparison": COMPARISON, "base_providers": (a_provider_result(),)}
    return a_run(samples, **{**both, **changes})


def an_effect(estimate: float | None = 0.5, **changes: Any) -> Effect:
    """Return a change in percent, three either way."""
    middle = estimate or 0.0
    values = {
        "unit": "%",
        "estimate": estimate,
        "lower": middle - 3.0,
        "upper": middle + 3.0,
        "upper_pass": middle + 2.0,
        "confidence": 0.99,
    }
    return Effect(**{**values, **changes})


def a_finding(**changes: Any) -> Finding:
    """Return the answer that the first token comes as early as before."""
    values = {
        "series": SERIES,
        "metric": "mean_ttft",
        "hypothesis": Hypothesis.TTFT,
        "method": "signed-rank",
        "pairs": 300,
        "base_value": 500.0,
        "candidate_value": 502.5,
        "value_unit": "ms",
        "effect": an_effect(),
        "p_value": 0.6,
        "adjusted_p": 1.0,
        "threshold": 10.0,
        "established": False,
        "in_family": True,
        "gated": True,
        "outcome": Outcome.PASS,
        "reason": "the change lies below the smallest one that matters",
    }
    return Finding(**{**values, **changes})


def a_coverage(**changes: Any) -> Coverage:
    """Return the coverage of a series whose 300 pairs were all used."""
    values = {
        "series": SERIES,
        "pairs_planned": 300,
        "pairs_used": 300,
        "excluded_throttled": 0,
        "excluded_failed": 0,
        "censored": 0,
        "not_covered": (),
    }
    return Coverage(**{**values, **changes})


def a_need(**changes: Any) -> Need:
    """Return what an answer would take."""
    return Need(**{"pairs": 520, "usd": 2.1, "minutes": 7.0, **changes})


def a_policy(**changes: Any) -> Policy:
    """Return the rules by default."""
    values = {
        "decision": Decision.CALIBRATED,
        "alpha": 0.01,
        "pass_confidence": 0.95,
        "gate_small_effects": False,
        "strict": False,
        "thresholds_percent": {"mean_ttft": 10.0},
        "threshold_points": 2.0,
        "false_alarm_note": None,
    }
    return Policy(**{**values, **changes})


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the first of regression, not measured, inconclusive that occurs, else pass."""
    found = set(outcomes)
    order = (
        Outcome.REGRESSION,
        Outcome.NOT_MEASURED,
        Outcome.NO_BASELINE,
        Outcome.NOTHING_TO_COMPARE,
        Outcome.INCONCLUSIVE,
    )
    return next((outcome for outcome in order if outcome in found), Outcome.PASS)


def an_analysis(*findings: Finding, **changes: Any) -> Analysis:
    """Return the analysis of a duet with the findings given, or with the plain one."""
    kept = findings or (a_finding(),)
    outcome = worst(finding.outcome for finding in kept if finding.gated)
    values = {
        "kind": Kind.ANALYSIS,
        "schema_version": 1,
        "provenance": PROVENANCE,
        "fingerprint": FINGERPRINT,
        "benchmark": a_benchmark(),
        "providers": (a_provider_result(),),
        "base_providers": (a_provider_result(),),
        "summary": a_summary(),
        "arms": both_arms(),
        "comparison": COMPARISON,
        "source": "duet",
        "policy": a_policy(),
        "findings": kept,
        "coverage": (a_coverage(),),
        "uncovered": (),
        "need": None,
        "regression": RegressionSummary(detected=outcome is Outcome.REGRESSION, verdict=outcome),
        "notes": (),
        "ending": Ending.COMPLETE,
        "validity": a_validity(),
        "spend": a_spend(),
    }
    return Analysis(**{**values, **changes})


def an_attribution(**changes: Any) -> Attribution:
    """Return a change of 120 ms that comes from the cache and from longer answers."""
    parts = ((Cause.CACHE, 70.0, 8.0), (Cause.FIRST_TOKEN, 5.0, 9.0), (Cause.LENGTH, 45.0, 20.0))
    values = {
        "series": SERIES,
        "pairs": 300,
        "base_ms": 1000.0,
        "change_ms": 120.0,
        "lower_ms": 90.0,
        "upper_ms": 150.0,
        "confidence": 0.95,
        "parts": tuple(
            Part(cause=cause, change_ms=size, percent=size / 10, lower_ms=size - reach, upper_ms=size + reach)
            for cause, size, reach in parts
        ),
        "ttft_at_equal_cache": EqualCache(effect=an_effect(2.0, lower=-1.0, upper=5.0), p_value=0.2),
    }
    return Attribution(**{**values, **changes})


def a_check(finding: Finding | None = None, **changes: Any) -> Check:
    """Return the check that a finding makes, or with keywords any other."""
    answered = finding or a_finding()
    values = {
        "name": f"{answered.series}/{answered.metric}",
        "kind": CheckKind.COMPARISON,
        "series": answered.series,
        "metric": answered.metric,
        "severity": Severity.ERROR,
        "outcome": answered.outcome,
        "value": answered.effect.estimate,
        "limit": answered.threshold,
        "unit": answered.effect.unit,
        "message": answered.reason,
        "because": answered.because,
    }
    return Check(**{**values, **changes})


EXITS = {
    Outcome.PASS: ExitCode.OK,
    Outcome.REGRESSION: ExitCode.GATE_FAILED,
    Outcome.INCONCLUSIVE: ExitCode.OK,
    Outcome.NOTHING_TO_COMPARE: ExitCode.OK,
    Outcome.NO_BASELINE: ExitCode.OK,
    Outcome.NOT_MEASURED: ExitCode.COULD_NOT_MEASURE,
}


def an_unmeasured_job(**changes: Any) -> UnmeasuredJob:
    """Return what a job leaves that had no secrets."""
    values = {
        "kind": Kind.UNMEASURED,
        "schema_version": 1,
        "provenance": PROVENANCE,
        "fingerprint": FINGERPRINT,
        "outcome": Outcome.NOT_MEASURED,
        "suite": "support-bot (claude)",
        "message": "GitHub gives its runs no secrets, and so nothing was measured.",
        "reason": "the variable ANTHROPIC_API_KEY is not set",
        "job": PipelineJob(suite="support-bot (claude)", job="0f3a", run_id=4242, attempt=1, named=True),
    }
    return UnmeasuredJob(**{**values, **changes})


def a_verdict(analysis: Analysis | None = None, **changes: Any) -> Verdict:
    """Return the verdict on an analysis: one check per gated finding, and the exit code of the worst."""
    judged = analysis or an_analysis()
    checks = changes.get("checks", tuple(a_check(finding) for finding in judged.findings if finding.gated))
    outcome = changes.get("outcome", worst(check.outcome for check in checks))
    values = {
        "kind": Kind.VERDICT,
        "schema_version": 1,
        "provenance": PROVENANCE,
        "fingerprint": FINGERPRINT,
        "outcome": outcome,
        "exit_code": EXITS[outcome],
        "regression": judged.regression,
        "checks": checks,
        "fail_on": (),
        "analysis": judged,
    }
    return Verdict(**{**values, **changes})
