"""Planned pairs, held against enumeration and simulation of the tests that they are planned for."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lens_gate.stats.pairs import TypicalDifference, signed_rank
from lens_gate.stats.planning import (
    Aim,
    pairs_for_mcnemar,
    pairs_for_mean,
    pairs_for_shift,
    pairs_to_bound_shares,
    rank_spread,
)
from lens_gate.stats.proportions import PairedShares, difference_bounds, mcnemar

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

FAR_OUT = 0.01 / 32
SURE = Aim(FAR_OUT, 0.9)


def normal(rng: np.random.Generator, count: int) -> Floats:
    return rng.normal(0, 1, count)


def heavy(rng: np.random.Generator, count: int) -> Floats:
    return rng.standard_t(3, count)


def with_outliers(rng: np.random.Generator, count: int) -> Floats:
    return rng.normal(0, 1, count) * np.where(rng.random(count) < 0.03, 6.0, 1.0)


@pytest.mark.proving
@pytest.mark.parametrize("draw", [normal, heavy, with_outliers])
@pytest.mark.parametrize("distance", [0.3, 0.6])
def test_so_many_pairs_as_planned_establish_a_shift_nine_times_in_ten(draw: Draw, distance: float) -> None:
    rng = np.random.default_rng(2)
    spread = rank_spread(draw(rng, 4000), confidence=0.5)
    pairs = pairs_for_shift(spread=spread, distance=distance, aim=SURE)

    found = [signed_rank(draw(rng, pairs) + distance).p_greater < FAR_OUT for _ in range(300)]

    # 90 % wanted, standard error 1.7; the plan itself may be off by three.
    assert 0.83 <= np.mean(found) <= 0.97


def test_the_ordinary_spread_would_ask_for_twice_as_many_where_tails_are_heavy() -> None:
    sample = heavy(np.random.default_rng(3), 4000)

    seen, ordinary = rank_spread(sample, confidence=0.5), float(np.std(sample))

    assert (ordinary / seen) ** 2 > 1.6


def test_on_normal_differences_both_spreads_are_one() -> None:
    assert rank_spread(normal(np.random.default_rng(4), 20_000), confidence=0.5) == pytest.approx(1, abs=0.03)


def by_counting(differences: Floats) -> float:
    """The spread that the signed-rank test sees, pair by pair."""
    centred = differences - TypicalDifference(differences).estimate
    low, high = np.quantile(centred, [0.25, 0.75])
    distance = (high - low) / 1.349 / 2
    most = float(np.std(differences, ddof=1)) * math.sqrt(3 / math.pi * 125 / 108)
    sums = [abs(a + b) for a, b in combinations(centred.tolist(), 2)]
    near = min(sum(one <= 2 * distance for one in sums), len(sums) - 1) / len(sums)
    if distance <= 0 or near <= 0:
        return most
    return float(min(most, math.sqrt(2) * distance / stats.norm.ppf(0.5 + near / 2)))


@given(st.integers(2, 40), st.integers(0, 10**6))
def test_the_spread_counts_every_pair_of_differences_once(count: int, seed: int) -> None:
    sample = np.random.default_rng(seed).standard_t(3, count)
    caution = math.sqrt((count - 1) / float(stats.chi2.ppf(0.2, count - 1)))

    assert rank_spread(sample, confidence=0.8) == pytest.approx(caution * by_counting(sample))


@given(st.integers(3, 40), st.integers(0, 10**6), st.floats(-5, 5), st.floats(0.1, 10))
def test_the_spread_moves_with_the_scale_and_not_with_the_shift(
    count: int, seed: int, shift: float, scale: float
) -> None:
    sample = np.random.default_rng(seed).normal(0, 1, count)

    moved = rank_spread(scale * sample + shift, confidence=0.8)

    assert moved == pytest.approx(scale * rank_spread(sample, confidence=0.8), rel=1e-6)


def test_equal_differences_have_no_spread_and_rare_ones_the_most_that_there_may_be() -> None:
    rare = np.array([0.0] * 18 + [1.0, -1.0])

    assert rank_spread(np.full(9, 0.2), confidence=0.8) == 0.0
    assert rank_spread(rare, confidence=0.5) == pytest.approx(1.0513 * np.std(rare, ddof=1), rel=0.02)


def test_one_difference_has_no_spread() -> None:
    with pytest.raises(ValueError, match="two differences"):
        rank_spread(np.array([1.0]), confidence=0.8)


def test_a_plan_never_asks_for_fewer_pairs_than_the_level_needs() -> None:
    pairs = pairs_for_shift(spread=0.01, distance=1.0, aim=SURE)

    assert signed_rank(np.full(pairs, 1.0)).p_greater <= FAR_OUT
    assert signed_rank(np.full(pairs - 1, 1.0)).p_greater > FAR_OUT


def test_planned_pairs_for_a_mean_reach_their_power() -> None:
    pairs = pairs_for_mean(spread=1.0, distance=0.5, aim=SURE)

    power = float(stats.nct.sf(stats.t.isf(FAR_OUT, pairs - 1), pairs - 1, 0.5 * math.sqrt(pairs)))

    assert 0.89 < power < 0.92


def mcnemar_power(pairs: int, only_base: float, only_candidate: float) -> float:
    """The chance that the exact test stands, over all numbers of discordant pairs."""
    discordant = only_base + only_candidate
    numbers = np.arange(pairs + 1)
    needed = stats.binom.isf(FAR_OUT, numbers, 0.5) + 1
    stands = stats.binom.sf(needed - 1, numbers, only_candidate / discordant)
    return float((stats.binom.pmf(numbers, pairs, discordant) * stands).sum())


@pytest.mark.parametrize(
    ("discordant", "difference"), [(0.04, 0.02), (0.05, 0.03), (0.022, 0.02), (0.1, 0.03), (0.25, 0.05), (0.5, 0.1)]
)
def test_so_many_pairs_as_planned_establish_a_difference_of_shares(discordant: float, difference: float) -> None:
    pairs = pairs_for_mcnemar(discordant=discordant, difference=difference, aim=SURE)

    power = mcnemar_power(pairs, (discordant - difference) / 2, (discordant + difference) / 2)

    assert 0.89 <= power <= 0.97


def test_the_enumerated_power_is_that_of_the_test_itself() -> None:
    rng = np.random.default_rng(5)
    counts = rng.multinomial(600, [0.01, 0.05, 0.94], size=1000)

    found = [mcnemar(PairedShares(600, only_base=b, only_candidate=c)).p_greater <= FAR_OUT for b, c, _ in counts]

    assert np.mean(found) == pytest.approx(mcnemar_power(600, 0.01, 0.05), abs=0.05)


def pass_power(pairs: int, discordant: float, margin: float) -> float:
    """The chance that the upper bound lies below the margin when both arms are alike."""
    chance = 0.0
    most = int(stats.binom.ppf(1 - 1e-6, pairs, discordant))
    for number in range(most + 1):
        for more in range(number + 1):
            shares = PairedShares(pairs, only_base=number - more, only_candidate=more)
            upper = difference_bounds(shares, tail=0.05).upper
            if upper is not None and upper < margin:
                chance += float(stats.binom.pmf(number, pairs, discordant) * stats.binom.pmf(more, number, 0.5))
    return chance


@pytest.mark.proving
@pytest.mark.parametrize(("discordant", "margin"), [(0.02, 0.02), (0.02, 0.03), (0.06, 0.05)])
def test_so_many_pairs_as_planned_bound_equal_shares(discordant: float, margin: float) -> None:
    pairs = pairs_to_bound_shares(discordant=discordant, margin=margin, aim=Aim(0.05, 0.9))

    assert 0.88 <= pass_power(pairs, discordant, margin) <= 0.96


@given(st.floats(0.001, 0.5), st.floats(0.01, 0.3), st.floats(0.5, 0.99))
def test_more_power_and_a_closer_margin_take_more_pairs(discordant: float, margin: float, power: float) -> None:
    needed = pairs_to_bound_shares(discordant=discordant, margin=margin, aim=Aim(0.05, power))

    assert pairs_to_bound_shares(discordant=discordant, margin=margin, aim=Aim(0.05, power + 0.009)) >= needed
    assert pairs_to_bound_shares(discordant=discordant, margin=0.9 * margin, aim=Aim(0.05, power)) >= needed


def test_shares_cannot_differ_more_than_their_members_do() -> None:
    with pytest.raises(ValueError, match="less often"):
        pairs_for_mcnemar(discordant=0.1, difference=0.2, aim=SURE)
