from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks.decisions.generator import Change
from benchmarks.decisions.generator import duet as simulate

from lens_gate.analysis.analyze import analyze
from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.analysis.classic import DEFAULT_METHODS
from lens_gate.analysis.false_alarms import false_alarm_note
from lens_gate.analysis.past import PastRun
from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.artifacts.run import Run, Uncovered
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Method, Regression, StatisticalMethod, ThresholdMethod, TrendMethod
from lens_gate.errors import ConfigProblem, NoBaseline
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Ending, Outcome
from lens_gate.vocabulary.requests import Arm
from tests.builders import (
    COMPARISON,
    FINGERPRINT,
    MS,
    PROVENANCE,
    SERIES,
    a_benchmark,
    a_duet_run,
    a_failed_sample,
    a_model_result,
    a_plan,
    a_provider_result,
    a_run,
    a_sample,
    a_validity,
    a_validity_check,
    an_arm,
    both_arms,
    some_requests,
)
from tests.saying import said

MEAN = ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=10)


def analyzed(
    run: Run,
    rows: list[Sample] | Samples,
    *,
    baseline: tuple[Run, list[Sample]] | Missing | None = None,
    **rules: Any,
) -> Analysis:
    samples = rows if isinstance(rows, Samples) else Samples.of(rows)
    stored = Stored(run=baseline[0], samples=Samples.of(baseline[1])) if isinstance(baseline, tuple) else baseline
    return analyze(
        run,
        samples,
        baseline=stored,
        regression=Regression(**rules),
        request_timeout_s=60.0,
        provenance=PROVENANCE,
    )


def rows_of(count: int, *, slower: float = 1.0, seed: int = 1, **changes: Any) -> list[Sample]:
    """Unpaired successes whose times scatter by 10 %."""
    scale = np.random.default_rng(seed).lognormal(0, 0.1, count) * slower
    return [
        a_sample(
            index=n,
            **{
                "first_token_ns": round(500 * MS * factor),
                "last_token_ns": round(1500 * MS * factor),
                "end_ns": round(1510 * MS * factor),
                **changes,
            },
        )
        for n, factor in enumerate(scale.tolist())
    ]


def finding_of(analysis: Analysis, metric: str) -> Finding:
    (finding,) = (finding for finding in analysis.findings if finding.metric == metric)
    return finding


def test_equal_arms_have_nothing_to_compare() -> None:
    run = a_duet_run(comparison=COMPARISON.model_copy(update={"equal": True}))

    analysis = analyzed(run, [])

    assert analysis.regression.verdict is Outcome.NOTHING_TO_COMPARE
    assert (analysis.source, analysis.findings) == ("none", ())
    assert not analysis.regression.detected


def test_an_invalid_run_says_nothing_about_the_endpoint() -> None:
    broken = a_validity_check(ok=False, message="requests left 90 ms late")
    remark = a_validity_check(ok=False, effect="warn", message="usage is missing")
    run = a_duet_run(validity=a_validity(broken, remark))

    analysis = analyzed(run, simulate(np.random.default_rng(1), pairs=5))

    assert analysis.regression.verdict is Outcome.NOT_MEASURED
    assert analysis.findings == ()
    assert "requests left 90 ms late" in analysis.notes[0]
    assert "usage" not in analysis.notes[0]


def test_a_run_with_nothing_named_to_compare_with_has_no_baseline() -> None:
    analysis = analyzed(a_run(), rows_of(5))

    assert analysis.regression.verdict is Outcome.NO_BASELINE
    assert analysis.source == "none"


def test_a_store_without_a_fitting_run_is_told_with_its_reason() -> None:
    analysis = analyzed(a_run(), rows_of(5), baseline=Missing("No run of the branch main is stored."))

    assert (analysis.regression.verdict, analysis.source) == (Outcome.NO_BASELINE, "none")
    assert analysis.notes == ("There is no baseline to compare with. No run of the branch main is stored.",)


