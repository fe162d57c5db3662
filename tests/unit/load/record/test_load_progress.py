from __future__ import annotations

from dataclasses import replace

from lens_gate.load.record.progress import RECENT, TRAIL, Progress
from lens_gate.load.record.recorder import unsent
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status
from tests.fakes.transport import a_request, paced

MS = 1_000_000
SHED = unsent(a_request(), intended_ns=0, phase=Phase.MEASURE)
OK = replace(
    SHED, status=Status.OK, error_class=ErrorClass.NONE, first_token_ns=50 * MS, end_ns=200 * MS, cost_usd=0.25
)


def test_nothing_has_happened_at_the_start() -> None:
    snapshot = Progress().snapshot(0.0)
    assert (snapshot.sent, snapshot.done, snapshot.rate, snapshot.left_s) == (0, 0, 0.0, None)
    assert (snapshot.ttft_ms, snapshot.latency_ms) == (None, None)


def test_requests_are_counted_as_the_schedule_is_taken_and_as_they_end() -> None:
    progress = Progress(expected_s=60)
    taken = progress.following(paced(5, 0.1))
    for _ in range(3):
        next(taken)
    progress.note(OK)
    snapshot = progress.snapshot(2.0)
    assert len(list(taken)) == 2
    assert progress.snapshot(2.0).sent == 5
    assert (snapshot.sent, snapshot.done, snapshot.ok, snapshot.rate) == (2, 1, 1, 0.5)
    assert (snapshot.ttft_ms, snapshot.latency_ms, snapshot.spent_usd) == (50, 200, 0.25)
    assert snapshot.left_s == 58


def test_errors_are_counted_by_class_and_their_times_left_out() -> None:
    progress = Progress()
    progress.note(SHED)
    progress.note(replace(OK, status=Status.FAILED, error_class=ErrorClass.RESET, cost_usd=None))
    snapshot = progress.snapshot(1.0)
    assert snapshot.errors == {ErrorClass.SHED: 1, ErrorClass.RESET: 1}
    assert (snapshot.ok, snapshot.ttft_ms, snapshot.spent_usd) == (0, None, 0.0)


def test_the_medians_are_those_of_the_last_successes() -> None:
    progress = Progress()
    for ttft_ms in [1000] * 10 + [50] * RECENT:
        progress.note(replace(OK, first_token_ns=ttft_ms * MS, end_ns=None))
    assert progress.snapshot(1.0).ttft_ms == 50
    assert progress.snapshot(1.0).latency_ms is None


def test_an_answer_without_a_first_token_has_a_latency_all_the_same() -> None:
    progress = Progress()
    progress.note(replace(OK, first_token_ns=None))
    assert (progress.snapshot(1.0).ttft_ms, progress.snapshot(1.0).latency_ms) == (None, 200)


def test_the_time_left_comes_from_the_pace_where_only_a_number_is_asked() -> None:
    progress = Progress(expected_requests=10)
    assert progress.snapshot(1.0).left_s is None
    progress.note(OK)
    progress.note(OK)
    assert progress.snapshot(4.0).left_s == 16


def test_no_time_is_left_beyond_the_end() -> None:
    assert Progress(expected_s=1).snapshot(3.0).left_s == 0


def test_the_trail_keeps_a_median_for_each_second_that_was_shown() -> None:
    progress = Progress(expected_requests=40)
    assert progress.snapshot(5.0).trail_ms == ()
    progress.note(OK)
    assert progress.snapshot(5.5).trail_ms == (200,)
    progress.note(replace(OK, end_ns=400 * MS))
    assert progress.snapshot(6.4).trail_ms == (200,)
    assert progress.snapshot(6.5).trail_ms == (200, 300)
    for second in range(7, 60):
        progress.snapshot(float(second) + 0.5)
    assert len(progress.snapshot(60.0).trail_ms) == TRAIL
    assert progress.snapshot(60.0).expected == 40
