from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from lens_gate.artifacts.analysis import StoredHistory
from lens_gate.artifacts.run import Comparison, Uncovered
from lens_gate.artifacts.verdict import CheckKind, Verdict
from lens_gate.reports.explain import explain
from lens_gate.reports.explain_finding import explain_findings
from lens_gate.reports.page import Gap, Onward, ReportView
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.metrics import Direction, Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Ending, ExitCode, Outcome, Severity
from lens_gate.vocabulary.requests import Arm
from tests.builders import (
    SERIES,
    a_benchmark,
    a_check,
    a_coverage,
    a_duet_run,
    a_finding,
    a_model_result,
    a_need,
    a_policy,
    a_provider_result,
    a_run,
    a_spend,
    a_summary,
    a_validity,
    a_validity_check,
    a_verdict,
    an_analysis,
    an_arm,
    an_effect,
    an_error_count,
    some_requests,
)
from tests.comparisons import a_ranking
from tests.scenarios import CACHE, CHEAPER, LENGTH, SCENARIOS, SLOWER, STEADY, UNCLEAR, failed_by_warnings

FORBIDDEN = re.compile(r"\b([Ss]ignificant|p <|null|[Dd]elta|[Oo]utperforms?|None|nan|inf)\b")
SURE = "Each pass is at least 95\u00a0% sure."
LATER_COMMANDS = ("baseline", "cost", "export", "selftest", "distributed")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def view_of(*findings: Any, **changes: Any) -> ReportView:
    return view(a_verdict(an_analysis(*findings, **changes)))


def all_texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for one in value.values() for text in all_texts(one)]
        case list() | tuple():
            return [text for one in value for text in all_texts(one)]
        case _:
            return []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_text_uses_words_that_the_house_does_not_use(scenario: str) -> None:
    texts = all_texts(asdict(view(SCENARIOS[scenario]())))
    assert len(texts) > 10
    assert [text for text in texts if FORBIDDEN.search(text)] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_command_is_recommended_that_does_not_exist_yet(scenario: str) -> None:
    step = view(SCENARIOS[scenario]()).next_step or ""
    assert not any(f" {later}" in step for later in LATER_COMMANDS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_check_is_one_row_and_the_counts_add_up(scenario: str) -> None:
    verdict = SCENARIOS[scenario]()
    shown = view(verdict)
    counts = shown.counts
    assert len(shown.rows) == len(verdict.checks) == counts.total
    parts = (counts.passed, counts.regressions, counts.warnings, counts.inconclusive)
    assert sum(parts) + counts.not_measured + counts.not_compared == counts.total
    assert (*shown.open_rows, *shown.passed_rows) == shown.rows


def test_a_regression_names_subject_size_interval_and_limit() -> None:
    shown = view_of(STEADY, SLOWER)
    assert plain(shown.headline) == "Regression: gpt-small's first token comes 15 % later"
    assert plain(shown.second) == (
        "That is about +74.0 ms for a typical pair, on a mean of 500 ms. The true change lies between +12.1 % and "
        "+17.2 %; at most +5 % is allowed. "
        "Of 2 checks, 1 failed and 1 passed."
    )
    assert shown.next_step == "lens-gate explain verdict.json"
    assert any("worth what it brings" in plain(line) for line in shown.details.method)


def test_alike_reasons_stand_together_without_the_numbers_of_the_table() -> None:
    also = SLOWER.model_copy(update={"metric": "mean_latency", "hypothesis": Hypothesis.TOTAL})
    other = SLOWER.model_copy(update={"series": "openai/gpt-large"})
    [alike] = view_of(SLOWER, also).grounds
    assert (alike.titles, alike.text) == (
        "gpt-small · first token and whole answer",
        "Changed, and that is not chance. It is surely more than what matters.",
    )
    [two] = view_of(SLOWER, other).grounds
    assert set(two.titles.split(" and ")) == {"gpt-small · first token", "gpt-large · first token"}
    many = [SLOWER.model_copy(update={"series": f"openai/m{number}"}) for number in range(9)]
    [all_of_them] = view_of(*many).grounds
    assert all_of_them.titles.endswith("m5 · first token, and 3 more")
    mixed = view_of(SLOWER, UNCLEAR)
    assert [ground.mark.word for ground in mixed.grounds] == ["regression", "inconclusive"]


def test_a_bound_does_not_read_like_the_limit_that_it_lies_beyond() -> None:
    barely = SLOWER.model_copy(update={"effect": an_effect(12.0, lower=5.04, upper=17.2), "threshold": 5.0})
    shown = view_of(barely)
    assert shown.rows[0].interval == "+5.04 to +17.2"
    assert "between +5.04 % and +17.2 %" in plain(shown.second)
    passed = STEADY.model_copy(update={"effect": an_effect(0.0, lower=-1.0, upper=9.0, upper_pass=9.96)})
    assert view_of(passed).rows[0].interval == "at worst +9.96"


def test_a_regression_that_is_not_surely_beyond_its_limit_is_told_apart() -> None:
    barely = SLOWER.model_copy(update={"effect": SLOWER.effect.model_copy(update={"lower": 2.0})})
    also = barely.model_copy(update={"series": "openai/gpt-large"})
    one, two, none = (plain(view_of(*found).second) for found in ((SLOWER, barely), (also, barely), (SLOWER,)))
    assert "1 of those that failed is worse for sure, and beyond the limit as far as can be told." in one
    assert "2 of those that failed are worse for sure" in two
    assert "as far as can be told" not in none


def test_the_worst_regression_is_the_one_farthest_beyond_its_own_limit() -> None:
    bigger = STEADY.model_copy(update={"effect": an_effect(22.0), "outcome": Outcome.REGRESSION})
    shown = view_of(bigger, SLOWER)
    assert [row.label for row in shown.rows] == ["first token", "time per token"]
    assert shown.headline.endswith("later, and 1 more")


def test_a_regression_without_an_interval_gives_its_reason() -> None:
    bare = SLOWER.model_copy(update={"effect": an_effect(None, lower=None, upper=None, upper_pass=None)})
    shown = view_of(bare)
    assert plain(shown.headline) == (
        "Regression: gpt-small, first token: Changed by +14.8 %, and that is not chance. It is surely more than the "
        "5 % that matter."
    )
    assert plain(shown.second) == (
        "Changed by +14.8 %, and that is not chance. It is surely more than the 5 % that matter."
    )


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(12.1, None, "The true change is +12.1 % and more;"), (None, 17.2, "The true change is +17.2 % and less;")],
)
def test_an_interval_without_an_end_says_so(lower: float | None, upper: float | None, text: str) -> None:
    shown = view_of(SLOWER.model_copy(update={"effect": an_effect(14.8, lower=lower, upper=upper)}))
    assert text in plain(shown.second)


