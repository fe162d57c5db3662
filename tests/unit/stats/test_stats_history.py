from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lens_gate.stats.history import USUAL, Forecast, evidence, forecast, measured_now
from lens_gate.stats.levels import Level

ERROR = 0.03
LEVELS = st.lists(st.builds(Level, st.floats(3, 9), st.floats(0, 0.02)), min_size=1, max_size=12)


def levels(values: Sequence[float], error: float = ERROR) -> list[Level]:
    return [Level(value, error**2) for value in values]


def drawn(seed: int, runs: int, *, drift: float = 0.05, error: float = ERROR) -> list[Level]:
    rng = np.random.default_rng(seed)
    return levels((6 + rng.normal(0, drift, runs) + rng.normal(0, error, runs)).tolist(), error)


def reach(found: Forecast, tail: float = 0.001) -> float:
    """How far above its middle a run of usual size may lie."""
    return found.quantile(1 - tail, variance=ERROR**2) - found.quantile(0.5)


class TestTheDays:
    def test_their_mixture_of_normals_is_student_s_t(self) -> None:
        variances, weights = USUAL.day_kinds
        for distance in (0.5, 1, 2, 4, 8, 12):
            mixed = float(weights @ stats.norm.sf(distance / np.sqrt(variances)))
            assert mixed == pytest.approx(stats.t.sf(distance, USUAL.day_freedom), rel=0.06)

    def test_two_of_three_lie_within_the_typical_distance(self) -> None:
        assert 2 * stats.t.cdf(USUAL.typical, USUAL.day_freedom) - 1 == pytest.approx(2 / 3)


class TestOneRun:
    def test_says_where_the_level_is_and_leaves_the_drift_to_what_is_usual(self) -> None:
        found = forecast(levels([6.0]))

        assert found.quantile(0.5) == pytest.approx(6.0, abs=1e-6)
        assert found.prior_weight == pytest.approx(1)
        assert 0.02 < found.run_to_run < 0.06

    def test_foretells_what_the_prior_says(self) -> None:
        """Held against draws of the model: a scale, two days, and the error of the stored run."""
        rng = np.random.default_rng(8)
        scale = USUAL.scale * np.abs(rng.standard_t(USUAL.scale_freedom, 400_000))
        days = scale[:, np.newaxis] * rng.standard_t(USUAL.day_freedom, (400_000, 2))
        simulated = 6.0 + days[:, 0] + days[:, 1] + ERROR * rng.standard_normal(400_000)

        found = forecast(levels([6.0]))

        for probability in (0.75, 0.95, 0.99, 0.999):
            expected = float(np.quantile(simulated, probability)) - 6.0
            assert found.quantile(probability) - 6.0 == pytest.approx(expected, rel=0.12)

    def test_needs_a_run(self) -> None:
        with pytest.raises(ValueError, match="at least one run"):
            forecast([])


class TestMoreRuns:
    def test_narrow_the_forecast_bit_by_bit(self) -> None:
        """No cliff: on average each further run helps, none decides."""
        reaches = [np.mean([reach(forecast(drawn(seed, runs))) for seed in range(30)]) for runs in (1, 2, 3, 5, 10, 20)]

        ratios = [after / before for before, after in pairwise(reaches)]
        assert all(0.5 < ratio < 1 for ratio in ratios)

    def test_tell_the_drift(self) -> None:
        for drift in (0.02, 0.05, 0.1):
            found = np.mean([forecast(drawn(seed, 20, drift=drift, error=0.005)).run_to_run for seed in range(20)])
            assert found == pytest.approx(drift, rel=0.3)

    def test_leave_less_to_what_is_usual(self) -> None:
        weights = [np.mean([forecast(drawn(seed, runs)).prior_weight for seed in range(20)]) for runs in (1, 3, 10, 20)]

        assert weights == sorted(weights, reverse=True)
        assert weights[-1] < 0.2

    def test_foretell_the_next_one_as_often_as_they_say(self) -> None:
        below: dict[float, int] = {0.05: 0, 0.5: 0, 0.95: 0}
        for seed in range(300):
            *before, last = drawn(1000 + seed, 13)
            share = 1 - forecast(before).at_least(last)
            below = {limit: count + (share < limit) for limit, count in below.items()}

        # 15, 150 and 285 expected, standard deviations 3.8, 8.7 and 3.8.
        assert 3 <= below[0.05] <= 30
        assert 120 <= below[0.5] <= 180
        assert 270 <= below[0.95] <= 297

    def test_of_a_wild_day_are_hardly_moved(self) -> None:
        calm = drawn(5, 15)
        wild = [*calm[:10], Level(calm[10].log_value + 0.6, ERROR**2), *calm[11:]]

        before, after = forecast(calm), forecast(wild)

        assert after.quantile(0.5) == pytest.approx(before.quantile(0.5), abs=0.02)
        assert reach(after) < 1.6 * reach(before)

    def test_follow_a_plateau_that_jumped_for_good(self) -> None:
        before, after = drawn(6, 10), drawn(7, 4)
        jumped = [*before, *(Level(one.log_value + 0.5, one.variance) for one in after)]

        found = forecast(jumped)

        assert found.quantile(0.5) == pytest.approx(6.5, abs=0.05)
        assert found.at_least(Level(6.5, ERROR**2)) > 0.2

    def test_with_large_errors_are_no_drift(self) -> None:
        """Runs that scatter as their own errors say do not make the next one uncertain beyond its own."""
        small = np.mean([forecast(drawn(seed, 15, drift=0, error=0.1)).run_to_run for seed in range(20)])

        assert small < 0.05

    def test_count_for_more_the_more_requests_they_had(self) -> None:
        many, few = Level(6.0, 0.001**2), Level(6.6, 0.5**2)

        assert forecast([many, few]).quantile(0.5) == pytest.approx(6.0, abs=0.1)


