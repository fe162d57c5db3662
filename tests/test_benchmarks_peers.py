"""The comparison with other tools is only worth something when their rules do what their documentation says."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
from benchmarks.decisions import peers, rowwise
from benchmarks.decisions.generator import DRIFT_5, IID, PROFILES, UNCHANGED, Change, Weather
from benchmarks.decisions.peer_rules import (
    HISTORY_RULES,
    QUANTITIES,
    RULES,
    TREND_WINDOW,
    Compared,
    Histories,
    TwoSides,
    slope,
)
from benchmarks.decisions.rowwise import Floats, Pooled
from benchmarks.decisions.two_runs import SAME_TIME, base_and_candidate
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.stats.two_sample import TwoSample, kolmogorov_smirnov, mann_whitney, welch_t


def some_samples(seed: int, *, ties: bool) -> tuple[Floats, Floats]:
    """Three pairs of samples of unlike sizes, with a few failed requests."""
    rng = np.random.default_rng(seed)
    candidate, base = rng.lognormal(0.1, 0.4, (3, 40)), rng.lognormal(0, 0.4, (3, 50))
    for side in (candidate, base):
        side[rng.random(side.shape) < 0.1] = np.nan
    return (np.round(candidate, 1), np.round(base, 1)) if ties else (candidate, base)


def by_the_product(test: object, candidate: Floats, base: Floats) -> list[TwoSample]:
    assert callable(test)
    return [test(c[~np.isnan(c)], b[~np.isnan(b)]) for c, b in zip(candidate, base, strict=True)]


@given(seed=st.integers(0, 10**6), ties=st.booleans())
def test_the_tests_of_whole_tables_are_the_product_s(seed: int, ties: bool) -> None:
    candidate, base = some_samples(seed, ties=ties)
    pooled = Pooled.of(candidate, base)

    for found, test in ((rowwise.welch(candidate, base), welch_t), (pooled.mann_whitney(), mann_whitney)):
        known = by_the_product(test, candidate, base)
        assert found.p_value == pytest.approx([one.p_value for one in known], rel=1e-9)
        assert np.sign(found.direction).tolist() == np.sign([one.direction for one in known]).tolist()

    known = by_the_product(kolmogorov_smirnov, candidate, base)
    for level in (0.5, 0.05):
        significant, gap = pooled.kolmogorov_smirnov(level=level)
        assert significant.tolist() == [one.p_value < level for one in known]
        assert np.abs(gap) == pytest.approx([one.statistic for one in known])


def test_the_largest_gap_is_positive_where_the_candidate_is_slower() -> None:
    candidate, base = some_samples(2, ties=False)

    for ours, theirs, sign in ((candidate + 1, base, 1), (candidate, base + 1, -1)):
        known = by_the_product(kolmogorov_smirnov, ours, theirs)
        _, gap = Pooled.of(ours, theirs).kolmogorov_smirnov(level=0.05)
        assert np.sign(gap).tolist() == np.sign([one.direction for one in known]).tolist() == [sign] * 3


@given(seed=st.integers(0, 10**6), probability=st.floats(0, 1))
def test_quantiles_leave_failed_requests_out(seed: int, probability: float) -> None:
    _, base = some_samples(seed, ties=False)

    assert rowwise.quantiles(base, [probability])[0] == pytest.approx(np.nanquantile(base, probability, axis=-1))


def test_the_bootstrap_bounds_the_change_of_means_as_theory_does() -> None:
    rng = np.random.default_rng(3)
    candidate, base = rng.normal(110, 10, (1, 1, 1, 400)), rng.normal(100, 10, (1, 1, 1, 400))

    bound = rowwise.bootstrapped_change(candidate, base, rng, tail=0.025)

    ratio = candidate.mean() / base.mean()
    error = ratio * np.hypot(*(side.std() / side.mean() / 20 for side in (candidate, base)))
    assert bound.item() == pytest.approx(ratio - 1 - 1.96 * error, abs=0.25 * error)


def test_the_shift_is_the_median_of_all_differences() -> None:
    candidate, base = some_samples(5, ties=False)
    exact = [
        np.median([c - b for c, b in product(ours[~np.isnan(ours)], theirs[~np.isnan(theirs)])])
        for ours, theirs in zip(candidate, base, strict=True)
    ]

    assert rowwise.shift(candidate, base) == pytest.approx(exact, abs=0.01)
    assert rowwise.shift(candidate[:0], base[:0]).tolist() == []


def test_a_tolerance_of_a_quarter_asks_for_more_than_a_difference() -> None:
    rng = np.random.default_rng(6)
    base, candidate = rng.normal(0, 1, (200, 60)), rng.normal(0.5, 1, (200, 60))
    ranks = Pooled.of(candidate, base).mann_whitney()

    any_shift, quarter, half = (
        rowwise.exceeds_part_of_its_shift(candidate, base, ranks, part=part, tail=0.01) for part in (0.0, 0.25, 0.5)
    )

    assert any_shift.tolist() == (ranks.p_greater < 0.01).tolist()
    assert any_shift.sum() > quarter.sum() > half.sum() > 0
    assert not (quarter & ~any_shift).any()


def sides(base: Floats, candidate: Floats) -> Compared:
    """One gate of one model in which all four quantities have these times."""
    shaped = (np.tile(times, (1, 1, 4, 1)) for times in (base, candidate))
    return Compared.of(TwoSides(**dict(zip(("base", "candidate"), shaped, strict=True))), np.random.default_rng(1))


def alarms(name: str, base: Floats, candidate: Floats) -> bool:
    (rule,) = (rule for rule in RULES if rule.name.startswith(name))
    return bool(rule.alarms(sides(base, candidate)).any())


def alarming(base: Floats, candidate: Floats) -> list[str]:
    compared = sides(base, candidate)
    return [rule.name for rule in RULES if rule.alarms(compared).any()]


TIMES = np.linspace(90, 110, 41)


@pytest.mark.parametrize(
    ("name", "quiet", "loud"),
    [
        ("github-action-benchmark, alert-threshold 200 %", 1.99, 2.01),
        ("github-action-benchmark, alert-threshold 110 %", 1.09, 1.11),
        ("pytest-benchmark, min:5%", 1.04, 1.06),
        ("k6", 1.14, 1.16),
        ("asv", 1.09, 1.11),
        ("criterion", 1.01, 1.05),
        ("benchstat", 0.8, 1.05),
        ("Kayenta", 0.8, 1.1),
        ("spec, mean +10 %", 1.09, 1.11),
        ("spec, t-test", 0.8, 1.1),
        ("spec, mann-whitney", 0.8, 1.1),
        ("spec, kolmogorov-smirnov", 0.8, 1.1),
    ],
)
def test_each_rule_alarms_above_its_parameter_and_not_below(name: str, quiet: float, loud: float) -> None:
    assert not alarms(name, TIMES, quiet * TIMES)
    assert alarms(name, TIMES, loud * TIMES)


def test_one_error_against_none_alarms_where_errors_are_asked_about() -> None:
    one_failed = np.where(np.arange(41) == 20, np.nan, TIMES)

    assert alarming(TIMES, one_failed) == ["spec, mean +10 %, p95 +15 %, errors +50 %"]
    assert alarming(one_failed, TIMES) == []


def a_history(candidate: float) -> Histories:
    """One gate of one model whose last twenty runs gave 95, 105, 95, … (a deviation of 5, quartiles 95 and 105)."""
    before = np.tile([95.0, 105.0], 10)
    return Histories(before=np.tile(before[None, :, None, None], (1, 1, 1, 5)), candidate=np.full((1, 1, 5), candidate))


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("Bencher, percentage 0.1", 110.0),
        ("Bencher, z_score 0.95", 100 + 1.6449 * 5),
        ("Bencher, z_score 0.99", 100 + 2.3263 * 5),
        ("Bencher, t_test 0.95", 100 + 1.7291 * 5),
        ("Bencher, t_test 0.99", 100 + 2.5395 * 5),
        ("Bencher, log_normal 0.95", np.sqrt(95 * 105) * (105 / 95) ** (1.6449 / 2)),
        ("Bencher, log_normal 0.99", np.sqrt(95 * 105) * (105 / 95) ** (2.3263 / 2)),
        ("Bencher, iqr 1.5", 100 + 1.5 * 10),
        ("Bencher, iqr 3", 100 + 3 * 10),
    ],
)
def test_each_rule_on_history_has_its_documented_limit(name: str, limit: float) -> None:
    (rule,) = (rule for rule in HISTORY_RULES if rule.name == name)

    assert not rule.alarms(a_history(limit - 0.01)).any()
    assert rule.alarms(a_history(limit + 0.01)).any()


def test_a_slope_is_that_of_least_squares_over_the_mean() -> None:
    rng = np.random.default_rng(8)
    runs = rng.lognormal(5, 0.2, 21)
    history = Histories(
        before=np.tile(runs[None, :20, None, None], (1, 1, 1, 5)), candidate=np.full((1, 1, 5), runs[20])
    )
    window = runs[-TREND_WINDOW:]
    share = float(np.polyfit(np.arange(TREND_WINDOW), window, 1)[0] / window.mean())

    assert slope(share - 1e-6, runs=1)(history).all()
    assert not slope(share + 1e-6, runs=1)(history).any()
    assert slope(10 * share - 1e-5, runs=10)(history).all()


@pytest.mark.parametrize("weather", [DRIFT_5, SAME_TIME])
def test_a_slower_candidate_is_the_generator_s(weather: Weather) -> None:
    def drawn(change: Change) -> TwoSides:
        base, candidate = base_and_candidate(np.random.default_rng(9), requests=30, weather=weather, change=change)
        return TwoSides(base=peers.values(base)[None], candidate=peers.values(candidate)[None])

    made, scaled = drawn(Change.slower(10)), drawn(UNCHANGED).slower(10)

    assert made.base == pytest.approx(scaled.base, nan_ok=True)
    assert made.candidate[:, :, :3] == pytest.approx(scaled.candidate[:, :, :3], nan_ok=True)


def test_values_keep_models_and_quantities_apart() -> None:
    base, _ = base_and_candidate(np.random.default_rng(1), requests=200, weather=IID)
    found = peers.values(base)

    assert found.shape == (len(PROFILES), len(QUANTITIES), 200)
    assert np.nanmedian(found[:, 0], axis=-1) / 1e6 == pytest.approx([400, 610, 355, 450], rel=0.1)


def test_a_short_run_of_the_comparison_prints_all_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", "--gates", "2", "--requests", "30"])

    peers.main()

    printed = capsys.readouterr().out
    assert printed.count("\n### 30 requests a side") == 3
    assert all(f"| {rule.name} |" in printed for rule in (*RULES, *HISTORY_RULES))
    assert "nan" not in printed