def test_a_regression_without_a_limit_or_base_value_leaves_them_out() -> None:
    shown = view_of(SLOWER.model_copy(update={"threshold": None, "base_value": None}))
    assert plain(shown.second) == "The true change lies between +12.1 % and +17.2 %."


def test_shorter_answers_are_a_change_in_the_other_direction() -> None:
    shorter = LENGTH.model_copy(
        update={"effect": an_effect(-30.0, lower=-35.0, upper=-25.0), "outcome": Outcome.REGRESSION}
    )
    shown = view_of(shorter)
    assert plain(shown.headline) == "Regression: gpt-small's answers are 30 % shorter"
    assert "; ±10 % is allowed." in plain(shown.second)


def test_a_lower_share_from_the_cache_is_worse() -> None:
    lost = CACHE.model_copy(
        update={"effect": an_effect(-40.0, unit="points", lower=-45.0, upper=-35.0), "outcome": Outcome.REGRESSION}
    )
    shown = view_of(lost)
    assert plain(shown.headline) == "Regression: gpt-small reads 40 points less of its input from the cache"
    assert "; at most −10 points is allowed." in plain(shown.second)
    assert shown.rows[0].size is None


def test_a_breached_limit_is_told_with_value_and_limit() -> None:
    shown = view(SCENARIOS["error_budget"]())
    assert plain(shown.headline) == "Beyond the limit: gpt-small, errors: 7.0 %, where the limit is 5.0 %"
    assert [row.mark.word for row in shown.rows] == ["beyond the limit", "warning", "pass"]
    # Nothing was compared, so no version is the old one.
    assert plain(shown.second).endswith(
        "1 is a warning. Mend what is beyond its limit, or set the limit in the configuration to what you accept."
    )


def test_a_breach_without_numbers_is_told_by_its_message() -> None:
    gate = a_check(
        name="my gate",
        kind=CheckKind.QUALITY_GATE,
        series=None,
        metric=None,
        outcome=Outcome.REGRESSION,
        value=None,
        limit=None,
        unit="",
        message="a < 1 and b > 2 does not hold",
    )
    shown = view(a_verdict(checks=(gate,)))
    assert shown.headline == "Beyond the limit: A < 1 and b > 2 does not hold"
    assert shown.rows[0].title == "my gate"


def test_a_check_for_the_whole_run_has_no_model_in_its_headline() -> None:
    budget = a_check(
        kind=CheckKind.BUDGET,
        series=None,
        metric="total_cost_usd",
        outcome=Outcome.REGRESSION,
        value=6.0,
        limit=5.0,
        unit="USD",
    )
    shown = view(a_verdict(checks=(budget,)))
    assert shown.headline == "Beyond the limit: cost of the run: $6.00, where the limit is $5.00"


def test_a_pass_names_the_check_that_is_closest_to_its_limit() -> None:
    shown = view_of(STEADY, CHEAPER, CACHE)
    assert shown.headline == "Pass: nothing got worse by more than you allow"
    assert plain(shown.second) == (
        "All 3 checks passed. The closest to its limit is gpt-small · share from the cache: at worst −2.6 points, "
        "where −10 points is allowed. Each pass is at least 95 % sure. Nothing has to be done."
    )
    assert shown.next_step is None
    assert shown.need is None