@pytest.mark.parametrize("providers", [(), (a_provider_result(a_model_result(requests=some_requests(failed=300))),)])
def test_a_run_without_one_success_is_not_measured_whatever_it_is_compared_with(providers: Any) -> None:
    analysis = analyzed(a_run(providers=providers), [])

    assert analysis.regression.verdict is Outcome.NOT_MEASURED
    assert "No request succeeded" in analysis.notes[0]


def test_times_are_cut_at_the_limit_of_the_run_and_not_at_the_judge_s() -> None:
    rows = simulate(np.random.default_rng(1), pairs=60, change=Change.slower(50))
    run = a_duet_run(plan=a_plan(request_timeout_s=600.0))

    analysis = analyze(
        run, rows, baseline=None, regression=Regression(), request_timeout_s=0.001, provenance=PROVENANCE
    )

    latencies = {f.outcome for f in analysis.findings if f.metric == "mean_latency"}
    assert latencies == {Outcome.REGRESSION}


def test_a_duet_is_judged_by_its_pairs() -> None:
    unchanged = analyzed(a_duet_run(), simulate(np.random.default_rng(1), pairs=60))

    assert unchanged.source == "duet"
    assert {one.series for one in unchanged.coverage} == {"sim/clean", "sim/heavy", "sim/cached", "sim/loaded"}
    assert unchanged.policy.decision is Decision.CALIBRATED
    assert unchanged.need is not None
    assert unchanged.need.minutes is not None


def test_a_duet_whose_pairs_never_came_is_not_measured() -> None:
    analysis = analyzed(a_duet_run(ending=Ending.UNREACHABLE, ending_message="connection refused"), [])

    assert analysis.regression.verdict is Outcome.NOT_MEASURED
    assert (analysis.ending, analysis.ending_message) == (Ending.UNREACHABLE, "connection refused")
    assert analysis.notes == ("No pair of requests was measured.",)


def test_a_threshold_on_a_percentile_is_shown_beside_the_gated_questions() -> None:
    method = ThresholdMethod(type="threshold", metric="p95_latency", threshold_percent=15)
    rare = ThresholdMethod(type="threshold", metric="p99_latency", threshold_percent=15)

    analysis = analyzed(a_duet_run(), simulate(np.random.default_rng(1), pairs=40), methods=(method, rare))

    shown = [finding for finding in analysis.findings if finding.metric in {"p95_latency", "p99_latency"}]
    assert len(shown) == 8
    assert all(not finding.gated and not finding.in_family for finding in shown)
    assert {finding.effect.estimate is None for finding in shown if finding.metric == "p99_latency"} == {True}
    assert {finding.threshold for finding in shown} == {15}


@pytest.mark.parametrize("asked_rate", [4.0, None])
def test_the_minutes_of_an_answer_come_from_the_asked_or_the_achieved_rate(asked_rate: float | None) -> None:
    run = a_duet_run(plan=a_plan(requests_per_second=asked_rate), benchmark=a_benchmark(duration_seconds=150.0))

    analysis = analyzed(run, simulate(np.random.default_rng(1), pairs=10))

    # Achieved were 600 requests in 150 s; a pair in each of four series is eight requests.
    assert analysis.need is not None
    assert analysis.need.minutes == pytest.approx(analysis.need.pairs * 8 / 4 / 60)


def test_an_unknown_rate_leaves_the_minutes_open() -> None:
    run = a_duet_run(plan=a_plan(requests_per_second=None), benchmark=a_benchmark(duration_seconds=0.0))

    analysis = analyzed(run, simulate(np.random.default_rng(1), pairs=10))

    assert analysis.need is not None
    assert analysis.need.minutes is None


def test_a_stored_baseline_is_a_screen_that_names_the_duet() -> None:
    analysis = analyzed(a_run(), rows_of(60, slower=1.3), baseline=(a_run(), rows_of(60, seed=2)))

    assert analysis.source == "stored"
    assert analysis.regression.verdict is Outcome.INCONCLUSIVE
    assert {finding.metric for finding in analysis.findings} == {"median_ttft", "median_tpot", "median_latency"}
    assert said(analysis.findings[0]).endswith("To decide, measure both versions at once.")
    assert "1 stored run" in said(analysis.findings[0])
    assert analysis.need is not None
    assert analysis.need.usd == pytest.approx(analysis.need.pairs * 0.004)
    assert analysis.base_providers == (a_provider_result(),)


