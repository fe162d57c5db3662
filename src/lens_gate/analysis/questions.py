"""The ten questions that a duet is asked of one series, each answered by its pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from lens_gate.analysis.answers import Answer, excess_answer, excess_of, points_answer, ratio_answer, share_answer
from lens_gate.analysis.judgement import Question
from lens_gate.analysis.pairing import PairedSeries, PairedValues, differ, shares_of
from lens_gate.analysis.quantities import NS_PER_MS, Flags, with_status
from lens_gate.analysis.rules import MARGINS
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Status

TAIL_QUANTILE = 0.95
EXCESS_QUANTILE = 0.90

UNANSWERED: Mapping[Hypothesis, str] = {
    Hypothesis.TTFT: "no pair of streamed answers",
    Hypothesis.PER_TOKEN: "no pair of answers with two tokens or more",
    Hypothesis.TOTAL: "no pair of answers",
    Hypothesis.TOTAL_EQUAL_LENGTH: "no pair of streamed answers with two tokens or more",
    Hypothesis.TTFT_TAIL_EXCESS: "no pair of streamed answers",
    Hypothesis.TTFT_TAIL_EXCEEDANCE: "no pair of streamed answers",
    Hypothesis.ERRORS: "no pair of requests",
    Hypothesis.COST: "no pair of answers with a known price above 0",
    Hypothesis.OUTPUT_LENGTH: "no pair with counted output tokens",
    Hypothesis.CACHED_SHARE: "the server does not report cached tokens",
}
"""Why a question has no answer."""

_COMPARED: Mapping[Hypothesis, tuple[Callable[[PairedSeries], PairedValues], str]] = {
    Hypothesis.TTFT: (lambda series: series.first_token, "ms"),
    Hypothesis.PER_TOKEN: (lambda series: series.of_successes(Quantity.TPOT), "ms"),
    Hypothesis.TOTAL: (lambda series: series.times(Quantity.LATENCY), "ms"),
    Hypothesis.TOTAL_EQUAL_LENGTH: (PairedSeries.at_equal_length, "ms"),
    Hypothesis.COST: (lambda series: series.of_successes(Quantity.COST), "USD"),
    Hypothesis.OUTPUT_LENGTH: (lambda series: series.of_successes(Quantity.OUTPUT_TOKENS), "tokens"),
}
"""What is compared by its ratio, and the unit that it is shown in."""

_NEEDED: Mapping[Hypothesis, Quantity] = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.TTFT_TAIL_EXCESS: Quantity.TTFT,
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.TOTAL_EQUAL_LENGTH: Quantity.TPOT,
    Hypothesis.COST: Quantity.COST,
    Hypothesis.OUTPUT_LENGTH: Quantity.OUTPUT_TOKENS,
    Hypothesis.CACHED_SHARE: Quantity.CACHED_SHARE,
}
"""What an answer must have to be asked: a version may lack it in a part of its answers."""

_HAVING: Mapping[Quantity, str] = {
    Quantity.TTFT: "were streamed",
    Quantity.TPOT: "were streamed in two pieces or more",
    Quantity.COST: "have a known cost",
    Quantity.OUTPUT_TOKENS: "have counted tokens",
    Quantity.CACHED_SHARE: "say what came from the cache",
}

_TIMES = frozenset(
    {
        Hypothesis.TTFT,
        Hypothesis.TTFT_TAIL_EXCESS,
        Hypothesis.TTFT_TAIL_EXCEEDANCE,
        Hypothesis.PER_TOKEN,
        Hypothesis.TOTAL,
        Hypothesis.TOTAL_EQUAL_LENGTH,
    }
)

_BY_MEAN = frozenset(
    {
        Hypothesis.PER_TOKEN,
        Hypothesis.TOTAL,
        Hypothesis.TOTAL_EQUAL_LENGTH,
        Hypothesis.COST,
        Hypothesis.OUTPUT_LENGTH,
    }
)
"""Questions that are asked of the means too; late first tokens have questions of their own."""


def measurable(series: PairedSeries) -> bool:
    """Whether each arm has a success: without one there are no latencies to speak of."""
    return all(bool(with_status(arm, Status.OK).any()) for arm in (series.base, series.candidate))


def ask(series: PairedSeries) -> tuple[tuple[Question, ...], tuple[Hypothesis, ...]]:
    """Return the questions that this series can answer, and those that it cannot.

    A series without successes in one arm is only asked about errors: that is how a candidate that always fails shows.
    """
    hypotheses = tuple(MARGINS) if measurable(series) else (Hypothesis.ERRORS,)
    asked = {hypothesis: _question(series, hypothesis) for hypothesis in hypotheses}
    answered = tuple(question for question in asked.values() if question is not None)
    return answered, tuple(hypothesis for hypothesis, question in asked.items() if question is None)


def _question(series: PairedSeries, hypothesis: Hypothesis) -> Question | None:
    match hypothesis:
        case Hypothesis.TTFT_TAIL_EXCEEDANCE:
            return _late(series)
        case Hypothesis.TTFT_TAIL_EXCESS:
            return _excess(series)
        case Hypothesis.ERRORS:
            return _errors(series)
        case Hypothesis.CACHED_SHARE:
            shares = series.of_successes(Quantity.CACHED_SHARE)
            return _about(series, hypothesis, points_answer(shares), shares.scaled(100), unit="%")
        case _:
            values_of, unit = _COMPARED[hypothesis]
            values = values_of(series).scaled(1 / NS_PER_MS if unit == "ms" else 1.0)
            means = None
            if hypothesis in _BY_MEAN:
                means = series.cost_without_cache() if hypothesis is Hypothesis.COST else values
            answer = ratio_answer(values, two_sided=hypothesis.two_sided, means_of=means)
            return _about(series, hypothesis, answer, values, unit=unit)


def _about(
    series: PairedSeries, hypothesis: Hypothesis, answer: Answer | None, values: PairedValues, *, unit: str
) -> Question | None:
    """Put a question whose two values are means; None where there is no answer."""
    if answer is None:
        return None
    return Question(
        series=series.series,
        hypothesis=hypothesis,
        answer=answer,
        base_value=float(values.base.mean()),
        candidate_value=float(values.candidate.mean()),
        value_unit=unit,
        latency_gap=_gap(series, hypothesis),
    )


def _gap(series: PairedSeries, hypothesis: Hypothesis) -> Reason | None:
    """Say why this question cannot carry a pass, None where it can."""
    of_times = series.latency_gap if hypothesis in _TIMES else None
    missing = _missing(series, _NEEDED[hypothesis]) if hypothesis in _NEEDED else None
    return series.pairs_gap or of_times or missing


def _missing(series: PairedSeries, quantity: Quantity) -> Reason | None:
    """Say that one version has a quantity in more of its answers than the other: those of the rest are not compared."""
    base, candidate = series.presence(quantity)
    if not differ(base, candidate):
        return None
    shares = {"base": 100 * float(base.mean()), "candidate": 100 * float(candidate.mean())}
    return because(Why.PARTLY_LACKING, **shares, having=_HAVING[quantity])


def _late(series: PairedSeries) -> Question | None:
    """Ask how often each arm lies above the p95 of both: a limit that knows no arm keeps McNemar's test exact."""
    times = series.first_token
    if len(times) == 0:
        return None
    limit = _pooled_quantile(times, TAIL_QUANTILE)
    # Not strictly above: when many times are cut at the timeout, the p95 is the timeout itself.
    question = _events(
        series,
        Hypothesis.TTFT_TAIL_EXCEEDANCE,
        (times.base >= limit, times.candidate >= limit),
        method="exact McNemar test on times above the pooled p95",
    )
    return replace(question, latency_gap=_gap(series, Hypothesis.TTFT_TAIL_EXCEEDANCE))


