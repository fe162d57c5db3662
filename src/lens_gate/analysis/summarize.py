"""From the samples of one arm to the summaries that `run.json` shows: arithmetic, no judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from lens_gate.analysis.goodput import goodput
from lens_gate.analysis.quantities import NS_PER_MS, Flags, Floats, column, measured, with_status
from lens_gate.artifacts.run import (
    Cost,
    ErrorCount,
    Latency,
    LatencySummary,
    ModelResult,
    Price,
    ProviderResult,
    Requests,
    Summary,
    Throughput,
    TimePoint,
    Tokens,
)
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactCorrupt
from lens_gate.stats import sketch
from lens_gate.stats.levels import FEWEST_FOR_BLOCKS, inflation
from lens_gate.stats.summary import Description, describe, shows
from lens_gate.vocabulary.metric_table import PERCENTILES
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import ErrorClass, Status, TokenSource
from lens_gate.vocabulary.slo import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to summarise: percentiles (0 to 100), the time series' interval, the run's anchor, prices, objectives."""

    anchor_time: datetime
    percentiles: Sequence[float]
    resolution_s: float
    prices: Sequence[Price]
    slo: Sequence[Objective] = ()

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Return the probabilities of all percentiles that a summary holds, each once."""
        asked = (percentile / 100 for percentile in self.percentiles)
        return tuple(dict.fromkeys([*(p for _, p in PERCENTILES), *asked]))


def summarize(
    samples: Samples,
    *,
    anchor_time: datetime,
    percentiles: Sequence[float],
    resolution_s: float,
    prices: Sequence[Price] = (),
    slo: Sequence[Objective] = (),
) -> tuple[ProviderResult, ...]:
    """Summarise the measured requests of one arm by provider and model, both in order of appearance.

    `anchor_time` is the wall-clock time of the samples' zero; a `resolution_s` of 0 makes no time series. Latencies are
    those of successful requests only. A price splits the cost of a model into input and output. Goodput is counted by
    `slo`.
    """
    settings = Settings(
        anchor_time=anchor_time, percentiles=percentiles, resolution_s=resolution_s, prices=prices, slo=slo
    )
    counted = _ended_by_themselves(samples)
    providers, models = counted.texts["provider"], counted.texts["model"]
    pairs = dict.fromkeys(zip(providers.strings(), models.strings(), strict=True))
    results: dict[str, list[ModelResult]] = {}
    for provider, model in pairs:
        rows = counted.where(providers.equals(str(provider)) & models.equals(str(model)))
        results.setdefault(str(provider), []).append(_model(rows, str(provider), str(model), settings))
    return tuple(ProviderResult(name=name, models=tuple(found)) for name, found in results.items())


def model_summary(samples: Samples) -> ModelResult | None:
    """Summarise the measured requests of one series of one arm without a time series; None without any."""
    settings = Settings(anchor_time=datetime.fromtimestamp(0, UTC), percentiles=(), resolution_s=0, prices=())
    counted = _ended_by_themselves(samples)
    if len(counted) == 0:
        return None
    provider, model = (str(counted.texts[name].strings()[0]) for name in ("provider", "model"))
    return _model(counted, provider, model, settings)


def summary_of(providers: Sequence[ProviderResult], samples: Samples) -> Summary:
    """Return the run in a line, from the summaries and the samples of one arm."""
    counted = _ended_by_themselves(samples)
    models = [model for provider in providers for model in provider.models]
    successful = sum(model.requests.successful for model in models)
    failed = sum(model.requests.failed for model in models)
    kept = [model.goodput.met for model in models if model.goodput]
    met = sum(kept)
    total = _times(counted.where(with_status(counted, Status.OK)), Quantity.LATENCY, (0.95,))
    return Summary(
        total_requests=len(counted),
        successful_requests=successful,
        total_tokens=sum(model.tokens.total for model in models),
        total_cost_usd=_total(counted.numbers["cost_usd"]),
        average_latency_ms=total.mean if total else None,
        p95_latency_ms=total.quantiles[0.95] if total else None,
        error_rate=_percent(failed, successful + failed),
        fastest_model=_least((model.latency.total.mean_ms, model.id) for model in models),
        most_cost_effective=_least((model.cost.per_1k_tokens_usd, model.id) for model in models),
        goodput_percent=_percent(met, len(counted)) if kept else None,
        goodput_per_second=met / _window_s(counted) if kept and _window_s(counted) else None,
    )


def _ended_by_themselves(samples: Samples) -> Samples:
    """Return the measured requests without those that we cut off or had no money for: no errors of the endpoint."""
    counted = measured(samples)
    errors = counted.texts["error_class"]
    return counted.where(~np.any([errors.equals(error) for error in ErrorClass if error.by_us], axis=0))


def _least(values: Iterable[tuple[float | None, str]]) -> str | None:
    return min(((value, name) for value, name in values if value is not None), default=(0.0, None))[1]


def _model(rows: Samples, provider: str, model: str, settings: Settings) -> ModelResult:
    good = rows.where(with_status(rows, Status.OK))
    price = next((p for p in settings.prices if (p.provider, p.model) == (provider, model)), None)
    return ModelResult(
        id=model,
        returned=tuple(sorted({name for name in rows.texts["model_returned"].strings() if name is not None})),
        requests=_requests(rows),
        latency=_latency(good, settings),
        throughput=_throughput(rows, good),
        tokens=_tokens(rows, good),
        cost=_cost(rows.where(~np.isnan(rows.numbers["cost_usd"])), price),
        errors=_errors(rows),
        finish_reasons=dict(sorted(Counter(str(reason) for reason in good.texts["finish_reason"].strings()).items())),
        time_series=_time_series(rows, settings),
        goodput=goodput(rows, settings.slo, _window_s(rows)),
    )


def _requests(rows: Samples) -> Requests:
    def count(status: Status) -> int:
        return int(with_status(rows, status).sum())

    return Requests(
        total=len(rows),
        successful=count(Status.OK),
        failed=count(Status.FAILED),
        retried=int((rows.numbers["attempts"] > 1).sum()),
        throttled=count(Status.THROTTLED),
        shed=count(Status.SHED),
    )


def _latency(good: Samples, settings: Settings) -> Latency:
    in_time = np.argsort(good.numbers["intended_ns"], kind="stable")

    def summary(quantity: Quantity) -> LatencySummary:
        return _latency_summary(_times(good, quantity, settings.probabilities), settings)

    def with_waves(quantity: Quantity) -> LatencySummary:
        return summary(quantity).model_copy(update={"median_inflation": _inflation(column(good, quantity)[in_time])})

    return Latency(
        ttft=with_waves(Quantity.TTFT),
        total=with_waves(Quantity.LATENCY),
        inter_token=_latency_summary(_gaps(good, settings.probabilities), settings),
        ttft_visible=summary(Quantity.TTFT_VISIBLE),
        tpot=with_waves(Quantity.TPOT),
        service=summary(Quantity.SERVICE_LATENCY),
    )


def _inflation(times: Floats) -> float | None:
    known = times[times > 0]
    return inflation(known) if len(known) >= FEWEST_FOR_BLOCKS else None


def _times(good: Samples, quantity: Quantity, probabilities: Sequence[float]) -> Description | None:
    values = column(good, quantity) / NS_PER_MS
    return describe(values[~np.isnan(values)], probabilities)


def _latency_summary(found: Description | None, settings: Settings) -> LatencySummary:
    if found is None:
        return LatencySummary(count=0)
    shown = {f"{name}_ms": found.quantiles[probability] for name, probability in PERCENTILES}
    return LatencySummary(
        count=found.count,
        min_ms=found.minimum,
        max_ms=found.maximum,
        mean_ms=found.mean,
        stddev_ms=found.stddev,
        percentiles={f"{percentile:g}": found.quantiles[percentile / 100] for percentile in settings.percentiles},
        **shown,
    )


def _gaps(good: Samples, probabilities: Sequence[float]) -> Description | None:
    """Describe the gaps between chunks, in milliseconds, from their sketches and the exact largest one."""
    try:
        merged = sketch.merge(text for text in good.texts["gap_sketch"].strings() if text is not None)
    except ValueError as error:
        raise ArtifactCorrupt(
            "a sketch of chunk gaps is damaged", place="samples, column gap_sketch", hint="Run the measurement again."
        ) from error
    count = sum(merged.values())
    if count == 0:
        return None
    largest = good.numbers["largest_gap_ns"]
    return Description(
        count=count,
        minimum=sketch.quantile(merged, 0) / NS_PER_MS,
        maximum=(sketch.quantile(merged, 1) if np.isnan(largest).all() else float(np.nanmax(largest))) / NS_PER_MS,
        mean=sketch.mean(merged) / NS_PER_MS,
        stddev=sketch.stddev(merged) / NS_PER_MS,
        quantiles={p: sketch.quantile(merged, p) / NS_PER_MS if shows(count, p) else None for p in probabilities},
    )


def _throughput(rows: Samples, good: Samples) -> Throughput:
    """Rates over the window of the model's measured requests; None without one."""
    seconds = _window_s(rows)

    def rate(amount: float) -> float | None:
        return float(amount / seconds) if seconds > 0 else None

    sent, received = np.nansum(good.numbers["input_tokens"]), np.nansum(good.numbers["output_tokens"])
    return Throughput(
        requests_per_second=rate(len(good)),
        tokens_per_second=rate(sent + received),
        input_tokens_per_second=rate(sent),
        output_tokens_per_second=rate(received),
    )