def test_a_pass_of_one_check_and_a_pass_of_none() -> None:
    assert view_of(STEADY).second.startswith("The only check passed.")
    assert view(a_verdict(checks=(), outcome=Outcome.PASS)).second == "There was nothing to check."


def test_a_pass_without_any_limit_names_no_closest() -> None:
    assert (
        view_of(STEADY.model_copy(update={"threshold": None})).second
        == f"The only check passed. {SURE} Nothing has to be done."
    )


def test_a_pass_with_warnings_says_so() -> None:
    warning = a_check(severity=Severity.WARNING, outcome=Outcome.REGRESSION, kind=CheckKind.BUDGET)
    shown = view(a_verdict(an_analysis(STEADY), checks=(a_check(STEADY), warning), outcome=Outcome.PASS))
    assert shown.headline == "Pass, with 1 warning: nothing got worse by more than you allow"
    assert shown.second.startswith("Of 2 checks, 1 passed and 1 is a warning.")


def test_what_fails_by_its_warnings_is_no_pass_and_names_the_first_and_the_option() -> None:
    shown = view(failed_by_warnings())
    assert not shown.passed
    assert shown.mark.word == "warning"
    assert shown.headline.startswith("Fails by 1 warning: ")
    assert shown.rows[0].story in shown.headline
    assert shown.second.endswith("1 passed and 1 is a warning. A warning fails it because `--fail-on warning` says so.")
    assert "Nothing has to be done" not in shown.second
    assert shown.next_step == "lens-gate explain verdict.json"


def test_an_open_verdict_fails_by_its_warnings_too() -> None:
    warning = a_check(severity=Severity.WARNING, outcome=Outcome.REGRESSION, kind=CheckKind.BUDGET)
    checks = (a_check(UNCLEAR), warning, warning)
    verdict = a_verdict(
        an_analysis(UNCLEAR), checks=checks, outcome=Outcome.INCONCLUSIVE, exit_code=ExitCode.GATE_FAILED
    )
    assert view(verdict).headline.startswith("Fails by 2 warnings: ")


def test_an_interrupted_pass_is_none() -> None:
    shown = view(a_verdict(an_analysis(STEADY, ending=Ending.INTERRUPTED), exit_code=ExitCode.INTERRUPTED))
    assert (shown.outcome, shown.passed, shown.mark.word) == (Outcome.PASS, False, "inconclusive")
    assert shown.headline == "Ended early: nothing got worse by more than you allow"
    assert "Nothing has to be done" not in shown.second
    assert "lens-gate run --resume" in shown.second


def test_versions_that_share_too_little_are_not_called_the_same() -> None:
    alone = Uncovered(prompt_id="new", arm=Arm.CANDIDATE)
    nothing = a_verdict(an_analysis(uncovered=(alone,)), outcome=Outcome.NOTHING_TO_COMPARE)

    assert "the rest only one of them has" in view(nothing).headline


def test_a_pass_says_what_it_does_not_cover() -> None:
    one = view_of(STEADY, coverage=(a_coverage(not_covered=("ttft_above_pooled_p95: too few pairs",)),))
    assert one.headline == "Pass: nothing got worse by more than you allow; not covered: slow first tokens"
    assert one.gaps == (Gap(texts=("gpt-small: late first tokens: too few pairs.",), remedy="", command=None),)
    assert one.second.endswith("unless what is not covered matters to you.")


def test_an_inconclusive_verdict_says_what_an_answer_would_take() -> None:
    shown = view_of(STEADY, UNCLEAR, need=a_need())
    assert shown.headline == "Inconclusive: 1 of 2 checks needs more data"
    assert plain(shown.second) == (
        "gpt-small · late first tokens: the true change may lie anywhere between −2.1 points and +6.4 points, on both "
        "sides of the +3 points allowed. What is open below may still be chance. About 520 pairs would likely settle "
        "what is open ($2.10, 7 minutes). A pair is two requests, one to each version."
    )
    assert shown.next_step == "lens-gate ci --against-ref main --requests 1040 --max-cost 2.52"


def test_after_an_import_the_next_measurement_is_one_of_our_own() -> None:
    shown = view_of(UNCLEAR, comparison=Comparison(kind="import", value="base.json", equal=False))
    assert shown.next_step == "lens-gate ci --against-ref main"


def test_an_answer_counts_the_requests_of_all_models() -> None:
    other = UNCLEAR.model_copy(update={"series": "openai/gpt-large"})
    shown = view_of(UNCLEAR, other, need=a_need(usd=None, minutes=None))
    assert shown.headline == "Inconclusive: 2 of 2 checks need more data"
    assert shown.next_step == "lens-gate ci --against-ref main --requests 2080"
    assert (
        shown.need == "About 520 pairs would likely settle what is open. A pair is two requests, one to each version."
    )


