"""What would cover a question that a pass says nothing of, by the reason why it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lens_gate.analysis.duet import DuetResult, duet
from lens_gate.analysis.judgement import pairs_to_cover
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.remedies import SPARE, remedy_of_silence
from lens_gate.analysis.rules import MARGINS, METRIC_NAMES, rules_of
from lens_gate.artifacts.analysis import CoveredBy
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Remedy
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import ErrorClass, Status
from tests.builders import a_pair

RULES = rules_of(Regression())
RARE = {
    Hypothesis.ERRORS: Cover.ERRORS,
    Hypothesis.TTFT_TAIL_EXCESS: Cover.TAILS,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Cover.TAILS,
}


def judged(pairs: list[tuple[Sample, Sample]]) -> DuetResult:
    samples = Samples.of(sample for pair in pairs for sample in pair)
    return duet(pair_up(samples, limit_ns=60e9), RULES)


def an_uneven_pair(number: int) -> tuple[Sample, Sample]:
    """A pair whose first tokens come sooner and later, in each version in an order of its own."""
    base, candidate = a_pair(number)
    return after(base, 500 + number), after(candidate, 500 + 7 * number % 60)


def after(sample: Sample, ttft_ms: int) -> Sample:
    return replace(sample, first_token_ns=sample.intended_ns + ttft_ms * 1_000_000)


def remedies(result: DuetResult) -> dict[str, CoveredBy | None]:
    (coverage,) = result.coverage
    return {text.split(":", 1)[0]: by for text, by in coverage.gaps}


@pytest.mark.parametrize("hypothesis", MARGINS)
def test_every_question_without_an_answer_has_a_remedy(hypothesis: Hypothesis) -> None:
    assert remedy_of_silence(hypothesis).remedy is not Remedy.PAIRS


@pytest.mark.parametrize(("hypothesis", "word"), RARE.items())
def test_rare_events_take_more_pairs_than_the_least_and_the_word_that_asks_for_them(
    hypothesis: Hypothesis, word: Cover
) -> None:
    told = remedies(judged([an_uneven_pair(number) for number in range(60)]))[METRIC_NAMES[hypothesis]]
    least = pairs_to_cover(hypothesis, RULES)
    assert told is not None
    assert least is not None
    assert (told.remedy, told.cover) == (Remedy.PAIRS, word)
    assert least < (told.pairs or 0) <= SPARE * least + 1


def test_a_question_without_an_answer_says_what_is_missing() -> None:
    unpriced = [(replace(base, cost_usd=None), replace(other, cost_usd=None)) for base, other in map(a_pair, range(60))]
    told = remedies(judged(unpriced))[METRIC_NAMES[Hypothesis.COST]]
    assert told == CoveredBy(remedy=Remedy.PRICES)


def failed(sample: Sample) -> Sample:
    return replace(sample, status=Status.FAILED, error_class=ErrorClass.API_ERROR)


def test_where_failures_stand_in_the_way_more_pairs_would_not_help() -> None:
    both = [(failed(base), failed(other)) if number % 10 == 0 else (base, other)
            for number, (base, other) in enumerate(map(a_pair, range(60)))]  # fmt: skip
    told = remedies(judged(both))
    late = told[METRIC_NAMES[Hypothesis.TTFT_TAIL_EXCEEDANCE]]
    assert late is not None
    assert (late.remedy, [reason.why for reason in late.because]) == (Remedy.MENDING, [Why.MANY_FAILED])


def test_where_one_version_does_not_always_stream_streams_would_help() -> None:
    def whole(sample: Sample) -> Sample:
        return replace(sample, first_token_ns=None, first_visible_ns=None)

    some = [(base, whole(other)) if number % 4 == 0 else (base, other)
            for number, (base, other) in enumerate(map(a_pair, range(60)))]  # fmt: skip
    told = remedies(judged(some))
    late = told[METRIC_NAMES[Hypothesis.TTFT_TAIL_EXCEEDANCE]]
    assert late is not None
    assert (late.remedy, [reason.why for reason in late.because]) == (Remedy.STREAMS, [Why.PARTLY_LACKING])
