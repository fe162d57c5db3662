from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.answers import excess_answer, points_answer, ratio_answer, share_answer
from lens_gate.analysis.duet import DuetResult, duet
from lens_gate.analysis.need import need_of, need_to_cover
from lens_gate.analysis.pairing import PairedValues, pair_up
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Regression
from lens_gate.stats.planning import Aim
from lens_gate.stats.proportions import PairedShares
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Status, TokenSource
from tests.builders import MS, NOTHING_RECEIVED, a_pair
from tests.saying import said

RULES = rules_of(Regression())
LIMIT_NS = 60e9


def noisy_pairs(count: int, *, slower: float = 1.0, **changes: Any) -> list[tuple[Sample, Sample]]:
    """Pairs whose latencies scatter by 10 %; the candidate's are `slower` times as long, and changed further."""
    rng = random.Random(count)
    return [(timed(a_pair(n)[0], rng, 1.0), timed(a_pair(n, **changes)[1], rng, slower)) for n in range(count)]


def timed(row: Sample, rng: random.Random, slower: float) -> Sample:
    first = round(500 * MS * rng.lognormvariate(0, 0.1) * slower)
    last = first + round(1000 * MS * rng.lognormvariate(0, 0.1) * slower)
    start = row.intended_ns
    return replace(row, first_token_ns=start + first, last_token_ns=start + last, end_ns=start + last)


def broken(row: Sample, error: ErrorClass = ErrorClass.RESET) -> Sample:
    nothing: dict[str, Any] = {**NOTHING_RECEIVED, "status": Status.FAILED, "error_class": error}
    return replace(row, **nothing)


def concluded(pairs: list[tuple[Sample, Sample]]) -> DuetResult:
    return duet(pair_up(Samples.of([row for pair in pairs for row in pair]), limit_ns=LIMIT_NS), RULES)


def about(result: DuetResult, hypothesis: Hypothesis) -> Finding:
    (finding,) = (finding for finding in result.findings if finding.hypothesis is hypothesis)
    return finding


def test_an_unchanged_version_passes_what_its_pairs_can_cover() -> None:
    result = concluded(noisy_pairs(120))

    gated = [finding for finding in result.findings if finding.gated]
    assert {finding.outcome for finding in gated} == {Outcome.PASS}
    assert {f.hypothesis for f in gated} >= {Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL, Hypothesis.COST}
    assert any("error_rate" in words for words in result.coverage[0].not_covered)


def test_a_slower_version_regresses_in_every_time() -> None:
    result = concluded(noisy_pairs(60, slower=1.2))

    for hypothesis in (Hypothesis.TTFT, Hypothesis.PER_TOKEN, Hypothesis.TOTAL):
        finding = about(result, hypothesis)
        assert finding.outcome is Outcome.REGRESSION
        assert finding.effect.estimate == pytest.approx(20, abs=5)
    assert about(result, Hypothesis.COST).outcome is Outcome.PASS


def test_dearer_answers_regress_in_cost_alone() -> None:
    result = concluded(noisy_pairs(60, cost_usd=0.0023))

    assert about(result, Hypothesis.COST).outcome is Outcome.REGRESSION
    assert about(result, Hypothesis.COST).effect.estimate == pytest.approx(15)
    assert about(result, Hypothesis.TTFT).outcome is Outcome.PASS


def test_a_broken_cache_shows_as_points() -> None:
    cached = [(replace(base, cached_tokens=80), candidate) for base, candidate in noisy_pairs(60)]

    finding = about(concluded(cached), Hypothesis.CACHED_SHARE)

    assert finding.outcome is Outcome.REGRESSION
    assert finding.effect.unit == "points"
    assert finding.effect.estimate == pytest.approx(-80)
    assert finding.base_value == pytest.approx(80)
    assert finding.candidate_value == 0.0


def test_more_errors_regress_and_close_the_latencies() -> None:
    pairs = noisy_pairs(100)
    worse = [(base, broken(candidate)) if n < 20 else (base, candidate) for n, (base, candidate) in enumerate(pairs)]

    result = concluded(worse)

    errors = about(result, Hypothesis.ERRORS)
    assert errors.outcome is Outcome.REGRESSION
    assert errors.effect.estimate == pytest.approx(20)
    assert "20.0 % of the candidate's requests failed" in said(about(result, Hypothesis.TOTAL))
    assert about(result, Hypothesis.TOTAL).outcome is Outcome.INCONCLUSIVE


def test_a_candidate_that_always_fails_is_a_regression_of_errors_and_its_latency_unmeasured() -> None:
    result = concluded([(base, broken(candidate)) for base, candidate in noisy_pairs(30)])

    assert about(result, Hypothesis.ERRORS).outcome is Outcome.REGRESSION
    assert about(result, Hypothesis.TOTAL).outcome is Outcome.NOT_MEASURED
    assert "of the candidate succeeded" in said(about(result, Hypothesis.TOTAL))


