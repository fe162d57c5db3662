"""Counters of a run as metrics of Prometheus, under the names and labels of the specification.

Beyond those every series has the label `arm`, and the buckets go on to five minutes: models that reason take that long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.tallies import Histogram, Tallies
from lens_gate.reports.escape import plain
from lens_gate.vocabulary.requests import Status

OWN_LABELS = frozenset({"job", "provider", "model", "arm", "status", "type", "error_type", "le"})
"""Labels that a push must not bring along: a gateway would write its own value into every series."""

_SERIES = ("provider", "model", "arm")
_STATUS = {Status.OK: "success", Status.FAILED: "failed", Status.THROTTLED: "throttled", Status.SHED: "shed"}


class RunCollector(Collector):
    """What a scrape reads: the tallies as they stand, and of a finished run what it was."""

    def __init__(self, tallies: Tallies, run: Run | None = None) -> None:
        self._tallies = tallies
        self._run = run

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield each metric with all of its series."""
        yield from _counters(self._tallies)
        yield from _histograms(self._tallies)
        if self._tallies.in_flight:
            yield _in_flight(self._tallies)
        if self._run is not None:
            yield from _benchmark(self._run)


def registry_of(tallies: Tallies, run: Run | None = None) -> CollectorRegistry:
    """Return what the library's servers and pushes take."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(tallies, run))
    return registry


def exposition(tallies: Tallies, run: Run) -> str:
    """Return the text format of a finished run, without times: a Pushgateway and a text file collector refuse them."""
    return generate_latest(registry_of(tallies, run)).decode("utf-8")


def _counters(tallies: Tallies) -> Iterator[Metric]:
    requests = CounterMetricFamily("llm_requests", "Requests by how they ended.", labels=(*_SERIES, "status"))
    tokens = CounterMetricFamily("llm_tokens", "Tokens as billed.", labels=(*_SERIES, "type"))
    cost = CounterMetricFamily("llm_cost_usd", "Dollars, where a price is known.", labels=_SERIES)
    errors = CounterMetricFamily("llm_errors", "Requests that went wrong.", labels=(*_SERIES, "error_type"))
    for series, tally in tallies.series.items():
        labels = _labels(series)
        for status, word in _STATUS.items():
            # Also what did not happen yet: a rate misses the first of a counter that is born with it.
            requests.add_metric((*labels, word), tally.requests.get(status, 0))
        tokens.add_metric((*labels, "input"), tally.input_tokens)
        tokens.add_metric((*labels, "output"), tally.output_tokens)
        if tally.cost_usd is not None:
            cost.add_metric(labels, tally.cost_usd)
        for error, count in tally.errors.items():
            errors.add_metric((*labels, error), count)
    return iter((requests, tokens, cost, errors))


def _histograms(tallies: Tallies) -> Iterator[Metric]:
    duration = HistogramMetricFamily(
        "llm_request_duration_seconds",
        "From when a request was due to its end.",
        labels=(*_SERIES, "status"),
    )
    ttft = HistogramMetricFamily(
        "llm_ttft_duration_seconds", "From when a request was due to its first token.", labels=_SERIES
    )
    for series, tally in tallies.series.items():
        labels = _labels(series)
        for status, histogram in tally.durations.items():
            duration.add_metric((*labels, _STATUS[status]), _buckets(histogram), histogram.total)
        ttft.add_metric(labels, _buckets(tally.ttft), tally.ttft.total)
    return iter((duration, ttft))


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, histogram.cumulative, strict=True))


def _in_flight(tallies: Tallies) -> Metric:
    gauge = GaugeMetricFamily(
        "llm_concurrent_requests", "Requests that were sent and have not ended.", labels=("provider",)
    )
    for provider, count in tallies.in_flight.items():
        gauge.add_metric(_labels((provider,)), count)
    return gauge


def _benchmark(run: Run) -> Iterator[Metric]:
    about = {
        "id": run.benchmark.id,
        "name": run.benchmark.name,
        "commit": run.provenance.commit or "",
        "branch": run.provenance.branch or "",
        "tool_version": run.provenance.tool_version,
    }
    info = GaugeMetricFamily("llm_benchmark_info", "Which run this is.", labels=tuple(about))
    info.add_metric(_labels(about.values()), 1)
    yield info
    yield GaugeMetricFamily(
        "llm_benchmark_valid", "Whether the measurement may be believed.", float(run.validity.valid)
    )
    yield GaugeMetricFamily("llm_benchmark_measuring_seconds", "How long the run took.", run.benchmark.duration_seconds)


def _labels(values: Iterable[str]) -> tuple[str, ...]:
    """Return label values without what could steer a terminal; quotes and the like are escaped by the library."""
    return tuple(map(plain, values))
