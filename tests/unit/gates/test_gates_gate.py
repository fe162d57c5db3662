from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lens_gate.artifacts.analysis import Analysis, RegressionSummary
from lens_gate.artifacts.verdict import Check, CheckKind, Verdict
from lens_gate.config.model import Budget, QualityGate, Regression
from lens_gate.errors import ConfigProblem
from lens_gate.gates.gate import exit_code, gate
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Ending, ExitCode, Outcome, Severity
from tests.builders import (
    PROVENANCE,
    SERIES,
    a_check,
    a_finding,
    a_model_result,
    a_provider_result,
    a_spend,
    a_validity,
    a_validity_check,
    an_analysis,
    an_effect,
    an_error_count,
    an_unmeasured_latency,
    some_requests,
)
from tests.saying import said

OTHER = "openai/gpt-large"


def places(*path: str | int) -> str:
    return "lens-gate.yaml:" + ".".join(map(str, path))


def gated(
    analysis: Analysis,
    *gates: QualityGate,
    budgets: Sequence[Budget] = (),
    fail_on: Sequence[str] = (),
    min_coverage: float = 1.0,
) -> Verdict:
    return gate(
        analysis,
        regression=Regression(quality_gates=gates, min_coverage=min_coverage),
        budgets=budgets,
        fail_on=fail_on,
        places=places,
        provenance=PROVENANCE,
    )


def concluding(outcome: Outcome, **changes: Any) -> Analysis:
    """An analysis without findings that says so."""
    summary = RegressionSummary(detected=outcome is Outcome.REGRESSION, verdict=outcome)
    return an_analysis().model_copy(
        update={"findings": (), "regression": summary, "source": "none", "notes": ("So it is.",), **changes}
    )


def silent_model(name: str = "gpt-large") -> Any:
    return a_model_result(id=name, requests=some_requests(failed=300), latency=an_unmeasured_latency())


def kinds(verdict: Verdict) -> list[CheckKind]:
    return [check.kind for check in verdict.checks]


# Exit codes -----------------------------------------------------------------------------------------------------------

BREACH = a_check(kind=CheckKind.BUDGET, outcome=Outcome.REGRESSION)
WARNED = a_check(kind=CheckKind.BUDGET, outcome=Outcome.REGRESSION, severity=Severity.WARNING)
OPEN = a_check(outcome=Outcome.INCONCLUSIVE)
SILENT = a_check(kind=CheckKind.COVERAGE, outcome=Outcome.NOT_MEASURED)
EXCUSED = a_check(kind=CheckKind.COVERAGE, outcome=Outcome.NOT_MEASURED, severity=Severity.WARNING)