@pytest.mark.parametrize(
    ("effect", "threshold"),
    [
        (an_effect(1.9, lower=None), 3.0),
        (an_effect(1.9), None),
        (an_effect(None, lower=None, upper=None), 3.0),
    ],
)
def test_an_open_question_without_both_ends_gives_its_reason(effect: Any, threshold: float | None) -> None:
    shown = view_of(UNCLEAR.model_copy(update={"effect": effect, "threshold": threshold}))
    assert shown.second.startswith("gpt-small · late first tokens: Not clear:")


def test_an_open_question_on_one_side_of_the_limit_names_the_limit_only() -> None:
    shown = view_of(UNCLEAR.model_copy(update={"effect": an_effect(1.0, lower=0.5, upper=2.0)}))
    assert "anywhere between +0.5 % and +2.0 %; +3 % is allowed." in plain(shown.second)


def test_without_an_open_row_an_inconclusive_verdict_still_reads() -> None:
    shown = view(a_verdict(an_analysis(findings=(), comparison=None), checks=(), outcome=Outcome.INCONCLUSIVE))
    assert shown.second == ""
    assert shown.next_step == "lens-gate ci --against-ref main"
    regression = view(a_verdict(checks=(), outcome=Outcome.REGRESSION))
    assert regression.headline == "Regression"


@pytest.mark.parametrize(
    ("ending", "cap", "text"),
    [
        (Ending.COST_CAP, 5.0, "Stopped at your $5.00 limit before an answer"),
        (Ending.TIME_CAP, 5.0, "Stopped at your time limit before an answer"),
        (Ending.COST_CAP, None, "Stopped at your time limit before an answer"),
    ],
)
def test_a_cap_is_named(ending: Ending, cap: float | None, text: str) -> None:
    analysis = an_analysis(UNCLEAR, ending=ending, spend=a_spend(cap_usd=cap))
    assert view(a_verdict(analysis, exit_code=ExitCode.CAP_REACHED)).headline == text


def not_measured(**changes: Any) -> Verdict:
    return a_verdict(an_analysis(findings=(), **changes), checks=(), outcome=Outcome.NOT_MEASURED)


def test_what_was_in_the_way_of_measuring_is_the_headline() -> None:
    late = a_validity(a_validity_check(ok=False, message="the generator was too slow."))
    refused = not_measured(ending=Ending.AUTHENTICATION, ending_message="401: wrong key", validity=late)
    assert view(refused).headline == "Not measured: 401: wrong key"
    assert view(not_measured(validity=late)).headline == "Not measured: the generator was too slow"
    assert view(not_measured()).headline == "Not measured: no request succeeded"
    assert view(not_measured(ending=Ending.UNREACHABLE)).headline == "Not measured: no request succeeded"


def test_a_run_that_measured_nothing_says_what_helps_and_what_looks_closer() -> None:
    ours = (an_arm(label="ours.yaml"),)
    refused = view(not_measured(ending=Ending.AUTHENTICATION, ending_message="401: wrong key", arms=ours))
    assert "See that the key is set, is valid, and may use this model." in refused.second
    assert (refused.next_words, refused.next_step) == ("Next", "lens-gate validate --strict-env -c ours.yaml")
    late = a_validity(a_validity_check(ok=False, message="sent 9 ms late; a fault of ours; lower the rate"))
    invalid = view(not_measured(validity=late))
    assert invalid.headline == "Not measured: sent 9 ms late; a fault of ours"
    assert invalid.second == "Nothing is said about the endpoint. Lower the rate."
    assert (invalid.next_words, invalid.next_step) == ("Next, with your other options", "lens-gate doctor")


def test_what_of_the_series_was_measured_is_held_against_what_is_asked_for() -> None:
    [row] = view(SCENARIOS["not_measured"]()).rows
    assert (row.label, plain(row.change), plain(row.allowed)) == (
        "series with an answer",
        "now 0.0 %",
        "at least 100.0 %",
    )


def test_without_an_interval_the_bound_of_a_pass_is_shown() -> None:
    few = UNCLEAR.model_copy(update={"effect": an_effect(9.0, lower=None, upper=None, upper_pass=37.7)})
    assert view_of(few).rows[0].interval == "at worst +37.7"
    nothing = few.model_copy(update={"effect": an_effect(9.0, lower=None, upper=None, upper_pass=None)})
    assert view_of(nothing).rows[0].interval == "–"


def test_what_was_measured_beside_it_is_counted() -> None:
    silent = a_check(outcome=Outcome.NOT_MEASURED, message="other/model is silent")
    shown = view(a_verdict(checks=(silent, a_check())))
    assert shown.headline == "Not measured: other/model is silent"
    assert shown.second == "Nothing is said about the endpoint. Of 2 checks, 1 passed and 1 was not measured."


