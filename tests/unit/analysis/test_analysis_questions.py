"""What must not pass although a typical pair looks the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.answers import excess_answer, points_answer, ratio_answer
from lens_gate.analysis.duet import duet
from lens_gate.analysis.judgement import Question, judge
from lens_gate.analysis.need import need_of
from lens_gate.analysis.pairing import PairedValues, pair_up
from lens_gate.analysis.rules import Rules, rules_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Regression
from lens_gate.stats.multiplicity import Stepped
from lens_gate.stats.planning import Aim
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Outcome
from lens_gate.vocabulary.requests import ErrorClass, Status
from tests.builders import MS, a_failed_sample, a_pair
from tests.saying import said

RULES = rules_of(Regression())
LIMIT_NS = 60e9
Changed = Callable[[int, Sample, Sample], tuple[Sample, Sample]]


def findings(count: int, change: Changed, rules: Rules = RULES) -> dict[Hypothesis | None, Finding]:
    rows = [row for n in range(count) for row in change(n, *scattered(n))]
    return {f.hypothesis: f for f in duet(pair_up(Samples.of(rows), limit_ns=LIMIT_NS), rules).findings}


def scattered(number: int) -> tuple[Sample, Sample]:
    """A pair whose times differ by a few percent, in either direction."""
    rng = np.random.default_rng(number)
    base, candidate = a_pair(number)
    return timed(base, float(rng.normal(0, 0.03))), timed(candidate, float(rng.normal(0, 0.03)))


def timed(row: Sample, shift: float, factor: float = 1.0) -> Sample:
    first = row.intended_ns + round(500 * MS * np.exp(shift))
    last = first + round(1000 * MS * np.exp(shift) * factor)
    return replace(row, first_token_ns=first, first_visible_ns=first, last_token_ns=last, end_ns=last)


def unchanged(_: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
    return base, candidate


def some(part: int, **changes: Any) -> Changed:
    """Change the candidate in one pair of `part`."""
    return lambda n, base, candidate: (base, replace(candidate, **changes) if n % part == 0 else candidate)


def test_unchanged_pairs_pass() -> None:
    found = findings(300, unchanged)

    assert {f.outcome for f in found.values() if f.gated} == {Outcome.PASS}


def test_one_answer_in_five_that_is_far_longer_is_a_regression_which_the_mean_shows() -> None:
    def stalled(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        return base, timed(candidate, 0.0, 4.0 if n % 5 == 0 else 1.0)

    found = findings(300, stalled)

    for hypothesis in (Hypothesis.TOTAL, Hypothesis.PER_TOKEN):
        finding = found[hypothesis]
        assert finding.outcome is Outcome.REGRESSION
        assert finding.method == "sign-flip test on paired differences"
        assert finding.effect.of_means
        assert (finding.effect.estimate or 0) > 30
        assert "a typical pair by" in said(finding)
        assert said(finding).startswith("The mean changed by")


@pytest.mark.parametrize(
    ("changes", "hypothesis"),
    [({"cost_usd": 0.02}, Hypothesis.COST), ({"output_tokens": 500}, Hypothesis.OUTPUT_LENGTH)],
)
def test_some_far_dearer_or_longer_answers_are_a_regression(changes: dict[str, Any], hypothesis: Hypothesis) -> None:
    found = findings(300, some(9, **changes))[hypothesis]

    assert found.outcome is Outcome.REGRESSION
    assert (found.effect.lower or 0) > 0


def lottery(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
    """Each request finds its prefix in the cache by chance, and costs half then."""
    drawn = np.random.default_rng(n).random(2) < 0.5
    return tuple(  # type: ignore[return-value]
        replace(row, cached_tokens=80 if hit else 0, cost_usd=0.005 if hit else 0.01)
        for row, hit in zip((base, candidate), drawn, strict=True)
    )


def test_a_lottery_of_the_cache_does_not_drown_the_mean_of_costs() -> None:
    def some_dearer(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        base, candidate = lottery(n, base, candidate)
        return base, replace(candidate, cost_usd=3 * (candidate.cost_usd or 0.0) if n % 9 == 0 else candidate.cost_usd)

    same, dearer = (findings(300, change)[Hypothesis.COST] for change in (lottery, some_dearer))

    assert dearer.outcome is Outcome.REGRESSION
    assert dearer.effect.of_means
    assert not same.established


def test_costs_without_the_cache_are_alike_where_only_the_cache_differs() -> None:
    rows = [row for n in range(60) for row in lottery(n, *scattered(n))]
    (series,) = pair_up(Samples.of(rows), limit_ns=LIMIT_NS)

    found = series.cost_without_cache()

    assert found.base == pytest.approx(np.full(60, 0.01))
    assert found.candidate == pytest.approx(np.full(60, 0.01))


def test_some_far_shorter_answers_are_a_regression_of_their_length() -> None:
    found = findings(300, some(5, output_tokens=2))[Hypothesis.OUTPUT_LENGTH]

    assert found.outcome is Outcome.REGRESSION
    assert (found.effect.upper or 0) < 0


def test_a_change_of_every_answer_is_told_by_the_typical_pair() -> None:
    def slower(_: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        return base, timed(candidate, 0.2)

    found = findings(100, slower)[Hypothesis.TOTAL]

    assert found.outcome is Outcome.REGRESSION
    assert found.method == "signed-rank test on paired log ratios"
    assert said(found).startswith("Changed by")


def test_one_hanging_answer_does_not_stand_in_the_way_of_a_pass() -> None:
    def hanging(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        return base, timed(candidate, 0.0, 50.0 if n == 7 else 1.0)

    assert findings(300, hanging)[Hypothesis.TOTAL].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("lost", "hypothesis", "words"),
    [
        ({"cost_usd": None}, Hypothesis.COST, "have a known cost"),
        ({"output_tokens": None}, Hypothesis.OUTPUT_LENGTH, "have counted tokens"),
        ({"cached_tokens": None}, Hypothesis.CACHED_SHARE, "say what came from the cache"),
        ({"first_token_ns": None, "first_visible_ns": None}, Hypothesis.TTFT, "were streamed"),
    ],
)
def test_what_a_part_of_the_answers_lacks_is_not_covered(
    lost: dict[str, Any], hypothesis: Hypothesis, words: str
) -> None:
    found = findings(300, some(2, **lost))[hypothesis]

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.gated
    assert words in said(found)


def test_a_version_that_is_throttled_more_often_passes_nothing() -> None:
    def throttled(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        kept = {"pair": candidate.pair, "slot": candidate.slot, "arm": candidate.arm, "index": candidate.index}
        slowed = a_failed_sample(ErrorClass.RATE_LIMIT, intended_ns=candidate.intended_ns, **kept)
        return base, slowed if n % 4 == 0 else candidate

    found = findings(300, throttled)

    assert {f.outcome for f in found.values()} == {Outcome.INCONCLUSIVE}
    assert "0.0 % of the base's and 25.0 % of the candidate's requests were throttled" in said(found[Hypothesis.TOTAL])


def test_an_order_that_is_no_chance_passes_nothing() -> None:
    def second(_: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        return replace(base, slot=0), replace(candidate, slot=1)

    found = findings(60, second)

    assert {f.outcome for f in found.values() if f.gated} == {Outcome.INCONCLUSIVE}
    assert "the candidate was sent second in 100.0 % of the pairs" in said(found[Hypothesis.TTFT])


def test_equal_cached_shares_are_bounded_by_how_many_pairs_there_are() -> None:
    def answer(pairs: int) -> float | None:
        values = PairedValues(base=np.zeros(pairs), candidate=np.zeros(pairs), second=np.zeros(pairs))
        found = points_answer(values)
        assert found is not None
        return found.bounds(0.05).upper

    assert answer(2) == pytest.approx(100 * (1 - 0.05**0.5))
    assert (answer(20) or 0) > 10 > (answer(30) or 100)


def test_a_cached_share_that_mostly_rises_a_little_and_sometimes_breaks_has_not_risen() -> None:
    candidate = np.where(np.arange(300) % 6 == 0, 0.0, 0.82)
    values = PairedValues(base=np.full(300, 0.8), candidate=candidate, second=np.zeros(300))

    found = points_answer(values)

    assert found is not None
    assert found.estimate < -10
    assert found.p_value < 1e-3


def test_few_pairs_are_shown_without_the_intervals_of_medians_and_means() -> None:
    few, enough = (
        ratio_answer(PairedValues(base=np.ones(n), candidate=np.full(n, 1.1), second=np.zeros(n)), two_sided=False)
        for n in (4, 5)
    )

    assert few is not None
    assert enough is not None
    assert few.views() == ()
    assert [view.name for view in enough.views()] == ["median", "mean"]


def test_a_pass_is_unbounded_where_either_bound_is() -> None:
    one = PairedValues(base=np.ones(1), candidate=np.ones(1), second=np.zeros(1))

    answer = ratio_answer(one, two_sided=False, means_of=one)

    assert answer is not None
    question = Question(
        series="one",
        hypothesis=Hypothesis.TOTAL,
        answer=answer,
        base_value=1.0,
        candidate_value=1.0,
        value_unit="ms",
    )
    assert judge(question, Stepped(1.0, 0.01), RULES).finding.effect.upper_pass is None


def test_more_pairs_tell_a_smaller_change_of_the_slowest_first_tokens() -> None:
    rng = np.random.default_rng(2)
    values = PairedValues(base=rng.lognormal(size=200), candidate=rng.lognormal(size=200), second=np.zeros(200))

    found = excess_answer(values, limit=2.0)

    assert found is not None
    assert found.pairs_needed(3.0, Aim(0.05, 0.9)) > found.pairs_needed(6.0, Aim(0.05, 0.9)) > 2


def test_a_plan_for_rare_events_is_no_smaller_than_what_covers_them() -> None:
    rules = rules_of(Regression(cover=(Cover.ERRORS,)))
    rows = [row for n in range(120) for row in scattered(n)]
    series = pair_up(Samples.of(rows), limit_ns=LIMIT_NS)

    need = need_of(duet(series, rules).judged, series, rules, requests_per_second=1.0)

    assert need is not None
    assert need.pairs >= 789


def test_what_would_be_an_alarm_by_itself_is_suspicious_at_any_look() -> None:
    def failing(n: int, base: Sample, candidate: Sample) -> tuple[Sample, Sample]:
        broken = replace(candidate, status=Status.FAILED, error_class=ErrorClass.TIMEOUT)
        return base, broken if n < 8 else candidate

    at_look = replace(RULES, alpha=RULES.alpha / 6, pass_tail=RULES.pass_tail / 6)

    assert findings(150, failing, at_look)[Hypothesis.ERRORS].gated