def test_two_arms_that_always_fail_are_not_measured() -> None:
    result = concluded([(broken(base), broken(candidate)) for base, candidate in noisy_pairs(30)])

    gated = {finding.outcome for finding in result.findings if finding.gated}
    assert gated == {Outcome.NOT_MEASURED}
    assert "base and of the candidate" in said(about(result, Hypothesis.TOTAL))


def test_all_pairs_throttled_are_not_measured() -> None:
    throttled = [
        (base, replace(broken(row, ErrorClass.RATE_LIMIT), status=Status.THROTTLED)) for base, row in noisy_pairs(5)
    ]

    result = concluded(throttled)

    assert [finding.outcome for finding in result.findings] == [Outcome.NOT_MEASURED]
    assert "5 throttled" in said(result.findings[0])
    assert result.coverage[0].not_covered == ("error_rate: no pair of requests",)


def test_a_heavier_tail_shows_as_points_above_the_pooled_p95() -> None:
    pairs = noisy_pairs(300)
    late = [
        (base, replace(row, first_token_ns=row.intended_ns + 1900 * MS)) if n % 8 == 0 else (base, row)
        for n, (base, row) in enumerate(pairs)
    ]

    finding = about(concluded(late), Hypothesis.TTFT_TAIL_EXCEEDANCE)

    assert finding.outcome is Outcome.REGRESSION
    assert finding.effect.unit == "points"
    assert about(concluded(pairs), Hypothesis.TTFT_TAIL_EXCEEDANCE).outcome is not Outcome.REGRESSION


def test_what_cannot_be_asked_is_said() -> None:
    unstreamed: dict[str, Any] = {
        "first_token_ns": None,
        "last_token_ns": None,
        "output_tokens": None,
        "cost_usd": None,
        "cached_tokens": None,
    }
    pairs = [(replace(base, **unstreamed), replace(row, **unstreamed)) for base, row in noisy_pairs(20)]

    result = concluded(pairs)

    assert {f.hypothesis for f in result.findings} == {Hypothesis.TOTAL, Hypothesis.ERRORS}
    words = " ".join(result.coverage[0].not_covered)
    for subject in ("mean_ttft", "mean_tpot", "cost_per_request_usd", "mean_output_tokens", "cached_share"):
        assert subject in words


@pytest.mark.parametrize(
    ("lost", "unknown"),
    [
        ({"first_token_ns": None, "first_visible_ns": None, "last_token_ns": None}, {"mean_ttft", "mean_tpot"}),
        ({"cost_usd": None}, {"cost_per_request_usd"}),
        ({"output_tokens": None, "token_source": TokenSource.NONE}, {"mean_output_tokens"}),
    ],
)
@pytest.mark.parametrize("arm", ["base", "candidate"])
def test_what_only_one_version_has_is_never_a_pass(lost: dict[str, Any], unknown: set[str], arm: str) -> None:
    pairs = noisy_pairs(300)
    bare = [(replace(b, **lost), c) if arm == "base" else (b, replace(c, **lost)) for b, c in pairs]

    result = concluded(bare)

    found = {f.metric: f for f in result.findings if f.metric in unknown}
    assert found.keys() == unknown
    assert {f.outcome for f in found.values()} == {Outcome.INCONCLUSIVE}
    assert all(f.gated and f"only the {'candidate' if arm == 'base' else 'base'} has it" in said(f)
               for f in found.values())  # fmt: skip


def test_a_run_without_one_finished_answer_has_no_total() -> None:
    endless = [(replace(base, end_ns=None), replace(row, end_ns=None)) for base, row in noisy_pairs(3)]

    assert "mean_latency" in " ".join(concluded(endless).coverage[0].not_covered)


def test_faster_because_shorter_is_said() -> None:
    shorter = noisy_pairs(60, slower=0.6, output_tokens=25)
    longer = noisy_pairs(60, slower=0.6, output_tokens=100)
    slower = noisy_pairs(60, slower=1.4, output_tokens=25)

    assert "answers are shorter than before, which by itself makes them faster" in concluded(shorter).notes[0]
    assert concluded(longer).notes == ()
    assert concluded(slower).notes == ()


def test_answers_that_end_for_another_reason_are_said() -> None:
    result = concluded(noisy_pairs(30, finish_reason=FinishReason.LENGTH))

    assert "more answers than before are cut at the token limit" in result.notes[0]