def test_hostile_names_are_quoted_in_commands() -> None:
    comparison = Comparison(kind="ref", value="x; curl evil | sh\n`id`", equal=False)
    shown = view_of(UNCLEAR, comparison=comparison)
    assert shown.next_step is not None
    assert shown.next_step.startswith("lens-gate ci --against-ref 'x; curl evil | sh `id`'")


def test_stored_runs_that_decide_nothing_can_be_kept_with_a_control() -> None:
    advice = "`--control 0.2` with the same --baseline would take the day out."
    verdicts = {
        "stored": a_verdict(an_analysis(UNCLEAR, source="stored", comparison=None)),
        "control": a_verdict(an_analysis(UNCLEAR, source="stored")),
        "pairs": a_verdict(an_analysis(UNCLEAR)),
        "classic": a_verdict(
            an_analysis(UNCLEAR, source="stored", comparison=None, policy=a_policy(decision=Decision.CLASSIC))
        ),
        "passed": a_verdict(an_analysis(STEADY, source="stored", comparison=None)),
    }
    for name, verdict in verdicts.items():
        stories = (explain(verdict, file="v.json"), explain_findings(verdict, verdict.analysis.findings))
        texts = (view(verdict).second, *(" ".join(one.sections[-1].texts) for one in stories))
        assert [advice in text for text in texts] == [name == "stored"] * 3, name
    assert view(verdicts["stored"]).next_step == "lens-gate ci --against-ref main"


def test_a_comparison_says_what_was_compared_and_when() -> None:
    assert (
        view_of(STEADY).compared
        == "Compared 3f9c2ab (work tree) with 91d04e7 (main), the baseline, at the same time, 300 pairs."
    )
    stored = view_of(STEADY, source="stored").compared
    assert stored == "Compared 3f9c2ab (work tree) with 91d04e7 (main), measured earlier and stored."
    found = "would be found in 95 of 100 such runs; a smaller one may be found by luck."
    history = StoredHistory(runs=12, run_to_run_percent=5, prior_weight=0.3, smallest_visible_percent=40)
    past = STEADY.model_copy(update={"history": history})
    assert view_of(past, source="stored").compared == (
        f"Compared 3f9c2ab (work tree) with 12 stored runs. A change of 40\u00a0% {found}"
    )
    control = history.model_copy(update={"control_requests": 60})
    both = STEADY.model_copy(update={"history": control})
    assert view_of(both, source="stored").compared == (
        "Compared 3f9c2ab (work tree) with 12 stored runs, corrected by 60 control requests a model of 91d04e7 (main) "
        f"in the same run. A change of 40\u00a0% {found}"
    )
    alone = STEADY.model_copy(update={"history": control.model_copy(update={"runs": 0})})
    assert view_of(alone, source="stored").compared == (
        "Compared 3f9c2ab (work tree) with 60 control requests a model of 91d04e7 (main) in the same run. "
        f"A change of 40\u00a0% {found}"
    )
    worse = STEADY.model_copy(update={"history": history.model_copy(update={"smallest_visible_percent": 61.4})})
    assert view_of(past, worse, source="stored").compared.endswith(
        f"A change of 40\u00a0% to 61\u00a0%, depending on the question, {found}"
    )
    assert view_of(STEADY, source="none", arms=()).compared == "Measured this version, and no other version."
    blind = STEADY.model_copy(update={"history": history.model_copy(update={"smallest_visible_percent": 1e300})})
    assert f"A change of over 1,000,000\u00a0% {found}" in view_of(blind, source="stored").compared
    models = an_arm(label="p/a and p/b", commit=None)
    ranked = view_of(STEADY, source="none", arms=(models,), comparison=None, ranking=a_ranking())
    assert ranked.compared == "Measured p/a and p/b side by side, and no other version of them."
    assert view_of(STEADY, source="none").compared == (
        "Measured 3f9c2ab (work tree) and 91d04e7 (main) at the same time, without a comparison."
    )
    assert view_of(STEADY, coverage=()).compared.endswith("at the same time, no pairs.")


ITSELF = Comparison(kind="self", value="itself", equal=False)


def test_a_version_against_itself_is_told_as_that() -> None:
    page = view_of(UNCLEAR, comparison=ITSELF)
    assert "with itself at the same time" in page.compared
    assert page.next_step == "lens-gate doctor --input RUN_FILE"
    run = run_view(a_duet_run(comparison=ITSELF))
    assert "twice at the same time, as both versions" in run.compared
    assert run.onward == Onward("Next", "lens-gate doctor --input RUN_FILE")


@pytest.mark.parametrize(
    ("label", "commit", "name"),
    [("main", None, "main"), ("91d04e7aa", "91d04e7aa0", "91d04e7aa"), ("", "91d04e7aa0", "91d04e7")],
)
def test_an_arm_is_named_once(label: str, commit: str | None, name: str) -> None:
    arms = (an_arm(), an_arm(Arm.BASE, label=label, commit=commit))
    assert f"with {name}, the baseline, at" in view_of(STEADY, arms=arms).compared