def test_a_disaster_against_a_stored_baseline_is_a_regression() -> None:
    analysis = analyzed(a_run(), rows_of(60, slower=3.0), baseline=(a_run(), rows_of(60, seed=2)))

    assert analysis.regression.detected
    assert finding_of(analysis, "median_latency").effect.estimate == pytest.approx(200, abs=20)


def test_a_stored_baseline_with_another_cached_share_is_not_comparable() -> None:
    cached = rows_of(60, seed=2, cached_tokens=90)

    analysis = analyzed(a_run(), rows_of(60, slower=3.0), baseline=(a_run(), cached))

    assert "90.0 % of the input from its cache then and 0.0 % now" in said(finding_of(analysis, "median_ttft"))
    assert finding_of(analysis, "median_ttft").outcome is Outcome.INCONCLUSIVE
    assert finding_of(analysis, "median_tpot").outcome is Outcome.REGRESSION


def test_few_or_no_successes_are_not_screened() -> None:
    few = analyzed(a_run(), rows_of(9), baseline=(a_run(), rows_of(60)))
    none = analyzed(a_run(), [a_failed_sample(input_tokens=None)] * 9, baseline=(a_run(), rows_of(60)))

    assert few.regression.verdict is Outcome.INCONCLUSIVE
    assert "9 requests succeeded now" in said(few.findings[0])
    assert none.regression.verdict is Outcome.NOT_MEASURED
    assert none.need is None


def test_a_screen_of_unpriced_requests_has_no_price() -> None:
    rows = rows_of(40, cost_usd=None)

    analysis = analyzed(a_run(), rows, baseline=(a_run(), rows))

    assert analysis.need is not None
    assert analysis.need.usd is None


def test_a_margin_of_zero_has_no_price_of_an_answer() -> None:
    method = ThresholdMethod(type="threshold", metric="mean_latency", threshold_percent=0)

    assert analyzed(a_run(), rows_of(40), baseline=(a_run(), rows_of(40)), methods=(method,)).need is None


def test_a_baseline_of_another_model_names_both() -> None:
    other = [replace(row, series="openai/gpt-large") for row in rows_of(5)]

    with pytest.raises(NoBaseline) as problem:
        analyzed(a_run(), rows_of(5), baseline=(a_run(), other))

    assert "openai/gpt-large" in str(problem.value)
    assert SERIES in str(problem.value)


def test_an_empty_baseline_measured_nothing() -> None:
    with pytest.raises(NoBaseline, match="measured nothing"):
        analyzed(a_run(), rows_of(5), baseline=(a_run(), []))


def test_a_run_without_requests_is_not_measured_rather_than_without_baseline() -> None:
    assert analyzed(a_run(), [], baseline=(a_run(), rows_of(5))).regression.verdict is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("stored", "rows", "words"),
    [
        (a_run(validity=a_validity(a_validity_check(ok=False))), rows_of(5), "invalid"),
        (a_run(), [a_failed_sample()], "no successful request"),
    ],
)
def test_an_unusable_baseline_is_refused(stored: Run, rows: list[Sample], words: str) -> None:
    with pytest.raises(NoBaseline, match=words):
        analyzed(a_run(), rows_of(5), baseline=(stored, rows))


def test_a_model_that_the_baseline_lacks_is_never_a_pass() -> None:
    rows = [*rows_of(20), *(replace(row, series="openai/new", model="new") for row in rows_of(20))]

    analysis = analyzed(a_run(), rows, baseline=(a_run(), rows_of(20)), decision=Decision.CLASSIC, methods=(MEAN,))

    assert analysis.regression.verdict is Outcome.NO_BASELINE
    assert [(f.series, f.outcome) for f in analysis.findings] == [
        (SERIES, Outcome.PASS),
        ("openai/new", Outcome.NO_BASELINE),
    ]


