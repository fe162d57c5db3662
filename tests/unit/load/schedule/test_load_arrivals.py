"""Offsets: their spacing, their bounds, and that a seed fixes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lens_gate.load.schedule.arrivals import NS_PER_S, bounded, bursts, fixed, gamma, poisson, uniform

rates = st.floats(min_value=0.01, max_value=1e5)
seeds = st.integers(min_value=0, max_value=2**32)


@given(rate=rates, first=st.integers(min_value=1, max_value=2000))
def test_fixed_offsets_never_stray_from_their_absolute_time(rate: float, first: int) -> None:
    offsets = list(islice(fixed(rate), first))
    assert all(abs(offset - index * NS_PER_S / rate) <= 0.5 for index, offset in enumerate(offsets))


@given(rate=rates, seed=seeds)
def test_drawn_offsets_never_go_back_and_are_fixed_by_the_seed(rate: float, seed: int) -> None:
    for arrivals in (poisson, uniform):
        offsets = list(islice(arrivals(rate, np.random.default_rng(seed)), 1200))
        assert offsets == sorted(offsets)
        assert offsets[0] >= 0
        assert offsets == list(islice(arrivals(rate, np.random.default_rng(seed)), 1200))


def test_poisson_gaps_have_the_mean_and_spread_of_an_exponential() -> None:
    gaps = np.diff(list(islice(poisson(50.0, np.random.default_rng(1)), 40_000))) / NS_PER_S
    assert np.mean(gaps) == pytest.approx(0.02, rel=0.02)
    assert np.std(gaps) == pytest.approx(0.02, rel=0.03)


def test_uniform_gaps_keep_the_rate_and_stay_below_twice_its_gap() -> None:
    gaps = np.diff(list(islice(uniform(50.0, np.random.default_rng(1)), 40_000))) / NS_PER_S
    assert np.mean(gaps) == pytest.approx(0.02, rel=0.02)
    assert np.max(gaps) <= 0.04 + 1e-9
    assert np.std(gaps) == pytest.approx(0.04 / 12**0.5, rel=0.03)


def gaps_s(offsets: Iterator[int], number: int = 20_000) -> NDArray[np.float64]:
    return np.diff(np.array(list(islice(offsets, number)), dtype=np.float64)) / NS_PER_S


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_gamma_gaps_are_of_their_distribution(burstiness: float) -> None:
    gaps = gaps_s(gamma(50.0, burstiness, np.random.default_rng(2)))
    expected = stats.gamma(burstiness, scale=0.02 / burstiness)
    assert stats.kstest(gaps, expected.cdf).pvalue > 0.01
    assert np.mean(gaps) == pytest.approx(0.02, abs=4 * expected.std() / len(gaps) ** 0.5)
    assert np.var(gaps) / np.mean(gaps) ** 2 == pytest.approx(1 / burstiness, rel=0.1)


def test_a_burstiness_of_one_is_a_poisson_process_and_another_is_not() -> None:
    exponential = stats.expon(scale=0.02).cdf
    assert stats.kstest(gaps_s(gamma(50.0, 1.0, np.random.default_rng(4))), exponential).pvalue > 0.01
    assert stats.kstest(gaps_s(gamma(50.0, 2.0, np.random.default_rng(4))), exponential).pvalue < 1e-9


def test_a_very_high_burstiness_is_nearly_even() -> None:
    assert np.ptp(gaps_s(gamma(50.0, 1e6, np.random.default_rng(5)), 500)) < 0.001


@given(rate=rates, size=st.integers(min_value=1, max_value=40), number=st.integers(min_value=1, max_value=30))
def test_bursts_are_whole_even_and_keep_the_rate(rate: float, size: int, number: int) -> None:
    offsets = list(islice(bursts(rate, size), size * number))
    assert [offsets[index * size : (index + 1) * size] for index in range(number)] == [
        [round(index * size * NS_PER_S / rate)] * size for index in range(number)
    ]


def test_bursts_of_one_are_evenly_spaced() -> None:
    assert list(islice(bursts(7.0, 1), 50)) == list(islice(fixed(7.0), 50))


def test_different_seeds_give_different_arrivals() -> None:
    first, second = (next(poisson(1.0, np.random.default_rng(seed))) for seed in (1, 2))
    assert first != second


@given(
    duration_s=st.none() | st.floats(min_value=0, max_value=3),
    requests=st.none() | st.integers(min_value=0, max_value=50),
)
def test_arrivals_end_with_whichever_bound_comes_first(duration_s: float | None, requests: int | None) -> None:
    kept = list(islice(bounded(fixed(10.0), duration_s=duration_s, requests=requests), 100))
    in_time = 100 if duration_s is None else sum(n * NS_PER_S // 10 < duration_s * NS_PER_S for n in range(100))
    assert len(kept) == min(in_time, 100 if requests is None else requests)


def test_a_send_at_the_very_end_is_outside_of_the_duration() -> None:
    assert list(bounded(fixed(1.0), duration_s=3.0, requests=None)) == [0, NS_PER_S, 2 * NS_PER_S]


def test_arrivals_without_bounds_do_not_end() -> None:
    assert list(islice(bounded(count(), duration_s=None, requests=None), 3)) == [0, 1, 2]
