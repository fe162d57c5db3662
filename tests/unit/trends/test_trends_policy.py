"""Command line, configuration, defaults: which of them rules."""

from __future__ import annotations

from typing import Any

import pytest

from lens_gate.artifacts.trend import TrendRule
from lens_gate.config.model import Regression, ThresholdMethod, TrendMethod
from lens_gate.errors import ConfigProblem, UsageProblem
from lens_gate.trends.policy import TrendChoices, trend_policy

CONFIGURED = TrendMethod(type="trend", method="linear_regression", window=7, max_slope=0.02)
THRESHOLD = ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=50)


def test_by_default_change_points_judge_the_median_latency() -> None:
    policy = trend_policy(TrendChoices(), Regression(methods=(THRESHOLD,)))
    assert (policy.rules, policy.metrics) == ((TrendRule.CHANGE_POINTS,), ("median_latency",))
    assert (policy.regression_window, policy.max_slope_percent, policy.sen_window) == (10, 5.0, 30)


def test_a_configured_method_is_applied_beside_the_default_with_its_numbers() -> None:
    policy = trend_policy(TrendChoices(), Regression(methods=(THRESHOLD, CONFIGURED)))
    assert policy.rules == (TrendRule.CHANGE_POINTS, TrendRule.LINEAR_REGRESSION)
    assert (policy.regression_window, policy.max_slope_percent) == (7, 2.0)


def test_the_command_line_wins_over_the_configuration() -> None:
    choices = TrendChoices(rules=(TrendRule.THEIL_SEN,), window=20, max_slope=0.1)
    policy = trend_policy(choices, Regression(methods=(CONFIGURED,)))
    assert policy.rules == (TrendRule.THEIL_SEN,)
    assert (policy.regression_window, policy.max_slope_percent, policy.sen_window) == (20, 10.0, 20)
    assert trend_policy(TrendChoices(max_slope=0.0), Regression()).max_slope_percent == 0


def test_an_anchor_asks_for_creep_and_creep_for_an_anchor() -> None:
    assert TrendRule.CREEP in trend_policy(TrendChoices(anchor="bench-1"), Regression()).rules
    with pytest.raises(UsageProblem, match="--anchor"):
        trend_policy(TrendChoices(rules=(TrendRule.CREEP,)), Regression())


def test_rules_and_metrics_named_twice_count_once_and_in_one_order() -> None:
    rules = (TrendRule.THEIL_SEN, TrendRule.CHANGE_POINTS, TrendRule.THEIL_SEN)
    policy = trend_policy(TrendChoices(rules=rules, metrics=("mean_ttft", "mean_ttft")), Regression())
    assert policy.rules == (TrendRule.CHANGE_POINTS, TrendRule.THEIL_SEN)
    assert policy.metrics == ("mean_ttft",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mean_latencies", "Did you mean mean_latency"),
        ("zzz", "docs/metrics.md"),
        ("latency_distribution", "compares two versions"),
    ],
)
def test_a_metric_without_a_value_per_run_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        trend_policy(TrendChoices(metrics=(name,)), Regression())
    assert says in str(caught.value)


def test_two_trend_methods_are_one_too_many() -> None:
    with pytest.raises(ConfigProblem, match="several trend methods"):
        trend_policy(TrendChoices(), Regression(methods=(CONFIGURED, CONFIGURED)))


def test_what_is_known_of_a_rules_false_alarms_goes_with_it() -> None:
    def note(*rules: TrendRule, **choices: Any) -> str:
        return trend_policy(TrendChoices(rules=rules, **choices), Regression()).false_alarm_note or ""

    assert "change points raise a new alarm" in note(TrendRule.CHANGE_POINTS)
    assert "at most 1 in 100 steps of 10 %" in note(TrendRule.LINEAR_REGRESSION)
    assert note(TrendRule.THEIL_SEN) == ""