def test_other_prompts_than_those_that_were_stored_are_not_compared() -> None:
    then = [replace(row, prompt_id=f"p{row.index % 4}") for row in rows_of(60, seed=2)]
    now = [replace(row, prompt_id=f"p{row.index % 4 + 1}") for row in rows_of(60)]

    finding = finding_of(analyzed(a_run(), now, baseline=(a_run(), then)), "median_ttft")

    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "25.0 % of the requests then and 25.0 % now are of prompts that the other did not send" in said(finding)
    many = [[replace(row, prompt_id=f"{seed}-{row.index}") for row in rows_of(60, seed=seed)] for seed in (1, 2)]
    assert "prompts" not in said(finding_of(analyzed(a_run(), many[0], baseline=(a_run(), many[1])), "median_ttft"))
    imported = a_run(transport="import: llmperf")
    assert "prompts" not in said(finding_of(analyzed(imported, now, baseline=(a_run(), then)), "median_ttft"))


def a_controlled_run(**changes: Any) -> Run:
    """Return a run of which a fifth of the requests is a control."""
    controlled = COMPARISON.model_copy(update={"control_share": 0.2})
    return a_run(**{"arms": both_arms(), "comparison": controlled, **changes})


def with_control(candidate: list[Sample], control: list[Sample]) -> list[Sample]:
    return [*candidate, *(replace(row, arm=Arm.BASE) for row in control)]


def a_stored_run(**changes: Any) -> Run:
    """Return a run that sent what the control sends."""
    return a_run(arms=(an_arm(requests_hash=both_arms()[1].requests_hash, **changes),))


def test_a_control_corrects_what_stored_runs_lead_to_expect() -> None:
    rows = with_control(rows_of(60, slower=1.3), rows_of(30, slower=1.3, seed=3))

    analysis = analyzed(a_controlled_run(), rows, baseline=(a_stored_run(commit="91d04e7"), rows_of(60, seed=2)))

    finding = finding_of(analysis, "median_ttft")
    assert analysis.source == "stored"
    assert finding.history is not None
    assert (finding.history.runs, finding.history.control_requests) == (1, 30)
    assert finding.effect.estimate == pytest.approx(0, abs=8)
    assert analysis.notes == ()


def test_a_control_alone_is_compared_with() -> None:
    rows = with_control(rows_of(60, slower=1.5), rows_of(30, seed=3))

    analysis = analyzed(a_controlled_run(base_providers=(a_provider_result(),)), rows)

    assert analysis.source == "stored"
    assert analysis.regression.verdict is Outcome.REGRESSION
    assert analysis.base_providers == (a_provider_result(),)


def test_a_model_that_the_control_lacks_is_never_a_pass() -> None:
    other = [replace(row, series="openai/new", model="new") for row in rows_of(60, slower=5.0)]
    rows = with_control([*rows_of(60), *other], rows_of(30, seed=3))

    analysis = analyzed(a_controlled_run(), rows)

    missing = next(f for f in analysis.findings if f.series == "openai/new")
    assert (missing.outcome, said(missing)) == (Outcome.NO_BASELINE, "The control has no such model.")
    assert analysis.regression.verdict is Outcome.NO_BASELINE


def test_a_control_of_fewer_prompts_leaves_the_stored_runs_aside() -> None:
    rows = with_control(rows_of(60), rows_of(30, seed=3))
    fewer = a_controlled_run(uncovered=(Uncovered(prompt_id="old", arm=Arm.BASE),))

    analysis = analyzed(fewer, rows, baseline=(a_stored_run(), rows_of(60, slower=4.0)))

    assert "sent other requests than the stored runs" in analysis.notes[0]
    assert analysis.base_providers == fewer.base_providers


def test_a_control_that_sent_something_else_leaves_the_stored_runs_aside() -> None:
    rows = with_control(rows_of(60), rows_of(30, seed=3))
    other = a_run(arms=(an_arm(requests_hash="something else"),))

    analysis = analyzed(a_controlled_run(), rows, baseline=(other, rows_of(60, slower=4.0)))

    finding = finding_of(analysis, "median_ttft")
    assert finding.history is not None
    assert finding.history.runs == 0
    assert "sent other requests than the stored runs" in analysis.notes[0]