@pytest.mark.parametrize(
    ("outcome", "checks", "ending", "fail_on", "code"),
    [
        (Outcome.PASS, [], Ending.COMPLETE, [], ExitCode.OK),
        (Outcome.PASS, [WARNED, EXCUSED], Ending.DECIDED, ["inconclusive"], ExitCode.OK),
        (Outcome.PASS, [], Ending.COST_CAP, [], ExitCode.OK),
        (Outcome.INCONCLUSIVE, [], Ending.COMPLETE, ["no_baseline"], ExitCode.OK),
        (Outcome.NO_BASELINE, [], Ending.COMPLETE, ["nothing_to_compare"], ExitCode.OK),
        (Outcome.NOTHING_TO_COMPARE, [], Ending.COMPLETE, ["no_baseline"], ExitCode.OK),
        (Outcome.REGRESSION, [], Ending.COMPLETE, [], ExitCode.GATE_FAILED),
        (Outcome.PASS, [BREACH], Ending.COMPLETE, [], ExitCode.GATE_FAILED),
        (Outcome.PASS, [WARNED], Ending.COMPLETE, ["warning"], ExitCode.GATE_FAILED),
        (Outcome.NOT_MEASURED, [], Ending.COMPLETE, [], ExitCode.COULD_NOT_MEASURE),
        (Outcome.PASS, [SILENT], Ending.COMPLETE, [], ExitCode.COULD_NOT_MEASURE),
        (Outcome.PASS, [], Ending.AUTHENTICATION, [], ExitCode.COULD_NOT_MEASURE),
        (Outcome.PASS, [], Ending.UNREACHABLE, [], ExitCode.COULD_NOT_MEASURE),
        (Outcome.INCONCLUSIVE, [], Ending.COMPLETE, ["inconclusive"], ExitCode.INCONCLUSIVE),
        (Outcome.NO_BASELINE, [], Ending.COMPLETE, ["no_baseline"], ExitCode.NO_BASELINE),
        (Outcome.NOTHING_TO_COMPARE, [], Ending.COMPLETE, ["nothing_to_compare"], ExitCode.NO_BASELINE),
        (Outcome.INCONCLUSIVE, [], Ending.COST_CAP, [], ExitCode.CAP_REACHED),
        (Outcome.INCONCLUSIVE, [], Ending.TIME_CAP, [], ExitCode.CAP_REACHED),
        (Outcome.PASS, [], Ending.INTERRUPTED, [], ExitCode.INTERRUPTED),
        (Outcome.NO_BASELINE, [OPEN], Ending.COMPLETE, ["inconclusive"], ExitCode.INCONCLUSIVE),
    ],
)
def test_each_outcome_check_and_ending_means_its_exit_code(
    outcome: Outcome, checks: list[Check], ending: Ending, fail_on: list[str], code: ExitCode
) -> None:
    assert exit_code(outcome=outcome, checks=checks, ending=ending, fail_on=fail_on) is code


@pytest.mark.parametrize(
    ("outcome", "checks", "ending", "fail_on", "code"),
    [
        (Outcome.REGRESSION, [BREACH, SILENT], Ending.INTERRUPTED, [], ExitCode.INTERRUPTED),
        (Outcome.REGRESSION, [SILENT], Ending.AUTHENTICATION, [], ExitCode.GATE_FAILED),
        (Outcome.NOT_MEASURED, [BREACH], Ending.COST_CAP, [], ExitCode.GATE_FAILED),
        (Outcome.NOT_MEASURED, [], Ending.COST_CAP, [], ExitCode.COULD_NOT_MEASURE),
        (Outcome.NO_BASELINE, [], Ending.COST_CAP, ["no_baseline"], ExitCode.CAP_REACHED),
        (Outcome.INCONCLUSIVE, [], Ending.TIME_CAP, ["inconclusive"], ExitCode.CAP_REACHED),
    ],
)
def test_of_several_codes_the_most_important_wins(
    outcome: Outcome, checks: list[Check], ending: Ending, fail_on: list[str], code: ExitCode
) -> None:
    assert exit_code(outcome=outcome, checks=checks, ending=ending, fail_on=fail_on) is code


# The comparison -------------------------------------------------------------------------------------------------------


def test_each_gated_finding_is_a_check_and_the_others_are_not() -> None:
    shown = a_finding(metric="p95_latency", gated=False, outcome=Outcome.INCONCLUSIVE)

    verdict = gated(an_analysis(a_finding(), shown))

    assert [(check.name, check.outcome) for check in verdict.checks] == [(f"{SERIES}/mean_ttft", Outcome.PASS)]
    assert (verdict.outcome, verdict.exit_code) == (Outcome.PASS, ExitCode.OK)
    assert verdict.fail_on == ()


def test_a_regression_fails_and_keeps_its_summary() -> None:
    slower = a_finding(outcome=Outcome.REGRESSION, established=True, effect=an_effect(20.0))

    verdict = gated(an_analysis(slower, a_finding(metric="mean_latency", outcome=Outcome.INCONCLUSIVE)))

    assert (verdict.outcome, verdict.exit_code) == (Outcome.REGRESSION, ExitCode.GATE_FAILED)
    assert verdict.regression.detected
    assert (verdict.checks[0].value, verdict.checks[0].limit) == (20.0, 10.0)


