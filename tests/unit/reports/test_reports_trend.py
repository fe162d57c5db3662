"""A trend in words: what stands in the headline, what comes next, and what must be said beside a pass."""

from __future__ import annotations

import math
from typing import Any

import pytest
from junitparser import JUnitXml

from lens_gate.artifacts.trend import TrendRule
from lens_gate.reports.console import console, trend_machine_line
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import trend_markdown
from lens_gate.reports.sparkline import SPARKLINE_CELLS, sparkline
from lens_gate.reports.trend_page import TrendView
from lens_gate.reports.trend_view import RULES, trend_view
from lens_gate.trends.history import RunRecord
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from tests.histories import a_record, a_trend_verdict, commit, noisy, records_of, run_id, stepped

STEP = stepped(math.log(1.2))


def shown(records: list[RunRecord], **choices: Any) -> TrendView:
    return trend_view(a_trend_verdict(records, **choices))


def test_a_regression_says_what_changed_by_how_much_and_since_when() -> None:
    page = shown(records_of(STEP))
    assert page.headline.startswith("Regression: gpt-small · whole answer (median): +")
    assert "since run 31, 2026-01-31" in page.headline
    assert page.next_step == f"lens-gate ci --against-ref {commit(29)[:7]}"


def test_several_regressions_are_counted_after_the_first() -> None:
    growing = records_of([0.08 * run for run in range(12)])
    page = shown(growing, rules=(TrendRule.LINEAR_REGRESSION, TrendRule.THEIL_SEN))
    assert page.headline == "Regression: gpt-small · whole answer (median): +8.33\u00a0% a run, and 1 more"
    assert page.next_step is None


def test_an_alarm_without_a_commit_before_it_has_no_next_step() -> None:
    records = [a_record(n, 1500 * math.exp(log), commit=None) for n, log in enumerate(STEP)]
    assert shown(records).next_step is None


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (TrendRule.CHANGE_POINTS, "since run 31, 2026-01-31"),
        (TrendRule.LINEAR_REGRESSION, "% a run"),
        (TrendRule.THEIL_SEN, "% run by run"),
        (TrendRule.CREEP, "% since the anchor"),
    ],
)
def test_each_rule_has_its_words(rule: TrendRule, says: str) -> None:
    anchor = run_id(0) if rule is TrendRule.CREEP else None
    (row,) = shown(records_of(STEP), rules=(rule,), anchor=anchor).rows
    (answer,) = row.answers
    assert says in answer.brief
    assert answer.rule == RULES[rule]


def test_an_answer_without_a_size_is_told_by_its_reason() -> None:
    assert shown(records_of(noisy(5))).headline == (
        "Inconclusive: gpt-small · whole answer (median): Too few runs: 5 of the 11 that it takes"
    )


def test_a_pass_claims_no_more_than_that_no_rule_raised_an_alarm() -> None:
    page = shown(records_of(STEP), rules=(TrendRule.LINEAR_REGRESSION,))
    assert page.headline == "Pass: no alarm in 38 runs"
    assert page.rows[0].caveats[0].startswith("Not judged, since change points were not asked for: +")


def test_the_worst_row_comes_first_and_its_worst_answer_too() -> None:
    names = {"openai/a": noisy(38, seed=2), "openai/b": STEP}
    records = [
        a_record(n, values={(name, "median_latency"): 1500 * math.exp(line[n]) for name, line in names.items()})
        for n in range(38)
    ]
    page = shown(records, rules=(TrendRule.CHANGE_POINTS, TrendRule.LINEAR_REGRESSION))
    assert [row.title for row in page.rows] == ["b · whole answer (median)", "a · whole answer (median)"]
    assert page.rows[0].answers[0].rule == "shift"


def test_what_was_left_out_is_named_and_what_is_unknown_counted() -> None:
    logs: list[float | None] = [None, *noisy(20)]
    page = shown([*records_of(logs), a_record(50, file="late.json", defect="the run is not valid")])
    assert page.left_out == ("Left out: late.json: the run is not valid.",)
    assert page.rows[0].caveats == ("1 run had no value.",)


def test_alike_neighbours_are_a_caveat() -> None:
    waves = [0.05 * math.sin(run / 4) for run in range(50)]
    assert "Neighbouring runs are alike" in shown(records_of(waves)).rows[0].caveats[0]


def test_a_metric_of_the_whole_run_has_no_model_in_its_title() -> None:
    records = [a_record(n, values={(None, "total_cost_usd"): 1.0}, name="") for n in range(12)]
    page = shown(records, metrics=("total_cost_usd",))
    assert (page.rows[0].title, page.rows[0].now, page.name) == ("cost of the run", "$1.00", "")
    assert "Trend over 12 runs from 2026-01-01 to 2026-01-12." in console(page, colour=False, width=80, unicode=True)
    assert "Trend over 12 runs" in trend_markdown(page)


def test_a_history_of_one_day_names_it_once() -> None:
    assert shown([a_record(0)], branch="main").about == "Trend over 1 run of main on 2026-01-01."


def test_a_history_without_a_series_has_one_case_and_says_so() -> None:
    verdict = a_trend_verdict([a_record(0, values={})], rules=(TrendRule.THEIL_SEN,))
    page = trend_view(verdict)
    assert page.headline == "Not measured: the newest run holds nothing to judge"
    assert page.notes == ()
    (suite,) = JUnitXml.fromstring(junit(verdict).encode())
    assert [case.name for case in suite] == ["trend"]
    assert "left out" not in trend_markdown(page).lower()


def test_a_trend_that_nobody_judged_is_shown_as_not_measured() -> None:
    verdict = a_trend_verdict(records_of(noisy(12)))
    bare = verdict.trend.series[0].model_copy(update={"findings": ()})
    page = trend_view(verdict.model_copy(update={"trend": verdict.trend.model_copy(update={"series": (bare,)})}))
    assert page.rows[0].outcome is Outcome.NOT_MEASURED


def test_what_a_hostile_commit_or_file_says_does_no_harm() -> None:
    records = [a_record(n, 1500 * math.exp(log), commit="$(rm -rf)") for n, log in enumerate(STEP)]
    page = shown([*records, a_record(60, file="<b>\x1b[31m|x", defect="no")])
    assert page.next_step == "lens-gate ci --against-ref '$(rm -r'"
    assert "<b>" not in trend_markdown(page)
    assert "\x1b" not in console(page, colour=False, width=80, unicode=True)


def test_the_last_line_counts_the_checks() -> None:
    verdict = a_trend_verdict(records_of(STEP), rules=(TrendRule.CHANGE_POINTS, TrendRule.LINEAR_REGRESSION))
    assert trend_machine_line(verdict, ExitCode.GATE_FAILED) == (
        "lens-gate: outcome=regression exit=1 regressions=1 inconclusive=0 not_measured=0 passed=1 checks=2 runs=38"
    )


def test_a_sparkline_spans_its_values_and_shows_the_newest() -> None:
    assert sparkline([1.0, 4.5, 8.0]) == "▁▅█"
    assert sparkline([2.0, 2.0]) == "▄▄"
    assert sparkline([]) == ""
    assert len(sparkline([float(value) for value in range(100)])) == SPARKLINE_CELLS
    assert sparkline([9.0] + [float(value) for value in range(SPARKLINE_CELLS)])[0] == "▁"
