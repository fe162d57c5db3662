from __future__ import annotations

from dataclasses import replace

import pytest

from lens_gate.analysis.answers import Answer
from lens_gate.analysis.judgement import Judged, Question, judge, overall, pairs_to_cover
from lens_gate.analysis.rules import MARGINS, Rules, policy_of, rules_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.reasons import because
from lens_gate.config.model import Method, Regression, StatisticalMethod, ThresholdMethod
from lens_gate.errors import ConfigProblem
from lens_gate.stats.multiplicity import Stepped
from lens_gate.stats.pairs import Interval
from lens_gate.stats.planning import Aim
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Outcome
from lens_gate.vocabulary.reasons import Why
from tests.builders import a_finding
from tests.saying import said

RULES = rules_of(Regression())


def answered(estimate: float, reach: float | None, *, pairs: int = 200, p_value: float = 0.5) -> Answer:
    """An answer whose bounds lie `reach` away at the family's level, and half as far at that of a pass."""

    def bounds(tail: float) -> Interval:
        if reach is None:
            return Interval(None, None)
        width = reach / 2 if tail == pytest.approx(0.05) else reach
        return Interval(estimate - width, estimate + width)

    def pairs_needed(distance: float, aim: Aim) -> int:
        return int(100 * aim.power / distance)

    return Answer(
        unit="%",
        method="a test",
        pairs=pairs,
        estimated=lambda: estimate,
        p_value=p_value,
        floor=0.0,
        bounds=bounds,
        pairs_needed=pairs_needed,
    )


def asked(answer: Answer, hypothesis: Hypothesis = Hypothesis.TTFT, **changes: object) -> Question:
    question = Question(
        series="a/b", hypothesis=hypothesis, answer=answer, base_value=5.0, candidate_value=6.0, value_unit="ms"
    )
    return replace(question, **changes)  # type: ignore[arg-type] # keywords of a test


def judged(question: Question, *, adjusted_p: float = 0.5, rules: Rules = RULES) -> Finding:
    return judge(question, Stepped(adjusted_p, 0.001), rules).finding


@pytest.mark.parametrize(
    ("estimate", "reach", "adjusted_p", "outcome"),
    [
        (20.0, 12.0, 0.001, Outcome.REGRESSION),
        (10.0, 9.0, 0.001, Outcome.REGRESSION),
        (9.9, 9.0, 0.001, Outcome.INCONCLUSIVE),
        (4.0, 3.0, 0.001, Outcome.PASS),
        (4.0, 13.0, 0.5, Outcome.INCONCLUSIVE),
        (0.0, 4.0, 0.5, Outcome.PASS),
        (0.0, 20.0, 0.5, Outcome.INCONCLUSIVE),
        (20.0, 25.0, 0.02, Outcome.INCONCLUSIVE),
        (-20.0, 12.0, 0.001, Outcome.PASS),
        (0.0, None, 1.0, Outcome.INCONCLUSIVE),
    ],
)
def test_an_effect_becomes_one_of_three_outcomes(
    estimate: float, reach: float | None, adjusted_p: float, outcome: Outcome
) -> None:
    finding = judged(asked(answered(estimate, reach)), adjusted_p=adjusted_p)

    assert finding.outcome is outcome
    assert finding.established == (adjusted_p < 0.01)
    assert finding.gated
    assert finding.threshold == 10.0


def test_small_effects_gate_when_asked_and_improvements_never_do() -> None:
    eager = replace(RULES, gate_small_effects=True)

    assert judged(asked(answered(4.0, 3.0)), adjusted_p=0.001, rules=eager).outcome is Outcome.REGRESSION
    assert judged(asked(answered(-4.0, 3.0)), adjusted_p=0.001, rules=eager).outcome is Outcome.PASS
    assert judged(asked(answered(4.0, 5.0)), adjusted_p=0.5, rules=eager).outcome is Outcome.PASS


def test_strict_asks_for_the_whole_interval() -> None:
    strict = replace(RULES, strict=True)

    assert judged(asked(answered(20.0, 12.0)), adjusted_p=0.001, rules=strict).outcome is Outcome.INCONCLUSIVE
    assert judged(asked(answered(20.0, 8.0)), adjusted_p=0.001, rules=strict).outcome is Outcome.REGRESSION
    assert judged(asked(answered(20.0, None)), adjusted_p=0.001, rules=strict).outcome is Outcome.INCONCLUSIVE


def test_closed_latencies_cannot_pass_but_a_regression_stands() -> None:
    gap = because(Why.SENT_SECOND, candidate_name="the candidate", second=98.0)

    closed = judged(asked(answered(0.0, 4.0), latency_gap=gap))
    slower = judged(asked(answered(20.0, 4.0), latency_gap=gap), adjusted_p=0.001)

    assert closed.outcome is Outcome.INCONCLUSIVE
    assert closed.gated
    assert said(closed).startswith("Not covered: the candidate was sent second in 98.0 % of the pairs")
    assert slower.outcome is Outcome.REGRESSION


