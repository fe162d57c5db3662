"""The verdicts that every renderer is shown with: one of each kind that a user can meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lens_gate.artifacts.analysis import CoveredBy, LookTaken, StoredHistory, View
from lens_gate.artifacts.reasons import because
from lens_gate.artifacts.run import Comparison, Uncovered
from lens_gate.artifacts.verdict import CheckKind, Verdict
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Decision, Ending, ExitCode, Outcome, Remedy, Severity
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Arm
from tests.builders import (
    a_check,
    a_coverage,
    a_finding,
    a_model_result,
    a_need,
    a_policy,
    a_provider_result,
    a_spend,
    a_validity,
    a_validity_check,
    a_verdict,
    an_analysis,
    an_arm,
    an_attribution,
    an_effect,
    an_error_count,
    some_requests,
)

SLOWER = a_finding(
    base_value=500.0,
    candidate_value=574.0,
    effect=an_effect(14.8, lower=12.1, upper=17.2, upper_pass=16.5),
    threshold=5.0,
    established=True,
    outcome=Outcome.REGRESSION,
    because=(because(Why.CHANGED, change=14.8, unit="%"), because(Why.SURELY_BEYOND, limit=5.0, unit="%")),
    views=(
        View(name="median", estimate=14.2, lower=11.8, upper=16.7, confidence=0.95),
        View(name="mean", estimate=15.6, lower=12.0, upper=19.3, confidence=0.95),
    ),
)
STEADY = a_finding(
    metric="mean_tpot",
    hypothesis=Hypothesis.PER_TOKEN,
    base_value=17.6,
    candidate_value=17.5,
    effect=an_effect(-0.8, lower=-1.9, upper=0.7, upper_pass=0.4),
)
UNCLEAR = a_finding(
    metric="ttft_above_pooled_p95",
    hypothesis=Hypothesis.TTFT_TAIL_EXCEEDANCE,
    base_value=4.2,
    candidate_value=6.1,
    value_unit="%",
    effect=an_effect(1.9, unit="points", lower=-2.1, upper=6.4, upper_pass=4.8),
    threshold=3.0,
    outcome=Outcome.INCONCLUSIVE,
    because=(
        because(Why.UNCLEAR, change=1.9, unit="points"),
        because(Why.AT_MOST, worst=4.8, limit=3.0, unit="points"),
        because(Why.UNSETTLED, pairs=300, limit=3.0, unit="points"),
    ),
)
CHEAPER = a_finding(
    metric="cost_per_request_usd",
    hypothesis=Hypothesis.COST,
    base_value=0.002,
    candidate_value=0.0019,
    value_unit="USD",
    effect=an_effect(-4.0, lower=-5.0, upper=-3.1, upper_pass=-3.4),
    threshold=5.0,
    established=True,
)
CACHE = a_finding(
    metric="cached_share",
    hypothesis=Hypothesis.CACHED_SHARE,
    base_value=61.0,
    candidate_value=59.5,
    value_unit="%",
    effect=an_effect(-1.5, unit="points", lower=-3.0, upper=0.2, upper_pass=2.6),
)
LENGTH = a_finding(
    metric="mean_output_tokens",
    hypothesis=Hypothesis.OUTPUT_LENGTH,
    base_value=50.0,
    candidate_value=51.0,
    value_unit="tokens",
    effect=an_effect(2.0, lower=-1.0, upper=5.0, upper_pass=4.4),
)


def a_pass() -> Verdict:
    return a_verdict(an_analysis(a_finding(), STEADY, CHEAPER, CACHE, LENGTH))


def a_partial_pass() -> Verdict:
    rare = UNCLEAR.model_copy(update={"gated": False})
    analysis = an_analysis(
        a_finding(),
        STEADY,
        rare,
        coverage=(
            a_coverage(
                not_covered=(
                    "ttft_above_pooled_p95: 300 pairs are too few for rare events",
                    "error_rate: 300 pairs are too few for rare events",
                    "cached_share: the server does not report cached tokens",
                ),
                covered_by=(
                    CoveredBy(remedy=Remedy.PAIRS, pairs=663, cover=Cover.TAILS),
                    CoveredBy(remedy=Remedy.PAIRS, pairs=829, cover=Cover.ERRORS),
                    CoveredBy(remedy=Remedy.CACHE_COUNTS),
                ),
                censored=2,
            ),
        ),
        uncovered=(Uncovered(prompt_id="new-prompt", arm=Arm.CANDIDATE),),
    )
    return a_verdict(analysis)


def a_regression() -> Verdict:
    slower_model = STEADY.model_copy(
        update={
            "series": "anthropic/claude-medium",
            "effect": an_effect(22.0, lower=15.0, upper=30.0),
            "outcome": Outcome.REGRESSION,
        }
    )
    errors = a_model_result(
        errors=(an_error_count(count=9, example="slow down | @everyone"), an_error_count("timeout", 1))
    )
    return a_verdict(
        an_analysis(
            STEADY,
            UNCLEAR,
            SLOWER,
            slower_model,
            CACHE,
            providers=(a_provider_result(errors),),
            coverage=(
                a_coverage(),
                a_coverage(series="anthropic/claude-medium", pairs_used=280, excluded_throttled=20),
            ),
            notes=("openai/gpt-small: more answers are cut at the token limit (4 % against 1 %).",),
        )
    )


def an_inconclusive() -> Verdict:
    return a_verdict(an_analysis(a_finding(), STEADY, UNCLEAR, need=a_need()))


def nothing_to_compare() -> Verdict:
    analysis = an_analysis(
        findings=(),
        providers=(),
        base_providers=(),
        comparison=Comparison(kind="ref", value="main", equal=True),
        coverage=(),
        spend=a_spend(spent_usd=0.0, cap_usd=None),
    )
    return a_verdict(analysis, outcome=Outcome.NOTHING_TO_COMPARE, checks=())


def no_baseline() -> Verdict:
    analysis = an_analysis(
        findings=(), base_providers=(), arms=(an_arm(),), comparison=None, source="none", coverage=()
    )
    return a_verdict(analysis, outcome=Outcome.NO_BASELINE, checks=())


def not_measured() -> Verdict:
    late = a_validity_check(
        value=48.0, ok=False, message="requests left up to 48 ms late; lower the rate, or use a larger runner"
    )
    nothing = a_check(
        name="coverage",
        kind=CheckKind.COVERAGE,
        series=None,
        metric=None,
        outcome=Outcome.NOT_MEASURED,
        value=0.0,
        limit=1.0,
        unit="share",
        side="at least",
        message="0 of 1 series were measured; not measured: openai/gpt-small",
    )
    failed = a_model_result(requests=some_requests(failed=300), errors=(an_error_count("authentication", 300),))
    analysis = an_analysis(findings=(), validity=a_validity(late), providers=(a_provider_result(failed),))
    return a_verdict(analysis, checks=(nothing,))


def classic() -> Verdict:
    rule = a_finding(
        metric="p95_latency",
        hypothesis=None,
        method="threshold",
        pairs=0,
        base_value=2850.0,
        candidate_value=3600.0,
        effect=an_effect(26.3, lower=None, upper=None, upper_pass=None),
        threshold=15.0,
        outcome=Outcome.REGRESSION,
        reason="changed by +26.3 %; the threshold is 15 %",
    )
    policy = a_policy(
        decision=Decision.CLASSIC, false_alarm_note="False alarms measured: 78 % of gates for a p95 more than 15 % up."
    )
    stored = an_analysis(rule, policy=policy, source="stored", comparison=None, coverage=())
    return a_verdict(stored)


STORED = StoredHistory(
    runs=12, run_to_run_percent=4.8, prior_weight=0.21, smallest_visible_percent=38.0, control_requests=0
)
BASIS = because(Why.STORED_RUNS, runs=12, spread=4.8, unit="%", own=0.79, usual=0.21)


def stored_runs() -> Verdict:
    """A first token that a day may explain, and a pace that is clearly as it was."""
    open_question = a_finding(
        metric="median_ttft",
        hypothesis=Hypothesis.TTFT,
        method="prediction from stored runs",
        pairs=0,
        effect=an_effect(14.0, lower=-12.0, upper=46.0, upper_pass=26.0, confidence=0.9967),
        threshold=10.0,
        outcome=Outcome.INCONCLUSIVE,
        because=(
            because(Why.MEDIAN_WITHIN_DRIFT, change=14.0, limit=10.0, unit="%"),
            BASIS,
            because(Why.VISIBLE, visible=38.0, unit="%"),
            because(Why.MEASURE_BOTH),
        ),
        history=STORED,
    )
    steady = a_finding(
        metric="median_tpot",
        hypothesis=Hypothesis.PER_TOKEN,
        method="prediction from stored runs",
        pairs=0,
        base_value=20.0,
        candidate_value=20.1,
        effect=an_effect(0.5, lower=-9.0, upper=11.0, upper_pass=6.0, confidence=0.9967),
        threshold=10.0,
        because=(because(Why.BELOW, worst=6.0, limit=10.0, unit="%"), BASIS),
        history=STORED,
    )
    medians_only = a_coverage(pairs_planned=0, pairs_used=0, not_covered=("errors and cost: only medians",),
                              covered_by=(CoveredBy(remedy=Remedy.BOTH_AT_ONCE),))  # fmt: skip
    return a_verdict(
        an_analysis(open_question, steady, source="stored", comparison=None, arms=(an_arm(),), coverage=(medians_only,))
    )


def slower_answers() -> Verdict:
    slower = a_finding(
        metric="mean_latency",
        hypothesis=Hypothesis.TOTAL,
        base_value=1000.0,
        candidate_value=1120.0,
        effect=an_effect(12.0, lower=9.0, upper=15.0),
        established=True,
        outcome=Outcome.REGRESSION,
        because=(because(Why.CHANGED, change=12.0, unit="%"), because(Why.LIKELY_BEYOND, limit=10.0, unit="%")),
    )
    return a_verdict(an_analysis(slower, STEADY, attribution=(an_attribution(),)))


def error_budget() -> Verdict:
    breach = a_check(
        name="budgets.error_rate",
        kind=CheckKind.BUDGET,
        metric="error_rate",
        outcome=Outcome.REGRESSION,
        value=7.0,
        limit=5.0,
        unit="%",
        message="7 % of the requests failed, and at most 5 % may",
        side="at most",
        place="lens-gate.yaml:41",
    )
    warning = a_check(
        name="first token under 0.9 s",
        kind=CheckKind.QUALITY_GATE,
        metric="p95_ttft",
        severity=Severity.WARNING,
        outcome=Outcome.REGRESSION,
        value=950.0,
        limit=900.0,
        unit="ms",
        message="p95_ttft <= 900 does not hold",
        side="at most",
        place="lens-gate.yaml:52",
    )
    passed = a_check(a_finding())
    return a_verdict(an_analysis(a_finding()), checks=(passed, warning, breach))


def failed_by_warnings() -> Verdict:
    """Return a comparison that passed, and that a breach of severity `warning` fails by `--fail-on warning`."""
    broken = error_budget()
    checks = tuple(
        check for check in broken.checks if check.outcome is Outcome.PASS or check.severity is Severity.WARNING
    )
    return a_verdict(broken.analysis, checks=checks, outcome=Outcome.PASS, exit_code=ExitCode.GATE_FAILED)


def capped() -> Verdict:
    analysis = an_analysis(
        UNCLEAR, need=a_need(), ending=Ending.COST_CAP, ending_message="the cap of $5.00 was reached"
    )
    return a_verdict(analysis, exit_code=ExitCode.CAP_REACHED)


def _looked_at(*looks: tuple[int, Outcome]) -> tuple[LookTaken, ...]:
    return tuple(
        LookTaken(pairs=pairs, alpha=0.002, outcomes={"openai/gpt-small": outcome}) for pairs, outcome in looks
    )


def decided_early() -> Verdict:
    looks = _looked_at((25, Outcome.INCONCLUSIVE), (50, Outcome.INCONCLUSIVE), (100, Outcome.REGRESSION))
    return a_verdict(an_analysis(SLOWER, STEADY, looks=looks, ending=Ending.DECIDED))


def never_decided() -> Verdict:
    looks = _looked_at((300, Outcome.INCONCLUSIVE))
    return a_verdict(an_analysis(STEADY, UNCLEAR, need=a_need(), looks=looks))


SCENARIOS: Mapping[str, Callable[[], Verdict]] = {
    "pass": a_pass,
    "partial_pass": a_partial_pass,
    "regression": a_regression,
    "inconclusive": an_inconclusive,
    "nothing_to_compare": nothing_to_compare,
    "no_baseline": no_baseline,
    "not_measured": not_measured,
    "classic": classic,
    "stored_runs": stored_runs,
    "slower_answers": slower_answers,
    "error_budget": error_budget,
    "capped": capped,
    "decided_early": decided_early,
    "never_decided": never_decided,
}
