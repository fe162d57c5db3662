"""The duet: both versions were measured at the same time, and each question is asked of the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lens_gate.analysis.answers import Answer, points_answer, ratio_answer, share_answer
from lens_gate.analysis.judgement import Judged, Question, judge, silent_finding
from lens_gate.analysis.pairing import PairedSeries, PairedValues
from lens_gate.analysis.quantities import NS_PER_MS, Flags, with_status
from lens_gate.analysis.rules import MARGINS, METRIC_NAMES, Rules
from lens_gate.artifacts.analysis import Coverage, Finding
from lens_gate.stats.multiplicity import holm
from lens_gate.stats.proportions import PairedShares, mcnemar
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import FinishReason, Status

TAIL_QUANTILE = 0.95
NOTABLE_P = 0.01
METHODS = {
    Hypothesis.TTFT_TAIL_EXCEEDANCE: "exact McNemar test on times above the pooled p95",
    Hypothesis.ERRORS: "exact McNemar test",
}

_UNANSWERED = {
    Hypothesis.TTFT: "no pair of streamed answers",
    Hypothesis.PER_TOKEN: "no pair of answers with two tokens or more",
    Hypothesis.TOTAL: "no pair of answers",
    Hypothesis.TTFT_TAIL_EXCEEDANCE: "no pair of streamed answers",
    Hypothesis.ERRORS: "no pair of requests",
    Hypothesis.COST: "no pair of answers with a known price above 0",
    Hypothesis.OUTPUT_LENGTH: "no pair with counted output tokens",
    Hypothesis.CACHED_SHARE: "the server does not report cached tokens",
}

_COUNTED = {
    Hypothesis.TTFT: Quantity.TTFT,
    Hypothesis.PER_TOKEN: Quantity.TPOT,
    Hypothesis.COST: Quantity.COST,
    Hypothesis.OUTPUT_LENGTH: Quantity.OUTPUT_TOKENS,
    Hypothesis.CACHED_SHARE: Quantity.CACHED_SHARE,
}
"""Quantities that one version may have and the other lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuetResult:
    """All findings of a duet, what it does not cover, and remarks for people."""

    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    coverage: tuple[Coverage, ...]
    notes: tuple[str, ...]


def duet(series: Sequence[PairedSeries], rules: Rules) -> DuetResult:
    """Ask every question of every series, and judge all answers as one family."""
    asked = [ask(one) for one in series]
    questions = [question for questions, _ in asked for question in questions]
    family = holm([question.answer.p_value for question in questions], alpha=rules.alpha)
    judged = tuple(judge(question, stepped, rules) for question, stepped in zip(questions, family, strict=True))
    unmeasured = tuple(_not_measured(one) for one in series if not measurable(one))
    lost = tuple(_one_sided(one, gap) for one, (_, gaps) in zip(series, asked, strict=True) for gap in gaps)
    findings = (*(one.finding for one in judged), *unmeasured, *(finding for finding in lost if finding))
    return DuetResult(
        judged=judged,
        findings=findings,
        coverage=tuple(_covered(one, gaps, findings) for one, (_, gaps) in zip(series, asked, strict=True)),
        notes=tuple(note for one in series for note in _notes(one, findings)),
    )


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
            return _tail(series)
        case Hypothesis.ERRORS:
            return _errors(series)
        case Hypothesis.CACHED_SHARE:
            shares = series.of_successes(Quantity.CACHED_SHARE)
            return _about(series, hypothesis, points_answer(shares), shares.scaled(100), unit="%")
        case _:
            values, unit = _compared(series, hypothesis)
            answer = ratio_answer(values, two_sided=hypothesis.two_sided)
            return _about(series, hypothesis, answer, values, unit=unit)


def _compared(series: PairedSeries, hypothesis: Hypothesis) -> tuple[PairedValues, str]:
    """Return what is compared by its ratio, and the unit it is shown in."""
    match hypothesis:
        case Hypothesis.TTFT:
            return series.times(Quantity.TTFT).scaled(1 / NS_PER_MS), "ms"
        case Hypothesis.PER_TOKEN:
            return series.of_successes(Quantity.TPOT).scaled(1 / NS_PER_MS), "ms"
        case Hypothesis.COST:
            return series.of_successes(Quantity.COST), "USD"
        case Hypothesis.OUTPUT_LENGTH:
            return series.of_successes(Quantity.OUTPUT_TOKENS), "tokens"
        case _:
            return series.times(Quantity.LATENCY).scaled(1 / NS_PER_MS), "ms"


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
        latency_gap=series.latency_gap if unit == "ms" else None,
    )