class TestAControl:
    def test_pulls_the_expectation_to_what_was_measured_today(self) -> None:
        history = drawn(9, 10)
        today = Level(6.3, 0.01**2)

        found = forecast(history).given(today)

        assert found.quantile(0.5) == pytest.approx(6.3, abs=0.02)
        assert reach(found) < reach(forecast(history))

    def test_with_a_large_error_of_its_own_says_little(self) -> None:
        history = drawn(9, 10)

        found = forecast(history).given(Level(6.3, 1.0))

        assert found.quantile(0.5) == pytest.approx(forecast(history).quantile(0.5), abs=0.01)

    def test_is_weighed_by_its_precision(self) -> None:
        """A single normal possibility: the posterior of two normal measurements of one level."""
        one = Forecast(
            weights=np.ones(1), means=np.zeros(1), variances=np.full(1, 0.04), run_to_run=0.1, prior_weight=0.5
        )

        found = one.given(Level(1.0, 0.01))

        assert found.quantile(0.5) == pytest.approx(0.8)
        assert found.quantile(0.975) - found.quantile(0.5) == pytest.approx(1.96 * math.sqrt(0.008), rel=1e-3)

    def test_alone_has_nothing_but_its_own_error(self) -> None:
        found = measured_now(Level(6.0, 0.02**2))

        assert found.quantile(0.975, variance=0.03**2) == pytest.approx(6 + 1.96 * math.hypot(0.02, 0.03), rel=1e-4)
        assert (found.run_to_run, found.prior_weight) == (0, 0)

    def test_without_any_scatter_is_a_point(self) -> None:
        found = measured_now(Level(6.0, 0.0))

        assert found.quantile(0.99) == pytest.approx(6.0, abs=1e-6)
        assert found.at_least(Level(6.1, 0.0)) == pytest.approx(0)


@settings(max_examples=40, deadline=None)
@given(LEVELS, st.floats(0.001, 0.999), st.floats(0, 0.01))
def test_a_quantile_is_where_the_forecast_says(history: list[Level], probability: float, variance: float) -> None:
    found = forecast(history)

    place = found.quantile(probability, variance=variance)

    assert found.at_least(Level(place, variance)) == pytest.approx(1 - probability, abs=1e-4)
    assert found.weights.sum() == pytest.approx(1)
    assert 0 <= found.prior_weight <= 1


@settings(max_examples=40, deadline=None)
@given(LEVELS, st.floats(-3, 3))
def test_a_forecast_moves_with_its_history(history: list[Level], shift: float) -> None:
    moved = forecast([Level(one.log_value + shift, one.variance) for one in history])

    assert moved.quantile(0.9) == pytest.approx(forecast(history).quantile(0.9) + shift, abs=1e-4)


def test_a_quantile_needs_a_probability() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        forecast(levels([6.0])).quantile(1.0)


def test_what_explains_a_history_has_the_evidence() -> None:
    """Days drawn with a scale of 0.05 speak for it, against a tenth and ten times of it."""
    histories = [drawn(seed, 20, error=0.01) for seed in range(10)]
    right, narrow, wide = (
        sum(evidence(history, replace(USUAL, scale=scale)) for history in histories) for scale in (0.05, 0.005, 0.5)
    )

    assert right > narrow + 5
    assert right > wide + 5
