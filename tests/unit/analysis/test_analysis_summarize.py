from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from lens_gate.analysis.quantities import column
from lens_gate.analysis.summarize import model_summary, summarize, summary_of
from lens_gate.artifacts.run import ModelResult, Price, ProviderResult
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.errors import ArtifactCorrupt
from lens_gate.stats.sketch import encode
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import ErrorClass, FinishReason, Phase, Status, TokenSource
from lens_gate.vocabulary.slo import parse_slo
from tests.builders import MS, a_failed_sample, a_sample

ANCHOR = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def summarized(*rows: Sample, **changes: object) -> tuple[ProviderResult, ...]:
    settings = {"anchor_time": ANCHOR, "percentiles": (50, 97), "resolution_s": 1.0, **changes}
    return summarize(Samples.of(rows), **settings)  # type: ignore[arg-type] # keywords of a test


def only(*rows: Sample, **changes: object) -> ModelResult:
    (provider,) = summarized(*rows, **changes)
    (model,) = provider.models
    return model


def shifted(number: int, **changes: object) -> Sample:
    """One request a second, all alike."""
    start = number * 1000 * MS
    times = {
        "intended_ns": start,
        "sent_ns": start + 10 * MS,
        "first_token_ns": start + 500 * MS,
        "first_visible_ns": start + 600 * MS,
        "last_token_ns": start + 1480 * MS,
        "end_ns": start + 1500 * MS,
    }
    return a_sample(index=number, **{**times, **changes})


def test_times_count_from_the_intended_send_and_service_from_the_actual_one() -> None:
    latency = only(*(shifted(n) for n in range(3))).latency

    assert latency.total.mean_ms == pytest.approx(1500)
    assert latency.service.mean_ms == pytest.approx(1490)
    assert latency.ttft.median_ms == pytest.approx(500)
    assert latency.ttft_visible.median_ms == pytest.approx(600)


def test_time_per_token_divides_by_the_server_s_tokens_less_one_and_by_chunks_without_usage() -> None:
    assert only(shifted(0)).latency.tpot.mean_ms == pytest.approx(980 / 49)
    by_chunks = shifted(0, token_source=TokenSource.CHUNKS, output_tokens=50, chunk_count=11)
    assert only(by_chunks).latency.tpot.mean_ms == pytest.approx(98)
    assert only(shifted(0, output_tokens=1)).latency.tpot.count == 0


def test_time_per_token_falls_back_on_an_estimate_only_where_nobody_counted_chunks() -> None:
    estimated = shifted(0, token_source=TokenSource.ESTIMATE, output_tokens=50, chunk_count=0)
    assert only(estimated).latency.tpot.mean_ms == pytest.approx(980 / 49)
    counted = shifted(0, token_source=TokenSource.ESTIMATE, output_tokens=50, chunk_count=11)
    assert only(counted).latency.tpot.mean_ms == pytest.approx(98)
    nothing = shifted(0, token_source=TokenSource.NONE, output_tokens=50, chunk_count=0)
    assert only(nothing).latency.tpot.count == 0


def test_tokens_of_which_nobody_knows_the_cost_make_the_others_no_cheaper() -> None:
    broken = a_failed_sample(ErrorClass.CUT_STREAM, index=1, input_tokens=100, output_tokens=5000)

    cost = only(shifted(0, cost_usd=0.003), broken).cost

    assert (cost.total_usd, cost.average_per_request_usd) == (0.003, 0.003)
    assert cost.per_1k_tokens_usd == pytest.approx(0.02)


def test_time_per_token_is_the_pace_of_what_was_streamed() -> None:
    shown, hidden = shifted(0, reasoning_tokens=40), shifted(0, reasoning_tokens=40)
    hidden = replace(hidden, first_visible_ns=hidden.first_token_ns)
    at_once = replace(shown, first_token_ns=shown.last_token_ns)

    assert only(shown).latency.tpot.mean_ms == pytest.approx(980 / 49)
    assert only(hidden).latency.tpot.mean_ms == pytest.approx(980 / 9)
    assert only(at_once).latency.tpot.count == 0


def test_percentiles_are_shown_from_their_smallest_sample_on_and_the_chosen_ones_by_name() -> None:
    small, large = (only(*(shifted(n) for n in range(count))).latency.total for count in (19, 40))

    assert small.p95_ms is None
    assert large.p95_ms == pytest.approx(1500)
    assert large.percentiles == {"50": pytest.approx(1500), "97": pytest.approx(1500)}
    assert large.p99_ms is None