def _tail(series: PairedSeries) -> Question | None:
    """Ask how often each arm lies above the p95 of both: a limit that knows no arm keeps McNemar's test exact."""
    times = series.times(Quantity.TTFT)
    if len(times) == 0:
        return None
    limit = np.quantile(np.concatenate([times.base, times.candidate]), TAIL_QUANTILE)
    # Not strictly above: when many times are cut at the timeout, the p95 is the timeout itself.
    question = _events(series, Hypothesis.TTFT_TAIL_EXCEEDANCE, times.base >= limit, times.candidate >= limit)
    return replace(question, latency_gap=series.latency_gap)


def _errors(series: PairedSeries) -> Question | None:
    base, candidate = series.failed
    if len(base) == 0:
        return None
    return replace(_events(series, Hypothesis.ERRORS, base, candidate), base_errors=int(base.sum()))


def _events(series: PairedSeries, hypothesis: Hypothesis, base: Flags, candidate: Flags) -> Question:
    return Question(
        series=series.series,
        hypothesis=hypothesis,
        answer=share_answer(_shares(base, candidate), method=METHODS[hypothesis]),
        base_value=100 * float(base.mean()),
        candidate_value=100 * float(candidate.mean()),
        value_unit="%",
    )


def _shares(base: Flags, candidate: Flags) -> PairedShares:
    return PairedShares(
        pairs=len(base), only_base=int((base & ~candidate).sum()), only_candidate=int((candidate & ~base).sum())
    )


def _one_sided(series: PairedSeries, hypothesis: Hypothesis) -> Finding | None:
    """Return the finding for what only one version has, such as a stream or a price; None where neither has it.

    What was lost or gained is not compared by any pair, and must not look like a pass.
    """
    if hypothesis not in _COUNTED:
        return None
    base, candidate = series.arms_with(_COUNTED[hypothesis])
    if base == candidate:
        return None
    return silent_finding(
        series.series,
        metric=METRIC_NAMES[hypothesis],
        hypothesis=hypothesis,
        method="none",
        outcome=Outcome.INCONCLUSIVE,
        reason=f"Unknown, because only the {'base' if base else 'candidate'} has it: {_UNANSWERED[hypothesis]}.",
    )


def _not_measured(series: PairedSeries) -> Finding:
    """Return the finding for a series in which an arm has no success: never a pass."""
    empty = [
        name
        for name, arm in (("base", series.base), ("candidate", series.candidate))
        if not with_status(arm, Status.OK).any()
    ]
    coverage = series.coverage
    return silent_finding(
        series.series,
        metric=METRIC_NAMES[Hypothesis.TOTAL],
        hypothesis=Hypothesis.TOTAL,
        method="none",
        outcome=Outcome.NOT_MEASURED,
        reason=(
            f"Not measured: no comparable request of the {' and of the '.join(empty)} succeeded "
            f"({coverage.pairs_planned} pairs planned, {coverage.excluded_throttled} throttled, "
            f"{coverage.excluded_failed} failed)."
        ),
    )


def _covered(series: PairedSeries, unanswered: Sequence[Hypothesis], findings: Sequence[Finding]) -> Coverage:
    own = [f for f in findings if f.series == series.series]
    found = {f.hypothesis for f in own}
    silent = (f"{METRIC_NAMES[one]}: {_UNANSWERED[one]}" for one in unanswered if one not in found)
    words = (*silent, *(f"{f.metric}: {f.reason.removeprefix('Not covered: ')}" for f in own if not f.gated))
    return series.coverage.model_copy(update={"not_covered": words})


def _notes(series: PairedSeries, findings: Sequence[Finding]) -> tuple[str, ...]:
    return (*_shorter(series.series, findings), *_finish_reasons(series))


def _shorter(series: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say where answers got faster because they got shorter."""
    found = {f.hypothesis: f for f in findings if f.series == series}
    length, total = found.get(Hypothesis.OUTPUT_LENGTH), found.get(Hypothesis.TOTAL)
    if length is None or total is None or not length.established:
        return ()
    if (length.effect.estimate or 0) >= 0 or (total.effect.estimate or 0) >= 0:
        return ()
    return (
        f"{series}: answers are {-(length.effect.estimate or 0):.3g} % shorter, which by itself makes them faster.",
    )


def _finish_reasons(series: PairedSeries) -> tuple[str, ...]:
    """Say where answers end for another reason than before."""
    words = {FinishReason.LENGTH: "cut at the token limit", FinishReason.REFUSAL: "refused"}
    notes = []
    for reason, text in words.items():
        base, candidate = (arm.texts["finish_reason"].equals(reason) for arm in (series.base, series.candidate))
        if len(base) and mcnemar(_shares(base, candidate)).p_two_sided < NOTABLE_P:
            shares = f"{100 * base.mean():.3g} % before, {100 * candidate.mean():.3g} % now"
            notes.append(f"{series.series}: more or fewer answers are {text} ({shares}).")
    return tuple(notes)