def test_a_classic_rule_holds_a_run_against_its_control_where_nothing_is_stored() -> None:
    rows = with_control(rows_of(60, slower=1.3), rows_of(30, seed=3))

    analysis = analyzed(a_controlled_run(arms=()), rows, decision=Decision.CLASSIC, methods=(MEAN,))

    assert analysis.regression.verdict is Outcome.REGRESSION


def test_earlier_runs_are_a_history_of_each_model() -> None:
    earlier = tuple(PastRun.of(a_run(benchmark=a_benchmark(id=str(number)))) for number in range(4))
    other = PastRun.of(a_run(providers=(a_provider_result(a_model_result(id="gpt-other")),)))
    rows, notes = Samples.of(rows_of(60)), ("two were ignored",)
    stored = Stored(run=a_run(), samples=rows, earlier=(*earlier, other), notes=notes)

    analysis = analyze(
        a_run(),
        rows,
        baseline=stored,
        regression=Regression(),
        request_timeout_s=60.0,
        provenance=PROVENANCE,
    )

    finding = finding_of(analysis, "median_ttft")
    assert finding.history is not None
    assert finding.history.runs == 5
    assert analysis.notes == notes
    assert analysis.policy.disaster_percent == 100


def test_another_configuration_is_remarked_upon() -> None:
    stored = a_run(fingerprint=FINGERPRINT.model_copy(update={"config_hash": "other"}))

    assert "another configuration" in analyzed(a_run(), rows_of(20), baseline=(stored, rows_of(20))).notes[0]
    assert analyzed(a_run(), rows_of(20), baseline=(a_run(), rows_of(20))).notes == ()


def classic(candidate: list[Sample], base: list[Sample], *methods: Method) -> Analysis:
    return analyzed(a_run(), candidate, baseline=(a_run(), base), decision=Decision.CLASSIC, methods=methods)


def test_classic_thresholds_judge_literally_and_carry_their_false_alarms() -> None:
    analysis = classic(rows_of(60, slower=1.3), rows_of(60, seed=2))

    assert {f.metric: f.outcome for f in analysis.findings} == {
        "mean_latency": Outcome.REGRESSION,
        "p95_latency": Outcome.REGRESSION,
        "error_rate": Outcome.PASS,
    }
    assert analysis.policy.false_alarm_note == false_alarm_note(DEFAULT_METHODS, "stored")
    assert all(not f.in_family and f.hypothesis is None for f in analysis.findings)


def test_one_error_against_none_is_infinitely_worse_to_a_literal_percentage() -> None:
    method = ThresholdMethod(type="threshold", metric="error_rate", threshold_percent=50)

    worse = finding_of(classic([*rows_of(60), a_failed_sample()], rows_of(60), method), "error_rate")
    points = ThresholdMethod(type="threshold", metric="error_rate", threshold_points=2)
    bearable = finding_of(classic([*rows_of(60), a_failed_sample()], rows_of(60), points), "error_rate")

    assert (worse.outcome, worse.effect.estimate) == (Outcome.REGRESSION, None)
    assert (bearable.outcome, bearable.effect.unit) == (Outcome.PASS, "points")


@pytest.mark.parametrize(
    ("metric", "changes", "outcome"),
    [
        ("success_rate", {}, Outcome.REGRESSION),
        ("mean_output_tokens", {"output_tokens": 20}, Outcome.REGRESSION),
        ("mean_output_tokens", {"output_tokens": 51}, Outcome.PASS),
    ],
)
def test_classic_thresholds_know_which_way_is_worse(metric: str, changes: dict[str, Any], outcome: Outcome) -> None:
    method = ThresholdMethod(type="threshold", metric=metric, threshold_percent=10)
    rows = rows_of(40, **changes) if changes else [*rows_of(40), *[a_failed_sample()] * 20]

    assert classic(rows, rows_of(40), method).regression.verdict is outcome


