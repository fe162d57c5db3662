from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.pairing import PairedSeries, pair_up
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.reports.reasons import told
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status, TokenSource
from tests.builders import MS, NOTHING_RECEIVED, a_pair

LIMIT_MS = 5_000.0

Pair = tuple[Sample, Sample]


def paired(*pairs: Pair) -> PairedSeries:
    (series,) = pair_up(Samples.of([row for pair in pairs for row in pair]), limit_ns=LIMIT_MS * MS)
    return series


def failed(number: int, error: ErrorClass, *, base: ErrorClass = ErrorClass.NONE, **changes: Any) -> Pair:
    """A pair whose candidate fails, and whose base fails where an error is given."""
    rows = a_pair(number)
    return (
        _broken(rows[0], base) if base is not ErrorClass.NONE else rows[0],
        replace(_broken(rows[1], error), **changes),
    )


def _broken(row: Sample, error: ErrorClass) -> Sample:
    status = Status.THROTTLED if error.throttled else Status.FAILED
    nothing: dict[str, Any] = {**NOTHING_RECEIVED, "status": status, "error_class": error}
    return replace(row, **nothing)


def test_rows_of_both_arms_are_matched_by_pair_whatever_their_order() -> None:
    late = [a_pair(n, end_ns=(n * 100 + 2000 + n) * MS) for n in range(4)]
    rows = [row for pair in late for row in pair]

    (series,) = pair_up(Samples.of(rows[::-1]), limit_ns=LIMIT_MS * MS)

    times = series.times(Quantity.LATENCY)
    assert np.array_equal(times.candidate / MS, [2000.0, 2001.0, 2002.0, 2003.0])
    assert series.coverage.pairs_planned == series.coverage.pairs_used == 4


def test_a_throttled_request_excludes_its_pair_and_is_counted() -> None:
    series = paired(
        a_pair(0), failed(1, ErrorClass.RATE_LIMIT), failed(2, ErrorClass.API_ERROR, base=ErrorClass.OVERLOADED)
    )

    assert series.coverage.excluded_throttled == 2
    assert series.coverage.pairs_used == 1
    assert [len(flags) for flags in series.failed] == [1, 1]


def test_shed_and_interrupted_requests_leave_with_their_partners() -> None:
    shed = failed(1, ErrorClass.SHED, status=Status.SHED)
    series = paired(a_pair(0), shed, failed(2, ErrorClass.INTERRUPTED))

    assert series.coverage.pairs_planned == 3
    assert series.coverage.excluded_failed == 2
    assert not series.failed[1].any()


def test_a_request_without_partner_is_planned_but_not_used() -> None:
    series = paired(a_pair(0), (a_pair(1)[0], a_pair(2)[1]))

    assert series.coverage.pairs_planned == 3
    assert series.coverage.pairs_used == 1


def test_only_measured_requests_with_a_pair_count() -> None:
    warm = tuple(replace(row, phase=Phase.WARMUP) for row in a_pair(1))
    alone = tuple(replace(row, pair=None) for row in a_pair(2))
    rows = [*a_pair(0), *warm, *alone]

    (series,) = pair_up(Samples.of(rows), limit_ns=LIMIT_MS * MS)

    assert series.coverage.pairs_planned == 1
    assert pair_up(Samples.of(alone), limit_ns=1.0) == ()


@pytest.mark.parametrize("error", [ErrorClass.TIMEOUT, ErrorClass.IDLE_TIMEOUT, ErrorClass.HEADERS_TIMEOUT])
def test_a_timeout_enters_the_latencies_at_the_limit(error: ErrorClass) -> None:
    series = paired(a_pair(0), failed(1, error))

    assert np.array_equal(series.times(Quantity.LATENCY).candidate / MS, [1510.0, LIMIT_MS])
    assert np.array_equal(series.times(Quantity.TTFT).candidate / MS, [500.0, LIMIT_MS])
    assert series.coverage.censored == 1
    assert series.coverage.pairs_used == 2
    assert series.failed[1].sum() == 1


def test_a_first_token_that_came_before_the_timeout_keeps_its_time() -> None:
    series = paired(failed(0, ErrorClass.TIMEOUT, first_token_ns=700 * MS))

    assert series.times(Quantity.TTFT).candidate / MS == [700.0]
    assert series.times(Quantity.LATENCY).candidate / MS == [LIMIT_MS]


def test_no_time_in_either_arm_exceeds_the_limit() -> None:
    base, candidate = a_pair(0, end_ns=9_000 * MS)
    series = paired((replace(base, end_ns=8_000 * MS), candidate))

    times = series.times(Quantity.LATENCY)
    assert (times.base[0] / MS, times.candidate[0] / MS) == (LIMIT_MS, LIMIT_MS)


def test_other_failures_leave_the_latencies_but_stay_errors() -> None:
    series = paired(a_pair(0), failed(1, ErrorClass.RESET))

    assert len(series.times(Quantity.LATENCY)) == 1
    assert series.coverage.excluded_failed == 1
    assert series.failed[1].tolist() == [False, True]


@pytest.mark.parametrize(
    ("base", "candidate", "words"),
    [(0, 0, None), (1, 3, None), (0, 3, "points apart"), (0, 6, "above 5 %"), (6, 6, "above 5 %")],
)
def test_failures_other_than_timeouts_close_the_latencies(base: int, candidate: int, words: str | None) -> None:
    pairs = [a_pair(n) for n in range(100)]
    for number in range(base):
        pairs[number] = (_broken(pairs[number][0], ErrorClass.RESET), pairs[number][1])
    for number in range(50, 50 + candidate):
        pairs[number] = failed(number, ErrorClass.RESET)

    gap = paired(*pairs).latency_gap

    assert (told([gap] if gap else []) == "") is (words is None)
    assert words is None or words in told([gap] if gap else []).replace("\u00a0", " ")


def test_all_pairs_throttled_leave_nothing_and_no_complaint_about_failures() -> None:
    series = paired(failed(0, ErrorClass.RATE_LIMIT))

    assert series.latency_gap is None
    assert len(series.base) == 0


def test_tokens_are_never_compared_with_chunks() -> None:
    base, candidate = a_pair(0, token_source=TokenSource.CHUNKS, chunk_count=11)
    series = paired((replace(base, chunk_count=21), candidate))

    times = series.of_successes(Quantity.TPOT)
    assert times.base / MS == pytest.approx([1000 / 20])
    assert times.candidate / MS == pytest.approx([1000 / 10])


def test_amounts_are_compared_where_both_succeeded_and_have_them() -> None:
    pairs = [a_pair(0), a_pair(1, cost_usd=None), failed(2, ErrorClass.RESET, cost_usd=0.001)]

    costs = paired(*pairs).of_successes(Quantity.COST).scaled(1000)

    assert costs.base == pytest.approx([2.0])
    assert not math.isnan(costs.candidate[0])
