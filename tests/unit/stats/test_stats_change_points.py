from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lens_gate.stats.change_points import (
    FEWEST_AFTER,
    FEWEST_BEFORE,
    FEWEST_RUNS,
    MOST_AFTER,
    NEAR,
    Alarm,
    ChangePoints,
    Shift,
    change_points,
    z_scores,
)
from lens_gate.stats.regime import GrowingRegime, Moments

Floats = NDArray[np.float64]

VALUES = st.lists(st.floats(-1, 1) | st.sampled_from([0.0, 0.5]), max_size=45).map(np.array)


def noise(count: int, *, seed: int = 1, deviation: float = 0.05) -> Floats:
    return deviation * np.random.default_rng(seed).standard_normal(count)


def stepped(step: float, *, before: int = 45, after: int = 15, seed: int = 1) -> Floats:
    return noise(before + after, seed=seed) + step * (np.arange(before + after) >= before)


def rises(found: ChangePoints) -> list[tuple[int, int]]:
    return [(alarm.run, alarm.index) for alarm in found.alarms if alarm.rises]


def test_a_step_is_seen_within_a_few_runs_and_placed_where_it_is() -> None:
    (alarm,) = change_points(stepped(0.15)).alarms
    assert alarm == Alarm(run=47, index=45, rises=True)


def test_a_step_down_is_the_mirror_of_one_up() -> None:
    up, down = change_points(stepped(0.15)), change_points(-stepped(0.15))
    assert [(a.run, a.index, not a.rises) for a in down.alarms] == [(a.run, a.index, a.rises) for a in up.alarms]
    assert [shift.index for shift in down.shifts] == [shift.index for shift in up.shifts]


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 45))
def test_what_is_found_after_a_run_does_not_depend_on_later_ones(values: Floats, end: int) -> None:
    whole, part = change_points(values), change_points(values[:end])
    assert part.alarms == tuple(alarm for alarm in whole.alarms if alarm.run < end)


def strongest_of_all(regime: Floats) -> tuple[int, float]:
    """Return what a look at every run of a regime says, as the module's text has it: |z| most beyond its limit."""
    lengths = range(FEWEST_AFTER, min(MOST_AFTER, len(regime) - FEWEST_BEFORE) + 1)
    z = dict(zip(lengths, z_scores(regime, lengths), strict=True)) if lengths else {}
    excess = {k: abs(value) - min(2.57 + 0.08 * (k - FEWEST_AFTER), 2.97) for k, value in z.items()}
    best = max(excess, key=lambda k: excess[k], default=0)
    return (best, z[best]) if best and excess[best] >= 0 else (0, 0.0)


def signals(values: Floats) -> list[tuple[int, int]]:
    """Return where the slow form sees something after each run, and how long it is, each regime from its start."""
    found, start = [], 0
    for run in range(FEWEST_RUNS - 1, len(values)):
        length, z = strongest_of_all(values[start : run + 1])
        if length:
            found.append((run, run + 1 - length))
        if length >= FEWEST_BEFORE and abs(z) >= 4:
            start = run + 1 - length
    return found


SHAPES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy": lambda rng, n: rng.standard_cauchy(n) * 10.0 ** rng.integers(-150, 150),
    "skewed": lambda rng, n: rng.lognormal(0, 1, n),
    "tied": lambda rng, n: np.round(rng.standard_normal(n), 1),
    "mostly zero": lambda rng, n: rng.choice([0.0, 0.0, 0.0, 1.0], n),
    "wandering": lambda rng, n: 0.2 * np.cumsum(rng.standard_normal(n)) + rng.standard_normal(n),
}


@pytest.mark.proving
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_seen_at_once_is_what_a_look_at_all_runs_sees(shape: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(4):
        values = SHAPES[shape](rng, 220)
        values[int(rng.integers(220)) :] += 1.5 * rng.standard_normal()
        seen = signals(values)
        alarms = [(alarm.run, alarm.index) for alarm in change_points(values).alarms]
        assert set(alarms) <= set(seen)
        assert bool(alarms) is bool(seen)
        assert not seen or alarms[0] == seen[0]


def test_a_long_history_takes_little_for_each_run() -> None:
    looked = []
    known = GrowingRegime.moments

    def counted(self: GrowingRegime, centre: float, deviation: float) -> Moments | None:
        looked.append(found := known(self, centre, deviation))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GrowingRegime, "moments", counted)
        change_points(noise(3000))
    assert len(looked) > 2900
    assert None not in looked


@settings(max_examples=60, deadline=None)
@given(VALUES, st.floats(0.1, 10), st.floats(-5, 5))
def test_neither_unit_nor_origin_matters(values: Floats, unit: float, origin: float) -> None:
    rounded = np.round(values, 3)
    moved = change_points(np.round(rounded * 2**10) * 2.0**-3 + 64)
    assert moved.alarms == change_points(np.round(rounded * 2**10)).alarms