@pytest.mark.parametrize("estimate", [30.0, -30.0])
def test_longer_and_shorter_answers_both_count(estimate: float) -> None:
    finding = judged(asked(answered(estimate, 10.0), Hypothesis.OUTPUT_LENGTH), adjusted_p=0.001)

    assert finding.outcome is Outcome.REGRESSION
    assert finding.effect.estimate == estimate
    assert finding.effect.upper_pass == pytest.approx(35.0)


def test_length_passes_only_when_both_sides_are_bounded() -> None:
    def length(estimate: float, reach: float | None) -> Outcome:
        return judged(asked(answered(estimate, reach), Hypothesis.OUTPUT_LENGTH)).outcome

    assert length(2.0, 8.0) is Outcome.PASS
    assert length(-8.0, 8.0) is Outcome.INCONCLUSIVE
    assert length(0.0, None) is Outcome.INCONCLUSIVE


def test_strict_looks_at_the_near_side_of_a_fall_in_length() -> None:
    strict = replace(RULES, strict=True)

    def shorter(reach: float) -> Outcome:
        question = asked(answered(-30.0, reach), Hypothesis.OUTPUT_LENGTH)
        return judged(question, adjusted_p=0.001, rules=strict).outcome

    assert shorter(10.0) is Outcome.REGRESSION
    assert shorter(25.0) is Outcome.INCONCLUSIVE


def test_only_a_fall_of_the_cached_share_is_worse() -> None:
    fall = judged(asked(answered(-40.0, 20.0), Hypothesis.CACHED_SHARE), adjusted_p=0.001)
    rise = judged(asked(answered(40.0, 20.0), Hypothesis.CACHED_SHARE), adjusted_p=0.001)

    assert (fall.outcome, rise.outcome) == (Outcome.REGRESSION, Outcome.PASS)
    assert rise.established


def test_the_interval_is_that_of_the_step_in_the_family() -> None:
    one_sided = judged(asked(answered(1.0, 2.0)))
    two_sided = judged(asked(answered(1.0, 2.0), Hypothesis.OUTPUT_LENGTH))

    assert one_sided.effect.confidence == pytest.approx(0.998)
    assert two_sided.effect.confidence == pytest.approx(0.999)
    assert (one_sided.effect.lower, one_sided.effect.upper) == (-1.0, 3.0)


def test_the_inner_interval_lies_within_the_one_that_decides() -> None:
    effect = judged(asked(answered(20.0, 5.0))).effect
    assert effect.inner is not None
    assert effect.inner.confidence == pytest.approx(0.8)
    assert (effect.lower, effect.upper) == (0.0, 25.0)  # nothing is established, so that the interval holds no change
    assert (effect.inner.lower, effect.inner.upper) == (15.0, 25.0)


def test_a_level_below_that_of_the_inner_interval_or_no_bounds_leave_it_out() -> None:
    assert judged(asked(answered(20.0, None))).effect.inner is None
    assert judge(asked(answered(20.0, 5.0)), Stepped(0.5, 0.3), RULES).finding.effect.inner is None


def test_too_few_pairs_for_errors_are_not_covered_rather_than_open() -> None:
    needed = pairs_to_cover(Hypothesis.ERRORS, RULES)
    assert needed is not None

    few = judged(asked(answered(1.0, 8.0, pairs=needed - 1), Hypothesis.ERRORS))
    many = judged(asked(answered(1.0, 8.0, pairs=needed), Hypothesis.ERRORS))

    assert (few.outcome, few.gated) == (Outcome.INCONCLUSIVE, False)
    assert "Not covered" in said(few)
    assert (many.outcome, many.gated) == (Outcome.INCONCLUSIVE, True)


def test_suspicious_errors_stay_open_however_few_the_pairs() -> None:
    finding = judged(asked(answered(5.0, 8.0, pairs=50, p_value=0.009), Hypothesis.ERRORS))

    assert (finding.outcome, finding.gated) == (Outcome.INCONCLUSIVE, True)


def test_few_pairs_that_happen_to_bound_the_errors_do_not_cover_them() -> None:
    finding = judged(asked(answered(0.0, 2.0, pairs=150), Hypothesis.ERRORS))

    assert (finding.outcome, finding.gated) == (Outcome.INCONCLUSIVE, False)
    assert said(finding).endswith("150 pairs are too few for rare events, and cannot rule out a change of 2 %.")