def test_one_open_question_makes_the_verdict_inconclusive() -> None:
    open_question = a_finding(metric="mean_latency", outcome=Outcome.INCONCLUSIVE)

    verdict = gated(an_analysis(a_finding(), open_question), fail_on=["inconclusive"])

    assert (verdict.outcome, verdict.exit_code) == (Outcome.INCONCLUSIVE, ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize("outcome", [Outcome.NO_BASELINE, Outcome.NOTHING_TO_COMPARE])
def test_without_a_comparison_the_check_is_neutral(outcome: Outcome) -> None:
    verdict = gated(concluding(outcome))

    assert (verdict.outcome, verdict.exit_code) == (outcome, ExitCode.OK)
    assert [said(check) for check in verdict.checks] == ["So it is."]


def test_when_nothing_was_sent_no_rule_is_asked_for_data() -> None:
    nothing = concluding(Outcome.NOTHING_TO_COMPARE, providers=())

    verdict = gated(nothing, QualityGate(name="fast", condition="mean_latency < 5"), budgets=[_budget(budget=1.0)])

    assert kinds(verdict) == [CheckKind.COMPARISON]
    assert verdict.exit_code is ExitCode.OK


# Coverage, validity and endings ---------------------------------------------------------------------------------------


def test_a_series_without_success_is_not_measured() -> None:
    analysis = concluding(Outcome.NOT_MEASURED, providers=(a_provider_result(silent_model()),))

    verdict = gated(analysis)

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)
    assert OTHER in said(verdict.checks[-1])


def test_a_regression_stands_although_another_series_was_not_measured() -> None:
    slower = a_finding(outcome=Outcome.REGRESSION)
    silent = a_finding(series=OTHER, outcome=Outcome.NOT_MEASURED)

    verdict = gated(an_analysis(slower, silent))

    assert (verdict.outcome, verdict.exit_code) == (Outcome.REGRESSION, ExitCode.GATE_FAILED)
    assert CheckKind.COVERAGE in kinds(verdict)


@pytest.mark.parametrize(("min_coverage", "outcome"), [(0.5, Outcome.PASS), (0.51, Outcome.NOT_MEASURED)])
def test_the_configured_coverage_excuses_a_silent_series(min_coverage: float, outcome: Outcome) -> None:
    silent = a_finding(series=OTHER, outcome=Outcome.NOT_MEASURED)

    verdict = gated(an_analysis(a_finding(), silent), min_coverage=min_coverage)

    assert verdict.outcome is outcome
    assert verdict.checks[-1].kind is CheckKind.COVERAGE
    assert verdict.checks[-1].value == 0.5


def test_no_coverage_excuses_measuring_nothing() -> None:
    verdict = gated(an_analysis(a_finding(outcome=Outcome.NOT_MEASURED)), min_coverage=0.0)

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)


def test_an_excused_series_leaves_a_run_without_baseline() -> None:
    providers = (a_provider_result(a_model_result(), silent_model()),)
    fast = QualityGate(name="fast", condition="mean_latency < 5000")

    verdict = gated(concluding(Outcome.NOT_MEASURED, providers=providers), fast, min_coverage=0.5)

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NO_BASELINE, ExitCode.OK)
    by_series = {check.series: check for check in verdict.checks if check.kind is CheckKind.QUALITY_GATE}
    assert by_series[SERIES].outcome is Outcome.PASS
    assert (by_series[OTHER].outcome, by_series[OTHER].severity) == (Outcome.NOT_MEASURED, Severity.WARNING)


def test_a_duet_without_pairs_is_not_measured_although_requests_succeeded() -> None:
    verdict = gated(concluding(Outcome.NOT_MEASURED, source="duet"))

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)


def test_an_invalid_run_is_held_against_its_invalidity_alone() -> None:
    broken = a_validity(a_validity_check(ok=False, value=90.0), a_validity_check(name="usage", ok=False, effect="warn"))
    analysis = concluding(Outcome.NOT_MEASURED, validity=broken)

    verdict = gated(analysis, QualityGate(name="fast", condition="mean_latency < 5"))

    assert [(check.name, check.value) for check in verdict.checks] == [("send_lateness", 90.0)]
    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)


