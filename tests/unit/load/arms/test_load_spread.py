"""Drawn lengths and times are of the distribution that was asked for."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from lens_gate.config.spread import LengthSpread, TimeSpread
from lens_gate.load.arms.spread import Spread, a_length, length_of, spread_of

N = 20_000


def drawn(section: LengthSpread | TimeSpread, seed: int = 1) -> list[float]:
    rng, spread = np.random.default_rng(seed), spread_of(section)
    return [spread.draw(rng) for _ in range(N)]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (TimeSpread(distribution="uniform", min=2, max=5), stats.uniform(2, 3)),
        (TimeSpread(distribution="normal", mean=100, stddev=7), stats.norm(100, 7)),
        (TimeSpread(distribution="exponential", mean=4), stats.expon(scale=4)),
        (
            TimeSpread(distribution="lognormal", mean=10, stddev=5),
            stats.lognorm(np.log(1.25) ** 0.5, scale=10 / 1.25**0.5),
        ),
    ],
)  # fmt: skip
def test_draws_are_of_their_distribution(section: TimeSpread, expected: stats.rv_continuous) -> None:
    assert stats.kstest(drawn(section), expected.cdf).pvalue > 0.01


def test_mean_and_deviation_of_a_lognormal_are_those_of_the_lengths() -> None:
    values = drawn(LengthSpread(distribution="lognormal", mean=400, stddev=300))
    assert np.mean(values) == pytest.approx(400, rel=0.03)
    assert np.std(values) == pytest.approx(300, rel=0.1)


def test_uniform_lengths_include_both_ends_alike() -> None:
    rng, spread = np.random.default_rng(2), spread_of(LengthSpread(distribution="uniform", min=3, max=6))
    counts = np.bincount([spread.draw_length(rng) for _ in range(N)])[3:]
    assert len(counts) == 4
    assert stats.chisquare(counts).pvalue > 0.01


@given(
    mean=st.floats(min_value=0.1, max_value=1e4),
    stddev=st.floats(min_value=0.1, max_value=1e4),
    low=st.integers(1, 50),
    width=st.integers(0, 50),
    shape=st.sampled_from(["normal", "lognormal"]),
    seed=st.integers(0, 2**32),
)
def test_lengths_are_whole_and_stay_within_their_bounds(
    mean: float, stddev: float, low: int, width: int, shape: str, seed: int
) -> None:
    section = LengthSpread.model_validate(
        {"distribution": shape, "mean": mean, "stddev": stddev, "min": low, "max": low + width}
    )
    rng, spread = np.random.default_rng(seed), spread_of(section)
    assert all(low <= spread.draw_length(rng) <= low + width for _ in range(5))


def test_a_length_without_bounds_is_at_least_one() -> None:
    spread = spread_of(LengthSpread(distribution="normal", mean=1, stddev=100))
    assert (spread.low, spread.high) == (0.0, inf)
    assert min(spread.draw_length(np.random.default_rng(seed)) for seed in range(50)) == 1


def test_a_fixed_length_takes_nothing_from_the_generator() -> None:
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    assert (a_length(7, rng), length_of(7)) == (7, 7)
    assert length_of(LengthSpread(distribution="fixed", value=9)) == 9
    assert rng.bit_generator.state == before
    assert Spread("fixed", 5.0, 0.0, 0.0, inf).draw(rng) == 5.0


@pytest.mark.parametrize(
    ("given_keys", "message"),
    [
        ({"distribution": "normal", "mean": 5}, "`normal` takes `mean` and `stddev`; `stddev` is missing"),
        ({"distribution": "uniform", "min": 5, "max": 9, "mean": 3}, "`uniform` takes `min` and `max`, not `mean`"),
        ({"distribution": "fixed", "value": 5, "max": 9}, "not `max`"),
        ({"distribution": "uniform", "min": 9, "max": 5}, r"`min` \(9\) is above `max` \(5\)"),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(given_keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LengthSpread.model_validate(given_keys)
