"""How much one measurement tells of the next."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lens_gate.stats.series import correlation, lag_correlation, variance_inflation

Floats = NDArray[np.float64]


def an_ar1(rng: np.random.Generator, count: int, kinship: float) -> Floats:
    """A series whose neighbours are alike to a given degree, at rest from its beginning."""
    steps = rng.normal(0, 1, count + 200)
    return np.array(list(accumulate(steps.tolist(), lambda last, step: kinship * last + step)))[200:]


@pytest.mark.parametrize("kinship", [-0.4, 0.0, 0.5, 0.9])
def test_neighbours_are_as_alike_as_they_were_drawn(kinship: float) -> None:
    found = lag_correlation(an_ar1(np.random.default_rng(1), 20_000, kinship))

    assert found.value == pytest.approx(kinship, abs=0.02)
    assert found.standard_error == pytest.approx(0.00707, rel=0.01)


@given(st.integers(3, 50), st.integers(0, 10**6))
def test_the_correlation_of_neighbours_is_the_textbook_sum(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 1, count)
    centred = [value - float(values.mean()) for value in values.tolist()]
    products = sum(now * before for before, now in pairwise(centred))

    assert lag_correlation(values).value == pytest.approx(products / sum(one**2 for one in centred))


def test_the_standard_error_is_that_of_unrelated_values() -> None:
    rng = np.random.default_rng(2)
    found = [lag_correlation(rng.normal(0, 1, 100)).value for _ in range(1000)]

    assert np.std(found) == pytest.approx(lag_correlation(rng.normal(0, 1, 100)).standard_error, rel=0.1)


def expected_inflation(kinship: float, size: int) -> float:
    """One plus twice the weighted correlations within a block (Kish; Priestley, "Spectral Analysis", 5.3.2)."""
    return 1 + 2 * sum((1 - lag / size) * kinship**lag for lag in range(1, size))


@pytest.mark.parametrize(("kinship", "size"), [(0.0, 10), (0.5, 10), (0.8, 20)])
def test_block_means_vary_as_much_more_as_their_values_are_alike(kinship: float, size: int) -> None:
    found = variance_inflation(an_ar1(np.random.default_rng(3), 2000 * size, kinship), blocks=2000)

    assert (found.blocks, found.block) == (2000, size)
    assert found.factor == pytest.approx(expected_inflation(kinship, size), rel=0.1)


def test_the_bounds_hold_the_truth_in_nineteen_of_twenty_series() -> None:
    rng = np.random.default_rng(4)
    truth, held = expected_inflation(0.5, 20), 0
    for _ in range(300):
        found = variance_inflation(an_ar1(rng, 600, 0.5), blocks=30)
        held += found.lower <= truth <= found.upper

    # 285 expected, standard deviation 3.8.
    assert 268 <= held <= 298


def test_what_is_left_over_after_the_last_block_does_not_count() -> None:
    values = np.random.default_rng(5).normal(0, 1, 100)

    assert variance_inflation(np.append(values, [1e9] * 9), blocks=10) == variance_inflation(values, blocks=10)


def test_equal_values_are_unrelated_and_inflate_nothing() -> None:
    level = np.full(40, 0.3)

    assert lag_correlation(level).value == 0.0
    assert variance_inflation(level, blocks=10).factor == 1.0
    assert correlation(level, np.arange(40.0)) == correlation(np.arange(40.0), level) == 0.0


def test_the_correlation_of_two_samples_is_pearson_s() -> None:
    rng = np.random.default_rng(6)
    shared = rng.normal(0, 1, 5000)

    assert correlation(shared + rng.normal(0, 1, 5000), shared + rng.normal(0, 1, 5000)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("bad", [np.array([1.0, 2.0]), np.array([1.0, np.nan, 2.0])])
def test_a_series_needs_three_finite_values(bad: Floats) -> None:
    with pytest.raises(ValueError, match="3 finite values"):
        lag_correlation(bad)


@pytest.mark.parametrize("blocks", [0, 1, 6])
def test_blocks_must_be_two_of_two_values_at_least(blocks: int) -> None:
    with pytest.raises(ValueError, match="two at least"):
        variance_inflation(np.arange(11.0), blocks=blocks)