def _window_s(rows: Samples) -> float:
    """Return the seconds from the first intended send to the last end; 0 where nobody knows them."""
    ends = rows.numbers["end_ns"][~np.isnan(rows.numbers["end_ns"])]
    if not len(ends) or _untimed(rows):
        return 0.0
    return float(ends.max() - rows.numbers["intended_ns"].min()) / 1e9


def _untimed(rows: Samples) -> bool:
    """Whether nobody knows when requests were sent after each other: an import that does not say has all due at 0."""
    return bool(np.isnan(rows.numbers["sent_ns"]).all() and np.ptp(rows.numbers["intended_ns"]) == 0)


def _tokens(rows: Samples, good: Samples) -> Tokens:
    """Sum up what all requests used; who counted it is told by the successes, since a failure is counted by nobody."""

    def total(name: str) -> int:
        return int(np.nansum(rows.numbers[name]))

    used = {TokenSource(source) for source in good.texts["token_source"].strings() if source is not None}
    counted = total("input_tokens") + total("output_tokens")
    return Tokens(
        total=counted,
        input=total("input_tokens"),
        output=total("output_tokens"),
        cached=total("cached_tokens"),
        reasoning=total("reasoning_tokens"),
        average_per_request=counted / len(rows),
        source=max(used, key=list(TokenSource).index, default=TokenSource.NONE),
    )