def test_a_classic_threshold_without_data_or_limit_does_not_pass() -> None:
    rare = ThresholdMethod(type="threshold", metric="p99_latency", threshold_percent=10)
    unlimited = ThresholdMethod(type="threshold", metric="mean_latency")

    assert classic(rows_of(40), rows_of(40), rare).regression.verdict is Outcome.NOT_MEASURED
    assert classic(rows_of(40), rows_of(40), unlimited).regression.verdict is Outcome.INCONCLUSIVE


TEST_NAMES: tuple[Any, ...] = ("t-test", "mann-whitney", "kolmogorov-smirnov")


@pytest.mark.parametrize("name", TEST_NAMES)
def test_classic_tests_flag_a_slower_sample_and_no_faster_one(name: Any) -> None:
    method = StatisticalMethod(type="statistical", method=name)

    slower = classic(rows_of(80, slower=1.2), rows_of(80, seed=2), method)
    faster = classic(rows_of(80, slower=0.8), rows_of(80, seed=2), method)
    equal = classic(rows_of(80), rows_of(80), method)

    outcomes = [one.regression.verdict for one in (slower, faster, equal)]
    assert outcomes == [Outcome.REGRESSION, Outcome.PASS, Outcome.PASS]
    assert slower.findings[0].method == name


def test_each_classic_test_has_its_own_view_of_what_is_slower() -> None:
    # One time in the base that is out of all proportion moves its mean, and neither ranks nor the largest gap.
    base = [*rows_of(80, seed=2), *rows_of(1, slower=1000)]
    methods = [StatisticalMethod(type="statistical", method=name) for name in TEST_NAMES]

    findings = classic(rows_of(80, slower=1.2), base, *methods).findings

    assert [finding.outcome for finding in findings] == [Outcome.PASS, Outcome.REGRESSION, Outcome.REGRESSION]
    assert [said(finding).partition("; the ")[2].split()[0] for finding in findings] == ["mean", "median", "median"]


@pytest.mark.parametrize(("confidence", "outcome"), [(0.9, Outcome.REGRESSION), (0.999, Outcome.PASS)])
def test_a_classic_test_is_as_strict_as_its_confidence(confidence: float, outcome: Outcome) -> None:
    method = StatisticalMethod(type="statistical", method="mann-whitney", confidence=confidence)

    finding = classic(rows_of(80, slower=1.04), rows_of(80, seed=2), method).findings[0]

    assert finding.p_value is not None
    assert 0.001 < finding.p_value < 0.1
    assert finding.outcome is outcome


def test_a_classic_test_of_one_request_is_not_measured_and_of_another_metric_refused() -> None:
    method = StatisticalMethod(type="statistical", method="t-test")

    assert classic(rows_of(1), rows_of(80), method).regression.verdict is Outcome.NOT_MEASURED
    with pytest.raises(ConfigProblem, match="latency_distribution"):
        classic(rows_of(9), rows_of(9), method.model_copy(update={"metric": "mean_ttft"}))


def test_a_trend_rule_does_not_judge_one_run_and_has_no_measured_rate() -> None:
    method = TrendMethod(type="trend", method="linear_regression")

    analysis = classic(rows_of(9), rows_of(9), method)

    assert analysis.regression.verdict is Outcome.INCONCLUSIVE
    assert "see lens-gate trend" in said(analysis.findings[0])
    assert analysis.policy.false_alarm_note is None


def test_classic_rules_judge_the_arms_of_a_duet_as_two_samples() -> None:
    samples = simulate(np.random.default_rng(1), pairs=30)

    analysis = analyzed(a_duet_run(), samples, decision=Decision.CLASSIC, methods=(MEAN,))

    assert analysis.source == "duet"
    assert len(analysis.findings) == 4
    assert analysis.policy.false_alarm_note == false_alarm_note([MEAN], "duet")


def test_a_calibrated_answer_survives_the_round_trip_through_json() -> None:
    analysis = analyzed(a_duet_run(), simulate(np.random.default_rng(1), pairs=4))

    again = Analysis.model_validate_json(analysis.model_dump_json())

    assert again == analysis
    assert {f.hypothesis for f in again.findings} >= {Hypothesis.TTFT}
