"""The value of a metric, by its name in the metric table, read from what an artifact holds."""

from __future__ import annotations

from lens_gate.artifacts.run import Latency, LatencySummary, ModelResult, Spend, Summary
from lens_gate.vocabulary.metrics import Metric, Quantity, Scope
from lens_gate.vocabulary.requests import FinishReason

_STATISTICS = ("mean", "median", "p75", "p90", "p95", "p99", "p99_9")


def run_value(summary: Summary, spend: Spend, name: str) -> float | None:
    """Return a metric of the whole run; None where it is unknown (a cost with unpriced models is no total)."""
    values: dict[str, float | None] = {
        "total_cost_usd": None if spend.unpriced_models else spend.spent_usd,
        "total_requests": summary.total_requests,
        "total_tokens": summary.total_tokens,
    }
    return values[name]


def series_value(model: ModelResult, metric: Metric) -> float | None:
    """Return a metric of one model; None where it was not measured, or the sample is too small to show it."""
    if metric.scope is Scope.RUN:
        return None
    statistic, _, quantity = metric.name.partition("_")
    if metric.name.startswith("p99_9_"):
        statistic, quantity = "p99_9", metric.name.removeprefix("p99_9_")
    if statistic in _STATISTICS and quantity in _TIMINGS:
        value: float | None = getattr(_timing(model.latency, Quantity(quantity)), f"{statistic}_ms")
        return value
    return _counted(model).get(metric.name)


_TIMINGS = {
    Quantity.LATENCY: "total",
    Quantity.TTFT: "ttft",
    Quantity.TTFT_VISIBLE: "ttft_visible",
    Quantity.TPOT: "tpot",
    Quantity.INTER_CHUNK: "inter_token",
    Quantity.SERVICE_LATENCY: "service",
}


def _timing(latency: Latency, quantity: Quantity) -> LatencySummary:
    summary: LatencySummary = getattr(latency, _TIMINGS[quantity])
    return summary


def _counted(model: ModelResult) -> dict[str, float | None]:
    requests, tokens, rates = model.requests, model.tokens, model.throughput
    return {
        "error_rate": _percent(requests.failed, requests.successful + requests.failed),
        "success_rate": _percent(requests.successful, requests.total),
        "throttled_share": _percent(requests.throttled, requests.total),
        "truncated_share": _percent(model.finish_reasons.get(FinishReason.LENGTH, 0), requests.successful),
        "refused_share": _percent(model.finish_reasons.get(FinishReason.REFUSAL, 0), requests.successful),
        "cost_per_request_usd": model.cost.average_per_request_usd,
        "cost_per_1k_tokens": model.cost.per_1k_tokens_usd,
        # The sum of tokens holds those of broken answers as well; the two rates are of the successful ones, of which
        # each has a token: none at all means that nobody counted.
        "mean_output_tokens": _ratio(rates.output_tokens_per_second, rates.requests_per_second),
        "cached_share": _percent(tokens.cached, tokens.input),
        "requests_per_second": model.throughput.requests_per_second,
        "tokens_per_second": model.throughput.tokens_per_second,
        "output_tokens_per_second": model.throughput.output_tokens_per_second,
        "goodput_share": model.goodput.percentage if model.goodput else None,
        "goodput": model.goodput.requests_per_second if model.goodput else None,
    }


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part and whole else None


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
