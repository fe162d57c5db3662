"""Why a gate decided: each kind of verdict as a file that a person can open, and every sentence held by its numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from syrupy.assertion import SnapshotAssertion

from lens_gate.artifacts.analysis import Analysis, CoveredBy, Finding, LookTaken, View
from lens_gate.artifacts.run import Comparison
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.because import QUESTIONS, because, chance, measured, question
from lens_gate.reports.explain import MOST_TOLD, explain, explain_run
from lens_gate.reports.explain_finding import explain_findings, findings_of
from lens_gate.reports.page import Explanation
from lens_gate.reports.story import story_markdown, story_text
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Decision, ExitCode, Outcome, Remedy
from tests.builders import (
    SERIES,
    a_coverage,
    a_duet_run,
    a_finding,
    a_need,
    a_policy,
    a_run,
    a_verdict,
    an_analysis,
    an_effect,
)
from tests.scenarios import (
    CACHE,
    CHEAPER,
    LENGTH,
    SCENARIOS,
    SLOWER,
    STEADY,
    STORED,
    UNCLEAR,
    classic,
    failed_by_warnings,
)
from tests.unit.reports.test_reports_snapshots import MarkdownFile, TextFile

FILE = "results/verdict.json"


def text_of(story: Explanation) -> str:
    return story_text(story, width=100, unicode=True)


def told(*findings: Finding, **changes: Any) -> str:
    """The whole story of a verdict on these findings, on one line."""
    return " ".join(text_of(explain(a_verdict(an_analysis(*findings, **changes)), file=FILE)).split())


def alone(finding: Finding, **changes: Any) -> str:
    """The story of one finding, on one line."""
    story = explain_findings(a_verdict(an_analysis(finding, **changes)), [finding])
    return " ".join(text_of(story).split())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_explained_text(scenario: str, snapshot: SnapshotAssertion) -> None:
    story = explain(SCENARIOS[scenario](), file=FILE)
    texts = [story_text(story, width=80, unicode=True), story_text(story, width=100, unicode=False)]
    assert "\n\n\n".join(texts) + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_explained_markdown(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert story_markdown(explain(SCENARIOS[scenario](), file=FILE)) == snapshot(extension_class=MarkdownFile)


@pytest.mark.parametrize("scenario", ["regression", "inconclusive", "classic", "pass"])
def test_explained_in_depth(scenario: str, snapshot: SnapshotAssertion) -> None:
    verdict = SCENARIOS[scenario]()
    story = explain_findings(verdict, verdict.analysis.findings)
    assert text_of(story) + "\n" == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("make", [a_run, a_duet_run])
def test_a_run_says_that_nobody_has_judged_it(make: Any) -> None:
    story = text_of(explain_run(make(), file="run.json"))
    assert story.startswith("There is no verdict yet")
    assert "no judgement" in story
    assert "lens-gate gate run.json --output verdict.json" in story


# the whole story


def test_the_story_says_how_both_versions_were_measured() -> None:
    assert "in random order" in told(a_finding())
    assert "at different times" in told(a_finding(), source="stored")
    assert "at different times" in told(a_finding(history=STORED), source="stored")
    control_alone = STORED.model_copy(update={"runs": 0, "control_requests": 60})
    assert "not in pairs" in told(a_finding(history=control_alone), source="stored")
    corrected = told(a_finding(history=STORED.model_copy(update={"control_requests": 60})), source="stored")
    assert "The stored runs were measured at other times. A control took the day out: 60 requests a model" in corrected
    assert "part of the difference" not in corrected
    equal = told(findings=(), comparison=Comparison(kind="ref", value="main", equal=True))
    assert "in random order" not in equal
    neither = told(source="none")
    assert "in random order" not in neither
    assert "at different times" not in neither


def test_what_is_to_be_known_of_stored_runs_is_told_once() -> None:
    note = "1 file beside the stored runs holds no run, and was ignored: x.json."
    for findings in ((a_finding(history=STORED),), ()):
        assert told(findings=findings, source="stored", notes=(note,)).count(note) == 1
    assert note not in told(a_finding(), notes=(note,))


def test_the_worst_checks_are_told_and_the_others_counted() -> None:
    many = [SLOWER.model_copy(update={"series": f"openai/m{number}"}) for number in range(MOST_TOLD + 2)]
    story = told(*many, STEADY)
    assert "2 more checks did not pass." in story
    assert "1 more check passed." in story
    assert story.count("It is a regression because") == MOST_TOLD


def test_where_all_passed_those_closest_to_their_limits_are_told() -> None:
    steady = [STEADY.model_copy(update={"series": f"openai/m{number}"}) for number in range(MOST_TOLD + 3)]
    assert "3 more checks passed." in told(*steady)


def test_what_sure_means_is_said_in_rates() -> None:
    story = told(a_finding(), STEADY)
    assert "less than 1 % of such gates, with all 2 questions counted together" in story
    assert "A pass is 95 % sure" in story
    assert "counted together" not in told(a_finding())
    assert "promise" not in story


def test_looks_at_a_run_while_it_went_on_are_told() -> None:
    looks = tuple(LookTaken(pairs=pairs, alpha=0.002, outcomes={SERIES: Outcome.PASS}) for pairs in (60, 120))
    assert "looked at 2 times" in told(a_finding(), looks=looks)
    assert "shared out" not in told(a_finding())
    assert "its share of that, since the run was looked at several times" in alone(a_finding(), looks=looks)


def test_a_classic_verdict_promises_nothing_and_says_its_false_alarms_once() -> None:
    story = text_of(explain(classic(), file=FILE))
    assert story.count("78 % of gates") == 1
    assert "that is no chance" not in story
    silent = a_policy(decision=Decision.CLASSIC)
    assert "make no promise about false alarms" in told(a_finding(hypothesis=None), policy=silent)
    assert "makes no promise about false alarms" in alone(a_finding(hypothesis=None), policy=silent)


def test_a_broken_limit_is_not_called_a_change() -> None:
    story = text_of(explain(SCENARIOS["error_budget"](), file=FILE))
    assert "a limit that you set is broken" in story
    assert "lens-gate.yaml:41" in story
    assert "lens-gate explain" not in story


def test_a_regression_names_the_command_that_tells_its_worst_finding() -> None:
    story = text_of(explain(a_verdict(an_analysis(STEADY, SLOWER)), file="my results/v.json"))
    assert "lens-gate explain 'my results/v.json' --series openai/gpt-small --metric mean_ttft" in story


def test_what_is_not_covered_is_told_beside_a_pass() -> None:
    more = CoveredBy(remedy=Remedy.PAIRS, pairs=829, cover=Cover.ERRORS)
    gap = a_coverage(not_covered=("error_rate: 300 pairs are too few",), covered_by=(more,))
    story = told(a_finding(), coverage=(gap,))
    assert "What is not covered gpt-small: errors: 300 pairs are too few." in story
    assert "lens-gate ci --against-ref main --requests 1658 --cover errors" in story
    assert "What is not covered" not in told(a_finding())


def test_a_verdict_without_checks_gives_the_analysis_s_notes() -> None:
    verdict = a_verdict(an_analysis(findings=(), notes=("nothing was named to compare with",)), checks=(),
                        outcome=Outcome.NO_BASELINE)  # fmt: skip
    assert "Nothing was named to compare with." in text_of(explain(verdict, file=FILE))


def test_what_fails_by_its_warnings_is_explained_as_a_broken_rule() -> None:
    story = explain(failed_by_warnings(), file="verdict.json")
    assert story.title == "Why the gate says: warning"
    first, *_, last = story.sections
    assert first.texts[1:] == (
        "A rule or a limit that you set is broken. Whether that is chance, it does not say.",
        "Exit code 1: the pipeline fails.",
    )
    assert last.texts[0].startswith("If the change is not meant to cost this")
    assert last.command is None


def test_after_an_interrupted_pass_the_advice_is_to_measure_on() -> None:
    interrupted = SCENARIOS["pass"]().model_copy(update={"exit_code": ExitCode.INTERRUPTED})
    assert explain(interrupted, file="verdict.json").sections[-1].texts[0].startswith("Measure more.")


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    story = text_of(explain(a_verdict(exit_code=code), file=FILE))
    assert f"Exit code {code.value}: " in story


# one finding


def test_every_question_has_words_of_its_own() -> None:
    assert set(QUESTIONS) == set(Hypothesis)
    assert len(set(QUESTIONS.values())) == len(Hypothesis)
    for hypothesis in Hypothesis:
        assert QUESTIONS[hypothesis] in question(a_finding(hypothesis=hypothesis))


def test_a_rule_without_a_hypothesis_is_told_by_its_metric() -> None:
    assert "95th percentile" in question(a_finding(metric="p95_latency", hypothesis=None))
    assert question(a_finding(metric="their_own", hypothesis=None)) == "their_own."


POLICY = a_policy()


def test_a_regression_is_real_and_matters() -> None:
    text = because(SLOWER, POLICY).replace("\u00a0", " ")
    assert "kindest to the new version, +12.1 %, is worse" in text
    assert "its size, +14.8 %, reaches the 5 % that matter" in text


def test_a_regression_without_a_bound_above_nothing_is_real_by_its_p_value() -> None:
    bare = SLOWER.model_copy(update={"effect": an_effect(14.8, lower=-1.0, upper_pass=16.5), "adjusted_p": 0.002})
    assert "chance alone does this in about 1 of 500 such runs" in because(bare, POLICY)
    unsaid = bare.model_copy(update={"adjusted_p": None})
    assert "less than 1 of 1,000,000" in because(unsaid, POLICY)


def test_other_rules_for_what_matters_are_named() -> None:
    assert "`gate_small_effects`" in because(SLOWER, a_policy(gate_small_effects=True))
    assert "`strict`" in because(SLOWER, a_policy(strict=True))


def test_a_change_that_only_the_mean_shows_is_one_of_a_part_of_the_answers() -> None:
    partly = SLOWER.model_copy(update={"effect": SLOWER.effect.model_copy(update={"of_means": True})})
    assert "so it is a part of the answers" in because(partly, POLICY)
    assert "a part of the answers" not in because(SLOWER, POLICY)


def test_a_fall_of_what_should_not_fall_is_told_in_its_own_direction() -> None:
    worse = CACHE.model_copy(
        update={
            "effect": an_effect(-20.0, unit="points", lower=-25.0, upper=-14.0, upper_pass=24.0),
            "outcome": Outcome.REGRESSION,
            "established": True,
        }
    )
    assert "kindest to the new version, −14.0 points, is worse" in because(worse, POLICY).replace("\u00a0", " ")


@pytest.mark.parametrize(("sign", "kindest"), [(1, "+8.0 %"), (-1, "−8.0 %")])
def test_a_change_of_length_counts_in_either_direction(sign: int, kindest: str) -> None:
    lower, upper = sorted((8.0 * sign, 20.0 * sign))
    changed = LENGTH.model_copy(
        update={
            "effect": an_effect(14.0 * sign, lower=lower, upper=upper, upper_pass=18.0),
            "outcome": Outcome.REGRESSION,
            "established": True,
        }
    )
    assert f"kindest to the new version, {kindest}, is worse" in because(changed, POLICY).replace("\u00a0", " ")


def test_a_pass_says_the_bound_it_was_judged_by_and_a_real_change_that_is_too_small() -> None:
    assert "judged (at least 95\u00a0% sure) is +0.4\u00a0%, below the 10\u00a0% that matter." in because(
        STEADY, POLICY
    )
    assert "real, and too small to matter" in because(CHEAPER, POLICY)


def test_an_open_question_says_why_it_is_neither() -> None:
    open_one = because(UNCLEAR, POLICY).replace("\u00a0", " ")
    assert "nothing changed at all is not ruled out" in open_one
    assert "+4.8 points, not below the 3 points that matter" in open_one
    real = UNCLEAR.model_copy(update={"established": True})
    assert "the change is real, but" in because(real, POLICY)
    better = real.model_copy(update={"effect": an_effect(-2.0, unit="points", upper_pass=4.0)})
    assert "one for the better" in because(better, POLICY)


def test_an_open_question_with_a_good_bound_is_told_in_its_own_words() -> None:
    gap = UNCLEAR.model_copy(
        update={"effect": an_effect(1.0, unit="points", upper_pass=2.0), "reason": "too many failed", "because": ()}
    )
    assert because(gap, POLICY) == "Too many failed."


@pytest.mark.parametrize("outcome", [Outcome.NOT_MEASURED, Outcome.NO_BASELINE, Outcome.NOTHING_TO_COMPARE])
def test_what_was_not_compared_is_told_in_its_own_words(outcome: Outcome) -> None:
    assert because(a_finding(outcome=outcome, reason="no success"), POLICY) == "No success."


@pytest.mark.parametrize(
    "change", [{"threshold": None}, {"effect": an_effect(None)}, {"effect": an_effect(5.0, upper_pass=None)}]
)
def test_a_finding_without_its_numbers_is_told_in_its_own_words(change: dict[str, Any]) -> None:
    assert because(a_finding(reason="no figure", **change), POLICY) == "No figure."


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.6, "more than half of such runs"),
        (0.4, "about 1 of 2 such runs"),
        (0.005, "about 1 of 200 such runs"),
        (0.000123, "about 1 of 8,100 such runs"),
        (1e-9, "less than 1 of 1,000,000 such runs"),
        (0.0, "less than 1 of 1,000,000 such runs"),
    ],
)
def test_chance_is_told_in_runs(p_value: float, words: str) -> None:
    assert chance(p_value) == words


def test_what_was_measured_is_told_as_far_as_it_is_known() -> None:
    assert measured(SLOWER).replace("\u00a0", " ") == (
        "The means are 500 ms before and 574 ms now; a typical pair changed by +14.8 %, and the data allow +12.1 % to "
        "+17.2 %."
    )
    unbounded = an_effect(26.3, lower=None, upper=None, upper_pass=None)
    assert measured(a_finding(effect=unbounded, base_value=None)) == "A change of +26.3\u00a0%."
    assert measured(a_finding(effect=an_effect(None))) == ""


def test_one_finding_in_depth_tells_views_pairs_chance_and_what_would_settle_it() -> None:
    finding = UNCLEAR.model_copy(
        update={
            "views": (View(name="median", estimate=3.0, lower=-1.0, upper=7.0, confidence=0.95),),
            "p_value": 0.04, "adjusted_p": 0.4,
        }
    )  # fmt: skip
    text = alone(finding, need=a_need(), coverage=(a_coverage(pairs_used=280, excluded_throttled=20),))
    assert "As the ratio of the medians it is +3.0 % (−1.0 to +7.0)." in text
    assert "from 300 pairs" in text
    assert "280 of 300 pairs used, 20 left out because a provider throttled" in text
    assert "about 1 of 25 such runs" in text
    assert "About 520 pairs would likely settle what is open" in text
    assert "lens-gate ci --against-ref main" in text
    assert "pairs used" not in alone(finding)


def test_one_finding_without_p_values_says_nothing_of_chance_and_one_shown_only_says_so() -> None:
    silent = a_finding(p_value=None, adjusted_p=None, pairs=0, effect=an_effect(None), gated=False)
    text = alone(silent)
    assert "Could it be chance" not in text
    assert "What was measured" not in text
    assert "pass, shown only" in text
    assert "decides nothing" in text


def test_what_would_settle_the_gate_is_not_told_of_a_finding_that_is_shown_only() -> None:
    rare = UNCLEAR.model_copy(
        update={"gated": False, "reason": "not covered: ruling out 3 points takes 789 pairs", "because": ()}
    )
    text = alone(rare, need=a_need())
    assert "takes 789 pairs" in text
    assert "520 pairs" not in text


def test_only_one_range_is_what_the_data_allow() -> None:
    for finding in (SLOWER, STEADY, UNCLEAR):
        assert told(finding).count("the data allow") == 1
        assert alone(finding).count("the data allow") == 1


def test_findings_are_chosen_by_the_names_of_the_artifact_or_of_the_report() -> None:
    analysis = an_analysis(SLOWER, STEADY, STEADY.model_copy(update={"series": "openai/gpt-large"}))
    assert findings_of(analysis, series="gpt-large", metric=None) == (analysis.findings[2],)
    for name in ("mean_ttft", "ttft", "first token"):
        assert findings_of(analysis, series=SERIES, metric=name) == (SLOWER,)
    assert findings_of(analysis, series=None, metric="per_token") == analysis.findings[1:]
    assert findings_of(analysis, series="other", metric=None) == ()


BOUND = st.none() | st.floats(-1e3, 1e6)
FINDINGS = st.builds(
    a_finding,
    metric=st.sampled_from(["mean_ttft", "cached_share", "mean_output_tokens", "unheard_of"]),
    hypothesis=st.none() | st.sampled_from(Hypothesis),
    outcome=st.sampled_from(Outcome),
    effect=st.builds(
        an_effect, BOUND, unit=st.sampled_from(["%", "points"]), lower=BOUND, upper=BOUND, upper_pass=BOUND
    ),
    threshold=st.none() | st.floats(0, 100),
    p_value=st.none() | st.floats(0, 1),
    adjusted_p=st.none() | st.floats(0, 1),
    base_value=st.none() | st.floats(0, 1e6),
    established=st.booleans(),
    gated=st.booleans(),
    pairs=st.integers(0, 10**6),
)


@given(
    findings=st.lists(FINDINGS, max_size=4),
    source=st.sampled_from(["duet", "stored", "none"]),
    decision=st.sampled_from(Decision),
)
def test_whatever_an_analysis_holds_is_explained(findings: list[Finding], source: str, decision: Decision) -> None:
    analysis: Analysis = an_analysis(findings=tuple(findings), source=source, policy=a_policy(decision=decision))
    verdict: Verdict = a_verdict(analysis)
    for story in (explain(verdict, file=FILE), *([explain_findings(verdict, findings)] if findings else [])):
        text = text_of(story)
        assert all(section.texts for section in story.sections)
        assert max(map(len, text.splitlines())) <= 100 or "lens-gate" in text
        assert story_markdown(story).startswith("# ")


def test_text_of_a_configuration_cannot_steer_a_terminal_or_become_markup() -> None:
    hostile = SLOWER.model_copy(update={"series": "openai/\x1b[31m<b>@all</b>", "reason": "\x1b]0;x\x07 **no**"})
    story = explain(a_verdict(an_analysis(hostile)), file=FILE)
    assert "\x1b" not in text_of(story)
    page = MarkdownIt("commonmark").render(story_markdown(story))
    assert "<b>" not in page
    assert "<strong>" not in page
