from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lens_gate.stats.noise import median, neighbour_correlation, robust_deviation, run_noise

Floats = NDArray[np.float64]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20).map(np.array))
def test_the_median_is_numpys(values: Floats) -> None:
    assert median(values) == pytest.approx(np.median(values))


def test_the_noise_is_the_standard_deviation_and_jumps_do_not_swell_it() -> None:
    values = 0.05 * np.random.default_rng(1).standard_normal(2000)
    jumpy = np.where(np.arange(2000) % 20 == 0, 3.0, values)
    assert run_noise(values).deviation == pytest.approx(0.05, rel=0.06)
    assert run_noise(jumpy).deviation == pytest.approx(0.05, rel=0.12)


def test_a_known_shift_is_no_noise() -> None:
    values = 0.05 * np.random.default_rng(2).standard_normal(400) + np.repeat([0.0, 1.0], 200)
    assert run_noise(values, [200]).deviation == pytest.approx(0.05, rel=0.15)
    assert run_noise(values).deviation > 0.4
    assert run_noise(values).correlated
    assert not run_noise(values, [200]).correlated


def test_where_most_values_are_equal_the_others_still_count() -> None:
    assert robust_deviation(np.array([0.0] * 9 + [1.0])) == pytest.approx(0.125, rel=0.01)
    assert robust_deviation(np.zeros(4)) == 0


def test_the_correlation_of_neighbours_is_found_and_has_no_bias() -> None:
    rng = np.random.default_rng(3)
    assert np.mean([neighbour_correlation(rng.standard_normal(20)) for _ in range(2000)]) == pytest.approx(0, abs=0.02)
    walk = np.cumsum(rng.standard_normal(200))
    assert neighbour_correlation(walk) > 0.9
    assert neighbour_correlation(np.full(9, 0.3)) == 0


@pytest.mark.parametrize(("count", "correlated"), [(19, False), (60, True)])
def test_few_runs_are_never_called_correlated(count: int, correlated: bool) -> None:
    assert run_noise(np.sin(np.arange(count) / 4)).correlated is correlated