def test_an_invalid_run_cannot_pass_even_if_it_does_not_say_why() -> None:
    unexplained = a_validity(a_validity_check(ok=False)).model_copy(update={"checks": ()})

    verdict = gated(an_analysis(validity=unexplained))

    assert [check.kind for check in verdict.checks] == [CheckKind.VALIDITY]
    assert verdict.exit_code is ExitCode.COULD_NOT_MEASURE


def test_when_all_comparisons_are_excused_nothing_was_compared() -> None:
    providers = (a_provider_result(a_model_result(id="gpt-large")),)
    silent = a_finding(outcome=Outcome.NOT_MEASURED)

    verdict = gated(an_analysis(silent, providers=providers), min_coverage=0.5)

    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending.COST_CAP, ExitCode.CAP_REACHED),
        (Ending.AUTHENTICATION, ExitCode.COULD_NOT_MEASURE),
        (Ending.INTERRUPTED, ExitCode.INTERRUPTED),
        (Ending.COMPLETE, ExitCode.OK),
    ],
)
def test_an_early_end_is_repeated_with_its_code(ending: Ending, code: ExitCode) -> None:
    open_question = a_finding(outcome=Outcome.INCONCLUSIVE)

    verdict = gated(an_analysis(open_question, ending=ending))

    assert verdict.exit_code is code
    caps = [check for check in verdict.checks if check.kind is CheckKind.CAP]
    assert [check.name for check in caps] == ([] if ending is Ending.COMPLETE else [ending.value])


def test_the_message_of_an_early_end_is_kept() -> None:
    verdict = gated(an_analysis(ending=Ending.TIME_CAP, ending_message="stopped after 300 s"))

    assert said(verdict.checks[-1]) == "stopped after 300 s"
    assert verdict.exit_code is ExitCode.OK


# Quality gates --------------------------------------------------------------------------------------------------------


def one_gate(condition: str, analysis: Analysis | None = None, **changes: Any) -> Check:
    verdict = gated(analysis or an_analysis(), QualityGate(name="g", condition=condition, **changes))
    (check,) = (check for check in verdict.checks if check.kind is CheckKind.QUALITY_GATE)
    return check


def test_a_quality_gate_holds_with_its_figures_and_place() -> None:
    check = one_gate("mean_latency < 5000")

    assert (check.outcome, check.series, check.metric) == (Outcome.PASS, SERIES, "mean_latency")
    assert check.value == pytest.approx(1650)
    assert (check.limit, check.unit) == (5000.0, "ms")
    assert check.place == "lens-gate.yaml:regression.quality_gates.0.condition"
    assert "mean_latency = 1650" in said(check)


def test_a_breached_quality_gate_fails_by_its_severity() -> None:
    error = gated(an_analysis(), QualityGate(name="g", condition="mean_latency < 5"))
    warning = gated(an_analysis(), QualityGate(name="g", condition="mean_latency < 5", severity=Severity.WARNING))

    assert (error.outcome, error.exit_code) == (Outcome.REGRESSION, ExitCode.GATE_FAILED)
    assert not error.regression.detected
    assert (warning.outcome, warning.exit_code) == (Outcome.PASS, ExitCode.OK)


def test_a_gate_on_the_run_is_asked_once() -> None:
    providers = (a_provider_result(a_model_result(), a_model_result(id="gpt-large")),)
    both = an_analysis(providers=providers)

    run = gated(both, QualityGate(name="g", condition="total_cost_usd < 100"))
    series = gated(both, QualityGate(name="g", condition="total_cost_usd < 100 and mean_latency < 5000"))

    assert [check.series for check in run.checks if check.kind is CheckKind.QUALITY_GATE] == [None]
    assert [check.series for check in series.checks if check.kind is CheckKind.QUALITY_GATE] == [SERIES, OTHER]