def test_series_are_judged_as_one_family() -> None:
    def named(name: str, pairs: list[tuple[Sample, Sample]]) -> list[tuple[Sample, Sample]]:
        return [(replace(base, series=name), replace(row, series=name)) for base, row in pairs]

    pairs = noisy_pairs(12, slower=1.3)
    alone, together = concluded(named("s/1", pairs)), concluded([*named("s/1", pairs), *named("s/2", pairs)])

    first, both = (about_series(result, "s/1") for result in (alone, together))
    assert both.adjusted_p is not None
    assert first.adjusted_p is not None
    assert both.adjusted_p > first.adjusted_p
    assert both.p_value == first.p_value


def about_series(result: DuetResult, series: str) -> Finding:
    (finding,) = (f for f in result.findings if f.series == series and f.hypothesis is Hypothesis.PER_TOKEN)
    return finding


def test_exchanging_the_arms_turns_the_effect_around() -> None:
    pairs = noisy_pairs(50, slower=1.1)
    swapped = [(replace(row, arm=Arm.BASE), replace(base, arm=Arm.CANDIDATE)) for base, row in pairs]

    forward, backward = (about(concluded(one), Hypothesis.TOTAL).effect.estimate for one in (pairs, swapped))

    assert forward is not None
    assert backward is not None
    assert (1 + forward / 100) * (1 + backward / 100) == pytest.approx(1)


def planned(pairs: list[tuple[Sample, Sample]], *, rate: float | None = 2.0) -> Any:
    series = pair_up(Samples.of([row for pair in pairs for row in pair]), limit_ns=LIMIT_NS)
    return need_of(duet(series, RULES).judged, series, RULES, requests_per_second=rate)


def test_an_open_question_says_what_its_answer_would_take() -> None:
    need = planned(noisy_pairs(6))

    assert need.pairs > 6
    assert need.usd == pytest.approx(need.pairs * 0.004)
    assert need.minutes == pytest.approx(need.pairs * 2 / 2.0 / 60)


def test_the_planned_pairs_do_settle_it() -> None:
    need = planned(noisy_pairs(6))

    assert about(concluded(noisy_pairs(need.pairs)), Hypothesis.TTFT).outcome is Outcome.PASS


def test_an_effect_beyond_the_margin_is_planned_for_too() -> None:
    need = planned(noisy_pairs(6, slower=1.3))

    assert about(concluded(noisy_pairs(need.pairs, slower=1.3)), Hypothesis.TTFT).outcome is Outcome.REGRESSION


def test_without_price_or_rate_only_pairs_are_stated_and_without_open_questions_nothing() -> None:
    free = noisy_pairs(6, cost_usd=None)

    need = planned(free, rate=None)

    assert (need.usd, need.minutes) == (None, None)
    assert planned(noisy_pairs(120)) is None


def test_what_a_pass_leaves_out_says_what_covering_it_would_take() -> None:
    series = pair_up(Samples.of([row for pair in noisy_pairs(120) for row in pair]), limit_ns=LIMIT_NS)
    coverage = duet(series, RULES).coverage

    need = need_to_cover(coverage, series, requests_per_second=2.0)

    assert need is not None
    assert need.pairs == max(by.pairs or 0 for by in coverage[0].covered_by)
    assert need.usd == pytest.approx(need.pairs * 0.004)
    assert need.minutes == pytest.approx(need.pairs * 2 / 2.0 / 60)
    assert need_to_cover((), series, requests_per_second=2.0) is None


def test_a_margin_of_zero_has_no_plan() -> None:
    rules = replace(RULES, margins=dict.fromkeys(RULES.margins, 0.0))
    series = pair_up(Samples.of([row for pair in noisy_pairs(6) for row in pair]), limit_ns=LIMIT_NS)

    assert need_of(duet(series, rules).judged, series, rules, requests_per_second=1.0) is None


def test_answers_need_values() -> None:
    nothing = PairedValues(base=np.array([]), candidate=np.array([]), second=np.array([]))
    zeros = PairedValues(base=np.zeros(2), candidate=np.ones(2), second=np.zeros(2))

    assert points_answer(nothing) is None
    assert ratio_answer(zeros, two_sided=False) is None
    assert excess_answer(zeros, limit=0.5) is None


def test_plans_from_one_pair_assume_a_usual_spread_and_plans_for_shares_one_more_event() -> None:
    one = ratio_answer(
        PairedValues(base=np.array([1.0]), candidate=np.array([1.1]), second=np.array([1.0])), two_sided=False
    )
    share = share_answer(PairedShares(9, 0, 0), method="test")
    aim = Aim(0.05, 0.9)

    assert one is not None
    assert one.bounds(0.05).lower is None
    assert one.pairs_needed(10.0, aim) == pytest.approx((2.926 * 0.3 / np.log(1.1)) ** 2 * np.pi / 3 + 1.35, abs=1)
    assert share.pairs_needed(10.0, aim) == pytest.approx(2.926**2 * 0.1 / 0.1**2, abs=1)
