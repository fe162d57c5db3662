"""Chance in blocks: without end, in bounds, even, and fixed by the seed."""

from __future__ import annotations

from collections import Counter
from itertools import islice, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.arms import luck


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_uniform_numbers_fill_the_unit_interval() -> None:
    drawn = list(islice(luck.uniforms(rng()), 5000))
    assert 0 <= min(drawn) < 0.01
    assert 0.99 < max(drawn) < 1
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.02)


@given(below=st.integers(1, 40), seed=st.integers(0, 99))
def test_whole_numbers_stay_in_bounds_and_all_of_them_come(below: int, seed: int) -> None:
    assert set(islice(luck.integers(below, rng(seed)), 50 * below)) <= set(range(below))
    assert set(islice(luck.integers(below, rng(1)), 50 * below)) == set(range(below))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_orders_are_equally_likely(size: int) -> None:
    counts = Counter(map(tuple, islice(luck.permutations(size, rng()), 6000)))
    orders = list(permutations(range(size)))
    assert set(counts) == set(orders)
    assert all(count / 6000 == pytest.approx(1 / len(orders), abs=0.025) for count in counts.values())


def test_the_seed_fixes_what_is_drawn() -> None:
    for drawing in (luck.uniforms, lambda r: luck.integers(9, r), lambda r: luck.permutations(4, r)):
        one, two, other = (list(islice(drawing(rng(seed)), 600)) for seed in (1, 1, 2))
        assert one == two != other