@pytest.mark.parametrize(
    "analysis",
    [an_analysis(spend=a_spend(unpriced_models=(SERIES,))), an_analysis(providers=())],
    ids=["unpriced", "no series"],
)
def test_a_metric_without_data_is_never_a_pass(analysis: Analysis) -> None:
    check = one_gate("total_cost_usd < 100 or mean_latency < 5000", analysis)

    assert check.outcome is Outcome.NOT_MEASURED
    assert check.metric is None


def test_dividing_by_zero_is_not_measured() -> None:
    assert "divides by zero" in said(one_gate("mean_latency / error_rate > 1"))


def test_a_condition_on_numbers_alone_is_answered() -> None:
    assert "no metric is asked for" in said(one_gate("1 < 2"))


def test_an_unreadable_condition_names_its_line_even_when_the_run_is_invalid() -> None:
    broken = an_analysis(validity=a_validity(a_validity_check(ok=False)))

    with pytest.raises(ConfigProblem, match=r"lens-gate.yaml:regression.quality_gates.0.condition"):
        gated(broken, QualityGate(name="g", condition="mean_latencyy < 5"))


# Budgets --------------------------------------------------------------------------------------------------------------


def _budget(metric: str = "mean_latency", **changes: Any) -> Budget:
    return Budget(metric=metric, **changes)


def budget_checks(analysis: Analysis, *budgets: Budget) -> list[Check]:
    return [check for check in gated(analysis, budgets=budgets).checks if check.kind is CheckKind.BUDGET]


@pytest.mark.parametrize(
    ("metric", "limit", "outcome"),
    [
        ("mean_latency", 1651.0, Outcome.PASS),
        ("mean_latency", 1600.0, Outcome.REGRESSION),
        ("success_rate", 99.0, Outcome.PASS),
        ("requests_per_second", 2.0, Outcome.REGRESSION),
        ("p99_9_latency", 9000.0, Outcome.NOT_MEASURED),
        ("total_cost_usd", 1.0, Outcome.REGRESSION),
    ],
)
def test_a_budget_is_an_absolute_limit(metric: str, limit: float, outcome: Outcome) -> None:
    (check,) = budget_checks(an_analysis(), _budget(metric, budget=limit))

    assert check.outcome is outcome
    assert check.limit == limit
    assert check.place == "lens-gate.yaml:budgets.0"


def test_a_budget_without_any_series_is_not_measured() -> None:
    (check,) = budget_checks(an_analysis(providers=()), _budget(budget=5.0, variance=10.0))

    assert (check.outcome, check.series) == (Outcome.NOT_MEASURED, None)


def latency_finding(estimate: float | None, *, established: bool) -> Any:
    return a_finding(
        metric="mean_latency",
        hypothesis=Hypothesis.TOTAL,
        effect=an_effect(estimate, upper_pass=None) if estimate is None else an_effect(estimate),
        established=established,
    )


@pytest.mark.parametrize(
    ("estimate", "established", "outcome"),
    [
        (20.0, True, Outcome.REGRESSION),
        (20.0, False, Outcome.INCONCLUSIVE),
        (9.0, True, Outcome.INCONCLUSIVE),
        (1.0, False, Outcome.PASS),
        (None, True, Outcome.INCONCLUSIVE),
    ],
)
def test_a_variance_is_judged_by_the_finding_on_its_question(
    estimate: float | None, *, established: bool, outcome: Outcome
) -> None:
    analysis = an_analysis(a_finding(), latency_finding(estimate, established=established))

    (check,) = budget_checks(analysis, _budget(variance=10.0))

    assert (check.name, check.outcome, check.value) == ("mean_latency variance", outcome, estimate)


