"""A trend becomes a verdict: never a pass by ignorance."""

from __future__ import annotations

import pytest

from lens_gate.artifacts.trend import TrendRule
from lens_gate.artifacts.verdict import CheckKind
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from tests.builders import SERIES
from tests.histories import a_record, a_trend, a_trend_verdict, noisy, records_of, stepped


@pytest.mark.parametrize(
    ("logs", "outcome", "code"),
    [
        (stepped(0.3), Outcome.REGRESSION, ExitCode.GATE_FAILED),
        (noisy(40), Outcome.PASS, ExitCode.OK),
        (noisy(5), Outcome.INCONCLUSIVE, ExitCode.OK),
        ([*noisy(40), None], Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE),
    ],
)
def test_each_outcome_has_its_exit_code(logs: list[float | None], outcome: Outcome, code: ExitCode) -> None:
    verdict = a_trend_verdict(records_of(logs))
    assert (verdict.outcome, verdict.exit_code) == (outcome, code)
    assert verdict.regression.detected is (outcome is Outcome.REGRESSION)


def test_too_few_runs_fail_where_the_policy_says_so() -> None:
    verdict = a_trend_verdict(records_of(noisy(5)), fail_on=("inconclusive",))
    assert (verdict.exit_code, verdict.fail_on) == (ExitCode.INCONCLUSIVE, ("inconclusive",))


def test_there_is_one_check_for_each_rule_and_the_worst_of_them_counts() -> None:
    rules = (TrendRule.CHANGE_POINTS, TrendRule.LINEAR_REGRESSION)
    verdict = a_trend_verdict(records_of(stepped(0.3)), rules=rules)
    assert [check.name for check in verdict.checks] == [f"{SERIES}/median_latency/{rule}" for rule in rules]
    assert [check.outcome for check in verdict.checks] == [Outcome.REGRESSION, Outcome.PASS]
    assert {check.kind for check in verdict.checks} == {CheckKind.TREND}
    step, line = verdict.checks
    assert (step.limit, step.unit, line.limit) == (3.0, "%", 5.0)
    assert step.value == pytest.approx(35, abs=5)


def test_an_open_check_outweighs_one_that_passed() -> None:
    rules = (TrendRule.CHANGE_POINTS, TrendRule.LINEAR_REGRESSION)
    verdict = a_trend_verdict(records_of(noisy(10)), rules=rules)
    assert [check.outcome for check in verdict.checks] == [Outcome.INCONCLUSIVE, Outcome.PASS]
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_metric_of_the_run_is_checked_under_that_name() -> None:
    records = [a_record(number, values={(None, "total_cost_usd"): 1.0}) for number in range(12)]
    (check,) = a_trend_verdict(records, metrics=("total_cost_usd",)).checks
    assert (check.name, check.series) == ("run/total_cost_usd/change_points", None)


def test_a_history_without_any_series_is_not_measured() -> None:
    verdict = a_trend_verdict([a_record(0, values={})])
    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)


def test_a_verdict_holds_its_trend() -> None:
    trend = a_trend(records_of(noisy(12)))
    assert a_trend_verdict(records_of(noisy(12))).trend == trend
