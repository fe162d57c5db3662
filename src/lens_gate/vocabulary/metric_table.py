"""Every metric by the name that configuration, artifacts and reports use; docs/metrics.md is generated from it.

`per series` is one provider's model; rates and shares are percentages from 0 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass

from lens_gate.vocabulary.metrics import Direction, Hypothesis, Metric, Quantity, Scope, Unit

PERCENTILES: tuple[tuple[str, float], ...] = (
    ("median", 0.5),
    ("p75", 0.75),
    ("p90", 0.90),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99_9", 0.999),
)
"""The name of each percentile with its probability."""

PAIRED_RATIO = "paired log ratios: Hodges–Lehmann estimate, interval by inverting the signed-rank test"
PAIRED_POINTS = "difference of paired shares: Tango's score interval; test: exact McNemar"
PAIRED_MEAN = "mean of paired differences with its t interval; test: signed-rank"
SHOWN = "none: a ratio is shown, not gated"
_SMALL_SAMPLE = "Shown from {shown} requests on; steady from {trusted} on."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    quantity: Quantity
    words: str
    hypothesis: Hypothesis | None
    peers: tuple[str, ...]


_TIMINGS: tuple[_Timing, ...] = (
    _Timing(
        quantity=Quantity.LATENCY,
        words="time from the intended send to the end of the answer (response latency)",
        hypothesis=Hypothesis.TOTAL,
        peers=(
            "aiperf: request latency (ends at the last content chunk)",
            "OpenTelemetry: gen_ai.client.operation.duration (from the actual send)",
            "spec: llm_request_duration_seconds",
        ),
    ),
    _Timing(
        quantity=Quantity.TTFT,
        words="time from the intended send to the first generated token of any kind, reasoning included",
        hypothesis=Hypothesis.TTFT,
        peers=(
            "aiperf: TTFT",
            "guidellm: TTFT",
            "genai-bench: TTFT",
            "vLLM bench: TTFT (stops at the first frame with choices, a role-only frame too)",
            "OpenTelemetry: gen_ai.client.operation.time_to_first_chunk",
            "spec: llm_ttft_duration_seconds",
        ),
    ),
    _Timing(
        quantity=Quantity.TTFT_VISIBLE,
        words="time from the intended send to the first token that a person would read",
        hypothesis=None,
        peers=("aiperf: TTFO", "guidellm: TTFOT", "inference-perf: TTFT", "llmperf: TTFT"),
    ),
    _Timing(
        quantity=Quantity.TPOT,
        words="per request (last token − first token) / (n − 1), n from the server's usage where there is one,"
        " without reasoning that was not streamed",
        hypothesis=Hypothesis.PER_TOKEN,
        peers=(
            "aiperf: ITL",
            "guidellm: ITL (its TPOT includes TTFT)",
            "vLLM bench: TPOT",
            "llmeter: time per output token",
            "OpenTelemetry: gen_ai.client.operation.time_per_output_chunk",
        ),
    ),
    _Timing(
        quantity=Quantity.INTER_CHUNK,
        words="gap between two chunks that carry generated tokens, pooled over all requests (from buckets 10 % wide)",
        hypothesis=None,
        peers=("aiperf: ICL", "vLLM bench: ITL", "inference-perf: ITL (by tokens in the chunk)"),
    ),
    _Timing(
        quantity=Quantity.SERVICE_LATENCY,
        words="time from the actual send to the end of the answer, waiting for a send slot left out",
        hypothesis=None,
        peers=("vLLM bench: E2EL", "guidellm: request latency"),
    ),
)


def _mean(timing: _Timing) -> Metric:
    return Metric(
        name=f"mean_{timing.quantity}",
        unit=Unit.MILLISECONDS,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition=f"Mean over successful requests: {timing.words}.",
        hypothesis=timing.hypothesis,
        interval=PAIRED_RATIO if timing.hypothesis else SHOWN,
        peers=timing.peers,
    )


def _percentile(timing: _Timing, name: str, probability: float) -> Metric:
    hypothesis = timing.hypothesis if name == "median" else None
    if (name, timing.quantity) == ("p95", Quantity.TTFT):
        hypothesis = Hypothesis.TTFT_TAIL_EXCEEDANCE
    shown, trusted = round(1 / (1 - probability)), round(5 / (1 - probability))
    return Metric(
        name=f"{name}_{timing.quantity}",
        unit=Unit.MILLISECONDS,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition=(
            f"{100 * probability:g}th percentile over successful requests: {timing.words}. "
            + _SMALL_SAMPLE.format(shown=shown, trusted=trusted)
        ),
        hypothesis=hypothesis,
        interval=_INTERVALS.get(hypothesis, PAIRED_RATIO) if hypothesis else SHOWN,
        peers=timing.peers,
    )


_INTERVALS = {Hypothesis.TTFT_TAIL_EXCEEDANCE: f"{PAIRED_POINTS}; the ratio is shown, not gated"}


def _timed() -> tuple[Metric, ...]:
    means = tuple(_mean(timing) for timing in _TIMINGS)
    percentiles = tuple(_percentile(t, name, share) for t in _TIMINGS for name, share in PERCENTILES)
    return means + percentiles


_COUNTED: tuple[Metric, ...] = (
    Metric(
        name="total_equal_length_latency",
        unit=Unit.MILLISECONDS,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Response latency, had both answers of a pair been equally long: each at its own pace.",
        hypothesis=Hypothesis.TOTAL_EQUAL_LENGTH,
        interval=PAIRED_RATIO,
    ),
    Metric(
        name="ttft_above_pooled_p95",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Share of requests whose time to first token exceeds the 95th percentile of both arms together.",
        hypothesis=Hypothesis.TTFT_TAIL_EXCEEDANCE,
        interval=PAIRED_POINTS,
    ),
    Metric(
        name="ttft_excess_above_pooled_p90",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition=(
            "How far times to first token exceed the 90th percentile of both arms together: the mean over all requests"
            " of the logarithmic excess as a percentage, 0 for those below; 2.5 times that percentile is the most."
        ),
        hypothesis=Hypothesis.TTFT_TAIL_EXCESS,
        interval="mean of paired differences, t interval corrected for skewness; test: sign flips of the scores",
    ),
    Metric(
        name="latency_distribution",
        unit=Unit.MILLISECONDS,
        scope=Scope.SERIES,
        direction=Direction.TWO_SIDED,
        definition="All response latencies of a series, compared as a whole by the classic two-sample tests.",
        interval="none: the test's p value",
    ),
    Metric(
        name="error_rate",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Failed requests as a share of the failed and the successful ones; throttled and shed ones apart.",
        hypothesis=Hypothesis.ERRORS,
        interval=PAIRED_POINTS,
        peers=("k6: http_req_failed", "Locust: failures", "spec: llm_errors_total / llm_requests_total"),
    ),
    Metric(
        name="success_rate",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Successful requests as a share of all measured ones, throttled and shed ones included.",
        interval=SHOWN,
    ),
    Metric(
        name="throttled_share",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Requests that the provider asked to slow down (429, 529) as a share of all measured ones.",
        interval=SHOWN,
    ),
    Metric(
        name="truncated_share",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Answers that ended at the token limit as a share of the successful ones.",
        interval=SHOWN,
        peers=("finish_reason = length",),
    ),
    Metric(
        name="refused_share",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Answers that ended in a refusal as a share of the successful ones.",
        interval=SHOWN,
        peers=("finish_reason = content_filter, refusal, SAFETY",),
    ),
    Metric(
        name="cost_per_request_usd",
        unit=Unit.USD,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Mean price of a measured request that has one.",
        hypothesis=Hypothesis.COST,
        interval=PAIRED_RATIO,
    ),
    Metric(
        name="cost_per_1k_tokens",
        unit=Unit.USD,
        scope=Scope.SERIES,
        direction=Direction.LOWER_IS_BETTER,
        definition="Dollars per thousand tokens, input and output together.",
        interval=SHOWN,
    ),
    Metric(
        name="total_cost_usd",
        unit=Unit.USD,
        scope=Scope.RUN,
        direction=Direction.LOWER_IS_BETTER,
        definition="Dollars spent by the whole run: all series, both arms, warm-up and failed requests included.",
        peers=("spec: llm_cost_usd_total",),
    ),
    Metric(
        name="total_requests",
        unit=Unit.REQUESTS,
        scope=Scope.RUN,
        direction=Direction.TWO_SIDED,
        definition="Measured requests of the candidate, whatever became of them.",
        peers=("spec: llm_requests_total",),
    ),
    Metric(
        name="total_tokens",
        unit=Unit.TOKENS,
        scope=Scope.RUN,
        direction=Direction.TWO_SIDED,
        definition="Input and output tokens of the candidate's measured requests.",
        peers=("OpenTelemetry: gen_ai.client.token.usage", "spec: llm_tokens_total"),
    ),
    Metric(
        name="mean_output_tokens",
        unit=Unit.TOKENS,
        scope=Scope.SERIES,
        direction=Direction.TWO_SIDED,
        definition="Mean output tokens of a successful request, reasoning tokens included.",
        hypothesis=Hypothesis.OUTPUT_LENGTH,
        interval=PAIRED_RATIO,
        peers=("aiperf: OSL",),
    ),
    Metric(
        name="cached_share",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Input tokens that the server read from its prefix cache as a share of all input tokens.",
        hypothesis=Hypothesis.CACHED_SHARE,
        interval=PAIRED_MEAN,
        peers=("OpenTelemetry: gen_ai.usage.cache_read.input_tokens",),
    ),
    Metric(
        name="requests_per_second",
        unit=Unit.PER_SECOND,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Successful requests per second of the measured window; in an open loop that is the rate asked for.",
        interval=SHOWN,
        peers=("guidellm: requests per second", "vLLM bench: request throughput"),
    ),
    Metric(
        name="tokens_per_second",
        unit=Unit.PER_SECOND,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Input and output tokens of successful requests per second of the measured window.",
        interval=SHOWN,
        peers=("vLLM bench: total token throughput",),
    ),
    Metric(
        name="output_tokens_per_second",
        unit=Unit.PER_SECOND,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Output tokens of successful requests per second of the measured window.",
        interval=SHOWN,
        peers=("vLLM bench: output token throughput",),
    ),
    Metric(
        name="goodput_share",
        unit=Unit.PERCENT,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition=(
            "Requests that succeeded and met every objective of `metrics.slo`, as a share of all measured ones, failed,"
            " throttled and shed ones included."
        ),
        interval=SHOWN,
        peers=("aiperf: good request fraction", "genai-perf: goodput"),
    ),
    Metric(
        name="goodput",
        unit=Unit.PER_SECOND,
        scope=Scope.SERIES,
        direction=Direction.HIGHER_IS_BETTER,
        definition="Requests per second of the measured window that met every objective of `metrics.slo`.",
        interval=SHOWN,
        peers=("vLLM bench: request goodput", "aiperf: goodput"),
    ),
)

METRICS: tuple[Metric, ...] = _timed() + _COUNTED
"""All metrics, timings first."""

_BY_NAME = {row.name: row for row in METRICS}


def metric(name: str) -> Metric:
    """Return the metric of that name; LookupError for an unknown one."""
    return _BY_NAME[name]
