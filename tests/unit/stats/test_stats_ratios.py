from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.stats.ratios import Ratio, mean_ratio, median_ratio

POSITIVE = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize("compared", [mean_ratio, median_ratio])
def test_intervals_cover_the_truth_as_often_as_they_say(compared: Callable[..., Ratio]) -> None:
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(500):
        shared = rng.normal(0, 0.3, 200)
        base = np.exp(shared + rng.normal(0, 0.2, 200))
        candidate = 1.1 * np.exp(shared + rng.normal(0, 0.2, 200))
        found = compared(base, candidate, tail=0.025)
        covered += (found.lower or 0.0) <= math.log(1.1) <= (found.upper or 0.0)

    # 95 % of 500: 475, standard deviation 4.9.
    assert 455 <= covered <= 494


@given(POSITIVE, POSITIVE)
def test_estimates_are_the_plain_ratios_and_lie_inside(one: list[float], other: list[float]) -> None:
    count = min(len(one), len(other))
    base, candidate = np.array(one[:count]), np.array(other[:count])

    by_mean, by_median = (compared(base, candidate, tail=0.05) for compared in (mean_ratio, median_ratio))

    assert math.exp(by_mean.estimate) == pytest.approx(candidate.mean() / base.mean())
    assert math.exp(by_median.estimate) == pytest.approx(np.median(candidate) / np.median(base))
    assert (by_mean.lower is None) == (count == 1)
    for ratio in (by_mean, by_median):
        if ratio.lower is not None and ratio.upper is not None:
            assert ratio.lower <= ratio.estimate <= ratio.upper
