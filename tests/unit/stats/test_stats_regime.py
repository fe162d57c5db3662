"""What is known of a growing regime is what a look at all of its values says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.stats.noise import median, robust_deviation
from lens_gate.stats.regime import CLIP, GrowingRegime, clipped

SMALL = st.floats(-3, 3) | st.sampled_from([0.0, 0.5, -0.5])
WILD = st.floats(-1e150, 1e150) | st.sampled_from([0.0, 1e-200])
HISTORIES = st.lists(SMALL, min_size=1, max_size=150) | st.lists(WILD, min_size=1, max_size=90)


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 40))
def test_middle_and_spread_are_those_of_all_values_to_the_last_bit(values: list[float], known: int) -> None:
    series = np.array(values)
    regime = GrowingRegime(series[:known])
    for end in range(min(known, len(values)), len(values)):
        regime.add(values[end])
        seen = series[: end + 1]
        centre = median(seen)
        assert regime.median == centre
        sizes = median(np.abs(seen - centre))
        assert regime.deviation == (robust_deviation(seen - centre) if sizes else 0.0)
        assert regime.constant is bool((seen == seen[0]).all())


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 40))
def test_the_moments_are_those_of_all_scores_but_for_rounding(values: list[float], known: int) -> None:
    regime = GrowingRegime(np.array(values[:known]))
    for value in values[known:]:
        regime.add(value)
    centre, deviation = regime.median, regime.deviation
    found = regime.moments(centre, deviation)
    if found is None:
        return
    scores = np.array(clipped(values, centre, deviation))
    centred = scores - scores.mean()
    assert found.count == len(values)
    assert found.mean == pytest.approx(scores.mean(), abs=1e-8)
    assert found.variance == pytest.approx((centred**2).mean(), abs=1e-8)
    assert found.third == pytest.approx((centred**3).mean(), abs=1e-8)


def test_a_usual_history_has_moments_after_every_run() -> None:
    values = np.random.default_rng(3).standard_normal(500)
    regime = GrowingRegime(values[:10])
    for value in values[10:]:
        regime.add(float(value))
        assert regime.moments(regime.median, regime.deviation) is not None


def test_a_regime_whose_spread_says_nothing_or_went_far_off_has_no_moments() -> None:
    flat = GrowingRegime(np.array([1.0, 1.0, 1.0, 2.0]))
    assert flat.moments(flat.median, flat.deviation) is None
    known = GrowingRegime(np.arange(9.0))
    assert known.moments(known.median, known.deviation) is not None
    assert known.moments(1e6, known.deviation) is None
    assert known.moments(known.median, 100 * known.deviation) is None
    assert known.moments(known.median, known.deviation / 100) is None


def test_a_score_is_clipped_on_both_sides() -> None:
    assert clipped([-100.0, 0.0, 1.0, 100.0], 0.0, 1.0) == [-CLIP, 0.0, 1.0, CLIP]
