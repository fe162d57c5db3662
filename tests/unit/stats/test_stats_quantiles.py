"""The change of a quantile: exact on enumerable samples, and as wide as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lens_gate.stats.quantiles import quantile_change


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("count", [30, 101, 4000])
def test_the_bounds_are_the_order_statistics_of_the_binomial_distribution(probability: float, count: int) -> None:
    constant, values = np.zeros(count), np.arange(1.0, count + 1)
    found = quantile_change(constant, values, probability, tail=0.025)
    first, last = (int(stats.binom.ppf(error, count, probability)) for error in (0.025, 0.975))
    assert found.estimate == pytest.approx(np.quantile(values, probability))
    both = first >= 1 and last < count
    assert found.lower == (pytest.approx(values[first - 1]) if both else None)
    assert found.upper == (pytest.approx(values[last]) if both else None)


def test_the_bounds_of_both_samples_are_put_together_as_mover_does() -> None:
    rng = np.random.default_rng(3)
    before, after = np.sort(rng.normal(size=200)), np.sort(rng.normal(1, 2, size=150))
    found = quantile_change(before, after, 0.5, tail=0.05)
    alone = [quantile_change(np.zeros(len(one)), one, 0.5, tail=0.05) for one in (before, after)]
    (low, high), (under, over) = ((one.estimate - (one.lower or 0), (one.upper or 0) - one.estimate) for one in alone)
    assert found.lower == pytest.approx(found.estimate - math.hypot(under, high))
    assert found.upper == pytest.approx(found.estimate + math.hypot(over, low))


def test_a_sample_that_is_too_small_for_a_bound_has_none() -> None:
    few, many = np.arange(4.0), np.arange(400.0)
    assert quantile_change(few, many, 0.95, tail=0.025).upper is not None
    assert quantile_change(few, many, 0.95, tail=0.025).lower is None
    assert quantile_change(many, few, 0.95, tail=0.025).upper is None
    assert quantile_change(many, few, 0.05, tail=0.025).lower is None


def test_it_covers_the_true_change_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    truth = math.exp(stats.norm.ppf(0.9)) * 0.2
    hits = 0
    for _ in range(400):
        before = np.sort(rng.lognormal(size=150))
        after = np.sort(1.2 * rng.lognormal(size=150))
        found = quantile_change(before, after, 0.9, tail=0.025)
        hits += (found.lower or -math.inf) <= truth <= (found.upper or math.inf)
    assert 0.93 <= hits / 400 <= 1.0
