from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.selftest import Counts, Errors, Floats, Ladder, bracket, limiting, next_rate, patience, rung_of
from lens_gate.artifacts.selftest import Limits, Rung

LIMITS = Limits()
NONE: Floats = np.zeros(0)


def some(value: float, tail: float | None = None) -> Floats:
    """A hundred errors of which two are the tail."""
    return np.array([value] * 98 + [value if tail is None else tail] * 2)


def errors(*, ttft: Floats | None = None, send: Floats | None = None, read: Floats | None = None) -> Errors:
    return Errors(
        ttft=some(0.2) if ttft is None else ttft,
        gaps=some(-0.01, 0.5),
        send=some(0.1) if send is None else send,
        read=some(0.1) if read is None else read,
        pickup=some(0.1),
    )


def counts(*, requests: int = 100, failed: int = 0, achieved: float | None = 1.0, valid: bool = True) -> Counts:
    return Counts(requests=requests, failed=failed, achieved=achieved, cpu_share=0.4, valid=valid)


def rung(rate: float = 100.0, found: Errors | None = None, **changes: float | bool | None) -> Rung:
    return rung_of(rate, found or errors(), counts(**changes), LIMITS)  # type: ignore[arg-type] # by name


RIGHT = errors()
WRONG = errors(ttft=some(90.0))
BARELY = errors(send=some(0.1, 6.0))


def climb(highest_right: float, ladder: Ladder, *, found: Errors = WRONG) -> list[Rung]:
    """Try rates as the ladder says on a machine that is right up to one rate."""
    rungs: list[Rung] = []
    while (rate := next_rate(rungs, ladder, LIMITS)) is not None:
        rungs.append(rung(rate, RIGHT if rate <= highest_right else found))
        assert len(rungs) < 60
    return rungs


def test_a_rung_sums_up_medians_and_tails_by_their_size() -> None:
    found = rung(50.0, errors(ttft=some(0.2, 3.0)))
    assert (found.ttft_bias_ms, found.ttft_p99_ms) == (0.2, 3.0)
    assert (found.gap_bias_ms, found.gap_p99_ms) == (-0.01, 0.5)
    assert (found.rate_rps, found.requests, found.cpu_share) == (50.0, 100, 0.4)
    assert found.right


@pytest.mark.parametrize(
    ("found", "changes", "word"),
    [
        (errors(ttft=some(2.6)), {}, "median time to first token is 2.6 ms"),
        (errors(ttft=some(0.2, 5.1)), {}, "1 % of the times to first token"),
        (BARELY, {}, "the sending of 1 % of the requests is 6.0 ms"),
        (RIGHT, {"achieved": 0.96}, "only 96.0 % of the rate"),
        (RIGHT, {"failed": 3}, "3 of 100 requests failed"),
        (Errors(ttft=NONE, gaps=NONE, send=NONE, read=NONE, pickup=NONE), {"requests": 0}, "0 of 0 requests failed"),
    ],
)
def test_what_is_wrong_is_named(found: Errors, changes: dict[str, float], word: str) -> None:
    tried = rung(100.0, found, **changes)
    assert not tried.right
    assert any(word in one for one in tried.because), tried.because


def test_a_tail_below_the_truth_is_as_wrong_as_one_above() -> None:
    assert not rung(100.0, errors(ttft=some(0.2, -7.0))).right


def test_nothing_that_was_measured_gives_no_figures() -> None:
    found = rung(100.0, Errors(ttft=NONE, gaps=NONE, send=NONE, read=NONE, pickup=NONE), achieved=None)
    assert (found.ttft_bias_ms, found.gap_p99_ms, found.send_p99_ms) == (None, None, None)


@given(st.floats(50, 6400))
def test_the_ceiling_is_found_between_two_rates_that_are_close(highest_right: float) -> None:
    right, wrong = bracket(climb(highest_right, Ladder()))
    assert right is not None
    assert right <= highest_right
    if wrong is None:
        assert right >= 6400
    else:
        assert highest_right < wrong <= 1.25 * right * 1.05  # rates have two digits


def test_a_slow_machine_is_tried_below_the_first_rate() -> None:
    rungs = climb(8, Ladder())
    right, wrong = bracket(rungs)
    assert right is not None
    assert wrong is not None
    assert 5 <= right <= 8 < wrong < 11


def test_a_machine_that_is_never_right_has_no_ceiling() -> None:
    rungs = climb(0, Ladder())
    assert bracket(rungs)[0] is None
    assert rungs[-1].rate_rps < 10


def test_a_machine_that_is_always_right_ends_at_the_highest_rate() -> None:
    rungs = climb(1e9, Ladder())
    assert [one.rate_rps for one in rungs] == [50, 100, 200, 400, 800, 1600, 3200, 6400]
    assert bracket(rungs) == (6400, None)


def test_a_search_may_take_twice_the_time_where_no_rate_was_right_yet() -> None:
    assert [patience(rungs) for rungs in ([], [rung(50)], [rung(50), rung(100, WRONG)])] == [1.0] * 3
    assert patience([rung(50, WRONG)]) == 2.0


def test_a_rate_that_was_barely_wrong_is_tried_once_more_and_one_that_was_far_off_is_not() -> None:
    rates = [one.rate_rps for one in climb(100, Ladder(), found=BARELY)]
    assert rates[:4] == [50, 100, 200, 200]
    rates = [one.rate_rps for one in climb(100, Ladder())]
    assert rates[:4] == [50, 100, 200, 140]


@pytest.mark.parametrize("found", [errors(send=some(0.1, 21.0)), errors(ttft=some(0.1, 21.0))])
def test_a_tail_of_four_times_the_limit_is_far_off(found: Errors) -> None:
    assert next_rate([rung(100, found)], Ladder(), LIMITS) == 50


def test_many_failures_are_far_off_and_few_are_not() -> None:
    assert next_rate([rung(100, RIGHT, failed=11)], Ladder(), LIMITS) == 50
    assert next_rate([rung(100, RIGHT, failed=1)], Ladder(), LIMITS) == 100


def test_one_right_try_of_two_makes_a_rate_right() -> None:
    assert bracket([rung(50), rung(100, BARELY), rung(100)]) == (100, None)


def test_a_right_rate_above_a_wrong_one_was_luck() -> None:
    assert bracket([rung(50), rung(100, WRONG), rung(200)]) == (50, 100)


def test_the_simulator_is_the_limit_where_all_that_is_ours_was_in_time() -> None:
    assert limiting([rung(50)], LIMITS) is None
    assert limiting([rung(50), rung(100, WRONG)], LIMITS) == "simulator"
    late_read = errors(ttft=some(90.0), read=some(60.0))
    assert limiting([rung(50), rung(100, late_read)], LIMITS) == "lens-gate"
    assert limiting([rung(50), rung(100, BARELY)], LIMITS) == "lens-gate"
    assert limiting([rung(50), rung(100, WRONG, valid=False)], LIMITS) == "lens-gate"