@pytest.mark.parametrize("metric", ["p95_latency", "error_rate", "p95_ttft"])
def test_a_variance_without_a_finding_in_percent_is_shown_not_gated(metric: str) -> None:
    errors = a_finding(metric="error_rate", hypothesis=Hypothesis.ERRORS, effect=an_effect(unit="points"))

    (check,) = budget_checks(an_analysis(a_finding(), errors), _budget(metric, variance=10.0))

    assert (check.outcome, check.severity) == (Outcome.INCONCLUSIVE, Severity.INFO)
    assert "not gated" in said(check)


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        ("authentication", Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE),
        ("connect", Outcome.NOT_MEASURED, ExitCode.COULD_NOT_MEASURE),
        ("api_error", Outcome.REGRESSION, ExitCode.GATE_FAILED),
    ],
)
def test_a_limit_is_not_breached_by_an_endpoint_that_was_never_reached(
    error: str, outcome: Outcome, code: ExitCode
) -> None:
    model = a_model_result(
        requests=some_requests(failed=300), errors=(an_error_count(error, 300),), latency=an_unmeasured_latency()
    )
    silent = a_finding(outcome=Outcome.NOT_MEASURED)

    verdict = gated(
        an_analysis(silent, providers=(a_provider_result(model),)), budgets=[_budget("error_rate", budget=5.0)]
    )

    assert (verdict.outcome, verdict.exit_code) == (outcome, code)


def test_a_variance_whose_question_has_no_answer_is_open() -> None:
    (check,) = budget_checks(an_analysis(a_finding()), _budget("mean_tpot", variance=10.0))

    assert (check.outcome, check.severity) == (Outcome.INCONCLUSIVE, Severity.ERROR)
    assert "unknown" in said(check)


def test_an_unknown_variance_stands_in_the_way_of_a_pass() -> None:
    analysis = an_analysis(latency_finding(4.0, established=False))

    unknown = gated(analysis, budgets=[_budget(variance=5.0)])
    shown = gated(analysis, budgets=[_budget("p95_latency", variance=5.0)])

    assert unknown.outcome is Outcome.INCONCLUSIVE
    assert shown.outcome is Outcome.PASS


def test_a_variance_without_base_has_no_baseline() -> None:
    (check,) = budget_checks(concluding(Outcome.NO_BASELINE), _budget(variance=10.0))

    assert check.outcome is Outcome.NO_BASELINE


@pytest.mark.parametrize(
    ("metric", "scale", "outcome"),
    [
        ("p95_latency", 1.2, Outcome.REGRESSION),
        ("p95_latency", 1.05, Outcome.PASS),
        ("error_rate", 1.0, Outcome.NOT_MEASURED),
        ("requests_per_second", 1.0, Outcome.PASS),
    ],
)
def test_a_classic_variance_is_the_literal_difference(metric: str, scale: float, outcome: Outcome) -> None:
    model = a_model_result()
    total = model.latency.total.model_copy(update={"p95_ms": 2850.0 * scale})
    slower = model.model_copy(update={"latency": model.latency.model_copy(update={"total": total})})
    policy = an_analysis().policy.model_copy(update={"decision": Decision.CLASSIC})
    analysis = an_analysis(
        providers=(a_provider_result(slower),), base_providers=(a_provider_result(model),), policy=policy
    )

    (check,) = budget_checks(analysis, _budget(metric, variance=10.0))

    assert check.outcome is outcome


def test_two_models_that_are_compared_are_each_other_s_base() -> None:
    policy = an_analysis().policy.model_copy(update={"decision": Decision.CLASSIC})
    base = (a_provider_result(a_model_result(id="another-name")),)

    (check,) = budget_checks(an_analysis(base_providers=base, policy=policy), _budget(variance=10.0))
    several = (a_provider_result(a_model_result(id="one"), a_model_result(id="two")),)
    (unmatched,) = budget_checks(an_analysis(base_providers=several, policy=policy), _budget(variance=10.0))

    assert (check.outcome, check.value) == (Outcome.PASS, 0.0)
    assert unmatched.outcome is Outcome.NOT_MEASURED


def test_an_unknown_metric_of_a_budget_names_its_line() -> None:
    with pytest.raises(ConfigProblem, match=r"lens-gate.yaml:budgets.1.metric"):
        gated(an_analysis(), budgets=[_budget(budget=1.0), _budget("mean_latencyy", budget=1.0)])
