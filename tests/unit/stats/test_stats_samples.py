from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lens_gate.stats.planning import Aim, cautious_spread, pairs_for_shares, pairs_for_shift
from lens_gate.stats.summary import carries, describe, shows
from lens_gate.stats.two_sample import kolmogorov_smirnov, mann_whitney, welch_t


@pytest.mark.parametrize(("probability", "fewest"), [(0.5, 2), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1000)])
def test_a_quantile_is_shown_when_one_value_is_expected_beyond_it_and_trusted_from_five(
    probability: float, fewest: int
) -> None:
    assert shows(fewest, probability)
    assert not shows(fewest - 1, probability)
    assert carries(5 * fewest, probability)
    assert not carries(5 * fewest - 1, probability)


def test_a_description_leaves_out_what_the_sample_cannot_show() -> None:
    values = np.arange(1.0, 31.0)

    found = describe(values, (0.5, 0.95, 0.99))

    assert found is not None
    assert (found.count, found.minimum, found.maximum, found.mean) == (30, 1.0, 30.0, 15.5)
    assert found.stddev == pytest.approx(np.std(values, ddof=1))
    assert found.quantiles == {0.5: 15.5, 0.95: pytest.approx(28.55), 0.99: None}


def test_one_value_has_no_spread_and_no_value_no_description() -> None:
    single = describe(np.array([4.0]), (0.5,))

    assert single is not None
    assert (single.stddev, single.quantiles) == (None, {0.5: None})
    assert describe(np.array([]), (0.5,)) is None


def test_a_description_refuses_missing_values() -> None:
    with pytest.raises(ValueError, match="finite"):
        describe(np.array([1.0, np.nan]), (0.5,))


def test_the_two_sample_tests_are_scipy_s() -> None:
    rng = np.random.default_rng(2)
    candidate, base = rng.lognormal(0.1, 0.3, 80), rng.lognormal(0, 0.3, 100)

    assert welch_t(candidate, base).p_value == stats.ttest_ind(candidate, base, equal_var=False).pvalue
    assert mann_whitney(candidate, base).p_value == stats.mannwhitneyu(candidate, base).pvalue
    assert kolmogorov_smirnov(candidate, base).p_value == stats.ks_2samp(candidate, base, method="asymp").pvalue


def test_each_two_sample_test_says_which_sample_is_the_larger() -> None:
    rng = np.random.default_rng(2)
    smaller, larger = rng.lognormal(0, 0.3, 80), rng.lognormal(1, 0.3, 100)

    for test in (welch_t, mann_whitney, kolmogorov_smirnov):
        assert test(larger, smaller).direction > 0 > test(smaller, larger).direction
    assert welch_t(np.full(3, 2.0), np.ones(3)).direction > 0 > welch_t(np.ones(3), np.full(3, 2.0)).statistic


def test_equal_constants_do_not_differ_and_unequal_ones_do() -> None:
    assert welch_t(np.ones(5), np.ones(5)).p_value == 1.0
    assert welch_t(np.full(5, 2.0), np.ones(5)).p_value == 0.0


@pytest.mark.parametrize("bad", [np.array([1.0]), np.array([1.0, np.nan])])
def test_a_test_needs_two_finite_values_on_each_side(bad: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match="two finite values"):
        mann_whitney(bad, np.ones(5))


@pytest.mark.proving
def test_the_planned_pairs_reach_their_power() -> None:
    rng = np.random.default_rng(8)
    aim = Aim(tail=0.05, power=0.9)
    pairs = pairs_for_shift(spread=0.4, distance=0.1, aim=aim)

    found = [
        stats.wilcoxon(rng.normal(0.1, 0.4, pairs), alternative="greater", method="approx").pvalue < 0.05
        for _ in range(400)
    ]

    assert 0.85 < np.mean(found) < 0.95


def test_planned_pairs_for_shares_follow_the_normal_approximation() -> None:
    aim = Aim(tail=0.05, power=0.99)

    pairs = pairs_for_shares(discordant=0.02, distance=0.02, aim=aim)

    assert pairs == math.ceil(((1.6449 + 2.3263) / 0.02) ** 2 * 0.02)


def test_a_plan_needs_a_distance() -> None:
    with pytest.raises(ValueError, match="distance above 0"):
        pairs_for_shift(spread=1.0, distance=0.0, aim=Aim(0.05, 0.9))


def test_a_cautious_spread_is_seldom_too_small() -> None:
    rng = np.random.default_rng(9)

    enough = [cautious_spread(rng.normal(0, 1, 6), confidence=0.8) >= 1 for _ in range(1000)]

    assert 0.76 < np.mean(enough) < 0.84


def test_one_difference_has_no_spread() -> None:
    with pytest.raises(ValueError, match="two differences"):
        cautious_spread(np.array([1.0]), confidence=0.8)