def test_equal_values_and_short_series_have_no_shift() -> None:
    nothing = ChangePoints((), ())
    assert change_points(np.full(60, 7.0)) == nothing
    assert change_points([]) == nothing
    assert change_points(np.repeat([0.0, 9.0], [FEWEST_RUNS - 3, 2])) == nothing


def test_equal_values_lie_nowhere_above_those_before_them() -> None:
    assert z_scores(np.full(40, 7.0), range(3, 9)) == [0.0] * 6


def test_the_shortest_series_that_can_show_a_shift_does() -> None:
    values = np.concatenate([noise(FEWEST_RUNS - 3), np.full(3, 5.0)])
    assert rises(change_points(values)) == [(FEWEST_RUNS - 1, FEWEST_RUNS - 3)]


def test_a_step_without_any_noise_is_found() -> None:
    assert rises(change_points(np.repeat([100.0, 101.0], [40, 3]))) == [(42, 40)]


@pytest.mark.parametrize(("runs", "deviation"), [(1, 0.05), (1, 0.0), (2, 0.0)])
def test_one_wild_run_is_no_shift_however_wild_nor_are_two_in_a_silent_series(runs: int, deviation: float) -> None:
    for seed in range(20):
        values = noise(40, seed=seed, deviation=deviation)
        wild = values.copy()
        wild[30 : 30 + runs] = 1000.0
        news = set(rises(change_points(wild[: 30 + runs]))) - set(rises(change_points(values[: 30 + runs])))
        assert news == set()


def test_a_shift_that_lasts_begins_a_regime_in_which_the_next_one_is_found() -> None:
    values = noise(60) + np.repeat([0.0, 0.4, 0.8], [20, 20, 20])
    found = change_points(values)
    assert rises(found) == [(22, 20), (42, 40)]
    assert [(shift.index, shift.rises, shift.certain) for shift in found.shifts] == [(20, True, True), (40, True, True)]


def test_a_level_that_returned_leaves_its_alarm_and_no_shift() -> None:
    values = noise(45) + np.repeat([0.0, 0.3, 0.0], [25, 4, 16])
    found = change_points(values)
    assert rises(found) == [(27, 25)]
    assert found.shifts == ()


def test_a_shift_stands_before_it_is_certain() -> None:
    found = change_points(stepped(0.15)[:49])
    assert found.shifts == (Shift(index=45, found=47, rises=True, certain=False),)


def test_an_alarm_near_a_known_place_is_no_news() -> None:
    for seed in range(30):
        alarms = change_points(stepped(0.1, seed=seed)).alarms
        places = sorted(alarm.index for alarm in alarms if alarm.rises)
        assert all(later - earlier > NEAR for earlier, later in pairwise(places))


def test_of_two_alarms_about_one_rise_only_that_which_began_a_regime_stands() -> None:
    found = change_points(noise(60, seed=6) + np.repeat([0.0, 0.05, 0.15], [30, 5, 25]))
    assert rises(found) == [(35, 30), (36, 34)]
    assert [(shift.index, shift.certain) for shift in found.shifts] == [(34, True)]


def test_values_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        change_points([1.0, float("nan")])


def test_the_sum_of_the_last_values_is_standardized_as_a_sample_without_replacement() -> None:
    """Of all choices of the last 6 of 14 skewed values, z passes 1.645 either way about as often as a normal z."""
    values = np.random.default_rng(4).standard_exponential(14)
    z = []
    for chosen in combinations(range(14), 6):
        last = np.isin(np.arange(14), chosen)
        z.append(z_scores(np.concatenate([values[~last], values[last]]), [6])[0])
    assert [np.mean(np.array(z) > 1.645), np.mean(np.array(z) < -1.645)] == pytest.approx([0.05, 0.05], abs=0.015)


@pytest.mark.proving
@pytest.mark.parametrize("skewed", [False, True])
def test_alarms_are_as_rare_under_skewed_noise_as_under_normal_noise(skewed: bool) -> None:
    rng = np.random.default_rng(5)
    draws = rng.standard_exponential((100, 45)) - 1 if skewed else rng.standard_normal((100, 45))
    alarms = sum(alarm.run >= 19 for line in draws for alarm in change_points(line).alarms)
    assert alarms / 100 / 26 < 0.018  # both directions: twice 0.4 %, plus five standard errors


def test_alike_neighbours_widen_the_spread() -> None:
    rng = np.random.default_rng(6)
    steps = rng.standard_normal(60)
    alike = np.array([steps[max(0, run - 3) : run + 1].sum() for run in range(60)])
    shuffled = rng.permutation(alike[: 60 - MOST_AFTER])
    apart = np.concatenate([shuffled, alike[60 - MOST_AFTER :]])
    lengths = [5]
    assert abs(z_scores(alike, lengths)[0]) < 0.8 * abs(z_scores(apart, lengths)[0])
