"""What each rule says of a history, and when it says that it cannot know."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.trend import TrendFinding, TrendRule, TrendSeries
from lens_gate.errors import UsageProblem
from lens_gate.trends.history import RunRecord
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import SERIES
from tests.histories import (
    MEDIAN,
    a_record,
    a_trend,
    commit,
    noisy,
    only_series,
    points_of,
    records_of,
    run_id,
    start,
    stepped,
)
from tests.saying import said

LOGS = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=30)


def finding(series: TrendSeries, rule: TrendRule = TrendRule.CHANGE_POINTS) -> TrendFinding:
    return next(one for one in series.findings if one.rule is rule)


def judged(records: list[RunRecord], rule: TrendRule, **choices: Any) -> TrendFinding:
    return finding(only_series(records, rules=(rule,), **choices), rule)


# change points


def test_a_step_for_the_worse_is_a_regression_with_its_size_run_and_commits() -> None:
    series = only_series(records_of(stepped(math.log(1.2))))
    (shift,) = series.shifts
    assert (shift.index, shift.run, shift.time) == (30, run_id(30), start(30))
    assert (shift.commit, shift.previous_commit) == (commit(30), commit(29))
    assert (shift.rises, shift.worse, shift.alarm) == (True, True, True)
    assert shift.effect.lower is not None
    assert shift.effect.upper is not None
    assert shift.effect.lower < 20 < shift.effect.upper
    assert shift.after / shift.before == pytest.approx(1.2, rel=0.04)
    assert finding(series).outcome is Outcome.REGRESSION
    assert f"run 31 of 38, 2026-01-31, commit {commit(30)[:7]}; seen since run 33" in said(finding(series))


def test_a_steady_line_passes_and_says_what_it_would_have_seen() -> None:
    series = only_series(records_of(noisy(40)))
    assert finding(series).outcome is Outcome.PASS
    assert series.shifts == ()
    assert series.noise == pytest.approx(3, rel=0.3)
    assert series.visible is not None
    assert series.noise is not None
    assert series.visible == pytest.approx(2 * series.noise, rel=0.05)
    assert f"a step of about {series.visible:.1f} %" in said(finding(series))


def test_a_silent_line_claims_to_see_no_less_than_what_matters() -> None:
    assert "a step of about 3.0 % would be found" in said(finding(only_series(records_of([0.0] * 20))))


@pytest.mark.parametrize(
    ("runs", "outcome"), [(1, Outcome.INCONCLUSIVE), (10, Outcome.INCONCLUSIVE), (11, Outcome.PASS)]
)
def test_too_few_runs_are_never_a_pass_and_the_number_needed_is_said(runs: int, outcome: Outcome) -> None:
    found = finding(only_series(records_of(noisy(runs))))
    assert found.outcome is outcome
    assert (f"Too few runs: {runs} of the 11" in said(found)) is (outcome is Outcome.INCONCLUSIVE)


def test_noise_in_which_a_doubling_would_drown_is_no_pass() -> None:
    found = finding(only_series(records_of(noisy(40, deviation=0.6))))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "Too noisy" in said(found)


def test_a_step_for_the_better_is_told_and_no_alarm() -> None:
    series = only_series(records_of(stepped(-math.log(1.2))))
    (shift,) = series.shifts
    assert (shift.rises, shift.worse, shift.alarm) == (False, False, False)
    assert finding(series).outcome is Outcome.PASS
    assert "Changed down by −" in said(finding(series))


@pytest.mark.parametrize(("metric", "alarm"), [("output_tokens_per_second", True), ("mean_output_tokens", True)])
def test_a_fall_is_worse_where_more_is_better_or_either_direction_counts(metric: str, alarm: bool) -> None:
    series = only_series(records_of(stepped(-math.log(1.2)), metric=metric), metrics=(metric,))
    assert [(shift.worse, shift.alarm) for shift in series.shifts] == [(True, alarm)]


def test_a_shift_smaller_than_what_matters_is_no_alarm() -> None:
    quiet = [log / 10 for log in stepped(0.2)]
    assert finding(only_series(records_of(quiet))).outcome is Outcome.PASS
    assert finding(only_series(records_of(quiet), threshold_percent=1.0)).outcome is Outcome.REGRESSION


def test_an_alarm_lasts_for_the_recent_runs() -> None:
    records = records_of(stepped(math.log(1.2), after=12))
    (shift,) = only_series(records).shifts
    age = len(records) - shift.found
    assert finding(only_series(records, recent_runs=age)).outcome is Outcome.REGRESSION
    assert finding(only_series(records, recent_runs=age - 1)).outcome is Outcome.PASS


def test_what_a_later_shift_took_back_is_no_alarm_any_more() -> None:
    logs = [log - (0.4 if run >= 29 else 0.0) for run, log in enumerate(stepped(0.4, before=20, after=13))]
    series = only_series(records_of(logs), recent_runs=40)
    assert [(shift.index, shift.worse, shift.alarm) for shift in series.shifts] == [
        (20, True, False),
        (29, False, False),
    ]
    partly = [log - (0.2 if run >= 29 else 0.0) for run, log in enumerate(stepped(0.4, before=20, after=13))]
    assert [shift.alarm for shift in only_series(records_of(partly), recent_runs=40).shifts] == [True, False]


def test_of_two_alarms_the_larger_one_is_told() -> None:
    logs = [log + (0.15 if run >= 34 else 0.0) for run, log in enumerate(stepped(0.4, before=20, after=20))]
    series = only_series(records_of(logs), recent_runs=40)
    assert [shift.index for shift in series.shifts if shift.alarm] == [20, 34]
    assert finding(series).effect == series.shifts[0].effect


def test_an_error_rate_shifts_in_points() -> None:
    rates = [0.0, 0.3, 0.0, 0.3, 0.3, 0.0] * 5 + [6.0, 7.0, 6.3, 5.6]
    series = only_series(points_of(rates), metrics=("error_rate",))
    (shift,) = series.shifts
    assert (series.scale, shift.effect.unit, shift.alarm) == ("linear", "points", True)
    assert 5 < (shift.effect.estimate or 0) < 7


def test_a_rise_of_errors_below_what_matters_is_no_alarm() -> None:
    rates = [0.0] * 30 + [0.7, 0.7, 0.7, 0.7]
    series = only_series(points_of(rates), metrics=("error_rate",))
    assert [shift.alarm for shift in series.shifts] == [False]


# linear regression


def test_a_line_that_grows_faster_than_allowed_is_a_regression() -> None:
    growing = [0.08 * run for run in range(12)]
    assert judged(records_of(growing), TrendRule.LINEAR_REGRESSION).outcome is Outcome.REGRESSION
    assert judged(records_of(growing), TrendRule.LINEAR_REGRESSION, max_slope=0.1).outcome is Outcome.PASS


def test_only_the_last_runs_count_for_the_line() -> None:
    records = records_of([0.1 * run for run in range(10)] + [0.9] * 10)
    assert judged(records, TrendRule.LINEAR_REGRESSION).outcome is Outcome.PASS
    assert judged(records, TrendRule.LINEAR_REGRESSION, window=15, max_slope=0.01).outcome is Outcome.REGRESSION


def test_the_slope_is_the_growth_per_run() -> None:
    series = only_series(records_of([math.log(1.03) * run for run in range(10)]), rules=(TrendRule.LINEAR_REGRESSION,))
    (slope,) = series.slopes
    assert slope.per_run.estimate == pytest.approx(3.0)
    assert (slope.runs, slope.limit) == (10, 5.0)
    assert slope.p_value == pytest.approx(0.0)


def test_fewer_runs_than_the_window_are_too_few() -> None:
    found = judged(records_of(noisy(9)), TrendRule.LINEAR_REGRESSION)
    assert (found.outcome, found.effect) == (Outcome.INCONCLUSIVE, None)
    assert "9 of the 10" in said(found)


def test_the_slope_of_an_error_rate_is_a_share_of_its_level() -> None:
    rising = points_of([2.0 + 0.2 * run for run in range(10)])
    found = judged(rising, TrendRule.LINEAR_REGRESSION, metrics=("error_rate",))
    assert found.effect is not None
    assert found.effect.unit == "%"
    assert found.effect.estimate == pytest.approx(100 * 0.2 / 2.9)
    silent = judged(points_of([0.0] * 10), TrendRule.LINEAR_REGRESSION, metrics=("error_rate",))
    assert (silent.outcome, silent.effect and silent.effect.estimate) == (Outcome.PASS, 0.0)


# Theil–Sen


def test_a_steady_climb_is_found_where_single_steps_are_too_small() -> None:
    climb = [log + 0.006 * run for run, log in enumerate(noisy(30))]
    found = judged(records_of(climb), TrendRule.THEIL_SEN)
    assert found.outcome is Outcome.REGRESSION
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(100 * math.expm1(29 * 0.006), rel=0.3)


def test_a_climb_that_adds_up_to_little_passes() -> None:
    climb = [0.0005 * run for run in range(30)]
    assert judged(records_of(climb), TrendRule.THEIL_SEN).outcome is Outcome.PASS
    assert judged(records_of(climb), TrendRule.THEIL_SEN, threshold_percent=1.0).outcome is Outcome.REGRESSION


@pytest.mark.parametrize("logs", [noisy(30), [-0.01 * run for run in range(30)], [0.0] * 30])
def test_noise_a_fall_and_a_flat_line_are_no_climb(logs: list[float]) -> None:
    assert judged(records_of(logs), TrendRule.THEIL_SEN).outcome is Outcome.PASS


def test_fewer_than_ten_runs_have_no_robust_slope() -> None:
    assert judged(records_of(noisy(9)), TrendRule.THEIL_SEN).outcome is Outcome.INCONCLUSIVE


# creep


def crept(logs: list[float], *, anchor: int = 0, **choices: Any) -> TrendFinding:
    return judged(records_of(logs), TrendRule.CREEP, anchor=run_id(anchor), **choices)


def test_many_small_steps_are_seen_against_the_anchor() -> None:
    series = only_series(records_of([log + 0.005 * run for run, log in enumerate(noisy(40))]), anchor=run_id(0))
    assert finding(series, TrendRule.CREEP).outcome is Outcome.REGRESSION
    assert series.creep is not None
    assert (series.creep.anchor_run, series.creep.runs) == (run_id(0), 10)
    assert series.creep.recent_value > 1.1 * series.creep.anchor_value


def test_three_answers_are_possible_against_the_anchor() -> None:
    assert crept(noisy(40)).outcome is Outcome.PASS
    assert crept(stepped(math.log(1.3), after=10)).outcome is Outcome.REGRESSION
    assert crept(stepped(math.log(1.1), after=10)).outcome is Outcome.INCONCLUSIVE
    assert crept(stepped(-math.log(1.3), after=10)).outcome is Outcome.PASS


def test_close_to_the_anchor_the_groups_shrink_and_share_no_run() -> None:
    series = only_series(records_of(noisy(20)), anchor=run_id(15))
    assert series.creep is not None
    assert series.creep.runs == 2
    assert series.creep.effect.lower is None
    assert finding(series, TrendRule.CREEP).outcome is Outcome.INCONCLUSIVE
    assert "too few runs for an interval" in said(finding(series, TrendRule.CREEP))


def test_nothing_can_be_said_where_the_anchor_is_the_newest_run_or_has_no_value() -> None:
    assert "Nothing has come after" in said(crept(noisy(20), anchor=19))
    unknown = judged(records_of([None, *noisy(20)]), TrendRule.CREEP, anchor=run_id(0))
    assert (unknown.outcome, said(unknown)) == (Outcome.INCONCLUSIVE, "The anchor run has no value for this.")


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
def test_where_either_direction_counts_so_does_creep_either_way(factor: float) -> None:
    records = records_of(stepped(math.log(factor), after=10), metric="mean_output_tokens")
    found = judged(records, TrendRule.CREEP, anchor=run_id(0), metrics=("mean_output_tokens",))
    assert found.outcome is Outcome.REGRESSION


def test_a_two_sided_metric_passes_only_if_neither_direction_may_be_too_large() -> None:
    steady = records_of(noisy(40, deviation=0.01), metric="mean_output_tokens")
    metrics = ("mean_output_tokens",)
    assert judged(steady, TrendRule.CREEP, anchor=run_id(0), metrics=metrics).outcome is Outcome.PASS
    short = records_of(noisy(5, deviation=0.01), metric="mean_output_tokens")
    assert judged(short, TrendRule.CREEP, anchor=run_id(0), metrics=metrics).outcome is Outcome.INCONCLUSIVE


# what cannot be judged


def test_a_value_missing_in_the_newest_run_is_not_measured_and_never_a_pass() -> None:
    series = only_series(records_of([*noisy(30), None]), rules=(TrendRule.CHANGE_POINTS, TrendRule.THEIL_SEN))
    assert {one.outcome for one in series.findings} == {Outcome.NOT_MEASURED}
    assert series.unknown == 1


def test_a_value_missing_earlier_is_counted_and_the_others_judged() -> None:
    logs: list[float | None] = list(noisy(30))
    logs[3] = None
    series = only_series(records_of(logs))
    assert (series.unknown, len(series.points), finding(series).outcome) == (1, 29, Outcome.PASS)


def test_a_price_of_nothing_has_no_change_in_percent() -> None:
    records = points_of([0.0] + [0.01] * 20, metric="cost_per_request_usd")
    found = finding(only_series(records, metrics=("cost_per_request_usd",)))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "is zero in some runs" in said(found)


def test_a_series_that_ended_is_named_and_not_judged() -> None:
    old = a_record(0, values={("openai/retired", MEDIAN): 1.0, (None, "total_cost_usd"): 1.0})
    trend = a_trend([old, a_record(1)])
    assert [one.series for one in trend.series] == [SERIES]
    (left,) = trend.left_out
    assert (left.what, "no such series" in left.reason) == ("openai/retired", True)


def test_without_a_usable_run_there_is_no_trend() -> None:
    with pytest.raises(UsageProblem, match=r"no run can be used; run-0.json: the run is not valid"):
        a_trend([a_record(0, defect="the run is not valid")])


# the whole


def test_a_trend_says_what_it_covers_and_what_it_came_to() -> None:
    trend = a_trend([a_record(number) for number in range(3)])
    assert (trend.runs, trend.first_time, trend.last_time, trend.name) == (3, start(0), start(2), "support-bot")
    assert (trend.regression.detected, trend.regression.verdict) == (False, Outcome.INCONCLUSIVE)
    assert a_trend(records_of(stepped(0.3))).regression.detected


def test_alike_neighbours_are_reported() -> None:
    steps = np.random.default_rng(3).standard_normal(50)
    walk = [0.03 * float(steps[max(0, run - 2) : run + 1].sum()) for run in range(50)]
    series = only_series(records_of(walk))
    assert series.correlated
    assert series.correlation is not None
    assert series.correlation > 0.4


@settings(max_examples=30, deadline=None)
@given(LOGS, st.sampled_from(["median_latency", "error_rate", "output_tokens_per_second"]))
def test_any_history_gets_an_answer_from_every_rule(logs: list[float], metric: str) -> None:
    records = records_of(logs, metric=metric, level=1.0)
    series = only_series(records, rules=tuple(TrendRule), anchor=run_id(0), metrics=(metric,))
    assert [one.rule for one in series.findings] == list(TrendRule)
    assert all(said(one).endswith(".") for one in series.findings)
