"""The extracts that figures are drawn from: bounded, of the worst series, and true to the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.analysis.exhibits import exhibits
from lens_gate.artifacts.exhibits import MOST_DOTS, MOST_SERIES, MOST_SLOWEST, MOST_STEPS, MOST_STRETCHES, Exhibits
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, Phase
from tests.builders import SERIES, a_failed_sample, a_finding, a_sample, an_effect

MS = 1_000_000


def a_request(number: int, *, total_ms: float = 900.0, ttft_ms: float = 300.0, **changes: Any) -> Sample:
    """Return a streamed success that was due `number` × 10 ms after the anchor."""
    due = number * 10 * MS
    times = {
        "intended_ns": due,
        "sent_ns": due + 2 * MS,
        "first_token_ns": due + round(ttft_ms * MS),
        "last_token_ns": due + round((total_ms - 1) * MS),
        "end_ns": due + round(total_ms * MS),
    }
    return a_sample(**{"index": number, "connect_ns": None, **times, **changes})


def both_arms(count: int, **of_candidate: Any) -> list[Sample]:
    rng = np.random.default_rng(7)
    noise = rng.lognormal(5.7, 0.3, size=(count, 2))
    candidate = [a_request(n, ttft_ms=1.2 * noise[n, 0], total_ms=2000, **of_candidate) for n in range(count)]
    return [*candidate, *(a_request(n, ttft_ms=noise[n, 1], total_ms=2000, arm=Arm.BASE) for n in range(count))]


def of(rows: list[Sample], **changes: Any) -> Exhibits:
    return exhibits(Samples.of(rows), **changes)


def test_of_a_small_run_each_request_is_a_dot_by_when_it_was_due() -> None:
    [series] = of([a_request(n, ttft_ms=300 + n) for n in (3, 1, 2, 0)]).series
    [arm] = series.arms
    assert (series.quantity, series.changes, arm.arm) == (Quantity.TTFT, (), Arm.CANDIDATE)
    assert arm.due_ns == (0, 10 * MS, 20 * MS, 30 * MS)
    assert arm.dot_ns == (300 * MS, 301 * MS, 302 * MS, 303 * MS)
    assert arm.median_ns == round(301.5 * MS)
    assert (arm.p95_ns, arm.stretches) == (None, ())


def test_of_a_large_run_there_are_stretches_and_no_dots() -> None:
    [series] = of(both_arms(MOST_DOTS + 1)).series
    for arm in series.arms:
        assert (arm.due_ns, arm.dot_ns) == ((), ())
        assert 10 < len(arm.stretches) <= MOST_STRETCHES
        assert len(arm.steps_ns) == MOST_STEPS
        assert sum(part.requests for part in arm.stretches) == MOST_DOTS + 1


def test_the_stretches_follow_the_time_and_not_the_number_of_requests() -> None:
    early = [a_request(n, ttft_ms=100) for n in range(90)]
    late = [a_request(n, ttft_ms=500) for n in range(900, 910)]
    [arm] = of([*early, *late]).series[0].arms
    assert [part.requests for part in arm.stretches] == [90, 10]
    assert [part.median_ns for part in arm.stretches] == [100 * MS, 500 * MS]
    assert arm.stretches[-1].end_ns == 909 * 10 * MS


def test_the_changes_are_those_of_the_quantiles() -> None:
    rows = both_arms(400)
    [series] = of(rows).series
    candidate, base = (
        np.array([(row.first_token_ns or 0) - row.intended_ns for row in rows if row.arm is arm])
        for arm in (Arm.CANDIDATE, Arm.BASE)
    )
    assert [change.share for change in series.changes] == [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    for change in series.changes:
        expected = np.quantile(candidate, change.share) - np.quantile(base, change.share)
        assert change.change_ns == pytest.approx(expected, abs=2)
        assert change.lower_ns is not None
        assert change.upper_ns is not None
        assert change.lower_ns <= change.change_ns <= change.upper_ns


def test_few_requests_show_no_share_that_they_cannot_carry() -> None:
    assert [change.share for change in of(both_arms(12)).series[0].changes] == [0.5]
    assert of(both_arms(4)).series[0].changes == ()


def test_only_successes_of_the_measured_phase_are_shown() -> None:
    rows = [
        a_request(0),
        a_request(1, phase=Phase.WARMUP),
        a_failed_sample(index=2, intended_ns=0, end_ns=9_000 * MS),
    ]
    found = of(rows)
    assert found.series[0].arms[0].requests == 1
    assert [one.index for one in found.slowest] == [0]
    assert of([a_failed_sample(index=2)]) == Exhibits(series=(), slowest=())


def test_a_stored_run_is_the_base_of_what_it_is_compared_with() -> None:
    now = [a_request(n, ttft_ms=400) for n in range(20)]
    stored = Samples.of([a_request(n, ttft_ms=300) for n in range(20)])
    base, candidate = of(now, base=stored).series[0].arms
    assert (base.arm, base.median_ns, candidate.median_ns) == (Arm.BASE, 300 * MS, 400 * MS)


def test_the_worst_series_come_first_and_the_others_are_counted() -> None:
    names = [f"openai/model-{n:02}" for n in range(MOST_SERIES + 3)]
    rows = [a_request(n, series=name) for n, name in enumerate(names)]
    findings = [
        a_finding(series=names[9], outcome=Outcome.INCONCLUSIVE),
        a_finding(series=names[4], effect=an_effect(12.0), outcome=Outcome.REGRESSION),
        a_finding(series=names[5], effect=an_effect(40.0), outcome=Outcome.REGRESSION),
        a_finding(series=names[7]),
        a_finding(series=names[2], outcome=Outcome.REGRESSION, gated=False),
    ]
    found = of(rows, findings=findings)
    assert [one.series for one in found.series[:4]] == [names[5], names[4], names[9], names[7]]
    assert len(found.series) == MOST_SERIES
    assert found.left_out == 3


@pytest.mark.parametrize(
    ("hypothesis", "quantity"),
    [
        (Hypothesis.TTFT, Quantity.TTFT),
        (Hypothesis.TTFT_TAIL_EXCEEDANCE, Quantity.TTFT),
        (Hypothesis.PER_TOKEN, Quantity.TPOT),
        (Hypothesis.COST, Quantity.LATENCY),
        (None, Quantity.LATENCY),
    ],
)
def test_what_is_shown_is_what_the_worst_finding_is_about(hypothesis: Hypothesis | None, quantity: Quantity) -> None:
    worst = a_finding(series=SERIES, hypothesis=hypothesis, outcome=Outcome.REGRESSION)
    passed = a_finding(series=SERIES, hypothesis=Hypothesis.OUTPUT_LENGTH)
    assert of([a_request(0)], findings=[passed, worst]).series[0].quantity is quantity


def test_answers_that_are_not_streamed_show_the_whole_answer() -> None:
    [series] = of([a_request(n, first_token_ns=None, last_token_ns=None) for n in range(3)]).series
    assert series.quantity is Quantity.LATENCY
    assert series.arms[0].median_ns == 900 * MS


def test_a_slow_request_is_told_by_what_it_went_through() -> None:
    rows = [a_request(n) for n in range(1, 20)]
    rows.append(
        a_request(
            0,
            sent_ns=60 * MS,
            connect_ns=40 * MS,
            first_token_ns=500 * MS,
            last_token_ns=4_000 * MS,
            end_ns=4_010 * MS,
            prompt_id="slow",
        )
    )
    slowest = of(rows).slowest[0]
    assert (slowest.prompt_id, slowest.typical_ns) == ("slow", 900 * MS)
    assert (slowest.queue_ns, slowest.connect_ns, slowest.wait_ns) == (20 * MS, 40 * MS, 440 * MS)
    assert (slowest.stream_ns, slowest.rest_ns, slowest.total_ns) == (3_500 * MS, 10 * MS, 4_010 * MS)
    assert slowest.first_token_ns == 500 * MS


def test_what_a_foreign_file_does_not_say_stops_no_figure() -> None:
    rows = [a_request(n, sent_ns=None) for n in range(4)] + [a_request(4, end_ns=None), a_request(5, end_ns=None)]
    shown = of(rows)
    assert [one.queue_ns for one in shown.slowest] == [0, 0, 0, 0]
    assert shown.series[0].arms[0].requests in {4, 6}


def test_slow_is_against_the_own_model_and_an_unstreamed_answer_is_all_wait() -> None:
    fast = [a_request(n, series="openai/fast", total_ms=400) for n in range(20)]
    slow = [a_request(20 + n, series="openai/slow", total_ms=9_000) for n in range(20)]
    odd = a_request(40, series="openai/fast", total_ms=1_200, first_token_ns=None, last_token_ns=None)
    found = of([*fast, *slow, odd]).slowest
    assert len(found) == MOST_SLOWEST
    assert found[0].index == 40
    assert (found[0].wait_ns, found[0].stream_ns, found[0].rest_ns) == (1_198 * MS, 0, 0)


@settings(max_examples=20)
@given(total_ms=st.lists(st.floats(350, 60_000), min_size=1, max_size=40))
def test_the_phases_of_a_request_add_up_to_its_time(total_ms: list[float]) -> None:
    rows = [a_request(n, total_ms=total) for n, total in enumerate(total_ms)]
    for one in of(rows).slowest:
        assert one.total_ns == (rows[one.index].end_ns or 0) - rows[one.index].intended_ns