def test_pairs_are_counted_per_model() -> None:
    two = (a_coverage(), a_coverage(series="openai/other"))
    assert view_of(STEADY, coverage=two).compared.endswith("300 pairs a model.")
    fewer = (a_coverage(), a_coverage(series="openai/other", pairs_used=280))
    assert view_of(STEADY, coverage=fewer).compared.endswith("280 to 300 pairs a model.")


def test_validity_is_one_sentence_with_its_reasons() -> None:
    warned = a_validity(a_validity_check(ok=False, effect="warn", message="usage is missing."))
    assert view_of(STEADY, validity=warned).validity == "Measurement valid, with 1 warning: usage is missing."
    dropped = a_validity().model_copy(update={"valid": False})
    assert view_of(STEADY, validity=dropped).validity == "Measurement not valid: no reason was recorded."
    doubtful = warned.model_copy(update={"valid": False})
    assert view_of(STEADY, validity=doubtful).validity == "Measurement not valid: usage is missing."


def test_of_a_run_without_a_success_no_report_calls_the_measurement_valid() -> None:
    failed = (a_provider_result(a_model_result(requests=some_requests(5, failed=5))),)
    nothing: dict[str, Any] = {"providers": failed, "base_providers": ()}
    assert view_of(STEADY, **nothing).validity == "Nothing was measured."
    assert run_view(a_run(**nothing)).validity == "Nothing was measured."
    warned = a_validity(a_validity_check(ok=False, effect="warn", message="usage is missing."))
    told = "Nothing was measured. Warned of: usage is missing."
    assert view_of(STEADY, **nothing, validity=warned).validity == told


def test_a_check_whose_question_did_not_arise_is_told_as_not_asked() -> None:
    unasked = a_validity(a_validity_check(name="ceiling_share", value=None, limit=1.0, message="ok"))
    assert view_of(STEADY, validity=unasked).details.validity == ("ceiling share: not asked.",)


def test_unknown_prices_are_said() -> None:
    few = view_of(STEADY, spend=a_spend(cap_usd=None, unpriced_models=("a", "b")))
    assert few.spend == "The run cost at least $1.20; no price is known for a and b."
    none = view_of(STEADY, spend=a_spend(spent_usd=0.0, cap_usd=None, unpriced_models=("a",)))
    assert none.spend == "What it cost is not known: no price is known for a."
    many = view_of(STEADY, spend=a_spend(unpriced_models=tuple("abcdefg")))
    assert many.spend.endswith("no price is known for a, b, c, d, and e and 2 more.")
    unpriced = a_spend(spent_usd=0.0, cap_usd=None, unpriced_models=("a",))
    wordless = run_view(a_run(spend=unpriced, summary=a_summary(total_tokens=0)))
    assert wordless.spend == "The answers had no tokens, so that they have no price."


def test_measured_false_alarms_and_a_shared_machine_are_told_up_front() -> None:
    comparison = Comparison(kind="ref", value="main", equal=False, shared_machine=True)
    shown = view_of(STEADY, policy=a_policy(false_alarm_note="78 % false alarms"), comparison=comparison)
    assert shown.caveats == ("78 % false alarms.", "Both versions ran on one machine and shared its load.")


def test_what_is_shown_but_not_gated_is_in_the_details() -> None:
    rare = UNCLEAR.model_copy(update={"gated": False})
    shown = view_of(STEADY, rare)
    assert [row.label for row in shown.details.shown] == ["late first tokens"]
    assert len(shown.rows) == 1


def test_uncovered_prompts_and_models_are_named() -> None:
    uncovered = (
        Uncovered(prompt_id="p1", arm=Arm.BASE),
        Uncovered(prompt_id="*", arm=Arm.CANDIDATE, series="openai/new"),
        Uncovered(prompt_id="*", arm=Arm.CANDIDATE),
    )
    assert view_of(STEADY, uncovered=uncovered).details.uncovered == (
        "prompt p1: in the baseline only.",
        "model openai/new: in the candidate only.",
        "all prompts: in the candidate only.",
    )


def test_coverage_says_what_took_pairs_away() -> None:
    row = a_coverage(pairs_used=290, excluded_throttled=4, excluded_failed=6, censored=2)
    (text,) = view_of(STEADY, coverage=(row,)).details.coverage
    assert text == (
        "gpt-small: 290 of 300 pairs used, 4 left out because a provider throttled, "
        "6 left out because a request failed, 2 counted at their time limit."
    )


