from __future__ import annotations

import pytest

from lens_gate.artifacts.metric_values import run_value, series_value
from lens_gate.artifacts.run import Throughput
from lens_gate.vocabulary.metric_table import METRICS, metric
from lens_gate.vocabulary.metrics import Scope
from tests.builders import a_latency, a_latency_summary, a_model_result, a_spend, a_summary, some_requests


def test_each_metric_of_a_model_is_found_in_its_summary_but_what_takes_pairs_or_objectives() -> None:
    summary = a_latency_summary(p99_9_ms=9.0)
    latency = a_latency(
        ttft=summary, total=summary, inter_token=summary, ttft_visible=summary, tpot=summary, service=summary
    )
    model = a_model_result(latency=latency)

    missing = {row.name for row in METRICS if row.scope is Scope.SERIES and series_value(model, row) is None}

    assert missing == {
        "goodput",
        "goodput_share",
        "latency_distribution",
        "total_equal_length_latency",
        "ttft_above_pooled_p95",
        "ttft_excess_above_pooled_p90",
    }


def test_names_lead_to_their_own_statistic_and_quantity() -> None:
    model = a_model_result(latency=a_latency(ttft=a_latency_summary(80.0, p99_9_ms=900.0)))

    assert series_value(model, metric("median_ttft")) == 80.0
    assert series_value(model, metric("p99_9_ttft")) == 900.0
    assert series_value(model, metric("mean_latency")) == pytest.approx(1650)
    assert series_value(model, metric("mean_inter_chunk")) == pytest.approx(22)


def test_shares_are_percentages_of_the_right_whole() -> None:
    requests = some_requests(300, failed=60, throttled=40)
    model = a_model_result(requests=requests, finish_reasons={"length": 20, "refusal": 10})

    assert series_value(model, metric("success_rate")) == pytest.approx(100 * 200 / 300)
    assert series_value(model, metric("error_rate")) == pytest.approx(100 * 60 / 260)
    assert series_value(model, metric("throttled_share")) == pytest.approx(100 * 40 / 300)
    assert series_value(model, metric("truncated_share")) == 10.0
    assert series_value(model, metric("refused_share")) == 5.0


def test_the_length_of_answers_leaves_broken_ones_out_and_is_unknown_where_nobody_counted() -> None:
    broken = a_model_result(requests=some_requests(300, failed=200))
    uncounted = a_model_result(throughput=broken.throughput.model_copy(update={"output_tokens_per_second": 0.0}))

    assert series_value(broken, metric("mean_output_tokens")) == 50.0
    assert series_value(uncounted, metric("mean_output_tokens")) is None


def test_nothing_measured_has_no_shares() -> None:
    rates = dict.fromkeys(Throughput.model_fields)
    model = a_model_result(requests=some_requests(0), throughput=Throughput(**rates))

    for name in ("success_rate", "error_rate", "truncated_share", "mean_output_tokens"):
        assert series_value(model, metric(name)) is None


def test_totals_belong_to_the_run_and_are_unknown_with_an_unpriced_model() -> None:
    summary, spend = a_summary(), a_spend()

    assert run_value(summary, spend, "total_cost_usd") == 1.2
    assert run_value(summary, a_spend(unpriced_models=("a/b",)), "total_cost_usd") is None
    assert run_value(summary, spend, "total_requests") == 300
    assert run_value(summary, spend, "total_tokens") == 45_000
    assert series_value(a_model_result(), metric("total_cost_usd")) is None
