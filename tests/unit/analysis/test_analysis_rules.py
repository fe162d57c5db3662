from __future__ import annotations

from lens_gate.analysis.rules import MARGINS, METRIC_NAMES, WEIGHTS, rules_of
from lens_gate.config.model import Regression, ThresholdMethod
from lens_gate.vocabulary.metrics import Hypothesis


def margins(**percent: float) -> dict[Hypothesis, float]:
    methods = tuple(
        ThresholdMethod(type="threshold", metric=name, threshold_percent=value) for name, value in percent.items()
    )
    return dict(rules_of(Regression(methods=methods)).margins)


def test_what_is_allowed_of_the_first_token_is_no_alarm_of_the_late_ones() -> None:
    assert margins()[Hypothesis.TTFT_TAIL_EXCEEDANCE] == 5
    assert margins(mean_ttft=40)[Hypothesis.TTFT_TAIL_EXCEEDANCE] == 20
    assert margins(mean_ttft=40)[Hypothesis.TTFT_TAIL_EXCESS] == 12
    assert margins(mean_latency=40)[Hypothesis.TTFT_TAIL_EXCEEDANCE] == 5


def test_an_answer_of_equal_length_may_change_as_much_as_the_whole_answer() -> None:
    assert margins(mean_latency=40)[Hypothesis.TOTAL_EQUAL_LENGTH] == 40
    assert margins(total_equal_length_latency=7)[Hypothesis.TOTAL_EQUAL_LENGTH] == 7
    assert margins(total_equal_length_latency=7)[Hypothesis.TOTAL] == 10


def test_every_question_has_a_margin_a_name_and_a_weight() -> None:
    assert set(MARGINS) == set(METRIC_NAMES) == set(WEIGHTS) == set(Hypothesis)


def test_a_configured_limit_of_late_first_tokens_stands_by_itself() -> None:
    late = ThresholdMethod(type="threshold", metric="ttft_above_pooled_p95", threshold_points=1.5)
    first = ThresholdMethod(type="threshold", metric="mean_ttft", threshold_percent=40)
    assert rules_of(Regression(methods=(late, first))).margins[Hypothesis.TTFT_TAIL_EXCEEDANCE] == 1.5