def test_what_the_runs_own_cap_kept_from_being_sent_stands_in_no_denominator() -> None:
    unsent = [
        a_failed_sample(ErrorClass.CAPPED, index=n, status=Status.SHED, sent_ns=None, end_ns=None) for n in (2, 3)
    ]

    capped, alone = (only(shifted(0), shifted(1), *more, slo=parse_slo("ttft < 9s")) for more in (unsent, ()))

    assert capped == alone
    assert (capped.requests.total, capped.errors) == (2, ())
    assert capped.goodput is not None
    assert capped.goodput.percentage == 100


def test_failures_and_throttled_requests_are_counted_but_have_no_latency() -> None:
    slow = shifted(9, end_ns=90_000 * MS)
    rows = [
        shifted(0),
        shifted(1, attempts=2),
        a_failed_sample(index=2, intended_ns=2 * MS, end_ns=slow.end_ns),
        a_failed_sample(ErrorClass.RATE_LIMIT, index=3),
        a_failed_sample(ErrorClass.SHED, index=4, status=Status.SHED, end_ns=None),
    ]

    model = only(*rows)

    assert model.requests.model_dump() == {
        "total": 5,
        "successful": 2,
        "failed": 1,
        "retried": 1,
        "throttled": 1,
        "shed": 1,
    }
    assert model.latency.total.max_ms == pytest.approx(1500)
    assert {(error.type, error.count, error.percentage) for error in model.errors} == {
        ("api_error", 1, 20.0),
        ("rate_limit", 1, 20.0),
        ("shed", 1, 20.0),
    }


def test_what_we_cut_off_ourselves_is_no_error_of_the_endpoint() -> None:
    cut = a_failed_sample(ErrorClass.INTERRUPTED)
    model = only(a_sample(), cut)
    assert (model.requests.total, model.requests.failed, model.errors) == (1, 0, ())
    samples = Samples.of([a_sample(), cut])
    assert summary_of(summarized(a_sample(), cut), samples).total_requests == 1


def test_warm_up_and_cool_down_do_not_count() -> None:
    model = only(shifted(0, phase=Phase.WARMUP), shifted(1), shifted(2, phase=Phase.COOLDOWN))

    assert model.requests.total == 1


def test_chunk_gaps_come_from_the_merged_sketches_and_the_exact_largest_one() -> None:
    gaps = [20 * MS] * 30
    rows = [shifted(n, gap_sketch=encode(gaps), largest_gap_ns=21 * MS) for n in range(2)]

    inter_token = only(*rows).latency.inter_token

    assert inter_token.count == 60
    assert inter_token.median_ms == pytest.approx(20, rel=0.05)
    assert inter_token.max_ms == 21
    assert only(shifted(0, gap_sketch=encode(gaps), largest_gap_ns=None)).latency.inter_token.max_ms == pytest.approx(
        20, rel=0.05
    )
    assert only(shifted(0)).latency.inter_token.count == 0


def test_a_damaged_sketch_is_a_corrupt_artifact() -> None:
    with pytest.raises(ArtifactCorrupt, match="sketch"):
        only(shifted(0, gap_sketch="no sketch"))


def test_cost_is_split_by_the_price_of_output_and_the_rest_is_input() -> None:
    price = Price(
        provider="openai",
        model="gpt-small",
        input_usd_per_million=5,
        output_usd_per_million=30,
        source="test",
        date=None,
    )

    cost = only(shifted(0), shifted(1), prices=(price,)).cost

    assert cost.total_usd == pytest.approx(0.004)
    assert cost.output_usd == pytest.approx(100 * 30 / 1e6)
    assert cost.input_usd == pytest.approx(0.001)
    assert cost.average_per_request_usd == pytest.approx(0.002)
    assert cost.per_1k_tokens_usd == pytest.approx(0.004 / 0.3)


def test_without_a_price_there_is_no_cost_and_without_its_parts_no_split() -> None:
    unpriced = only(shifted(0, cost_usd=None)).cost
    unsplit = only(shifted(0)).cost

    assert (unpriced.total_usd, unpriced.per_1k_tokens_usd) == (None, None)
    assert (unsplit.total_usd, unsplit.input_usd, unsplit.output_usd) == (0.002, None, None)
    assert only(shifted(0, input_tokens=0, output_tokens=0)).cost.per_1k_tokens_usd is None


