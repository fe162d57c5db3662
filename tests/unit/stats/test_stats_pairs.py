from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lens_gate.stats.pairs import hodges_lehmann, mean_shift, shift_bounds, signed_rank

Floats = NDArray[np.float64]

DIFFERENCES = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=9).map(np.array)
REALS = st.lists(st.floats(-50, 50), min_size=1, max_size=40).map(np.array)


def enumerated_tails(differences: Floats) -> tuple[float, float]:
    """P(T ≥ t) and P(T ≤ t) over all sign patterns, zeros ranked and then left out."""
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    observed = ranks[differences[differences != 0] > 0].sum()
    sums = [float(np.dot(ranks, signs)) for signs in product((0, 1), repeat=len(ranks))]
    more = sum(total >= observed - 1e-9 for total in sums) / len(sums)
    return more, sum(total <= observed + 1e-9 for total in sums) / len(sums)


def walsh(differences: Floats) -> Floats:
    rows, columns = np.triu_indices(len(differences))
    return np.sort((differences[rows] + differences[columns]) / 2)


@given(DIFFERENCES)
def test_p_values_equal_those_of_all_sign_patterns_with_ties_and_zeros(differences: Floats) -> None:
    test = signed_rank(differences)

    assert (test.p_greater, test.p_less) == pytest.approx(enumerated_tails(differences))
    assert test.exact


@pytest.mark.parametrize("count", [5, 20, 60, 190])
def test_p_values_agree_with_scipy_s_exact_test_without_ties(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.1, 1, count)

    test = signed_rank(differences)

    assert test.exact
    assert test.p_greater == pytest.approx(stats.wilcoxon(differences, alternative="greater", method="exact").pvalue)
    assert test.p_two_sided == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_many_pairs_with_ties_and_zeros_use_the_normal_distribution_as_scipy_does() -> None:
    differences = np.round(np.random.default_rng(1).normal(0.1, 1, 400), 1)

    test = signed_rank(differences)
    oracle = [
        stats.wilcoxon(differences, alternative=side, zero_method="pratt", correction=True, method="approx").pvalue
        for side in ("greater", "less")
    ]

    assert not test.exact
    assert test.zeros == int((differences == 0).sum())
    assert [test.p_greater, test.p_less] == pytest.approx(oracle)


def test_the_normal_distribution_continues_the_exact_one() -> None:
    differences = np.random.default_rng(3).normal(0.2, 1, 205)

    exact = stats.wilcoxon(differences, alternative="greater", method="exact").pvalue

    assert not signed_rank(differences).exact
    assert signed_rank(differences).p_greater == pytest.approx(exact, rel=0.1)


def test_only_zeros_say_nothing() -> None:
    test = signed_rank(np.zeros(7))

    assert (test.p_greater, test.p_less, test.p_two_sided) == (1.0, 1.0, 1.0)


@given(REALS)
def test_the_typical_difference_is_the_median_of_all_pairwise_means(differences: Floats) -> None:
    assert hodges_lehmann(differences) == pytest.approx(float(np.median(walsh(differences))), abs=1e-9)


@given(st.integers(1, 14), st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.2]))
def test_bounds_hold_exactly_the_shifts_that_the_test_does_not_reject(count: int, seed: int, tail: float) -> None:
    differences = np.random.default_rng(seed).normal(0, 1, count)
    bounds = shift_bounds(differences, tail=tail)
    means = walsh(differences)
    gaps = np.diff(means)
    inside = (means[:-1] + means[1:])[gaps > 1e-6] / 2

    for shift in [means[0] - 1, *inside.tolist(), means[-1] + 1]:
        test = signed_rank(differences - shift)
        assert (bounds.lower is None or shift > bounds.lower) == (test.p_greater > tail)
        assert (bounds.upper is None or shift < bounds.upper) == (test.p_less > tail)


def test_one_pair_bounds_nothing() -> None:
    assert (shift_bounds(np.array([1.0]), tail=0.05).lower, shift_bounds(np.array([1.0]), tail=0.05).upper) == (
        None,
        None,
    )


def test_bounds_of_many_pairs_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(400):
        bounds = shift_bounds(rng.standard_t(3, 250), tail=0.05)
        assert bounds.lower is not None
        assert bounds.upper is not None
        missed += not bounds.lower < 0 < bounds.upper

    # 10 % expected of 400: 40, with a standard deviation of 6.
    assert 18 <= missed <= 64


def test_identical_differences_are_bounded_by_themselves() -> None:
    bounds = shift_bounds(np.full(30, 0.25), tail=0.01)

    assert (bounds.lower, bounds.upper) == (0.25, 0.25)
    assert hodges_lehmann(np.full(30, 0.25)) == 0.25


def test_the_mean_shift_has_student_s_interval() -> None:
    differences = np.random.default_rng(5).normal(1, 2, 40)

    bounds = mean_shift(differences).bounds(tail=0.025)
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.95)

    assert (bounds.lower, bounds.upper) == pytest.approx((low, high))


def test_a_single_difference_has_a_mean_and_no_bounds() -> None:
    shift = mean_shift(np.array([3.0]))

    assert shift.estimate == 3.0
    assert shift.bounds(tail=0.05).lower is None


@pytest.mark.parametrize("bad", [[], [np.nan], [1.0, np.inf]])
def test_differences_must_be_finite_and_present(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        signed_rank(np.array(bad))
