"""Rates over time: their integral, its inverse, and the processes that follow them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice
from math import inf

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import kstest

from lens_gate.load.schedule.arrivals import NS_PER_S, fixed, poisson
from lens_gate.load.schedule.rates import RateCurve, along, curve_of

steps = st.lists(
    st.tuples(
        st.floats(min_value=0.5, max_value=50), st.just(0.0) | st.floats(min_value=0.1, max_value=500), st.booleans()
    ),
    min_size=1,
    max_size=5,
)
WAVE = curve_of([(10, 20, True), (5, 20, False), (5, 0, False), (10, 60, True), (10, 0, True)])


def rate_at(curve: RateCurve, t_s: float) -> float:
    """The rate as anybody would draw it, written apart from the code."""
    start_s = 0.0
    for stage in curve.stages:
        if t_s < start_s + stage.duration_s:
            return float(np.interp(t_s, [start_s, start_s + stage.duration_s], [stage.first_rate, stage.last_rate]))
        start_s += stage.duration_s
    return curve.stages[-1].last_rate


@pytest.mark.parametrize("end_s", [0.0, 3.0, 10.0, 12.5, 17.0, 24.0, 40.0, 55.0])
def test_what_is_due_is_the_integral_of_the_rate(end_s: float) -> None:
    corners = [edge for edge in (10, 15, 20, 30, 40) if edge < end_s]
    total, _ = quad(lambda t: rate_at(WAVE, t), 0, end_s, points=corners or None, limit=200)
    assert WAVE.due(end_s) == pytest.approx(total, abs=1e-6)


@given(drawn=steps, share=st.floats(min_value=0, max_value=1.5))
def test_the_time_of_a_request_is_the_inverse_of_what_is_due(
    drawn: list[tuple[float, float, bool]], share: float
) -> None:
    curve = curve_of(drawn)
    asked = share * curve.due(curve.duration_s)
    time_s = curve.time_of(asked)
    assume(time_s < inf)
    assert curve.due(time_s) == pytest.approx(asked, rel=1e-9, abs=1e-9)


@given(drawn=steps)
def test_offsets_never_go_back_and_are_as_many_as_are_due(drawn: list[tuple[float, float, bool]]) -> None:
    curve = curve_of(drawn)
    whole = int(curve.due(curve.duration_s))
    offsets = list(islice(along(curve, fixed(1.0)), min(whole, 2000)))
    assert offsets == sorted(offsets)
    assert len(offsets) == min(whole, 2000)
    assert not offsets or offsets[-1] <= curve.duration_s * NS_PER_S + 1


def test_a_ramp_begins_at_the_rate_before_and_a_step_does_not() -> None:
    curve = curve_of([(1, 4, True), (1, 8, True), (1, 2, False)])
    assert [(stage.first_rate, stage.last_rate) for stage in curve.stages] == [(0, 4), (4, 8), (2, 2)]
    assert curve.mean_rate == pytest.approx((2 + 6 + 2) / 3)


def test_a_request_that_falls_due_in_a_pause_comes_after_it() -> None:
    offsets = list(islice(along(curve_of([(1, 2, False), (3, 0, False), (1, 2, False)]), fixed(1.0)), 4))
    assert offsets == [0, NS_PER_S // 2, 4 * NS_PER_S, 4 * NS_PER_S + NS_PER_S // 2]


def test_stages_that_end_at_rest_have_no_further_requests() -> None:
    curve = curve_of([(2, 5, False), (1, 0, False)])
    assert curve.time_of(10.0) == inf
    assert len(list(along(curve, (number * NS_PER_S for number in count())))) == 10


def test_a_hardly_changing_rate_is_as_exact_as_a_steady_one() -> None:
    steady, hardly = curve_of([(10, 7, False)]), RateCurve((curve_of([(10, 7, False)]).stages[0],))
    nearly = curve_of([(10, 7.0, False), (10, 7.0 + 1e-12, True)])
    for due in (0.0, 1.0, 33.0, 69.0):
        assert hardly.time_of(due) == steady.time_of(due) == pytest.approx(due / 7, rel=1e-14)
        assert nearly.time_of(70 + due) == pytest.approx(10 + due / 7, rel=1e-12)


def in_its_own_time(offsets: Iterable[int]) -> NDArray[np.float64]:
    """Where offsets lie between start and end, counted in requests due: evenly, if they follow the curve."""
    total = WAVE.due(WAVE.duration_s)
    return np.array([WAVE.due(offset / NS_PER_S) / total for offset in offsets])


def test_a_poisson_process_along_a_curve_has_its_density() -> None:
    offsets = list(along(WAVE, poisson(1.0, np.random.default_rng(3))))
    total = WAVE.due(WAVE.duration_s)
    assert abs(len(offsets) - total) < 4 * total**0.5
    assert kstest(in_its_own_time(offsets), "uniform").pvalue > 0.01


def test_a_steady_poisson_process_does_not_have_the_density_of_the_curve() -> None:
    offsets = islice(poisson(20.0, np.random.default_rng(3)), 790)
    assert kstest(in_its_own_time(offsets), "uniform").pvalue < 1e-6