def test_the_token_source_is_the_least_trustworthy_one() -> None:
    tokens = only(shifted(0), shifted(1, token_source=TokenSource.ESTIMATE, cached_tokens=40)).tokens

    assert tokens.source == "estimate"
    assert (tokens.input, tokens.output, tokens.total, tokens.cached) == (200, 100, 300, 40)
    assert tokens.average_per_request == 150


def test_rates_are_over_the_time_from_first_intended_send_to_last_end() -> None:
    throughput = only(shifted(0), shifted(1)).throughput

    assert throughput.requests_per_second == pytest.approx(2 / 2.5)
    assert throughput.tokens_per_second == pytest.approx(300 / 2.5)
    assert only(a_failed_sample(end_ns=None)).throughput.requests_per_second is None


def test_the_time_series_has_a_point_for_each_interval_with_requests() -> None:
    rows = [*(shifted(n) for n in (0, 1, 4)), a_failed_sample(index=9, intended_ns=4200 * MS)]

    points = only(*rows, resolution_s=2.0).time_series

    assert [point.timestamp for point in points] == ["2026-03-02T10:00:00.000Z", "2026-03-02T10:00:04.000Z"]
    assert [point.rps for point in points] == [1.0, 1.0]
    assert [point.error_rate for point in points] == [0.0, 50.0]
    assert [point.mean_latency_ms for point in points] == [pytest.approx(1500)] * 2
    assert points[0].p95_latency_ms is None


def test_a_busy_interval_shows_its_own_p95() -> None:
    late = [shifted(0, end_ns=(1000 + 10 * n) * MS) for n in range(20)]
    other = [shifted(5)] * 19

    first, second = only(*other, *late).time_series

    assert first.p95_latency_ms == pytest.approx(np.quantile([1000 + 10 * n for n in range(20)], 0.95))
    assert first.mean_latency_ms == pytest.approx(1095)
    assert second.p95_latency_ms is None


def test_an_interval_of_failures_has_no_latency_and_a_resolution_of_zero_no_series() -> None:
    (point,) = only(a_failed_sample()).time_series

    assert (point.mean_latency_ms, point.error_rate) == (None, 100.0)
    assert only(shifted(0), resolution_s=0.0).time_series == ()
    assert only(a_failed_sample(ErrorClass.OVERLOADED)).time_series[0].error_rate is None


def test_models_are_grouped_by_provider_and_say_what_the_server_called_them() -> None:
    rows = [
        shifted(0),
        shifted(1, model="gpt-large", model_returned="gpt-large-0301", finish_reason=FinishReason.LENGTH),
        shifted(2, provider="other", model_returned=None),
    ]

    results = summarized(*rows)

    assert [(p.name, [m.id for m in p.models]) for p in results] == [
        ("openai", ["gpt-small", "gpt-large"]),
        ("other", ["gpt-small"]),
    ]
    assert results[0].models[1].returned == ("gpt-large-0301",)
    assert results[0].models[1].finish_reasons == {"length": 1}
    assert results[1].models[0].returned == ()


def test_the_run_in_a_line() -> None:
    fast = [shifted(n, model="fast", end_ns=n * 1000 * MS + 900 * MS, cost_usd=0.01) for n in range(20)]
    rows = [*fast, *(shifted(n) for n in range(20)), a_failed_sample()]

    summary = summary_of(summarized(*rows), Samples.of(rows))

    assert (summary.total_requests, summary.successful_requests) == (41, 40)
    assert summary.error_rate == pytest.approx(100 / 41)
    assert summary.average_latency_ms == pytest.approx(1200)
    assert summary.p95_latency_ms == pytest.approx(1500)
    assert (summary.fastest_model, summary.most_cost_effective) == ("fast", "gpt-small")
    assert summary.total_cost_usd == pytest.approx(0.24)


def test_a_run_without_requests_has_no_figures() -> None:
    summary = summary_of((), Samples.of([]))

    assert (summary.total_requests, summary.error_rate, summary.average_latency_ms) == (0, None, None)
    assert (summary.total_cost_usd, summary.fastest_model) == (None, None)
    assert model_summary(Samples.of([])) is None


def test_a_quantity_without_a_value_per_request_is_refused() -> None:
    with pytest.raises(ValueError, match="no single value"):
        column(Samples.of([shifted(0)]), Quantity.INTER_CHUNK)
    assert column(Samples.of([shifted(0)]), Quantity.OUTPUT_TOKENS) == np.array([50.0])
