"""What an answer would take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.judgement import pairs_to_cover
from lens_gate.analysis.noise import RatioNoise, SeriesNoise, ShareNoise, assumed_noise, noise_of_run
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.planning import RARE, Asked, Gate, Pace, gated_hypothesis, plan
from lens_gate.analysis.questions import ask
from lens_gate.analysis.rules import MARGINS, WEIGHTS, rules_of
from lens_gate.artifacts.planning import NoiseSource, PlanReport, PlanRow, PriceSource
from lens_gate.config.model import Regression, ThresholdMethod
from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.metrics import Hypothesis
from tests.noisy import Endpoint, duet_of

PRICED = SeriesNoise(
    series="p/m", source=NoiseSource.PAIRS, seen=50, questions=assumed_noise("p/m").questions, usd_per_pair=0.01
)
PACE = Pace(requests_per_second=2.0, requests=240)


def a_gate(
    *series: SeriesNoise,
    regression: Regression | None = None,
    pace: Pace = PACE,
    power: float = 0.9,
    **asked: Any,
) -> Gate:
    wanted = Asked(power=power, **asked)
    return Gate(series=series or (PRICED,), rules=rules_of(regression or Regression()), pace=pace, asked=wanted)


def a_plan(*series: SeriesNoise, **options: Any) -> PlanReport:
    return plan(a_gate(*series, **options), source="run.json", price_source=PriceSource.MEASURED)


def row(report: PlanReport, hypothesis: Hypothesis, effect: float | None = None) -> PlanRow:
    return next(one for one in report.rows if one.hypothesis is hypothesis and effect in (None, one.effect))


def pairs(report: PlanReport, hypothesis: Hypothesis, goal: str, effect: float | None = None) -> int:
    bill = getattr(row(report, hypothesis, effect), goal)
    assert bill is not None
    number: int = bill.pairs
    return number


def test_every_question_of_the_gate_is_planned_for_what_matters() -> None:
    report = a_plan()
    assert {one.hypothesis: one.effect for one in report.rows} == MARGINS
    assert {one.hypothesis: one.margin for one in report.rows} == MARGINS
    assert report.unplanned == ()


def test_the_level_is_shared_by_all_questions_of_all_models_even_those_not_asked_for() -> None:
    other = assumed_noise("p/other")
    report = a_plan(PRICED, other, hypotheses=(Hypothesis.TTFT,))
    assert report.hypotheses == 2 * len(MARGINS)
    assert report.rows[0].level == pytest.approx(0.01 * WEIGHTS[Hypothesis.TTFT] / (2 * sum(WEIGHTS.values())))
    assert [one.series for one in report.rows] == ["p/m", "p/other"]
    assert pairs(report, Hypothesis.TTFT, "establish") > pairs(a_plan(), Hypothesis.TTFT, "establish")


def test_effects_are_named_in_percent_and_in_points() -> None:
    report = a_plan(percents=(5, 20), points=(4,))
    assert [one.effect for one in report.rows if one.hypothesis is Hypothesis.TTFT] == [5, 20]
    assert [one.effect for one in report.rows if one.hypothesis is Hypothesis.ERRORS] == [4]
    assert pairs(report, Hypothesis.TTFT, "establish", 5) > 3 * pairs(report, Hypothesis.TTFT, "establish", 20)


def test_pairs_become_requests_of_both_arms_and_all_models_dollars_and_minutes() -> None:
    report = a_plan(PRICED, PRICED, hypotheses=(Hypothesis.TOTAL,))
    bill = row(report, Hypothesis.TOTAL).establish
    assert bill is not None
    assert bill.requests == 4 * bill.pairs
    assert bill.usd == pytest.approx(0.02 * bill.pairs)
    assert bill.minutes == pytest.approx(bill.requests / 120)


def test_a_warm_up_is_paid_and_does_not_count() -> None:
    pace = Pace(requests_per_second=2.0, requests=240, unmeasured_s=10.0)
    report = a_plan(pace=pace, hypotheses=(Hypothesis.TOTAL,))
    bill = row(report, Hypothesis.TOTAL).establish
    assert bill is not None
    assert bill.requests == 2 * bill.pairs + 20
    assert bill.usd == pytest.approx(0.005 * bill.requests)
    assert report.configured is not None
    assert report.configured.bill.pairs == 110


def test_without_a_rate_or_a_price_there_are_neither_minutes_nor_dollars() -> None:
    pace = Pace(requests_per_second=None, requests=None, unmeasured_s=10.0)
    report = a_plan(assumed_noise("p/m"), pace=pace, max_cost_usd=1.0)
    bill = row(report, Hypothesis.TOTAL).establish
    assert bill is not None
    assert (bill.usd, bill.minutes, bill.requests) == (None, None, 2 * bill.pairs)
    assert report.configured is report.affordable is None


def test_money_buys_pairs_and_they_see_so_much() -> None:
    report = a_plan(max_cost_usd=2.0)
    assert report.affordable is not None
    assert report.affordable.bill.pairs == 200
    assert report.affordable.bill.usd == pytest.approx(2.0)
    seen = {one.hypothesis: one.effect for one in report.affordable.visible}
    total = seen[Hypothesis.TOTAL]
    assert total is not None
    again = a_plan(percents=(total,), hypotheses=(Hypothesis.TOTAL,))
    assert 190 <= pairs(again, Hypothesis.TOTAL, "establish") <= 200


def test_too_little_money_or_time_sees_nothing() -> None:
    report = a_plan(max_cost_usd=0.001, pace=Pace(requests_per_second=2.0, requests=10, unmeasured_s=10.0))
    assert report.affordable is not None
    assert report.configured is not None
    for reached in (report.affordable, report.configured):
        assert (reached.bill.pairs, reached.bill.usd) == (0, None)
        assert {one.effect for one in reached.visible} == {None}


def test_a_free_model_needs_no_answer_about_money() -> None:
    free = SeriesNoise(series="p/m", source=NoiseSource.PAIRS, seen=9, questions=PRICED.questions, usd_per_pair=0.0)
    assert a_plan(free, max_cost_usd=1.0).affordable is None


def test_a_change_of_just_the_size_that_matters_is_no_sure_regression_and_a_larger_one_is() -> None:
    report = a_plan(percents=(10, 15, 40))
    assert row(report, Hypothesis.TTFT, 10).regression is None
    close, far = (pairs(report, Hypothesis.TTFT, "regression", effect) for effect in (15, 40))
    assert close >= pairs(report, Hypothesis.TTFT, "establish", 15)
    assert far == pairs(report, Hypothesis.TTFT, "establish", 40)


def test_under_strict_the_whole_interval_must_lie_beyond_and_small_effects_only_need_to_be_established() -> None:
    usual = pairs(a_plan(percents=(15,)), Hypothesis.TTFT, "regression")
    strict = pairs(a_plan(percents=(15,), regression=Regression(strict=True)), Hypothesis.TTFT, "regression")
    small = a_plan(percents=(5,), regression=Regression(gate_small_effects=True))
    assert strict > 2 * usual
    assert row(small, Hypothesis.TTFT).regression == row(small, Hypothesis.TTFT).establish


def test_what_cannot_be_seen_has_no_bill() -> None:
    report = a_plan(points=(50,), hypotheses=(Hypothesis.TTFT_TAIL_EXCEEDANCE,))
    assert report.rows[0].establish is report.rows[0].regression is None
    assert report.rows[0].passing is not None


def test_where_any_change_matters_nothing_passes_and_no_effect_goes_without_saying() -> None:
    regression = Regression(methods=(ThresholdMethod(type="threshold", metric="mean_ttft", threshold_percent=0),))
    unsaid = a_plan(regression=regression)
    said = a_plan(regression=regression, percents=(10,))
    assert Hypothesis.TTFT not in {one.hypothesis for one in unsaid.rows}
    assert row(said, Hypothesis.TTFT).passing is None
    assert row(said, Hypothesis.TTFT).establish is not None


def test_rare_events_are_summed_up_apart() -> None:
    report = a_plan()
    assert {one.hypothesis for one in report.rows if one.rare} == RARE
    assert report.frequent is not None
    assert report.everything is not None
    assert report.frequent.pairs < report.everything.pairs
    goals = [bill for one in report.rows for bill in (one.establish, one.passing) if bill is not None]
    assert report.everything.pairs == max(bill.pairs for bill in goals)
    assert a_plan(hypotheses=(Hypothesis.ERRORS,)).frequent is None


def test_where_both_directions_count_a_pass_takes_a_little_more() -> None:
    questions = {one: RatioNoise(0.2) for one in (Hypothesis.TOTAL, Hypothesis.OUTPUT_LENGTH)}  # of nearly equal weight
    same = SeriesNoise(series="p/m", source=NoiseSource.PAIRS, seen=9, questions=questions, usd_per_pair=None)
    report = a_plan(same)
    for goal in ("establish", "passing"):
        assert pairs(report, Hypothesis.OUTPUT_LENGTH, goal) > pairs(report, Hypothesis.TOTAL, goal)


def test_questions_without_known_noise_are_named() -> None:
    lacking = SeriesNoise(
        series="p/m",
        source=NoiseSource.PAIRS,
        seen=9,
        questions={Hypothesis.TTFT: RatioNoise(0.2)},
        usd_per_pair=None,
    )
    assert "error_rate" in a_plan(lacking).unplanned
    assert a_plan(lacking, hypotheses=(Hypothesis.TTFT,)).unplanned == ()


@pytest.mark.parametrize(("name", "hypothesis"), [("median_ttft", Hypothesis.TTFT), ("error_rate", Hypothesis.ERRORS)])
def test_a_metric_stands_for_the_question_that_its_threshold_maps_to(name: str, hypothesis: Hypothesis) -> None:
    assert gated_hypothesis(name) is hypothesis


@pytest.mark.parametrize("name", ["p99_latency", "success_rate", "nonsense"])
def test_a_metric_that_no_question_asks_about_is_refused(name: str) -> None:
    with pytest.raises(UsageProblem, match="no question"):
        gated_hypothesis(name)


@pytest.mark.proving
def test_the_gate_itself_sees_what_was_planned_nine_times_in_ten() -> None:
    """From the pairs of one duet to those of others, all through the functions of the gate."""
    rng = np.random.default_rng(3)
    endpoint = Endpoint(ttft=0.12, per_token=0.08, load=0.3, wave=0.8)
    noise = noise_of_run(duet_of(endpoint, rng, pairs=80), limit_ns=60e9)
    report = a_plan(*noise)
    needed = pairs(report, Hypothesis.TOTAL, "establish")
    seen = 0
    for _ in range(60):
        series = pair_up(duet_of(endpoint, rng, pairs=needed, slower=1.1), limit_ns=60e9)[0]
        answers = {question.hypothesis: question.answer for question in ask(series)[0]}
        seen += answers[Hypothesis.TOTAL].p_value < row(report, Hypothesis.TOTAL).level
    # 90 % of 60 are 54, with a standard deviation of 2.3; the plan is on the cautious side.
    assert seen >= 48


def test_a_pass_about_rare_events_takes_the_pairs_that_cover_them() -> None:
    certain = SeriesNoise(
        series="p/m",
        source=NoiseSource.PAIRS,
        seen=900,
        questions={Hypothesis.ERRORS: ShareNoise(0.001, grows=True)},
        usd_per_pair=None,
    )
    covered = pairs_to_cover(Hypothesis.ERRORS, rules_of(Regression()))
    assert pairs(a_plan(certain), Hypothesis.ERRORS, "passing") == covered
