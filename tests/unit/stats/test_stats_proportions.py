from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lens_gate.stats.proportions import PairedShares, difference_bounds, mcnemar, wilson


@st.composite
def paired_shares(draw: st.DrawFn) -> PairedShares:
    pairs = draw(st.integers(1, 200))
    base = draw(st.integers(0, pairs))
    return PairedShares(pairs, base, draw(st.integers(0, pairs - base)))


@given(paired_shares())
def test_mcnemar_is_the_binomial_test_on_discordant_pairs(shares: PairedShares) -> None:
    test = mcnemar(shares)
    discordant = shares.only_base + shares.only_candidate
    if discordant == 0:
        assert (test.p_greater, test.p_less, test.p_two_sided) == (1.0, 1.0, 1.0)
        return

    def oracle(side: Literal["two-sided", "less", "greater"]) -> float:
        return float(stats.binomtest(shares.only_candidate, discordant, 0.5, alternative=side).pvalue)

    assert test.p_greater == pytest.approx(oracle("greater"))
    assert test.p_less == pytest.approx(oracle("less"))
    assert test.p_two_sided == pytest.approx(oracle("two-sided"))


def test_the_interval_of_a_published_example_is_reproduced() -> None:
    # Airway hyper-responsiveness before and after a transplant (Bentur et al. 2009): 1 and 7 discordant of 21.
    bounds = difference_bounds(PairedShares(21, 1, 7), tail=0.025)

    assert bounds.lower == pytest.approx(0.026, abs=0.001)
    assert bounds.upper == pytest.approx(0.517, abs=0.001)


@given(paired_shares(), st.sampled_from([0.001, 0.01, 0.05]))
def test_the_interval_holds_the_estimate_and_stays_within_one(shares: PairedShares, tail: float) -> None:
    bounds = difference_bounds(shares, tail=tail)

    assert bounds.lower is not None
    assert bounds.upper is not None
    assert -1 <= bounds.lower <= shares.difference + 1e-9
    assert shares.difference - 1e-9 <= bounds.upper <= 1


@given(paired_shares())
def test_exchanging_the_arms_mirrors_the_interval(shares: PairedShares) -> None:
    mirrored = difference_bounds(PairedShares(shares.pairs, shares.only_candidate, shares.only_base), tail=0.05)
    bounds = difference_bounds(shares, tail=0.05)

    assert bounds.lower is not None
    assert bounds.upper is not None
    assert mirrored.lower == pytest.approx(-bounds.upper)
    assert mirrored.upper == pytest.approx(-bounds.lower)


def test_no_discordant_pair_still_leaves_a_width() -> None:
    reach = stats.norm.isf(0.05)

    bounds = difference_bounds(PairedShares(100, 0, 0), tail=0.05)

    assert bounds.upper == pytest.approx(reach**2 / (100 + reach**2))


def test_the_upper_bound_errs_about_as_often_as_it_says() -> None:
    # All tables of 60 pairs with shares of 5 % and 10 % that fall on different pairs, weighted by their probability.
    missed = 0.0
    for base in range(61):
        for candidate in range(61 - base):
            weight = stats.multinomial.pmf([base, candidate, 60 - base - candidate], 60, [0.05, 0.10, 0.85])
            if weight > 1e-9:
                upper = difference_bounds(PairedShares(60, base, candidate), tail=0.05).upper
                missed += float(weight) * (upper is not None and upper < 0.05)

    assert 0.03 < missed < 0.07


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="discordant"):
        PairedShares(3, 2, 2)
    with pytest.raises(ValueError, match="at least one pair"):
        PairedShares(0, 0, 0)


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (3, 20), (20, 20), (150, 1000)])
def test_wilson_agrees_with_scipy(events: int, trials: int) -> None:
    oracle = stats.binomtest(events, trials).proportion_ci(0.95, method="wilson")

    bounds = wilson(events, trials, tail=0.025)

    assert (bounds.lower, bounds.upper) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_wilson_needs_trials() -> None:
    with pytest.raises(ValueError, match="trials"):
        wilson(1, 0, tail=0.05)
    assert math.isclose(wilson(0, 5, tail=0.05).lower or 0.0, 0.0)
