from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lens_gate.stats.levels import (
    FEWEST_FOR_BLOCKS,
    Distance,
    Level,
    inflation,
    median_level,
    summarized_level,
)

TIMES = st.lists(st.floats(0.1, 1e5), min_size=1, max_size=60)


def wave(rng: np.random.Generator, count: int, memory: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Logarithms of times whose neighbours are correlated by `memory`, with a standard deviation of 1."""
    steps = rng.normal(0, math.sqrt(1 - memory**2), count)
    return np.array(list(accumulate(steps.tolist(), lambda last, step: memory * last + step)))


@given(TIMES)
def test_a_level_is_the_logarithm_of_the_median(times: list[float]) -> None:
    level = median_level(np.array(times), inflation=1.0)

    assert math.exp(level.log_value) == pytest.approx(np.median(times))
    assert level.variance >= 0


def test_the_variance_of_a_median_is_that_of_many_medians() -> None:
    rng = np.random.default_rng(3)
    medians = np.log(np.median(rng.lognormal(0, 0.4, (4000, 101)), axis=1))
    estimates = [median_level(rng.lognormal(0, 0.4, 101), inflation=1.0).variance for _ in range(300)]

    assert np.mean(estimates) == pytest.approx(np.var(medians), rel=0.15)


def test_inflation_multiplies_the_variance() -> None:
    times = np.random.default_rng(1).lognormal(0, 0.3, 50)

    assert median_level(times, inflation=3.0).variance == pytest.approx(3 * median_level(times, inflation=1.0).variance)


def test_a_summary_tells_about_as_much_as_its_sample() -> None:
    times = np.random.default_rng(2).lognormal(2, 0.3, 400)
    median, p75 = np.quantile(times, (0.5, 0.75)).tolist()

    level = summarized_level(median=median, upper_quartile=p75, count=400, inflation=2.0)

    assert level.log_value == pytest.approx(math.log(median))
    # The variance of the median of n normal values with σ = 0.3 is π/2 · σ²/n.
    assert level.variance == pytest.approx(2 * math.pi / 2 * 0.09 / 400, rel=0.2)


def test_independent_values_are_hardly_inflated_and_waves_are() -> None:
    rng = np.random.default_rng(4)
    alone = [inflation(np.exp(wave(rng, 400, 0.0))) for _ in range(100)]
    waves = [inflation(np.exp(wave(rng, 400, 0.8))) for _ in range(100)]
    medians = np.median(np.array([wave(rng, 400, 0.8) for _ in range(3000)]), axis=1)
    true = np.var(medians) / (math.pi / 2 / 400)

    assert min(alone) >= 1
    assert np.mean(alone) < 1.6
    assert np.mean(waves) == pytest.approx(true, rel=0.35)


def test_too_few_values_and_values_all_alike_have_no_waves() -> None:
    assert inflation(np.array([1.0, 9.0] * (FEWEST_FOR_BLOCKS // 2 - 1))) == 1
    assert inflation(np.full(100, 5.0)) == 1


@pytest.mark.parametrize("times", [[], [1.0, math.nan], [1.0, math.inf], [1.0, 0.0], [-1.0]])
def test_a_level_needs_positive_times(times: list[float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        median_level(np.array(times), inflation=1.0)


@pytest.mark.parametrize(("median", "p75", "count"), [(0.0, 1.0, 9), (2.0, 1.0, 9), (1.0, 2.0, 0)])
def test_a_summary_needs_its_values(median: float, p75: float, count: int) -> None:
    with pytest.raises(ValueError, match="a summary needs"):
        summarized_level(median=median, upper_quartile=p75, count=count, inflation=1.0)


@pytest.mark.parametrize(("value", "variance"), [(math.nan, 1.0), (0.0, -1.0), (0.0, math.inf)])
def test_a_level_is_finite(value: float, variance: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Level(value, variance)


@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(-1, 1), st.floats(0.001, 0.4))
def test_a_distance_is_tested_and_bounded_as_a_normal_one(
    estimate: float, error: float, limit: float, tail: float
) -> None:
    apart = Distance(estimate, error)

    assert apart.at_least(limit) == pytest.approx(stats.norm.sf((estimate - limit) / error), abs=1e-12)
    assert apart.lower(tail) == pytest.approx(estimate - stats.norm.isf(tail) * error)
    # The limit lies below the bound exactly when the test rejects it.
    assert (apart.at_least(limit) < tail) == (limit < apart.lower(tail)) or apart.at_least(limit) == pytest.approx(tail)


def test_without_scatter_a_distance_is_what_it_is() -> None:
    assert Distance(0.5, 0.0).at_least(0.4) == 0
    assert Distance(0.5, 0.0).at_least(0.5) == 1
    assert Distance(0.5, 0.0).lower(0.01) == 0.5