def _excess(series: PairedSeries) -> Question | None:
    """Ask how far the slowest first tokens of each arm lie above the p90 of both."""
    times = series.first_token
    limit = _pooled_quantile(times, EXCESS_QUANTILE) if len(times) else 0.0
    answer = excess_answer(times, limit=limit) if limit > 0 else None
    if answer is None:
        return None
    base, candidate = (100 * float(excess_of(arm, limit).mean()) for arm in (times.base, times.candidate))
    return Question(
        series=series.series,
        hypothesis=Hypothesis.TTFT_TAIL_EXCESS,
        answer=answer,
        base_value=base,
        candidate_value=candidate,
        value_unit="%",
        latency_gap=_gap(series, Hypothesis.TTFT_TAIL_EXCESS),
    )


def _pooled_quantile(times: PairedValues, probability: float) -> float:
    return float(np.quantile(np.concatenate([times.base, times.candidate]), probability))


def _errors(series: PairedSeries) -> Question | None:
    base, candidate = series.failed
    if len(base) == 0:
        return None
    question = _events(series, Hypothesis.ERRORS, (base, candidate), method="exact McNemar test")
    return replace(question, base_errors=int(base.sum()), latency_gap=_gap(series, Hypothesis.ERRORS))


def _events(series: PairedSeries, hypothesis: Hypothesis, happened: tuple[Flags, Flags], *, method: str) -> Question:
    base, candidate = happened
    return Question(
        series=series.series,
        hypothesis=hypothesis,
        answer=share_answer(shares_of(base, candidate), method=method),
        base_value=100 * float(base.mean()),
        candidate_value=100 * float(candidate.mean()),
        value_unit="%",
    )
