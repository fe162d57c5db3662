from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lens_gate.stats.shift import Difference
from lens_gate.stats.slopes import Slope, least_squares, theil_sen

Floats = NDArray[np.float64]

LINES = st.lists(st.integers(-20, 20).map(float), min_size=4, max_size=20).map(np.array)


@given(LINES)
def test_least_squares_is_the_solution_of_the_normal_equations(values: Floats) -> None:
    runs = np.arange(len(values), dtype=np.float64)
    slope = least_squares(values, confidence=0.95)
    assert slope.per_run == pytest.approx(np.polyfit(runs, values, 1)[0], abs=1e-9)
    assert slope.lower <= slope.per_run <= slope.upper


def test_the_interval_of_least_squares_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    lines = [least_squares(0.1 * np.arange(10) + rng.standard_normal(10), confidence=0.9) for _ in range(300)]
    assert 0.84 < np.mean([line.lower <= 0.1 <= line.upper for line in lines]) < 0.95


@given(LINES)
def test_theil_sen_is_the_median_of_all_slopes(values: Floats) -> None:
    first, second = np.triu_indices(len(values), 1)
    slope = theil_sen(values, confidence=0.95)
    assert slope.per_run == pytest.approx(np.median((values[second] - values[first]) / (second - first)))


def test_the_p_value_of_mann_and_kendall_is_that_of_all_orders() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 6.0])
    first, second = np.triu_indices(len(values), 1)
    score = np.sign(values[second] - values[first]).sum()
    orders = [np.array(order) for order in permutations(values)]
    extreme = [abs(np.sign(order[second] - order[first]).sum()) >= abs(score) for order in orders]
    assert theil_sen(values, confidence=0.95).p_value == pytest.approx(np.mean(extreme))


def test_a_quarter_of_wild_values_turns_least_squares_and_not_theil_sen() -> None:
    values = 0.1 * np.arange(20.0)
    values[[3, 8, 13, 18]] += 100
    assert theil_sen(values, confidence=0.95).per_run == pytest.approx(0.1, abs=0.02)
    assert least_squares(values, confidence=0.95).per_run > 0.4


def test_equal_values_have_no_slope_for_sure() -> None:
    level = Slope(0.0, 0.0, 0.0, 1.0)
    assert least_squares(np.ones(5), confidence=0.95) == theil_sen(np.ones(5), confidence=0.95) == level


def test_a_slope_over_several_runs_is_so_many_times_as_large() -> None:
    assert Slope(0.5, -0.5, 1.0, 0.2).times(4) == Difference(2.0, -2.0, 4.0)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 2.0, float("inf")]])
def test_a_slope_needs_three_finite_values(values: list[float]) -> None:
    for slope in (least_squares, theil_sen):
        with pytest.raises(ValueError, match="at least 3 finite"):
            slope(np.array(values), confidence=0.95)
