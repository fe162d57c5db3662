from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lens_gate.stats.pairs import (
    LEVELS,
    TypicalDifference,
    mean_shift,
    one_sided_order,
    score_test,
    signed_rank,
    without_slot_effect,
)

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


@pytest.mark.parametrize("count", [5, 20, 60, 120])
def test_p_values_agree_with_scipy_s_exact_test_without_ties(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.1, 1, count)

    test = signed_rank(differences)

    assert test.exact
    assert test.p_greater == pytest.approx(stats.wilcoxon(differences, alternative="greater", method="exact").pvalue)
    assert test.p_two_sided == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_many_pairs_with_ties_and_zeros_agree_with_scipy_s_normal_approximation() -> None:
    differences = np.round(np.random.default_rng(1).normal(0.1, 1, 400), 1)

    test = signed_rank(differences)
    oracle = [
        stats.wilcoxon(differences, alternative=side, zero_method="pratt", correction=True, method="approx").pvalue
        for side in ("greater", "less")
    ]

    assert not test.exact
    assert test.zeros == int((differences == 0).sum())
    assert [test.p_greater, test.p_less] == pytest.approx(oracle, rel=0.01)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2, 0.4])
def test_the_approximation_of_many_pairs_is_within_a_thousandth_of_the_exact_test(shift: float) -> None:
    differences = np.random.default_rng(3).normal(shift, 1, 205)

    exact = stats.wilcoxon(differences, alternative="greater", method="exact").pvalue

    assert not signed_rank(differences).exact
    assert signed_rank(differences).p_greater == pytest.approx(exact, rel=1e-3)


def test_only_zeros_say_nothing() -> None:
    test = signed_rank(np.zeros(7))

    assert (test.p_greater, test.p_less, test.p_two_sided) == (1.0, 1.0, 1.0)


@given(REALS)
def test_the_typical_difference_is_the_median_of_all_pairwise_means(differences: Floats) -> None:
    assert TypicalDifference(differences).estimate == pytest.approx(float(np.median(walsh(differences))), abs=1e-9)


@given(st.integers(1, 14), st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.2]))
def test_bounds_hold_exactly_the_shifts_that_the_test_does_not_reject(count: int, seed: int, tail: float) -> None:
    differences = np.random.default_rng(seed).normal(0, 1, count)
    bounds = TypicalDifference(differences).bounds(tail=tail)
    means = walsh(differences)
    gaps = np.diff(means)
    inside = (means[:-1] + means[1:])[gaps > 1e-6] / 2

    for shift in [means[0] - 1, *inside.tolist(), means[-1] + 1]:
        test = signed_rank(differences - shift)
        assert (bounds.lower is None or shift > bounds.lower) == (test.p_greater > tail)
        assert (bounds.upper is None or shift < bounds.upper) == (test.p_less > tail)


def test_one_pair_bounds_nothing() -> None:
    bounds = TypicalDifference(np.array([1.0])).bounds(tail=0.05)

    assert (bounds.lower, bounds.upper) == (None, None)


def test_bounds_of_many_pairs_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(400):
        bounds = TypicalDifference(rng.standard_t(3, 250)).bounds(tail=0.05)
        assert bounds.lower is not None
        assert bounds.upper is not None
        missed += not bounds.lower < 0 < bounds.upper

    # 10 % expected of 400: 40, with a standard deviation of 6.
    assert 18 <= missed <= 64


def test_identical_differences_are_bounded_by_themselves() -> None:
    typical = TypicalDifference(np.full(30, 0.25))
    bounds = typical.bounds(tail=0.01)

    assert (bounds.lower, bounds.upper) == (0.25, 0.25)
    assert typical.estimate == 0.25


def enumerated_score_tail(scores: Floats) -> float:
    """P(sum ≥ observed) over all sign patterns of the scores in LEVELS steps of the largest."""
    levels = np.rint(LEVELS * scores / np.abs(scores).max())
    sums = [float(np.dot(np.abs(levels), signs)) for signs in product((-1, 1), repeat=len(levels))]
    reached = float(levels.sum())
    return sum(total >= reached - 1e-9 for total in sums) / len(sums)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=10).filter(lambda scores: any(map(abs, scores))))
def test_the_score_test_s_p_value_is_that_of_all_sign_patterns(scores: list[float]) -> None:
    test = score_test(np.array(scores))

    assert test.exact
    assert test.p_greater == pytest.approx(enumerated_score_tail(np.array(scores)))


@pytest.mark.proving
def test_the_score_test_keeps_its_level_on_the_heaviest_tails() -> None:
    rng = np.random.default_rng(8)
    p_values = np.array([score_test(rng.standard_cauchy(60)).p_greater for _ in range(1500)])

    # 5 %: 75 expected, standard deviation 8.4; 1 %: 15, 3.9.
    assert 45 <= (p_values <= 0.05).sum() <= 105
    assert (p_values <= 0.01).sum() <= 29


def test_scores_without_any_size_say_nothing() -> None:
    test = score_test(np.zeros(4))

    assert (test.p_greater, test.p_less, test.floor, test.zeros) == (1.0, 1.0, 1.0, 4)


@given(st.lists(st.floats(-50, 50), min_size=20, max_size=60).map(np.array), st.integers(0, 10**6))
def test_without_the_slot_effect_exchanging_a_pair_still_only_turns_its_sign(differences: Floats, seed: int) -> None:
    rng = np.random.default_rng(seed)
    second = rng.choice([-1.0, 0.0, 1.0], len(differences))
    flips = rng.choice([-1.0, 1.0], len(differences))

    kept = without_slot_effect(differences, second)
    turned = without_slot_effect(flips * differences, flips * second)

    assert turned == pytest.approx(flips * kept)
    assert (kept[differences == 0] == 0).all()


@pytest.mark.parametrize(("pairs", "turned"), [(19, 0), (200, 70)])
def test_few_pairs_and_an_order_that_is_no_chance_are_left_alone(pairs: int, turned: int) -> None:
    second = np.where(np.arange(pairs) < turned, -1.0, 1.0)
    differences = np.random.default_rng(1).normal(1, 1, pairs)

    assert without_slot_effect(differences, second) is differences
    assert one_sided_order(second) == (pairs >= 20)
    assert not one_sided_order(np.tile([1.0, -1.0], 100))


def test_what_it_does_to_be_second_is_taken_out() -> None:
    second = np.tile([1.0, -1.0], 50)

    kept = without_slot_effect(0.1 - 0.5 * second, second)

    assert kept == pytest.approx(np.full(100, 0.1))


@pytest.mark.proving
@pytest.mark.parametrize("tail", [0.05, 0.01])
def test_the_bounds_of_a_skewed_mean_cover_as_often_as_they_say(tail: float) -> None:
    rng = np.random.default_rng(12)
    truth = 0.05 * 1.2
    missed = [
        bounds.upper is not None and bounds.upper < truth
        for bounds in (
            mean_shift(np.where(rng.random(700) < 0.05, 1.2, 0.0) + rng.normal(0, 0.02, 700)).bounds(tail=tail)
            for _ in range(1500)
        )
    ]

    assert sum(missed) <= 1500 * tail + 3 * (1500 * tail) ** 0.5


def test_the_mean_shift_has_student_s_interval() -> None:
    half = np.random.default_rng(5).normal(1, 2, 20)
    differences = np.concatenate([half, 2 - half])

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
