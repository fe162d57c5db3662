"""Counters for monitoring: one at a time as a run goes on, or all at once from its samples."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.artifacts.tallies import DURATION_BOUNDS_S, Ended, Histogram, Series, Tallies, tallies_of
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status
from tests.builders import MODEL, MS, PROVIDER, a_failed_sample, a_sample

ONE = Series(PROVIDER, MODEL, Arm.CANDIDATE)


def counted(*samples: Sample) -> Tallies:
    tallies = Tallies()
    for sample in samples:
        tallies.ended(Ended.of(sample))
    return tallies


MIXED = [
    a_sample(index=0),
    a_sample(index=1, arm=Arm.BASE, cost_usd=None, input_tokens=None),
    a_sample(index=2, phase=Phase.WARMUP),
    a_failed_sample(ErrorClass.TIMEOUT, index=3, end_ns=60_000 * MS, first_token_ns=500 * MS),
    a_failed_sample(ErrorClass.RATE_LIMIT, index=4, http_status=429, end_ns=20 * MS),
    a_failed_sample(ErrorClass.SHED, index=5, status=Status.SHED, end_ns=None),
    a_sample(index=6, intended_ns=100 * MS, first_token_ns=130 * MS, end_ns=400 * MS),
]


def test_a_finished_run_counts_as_one_that_was_watched() -> None:
    live, finished = counted(*MIXED), tallies_of(Samples.of(MIXED))
    assert live.series.keys() == finished.series.keys() == {ONE, ONE._replace(arm=Arm.BASE)}
    for key, tally in live.series.items():
        other = finished.series[key]
        assert (tally.requests, tally.errors, tally.cost_usd) == (other.requests, other.errors, other.cost_usd)
        assert (tally.input_tokens, tally.output_tokens) == (other.input_tokens, other.output_tokens)
        assert tally.ttft.cumulative == other.ttft.cumulative
        assert {status: one.cumulative for status, one in tally.durations.items()} == {
            status: one.cumulative for status, one in other.durations.items()
        }


def test_only_what_was_measured_counts_and_each_request_once() -> None:
    tally = counted(*MIXED).series[ONE]
    assert tally.requests == {Status.OK: 2, Status.FAILED: 1, Status.THROTTLED: 1, Status.SHED: 1}
    assert tally.errors == {ErrorClass.TIMEOUT: 1, ErrorClass.RATE_LIMIT: 1, ErrorClass.SHED: 1}
    assert tally.cost_usd == pytest.approx(0.004)
    assert (tally.input_tokens, tally.output_tokens) == (500, 100)


def test_times_count_from_when_a_request_was_due_and_a_failure_has_no_first_token() -> None:
    tally = counted(*MIXED).series[ONE]
    assert tally.ttft.total == pytest.approx(0.5 + 0.03)
    assert tally.ttft.cumulative[-1] == 2
    assert tally.durations[Status.OK].total == pytest.approx(1.51 + 0.3)
    assert tally.durations[Status.FAILED].total == pytest.approx(60)
    assert Status.SHED not in tally.durations


def test_where_no_price_is_known_there_is_no_cost() -> None:
    assert counted(a_sample(cost_usd=None)).series[ONE].cost_usd is None


def test_what_was_sent_is_in_flight_until_it_ends() -> None:
    tallies = Tallies()
    for _ in range(3):
        tallies.sent(PROVIDER)
    tallies.ended(Ended.of(a_sample(phase=Phase.WARMUP)))
    assert tallies.in_flight == {PROVIDER: 2}
    assert counted(a_sample()).in_flight == {}


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(0, 1_000) | st.sampled_from(DURATION_BOUNDS_S), max_size=20))
def test_a_histogram_counts_what_lies_at_or_below_each_bound(values: list[float]) -> None:
    histogram = Histogram(DURATION_BOUNDS_S)
    for value in values:
        histogram.note(value)
    expected = [sum(value <= bound for value in values) for bound in (*DURATION_BOUNDS_S, float("inf"))]
    assert histogram.cumulative == expected
    assert histogram.total == pytest.approx(sum(values))
    assert bisect_left(DURATION_BOUNDS_S, 300.0) == len(DURATION_BOUNDS_S) - 1