def test_errors_of_both_arms_stand_side_by_side() -> None:
    now = a_model_result(errors=(an_error_count("timeout", 3), an_error_count("reset", 6, example="peer\x1b[2J left")))
    before = a_model_result(errors=(an_error_count("timeout", 1), an_error_count("tls", 3)))
    shown = view_of(STEADY, providers=(a_provider_result(now),), base_providers=(a_provider_result(before),))
    assert [(row.subject, row.error_class, row.base, plain(row.candidate)) for row in shown.details.errors] == [
        ("gpt-small", "reset", "0", "6 (2.0 %)"),
        ("gpt-small", "timeout", "1 (0.3\u00a0%)", "3 (1.0 %)"),
        ("gpt-small", "tls", "3 (1.0\u00a0%)", "0"),
    ]
    assert shown.details.errors[0].example == "peer left"


def test_a_model_that_replaces_another_is_compared_with_it() -> None:
    old = a_model_result(id="old", errors=(an_error_count("empty", 3),))
    replaced = view_of(STEADY, base_providers=(a_provider_result(old),)).details
    assert [(row.subject, row.error_class, plain(row.base or "")) for row in replaced.errors] == [
        ("gpt-small", "empty", "3 (1.0 %)")
    ]
    assert [row.base for row in replaced.cost] == ["$0.00200"]


def test_a_model_without_a_counterpart_has_none() -> None:
    two = (a_model_result(id="new"), a_model_result(errors=(an_error_count("tls", 3),)))
    other = a_provider_result(a_model_result(), a_model_result(id="old"), a_model_result(id="older"))
    details = view_of(STEADY, providers=(a_provider_result(*two),), base_providers=(other,)).details
    assert [(row.subject, row.base) for row in details.cost] == [("new", "–"), ("gpt-small", "$0.00200")]
    broken = a_provider_result(a_model_result(id="new", errors=(an_error_count("tls", 3),)), a_model_result(id="newer"))
    alone = view_of(STEADY, providers=(broken,), base_providers=(a_provider_result(),)).details
    assert [(row.subject, row.base) for row in alone.errors] == [("new", "0")]


def test_the_questions_about_the_instrument_are_listed_with_value_and_limit() -> None:
    checks = (
        a_validity_check(message="ok"),
        a_validity_check(name="reused_share", value=0.971, limit=None, unit="share", message="the others connect"),
        a_validity_check(name="usage", value=None, limit=None, ok=False, effect="warn", message="usage is missing"),
    )
    lines = view_of(STEADY, validity=a_validity(*checks)).details.validity
    assert [plain(line) for line in lines] == [
        "send lateness: ok (0.300 ms), limit 5.00 ms.",
        "reused share: ok (97.1 %). The others connect.",
        "usage: warning. Usage is missing.",
    ]


def test_finish_reasons_are_compared() -> None:
    now = a_model_result(finish_reasons={"stop": 280, "length": 20})
    before = a_model_result(finish_reasons={"stop": 299, "refusal": 1})
    both = view_of(STEADY, providers=(a_provider_result(now),), base_providers=(a_provider_result(before),))
    assert "gpt-small: length ended 20 answers (0 in the baseline)." in both.details.notes
    assert "gpt-small: refusal ended 0 answers (1 in the baseline)." in both.details.notes
    alone = view_of(STEADY, providers=(a_provider_result(now),), base_providers=())
    assert "gpt-small: length ended 20 answers." in alone.details.notes


def test_models_of_several_providers_keep_their_provider() -> None:
    other = STEADY.model_copy(update={"series": "azure/gpt-small"})
    assert {row.subject for row in view_of(STEADY, other).rows} == {SERIES, "azure/gpt-small"}
    assert {row.subject for row in view_of(STEADY).rows} == {"gpt-small"}


def test_a_series_without_a_provider_and_one_that_only_a_check_names() -> None:
    bare = STEADY.model_copy(update={"series": "lonely"})
    unknown = a_check(kind=CheckKind.BUDGET, series="other/thing")
    shown = view(a_verdict(an_analysis(bare, providers=(), base_providers=()), checks=(a_check(bare), unknown)))
    assert {row.subject for row in shown.rows} == {"lonely", "other/thing"}


def test_several_rules_on_one_metric_keep_their_own_numbers() -> None:
    first = a_finding(hypothesis=None, method="threshold", reason="rule one", effect=an_effect(1.0))
    second = a_finding(hypothesis=None, method="t-test", reason="rule two", effect=an_effect(2.0))
    checks = (a_check(second), a_check(first), a_check(first, message="no finding is left"))
    shown = view(a_verdict(an_analysis(first, second), checks=checks))
    assert {(row.reason, plain(row.change)) for row in shown.rows} == {
        ("Rule two.", "+2.0 %"),
        ("Rule one.", "+1.0 %"),
        ("No finding is left.", "1.0 %"),
    }


def test_the_interval_column_is_headed_by_what_stands_in_it() -> None:
    other = UNCLEAR.model_copy(update={"effect": an_effect(confidence=0.95)})
    assert view_of(SLOWER, other).interval_title == "interval"
    assert plain(view_of(SLOWER, STEADY).interval_title) == "99 % interval"
    assert view_of(STEADY).interval_title == "bound"


