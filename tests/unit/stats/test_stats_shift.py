from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lens_gate.stats.shift import level_shift

Floats = NDArray[np.float64]

REALS = st.lists(st.floats(-50, 50), min_size=1, max_size=12).map(np.array)


def enumerated_rank(some: int, others: int, tail: float) -> int:
    """The largest c with P(U ≤ c − 1) ≤ tail, over every choice of ranks."""
    sums = sorted(sum(chosen) - some * (some - 1) // 2 for chosen in combinations(range(some + others), some))
    rank = 0
    while sum(u <= rank for u in sums) / len(sums) <= tail:
        rank += 1
    return rank


@pytest.mark.parametrize(("some", "others"), [(1, 5), (3, 8), (4, 4), (6, 3), (2, 9)])
@pytest.mark.parametrize("tail", [0.005, 0.025, 0.1])
def test_the_bounds_are_those_of_all_choices_of_ranks(some: int, others: int, tail: float) -> None:
    rng = np.random.default_rng(some)
    after, before = rng.standard_normal(some), rng.standard_normal(others)
    moved = level_shift(after, before, tail=tail)
    rank = enumerated_rank(some, others, tail)
    differences = np.sort(np.subtract.outer(after, before), axis=None)
    expected = (None, None) if rank == 0 else (differences[rank - 1], differences[-rank])
    assert (moved.lower, moved.upper) == expected


@given(REALS, REALS, st.sampled_from([0.005, 0.025, 0.2]))
def test_the_interval_holds_the_estimate_and_turns_with_the_groups(after: Floats, before: Floats, tail: float) -> None:
    there, back = level_shift(after, before, tail=tail), level_shift(before, after, tail=tail)
    assert there.estimate == pytest.approx(-back.estimate)
    assert (there.lower is None) == (there.upper is None)
    if there.lower is not None and there.upper is not None and back.upper is not None:
        assert there.lower <= there.estimate <= there.upper
        assert there.lower == pytest.approx(-back.upper)


def test_no_level_in_the_interval_is_refused_by_the_test_that_it_inverts() -> None:
    rng = np.random.default_rng(2)
    after, before = rng.standard_normal(9) + 1, rng.standard_normal(14)
    moved = level_shift(after, before, tail=0.025)
    assert moved.lower is not None
    assert moved.upper is not None
    inside = stats.mannwhitneyu(after - moved.lower - 1e-9, before, method="exact").pvalue
    outside = stats.mannwhitneyu(after - moved.lower + 1e-9, before, method="exact").pvalue
    assert outside < 0.05 < inside


def test_many_values_have_the_normal_bounds_which_meet_the_exact_ones() -> None:
    rng = np.random.default_rng(3)
    after, before = rng.standard_normal(60) + 0.5, rng.standard_normal(60)
    moved = level_shift(after, before, tail=0.025)
    assert moved.lower is not None
    assert stats.mannwhitneyu(after - moved.lower, before).pvalue == pytest.approx(0.05, abs=0.004)


@pytest.mark.parametrize(("after", "before"), [([], [1.0]), ([1.0], []), ([float("nan")], [1.0])])
def test_a_shift_needs_finite_values_on_both_sides(after: list[float], before: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        level_shift(np.array(after), np.array(before), tail=0.05)
