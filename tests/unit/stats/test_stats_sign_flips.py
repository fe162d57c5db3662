from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lens_gate.stats import sign_flips
from lens_gate.stats.sign_flips import critical_rank, null_distribution, smallest, tails

WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=10)


@given(WEIGHTS)
def test_the_distribution_is_that_of_all_subsets(weights: list[int]) -> None:
    sums = [int(np.dot(weights, signs)) for signs in product((0, 1), repeat=len(weights))]
    expected = np.bincount(sums, minlength=sum(weights) + 1) / len(sums)

    assert null_distribution(np.array(weights)) == pytest.approx(expected)


def test_many_equal_weights_are_binomial_far_into_the_tails() -> None:
    chances = null_distribution(np.ones(1300, dtype=np.int64))

    assert chances[:700] == pytest.approx(stats.binom.pmf(np.arange(700), 1300, 0.5), rel=1e-9)


@pytest.fixture
def approximated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_flips, "EXACT_WORK", 0)


@pytest.mark.usefixtures("approximated")
@pytest.mark.parametrize("count", [12, 40, 150])
def test_the_approximation_follows_the_exact_tail_down_to_one_in_a_million(count: int) -> None:
    rng = np.random.default_rng(count)
    weights = rng.integers(1, 60, count)
    chances = null_distribution(weights)
    at_least = np.cumsum(chances[::-1])[::-1]
    positives = [rng.random(count) < share for share in np.linspace(0.3, 0.9, 25)]

    for positive in positives:
        exact = at_least[int(weights[positive].sum())]
        found = tails(weights, positive)
        assert not found.exact
        if exact > 1e-6:
            assert found.greater == pytest.approx(exact, rel=0.25 if count == 12 else 0.03)


@pytest.mark.usefixtures("approximated")
def test_the_ends_are_exact_even_where_the_approximation_has_no_answer() -> None:
    weights = np.array([1, 2, 3, 40])

    assert tails(weights, np.ones(4, dtype=np.bool_)).greater == smallest(4) == 1 / 16
    assert tails(weights, np.ones(4, dtype=np.bool_)).less == 1.0
    assert tails(weights, np.zeros(4, dtype=np.bool_)).less == 1 / 16


@pytest.mark.usefixtures("approximated")
def test_the_middle_is_one_half() -> None:
    weights = np.ones(101, dtype=np.int64)

    assert tails(weights, np.arange(101) < 51).greater == pytest.approx(0.5, abs=1e-3)
    assert tails(weights, np.arange(101) < 50).greater == pytest.approx(float(stats.binom.sf(49, 101, 0.5)), rel=1e-3)


@pytest.mark.usefixtures("approximated")
def test_nearly_all_on_one_side_of_very_unlike_weights_is_found() -> None:
    weights = np.array([1000] + [1] * 30)

    # Everything but one of the small ones: 31 patterns reach it, and all of them.
    reached = np.ones(31, dtype=np.bool_)
    reached[-1] = False

    assert 0 < tails(weights, reached).greater < 1e-6


@pytest.mark.parametrize("tail", [0.2, 0.01, 1e-4])
@pytest.mark.parametrize("count", [1, 30, 124, 126, 300])
def test_the_critical_rank_is_the_last_that_keeps_its_tail(count: int, tail: float) -> None:
    at_most = np.cumsum(null_distribution(np.arange(1, count + 1, dtype=np.int64)))

    rank = critical_rank(count, tail)

    assert abs(rank - int(np.searchsorted(at_most, tail, side="right"))) <= (0 if count <= 125 else 3)


def test_two_sided_is_twice_the_smaller_tail_and_at_most_one() -> None:
    assert tails(np.array([1, 1, 1]), np.array([True, True, True])).two_sided == 0.25
    assert tails(np.array([1, 1]), np.array([True, False])).two_sided == 1.0
    assert tails(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)).two_sided == 1.0


@pytest.mark.usefixtures("approximated")
def test_a_search_that_is_cut_short_still_gives_a_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_flips, "_NEWTON_STEPS", 1)
    weights = np.arange(1, 41)

    assert 0 <= tails(weights, weights > 8).greater <= 1e-2