def test_a_pass_shows_the_bound_that_it_was_judged_by_and_others_their_interval() -> None:
    shown = view_of(STEADY, SLOWER, CACHE, LENGTH, STEADY.model_copy(update={"effect": an_effect(upper_pass=None)}))
    assert {row.interval for row in shown.rows} == {
        "+12.1 to +17.2",
        "at worst +0.4",
        "at worst −2.6",
        "at worst ±4.4",
        "−2.5 to +3.5",
    }


def test_a_figure_gets_unrounded_numbers_and_the_direction_that_counts() -> None:
    bounds = view_of(CACHE).rows[0].bounds
    assert bounds is not None
    assert (bounds.estimate, bounds.lower, bounds.worse) == (-1.5, -3.0, Direction.HIGHER_IS_BETTER)
    assert bounds.harm == (1.5, -0.2, 3.0)
    assert (bounds.passed.lower, bounds.passed.upper) == (-2.6, 0.2)
    unknown = view_of(a_finding(metric="own", hypothesis=None)).rows[0].bounds
    assert unknown is not None
    assert unknown.worse is Direction.LOWER_IS_BETTER
    bare = replace(unknown, upper_pass=None)
    assert bare.passed == bare


def test_a_classic_pass_without_bounds_is_placed_by_its_estimate() -> None:
    bare = a_finding(hypothesis=None, effect=an_effect(4.0, lower=None, upper=None, upper_pass=None))
    assert "at worst +4.0\u00a0%" in view_of(bare).second


def test_an_effect_whose_size_is_unknown_still_has_a_row() -> None:
    row = view_of(a_finding(effect=an_effect(None), hypothesis=Hypothesis.ERRORS)).rows[0]
    assert (row.change, row.bounds, row.size) == ("–", None, None)


def test_a_run_is_told_without_a_judgement() -> None:
    shown = run_view(a_run())
    assert shown.headline == "Measured 300 requests, all of them successful"
    assert shown.compared == "Measured 3f9c2ab (work tree), and no other version."
    assert [row.arm for row in shown.models] == [""]
    assert shown.generated == "2026-03-02 10:05:01 UTC"
    both = run_view(a_duet_run())
    assert [row.arm for row in both.models] == ["candidate", "baseline"]
    assert both.compared.endswith("at the same time; no verdict was asked for.")


@pytest.mark.parametrize(
    ("successful", "total", "rate"), [(2999, 3000, "99.9 %"), (1, 3000, "0.1 %"), (0, 0, "–"), (298, 300, "99.3 %")]
)
def test_a_success_rate_says_all_only_for_all(successful: int, total: int, rate: str) -> None:
    shown = run_view(a_run(summary=a_summary(successful_requests=successful, total_requests=total)))
    assert plain(dict(shown.summary)["Success Rate"]) == rate


def test_a_time_that_cannot_be_read_stays_as_it_is() -> None:
    provenance = a_run().provenance.model_copy(update={"created_at": "some\x1b[2J day"})
    assert run_view(a_run(provenance=provenance)).generated == "some day"


def test_rates_and_prices_that_are_unknown_are_dashes() -> None:
    model = a_model_result()
    unknown = model.model_copy(
        update={
            "throughput": model.throughput.model_copy(update={"tokens_per_second": None}),
            "cost": model.cost.model_copy(update={"per_1k_tokens_usd": None, "average_per_request_usd": None}),
        }
    )
    row = run_view(a_run(providers=(a_provider_result(unknown),), benchmark=a_benchmark(name=""))).models[0]
    assert (row.tokens_per_second, row.cost_per_1k_tokens) == ("–", "–")
    shown = view_of(STEADY, providers=(a_provider_result(unknown),), base_providers=())
    assert [(row.base, row.candidate) for row in shown.details.cost] == [("–", "–")]


def test_advice_that_two_warnings_share_is_given_once() -> None:
    checks = (
        a_validity_check(ok=False, effect="warn", message="sends were late; lower the rate, or use another machine"),
        a_validity_check(ok=False, effect="warn", message="connections were new; keep them open"),
        a_validity_check(ok=False, effect="warn", message="reads were late; lower the rate, or use another machine"),
    )
    assert view_of(validity=a_validity(*checks)).validity == (
        "Measurement valid, with 3 warnings: sends were late; connections were new; keep them open; "
        "reads were late; lower the rate, or use another machine."
    )


def test_the_cost_of_a_run_that_lost_requests_is_a_lower_bound() -> None:
    assert "The run cost at least $1.20" in view_of(spend=a_spend(lost_requests=3)).spend
    assert "The run cost $1.20" in view_of(spend=a_spend()).spend


def test_the_requests_of_both_versions_are_counted() -> None:
    both, alone = run_view(a_duet_run()), run_view(a_run())
    assert alone.headline == "Measured 300 requests, all of them successful"
    assert both.headline == "Measured 600 requests of both versions together, all of them successful"