def test_few_pairs_stand_in_the_way_of_a_pass_that_must_cover_the_errors() -> None:
    rules = replace(RULES, cover=frozenset({Hypothesis.ERRORS}))

    few, enough = (judged(asked(answered(0.0, 2.0, pairs=n), Hypothesis.ERRORS), rules=rules) for n in (150, 800))

    assert (few.outcome, few.gated) == (Outcome.INCONCLUSIVE, True)
    assert (enough.outcome, enough.gated) == (Outcome.PASS, True)


def test_any_number_of_pairs_may_do_for_a_location_or_without_a_margin() -> None:
    assert pairs_to_cover(Hypothesis.TTFT, RULES) is None
    assert pairs_to_cover(Hypothesis.ERRORS, replace(RULES, margins={Hypothesis.ERRORS: 0.0})) is None


@pytest.mark.parametrize(("errors", "threshold", "remarks"), [(20, 2.5, 0), (19, 2.0, 1)])
def test_a_percentage_of_an_error_rate_needs_twenty_errors(errors: int, threshold: float, remarks: int) -> None:
    method = ThresholdMethod(type="threshold", metric="error_rate", threshold_percent=50)
    rules = rules_of(Regression(methods=(method,)))

    finding = judged(asked(answered(0.0, 1.0), Hypothesis.ERRORS, base_errors=errors), rules=rules)

    assert finding.threshold == threshold
    assert said(finding).count("at least 20 errors") == remarks


def test_configured_thresholds_move_the_margin_of_their_question() -> None:
    methods: tuple[Method, ...] = (
        ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=7),
        ThresholdMethod(type="threshold", metric="median_latency", threshold_percent=5),
        ThresholdMethod(type="threshold", metric="error_rate", threshold_points=1),
        ThresholdMethod(type="threshold", metric="p95_ttft", threshold_points=4),
        ThresholdMethod(type="threshold", metric="p95_latency", threshold_percent=15),
        ThresholdMethod(type="threshold", metric="cached_share", threshold_percent=15),
        StatisticalMethod(type="statistical", method="t-test"),
    )

    rules = rules_of(Regression(methods=methods))

    assert rules.margins == MARGINS | {
        Hypothesis.TOTAL: 5,
        Hypothesis.TOTAL_EQUAL_LENGTH: 5,
        Hypothesis.ERRORS: 1,
        Hypothesis.TTFT_TAIL_EXCEEDANCE: 4,
    }
    assert [method.metric for method in rules.shown] == ["p95_latency", "cached_share"]


@pytest.mark.parametrize("decision", list(Decision))
def test_the_policy_states_the_thresholds_that_apply(decision: Decision) -> None:
    methods = (
        ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=7),
        ThresholdMethod(type="threshold", metric="error_rate", threshold_points=1),
    )

    policy = policy_of(Regression(decision=decision, methods=methods), false_alarm_note="often")

    assert policy.thresholds_percent["mean_latency"] == 7
    assert ("mean_ttft" in policy.thresholds_percent) == (decision is Decision.CALIBRATED)
    assert policy.threshold_points == (1 if decision is Decision.CALIBRATED else 2)
    assert policy.false_alarm_note == "often"


@pytest.mark.parametrize(
    ("name", "words"),
    [("mean_latencyy", "mean_latency"), ("zzz", "docs/metrics.md"), ("total_cost_usd", "quality gate")],
)
def test_a_metric_without_a_change_per_model_is_a_configuration_problem(name: str, words: str) -> None:
    method = ThresholdMethod(type="threshold", metric=name, threshold_percent=7)

    with pytest.raises(ConfigProblem) as problem:
        rules_of(Regression(methods=(method,)))

    assert words in str(problem.value)


def test_the_verdict_is_the_most_important_gated_outcome() -> None:
    def verdict(*outcomes: Outcome, gated: bool = True) -> Outcome:
        return overall(a_finding(outcome=outcome, gated=gated) for outcome in outcomes)

    assert verdict(Outcome.PASS, Outcome.PASS) is Outcome.PASS
    assert verdict(Outcome.PASS, Outcome.INCONCLUSIVE) is Outcome.INCONCLUSIVE
    assert verdict(Outcome.INCONCLUSIVE, Outcome.NO_BASELINE) is Outcome.NO_BASELINE
    assert verdict(Outcome.NO_BASELINE, Outcome.NOT_MEASURED) is Outcome.NOT_MEASURED
    assert verdict(Outcome.NOT_MEASURED, Outcome.REGRESSION) is Outcome.REGRESSION
    assert verdict(Outcome.REGRESSION, gated=False) is Outcome.NOT_MEASURED


def test_harm_is_the_effect_in_its_bad_direction() -> None:
    result: Judged = judge(asked(answered(-8.0, 3.0), Hypothesis.CACHED_SHARE), Stepped(0.5, 0.001), RULES)

    assert result.harm == 8.0