def _cost(priced: Samples, price: Price | None) -> Cost:
    """Sum up requests whose cost is known, and divide it by their tokens alone."""
    total = _total(priced.numbers["cost_usd"])
    if total is None:
        return Cost(
            total_usd=None, input_usd=None, output_usd=None, average_per_request_usd=None, per_1k_tokens_usd=None
        )
    received = float(np.nansum(priced.numbers["output_tokens"]))
    tokens = received + float(np.nansum(priced.numbers["input_tokens"]))
    per_million = price.output_usd_per_million if price else None
    output = min(total, received * per_million / 1e6) if per_million is not None else None
    return Cost(
        total_usd=total,
        # What is not output is input: that way the discount for cached tokens stays where it belongs.
        input_usd=None if output is None else total - output,
        output_usd=output,
        average_per_request_usd=total / len(priced),
        per_1k_tokens_usd=1000 * total / tokens if tokens else None,
    )


def _total(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else None


def _errors(rows: Samples) -> tuple[ErrorCount, ...]:
    counts = Counter(str(name) for name in rows.texts["error_class"].strings())
    return tuple(
        ErrorCount(type=name, count=count, percentage=100 * count / len(rows))
        for name, count in counts.most_common()
        if name != ErrorClass.NONE
    )


def _time_series(rows: Samples, settings: Settings) -> tuple[TimePoint, ...]:
    """One point for each interval in which a request was due; intervals without one are left out."""
    if settings.resolution_s <= 0:
        return ()
    numbers = np.floor(rows.numbers["intended_ns"] / (settings.resolution_s * 1e9))
    starts, interval = np.unique(numbers, return_inverse=True)
    good, failed = with_status(rows, Status.OK), with_status(rows, Status.FAILED)
    times = column(rows, Quantity.LATENCY) / NS_PER_MS
    timed = good & ~np.isnan(times)
    tokens = np.nan_to_num(rows.numbers["input_tokens"]) + np.nan_to_num(rows.numbers["output_tokens"])

    def counted(chosen: Flags, weights: Floats | None = None) -> list[float]:
        kept = None if weights is None else weights[chosen]
        sums: list[float] = np.bincount(interval[chosen], weights=kept, minlength=len(starts)).tolist()
        return sums

    points = zip(
        starts.tolist(),
        counted(np.ones(len(rows), dtype=np.bool_)),
        counted(good),
        counted(failed),
        counted(good, tokens),
        counted(timed),
        counted(timed, times),
        _p95(interval[timed], times[timed], len(starts)),
        strict=True,
    )
    return tuple(
        TimePoint(
            timestamp=_rfc3339(settings.anchor_time + timedelta(seconds=start * settings.resolution_s)),
            rps=due / settings.resolution_s,
            tokens_per_second=received / settings.resolution_s,
            mean_latency_ms=total / number if number else None,
            p95_latency_ms=p95,
            error_rate=_percent(bad, well + bad),
        )
        for start, due, well, bad, received, number, total, p95 in points
    )


def _p95(interval: NDArray[np.intp], times: Floats, intervals: int) -> list[float | None]:
    """Return the p95 of each interval that has enough values to show one."""
    order = np.argsort(interval, kind="stable")
    ends = np.searchsorted(interval[order], np.arange(1, intervals))
    groups = np.split(times[order], ends)
    return [float(np.quantile(group, 0.95)) if shows(len(group), 0.95) else None for group in groups]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None
