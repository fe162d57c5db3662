"""The duet: both versions were measured at the same time, and each question is asked of the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lens_gate.analysis.judgement import Judged, Question, judge, silent_finding
from lens_gate.analysis.pairing import PairedSeries, differ
from lens_gate.analysis.quantities import with_status
from lens_gate.analysis.questions import UNANSWERED, ask, measurable
from lens_gate.analysis.remedies import remedy_of_open, remedy_of_silence
from lens_gate.analysis.rules import METRIC_NAMES, WEIGHTS, Rules
from lens_gate.artifacts.analysis import Coverage, Finding
from lens_gate.artifacts.reasons import because
from lens_gate.stats.multiplicity import Member, Stepped, holm
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import FinishReason, Status

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


def duet(series: Sequence[PairedSeries], rules: Rules, *, spent: float = 0.0) -> DuetResult:
    """Ask every question of every series, and judge all answers as one family.

    `spent` is the weight of questions that were answered before: their share of alpha is gone.
    """
    asked = [ask(one) for one in series]
    questions = [question for questions, _ in asked for question in questions]
    judged = tuple(
        judge(question, stepped, rules)
        for question, stepped in zip(questions, stepped_down(questions, rules, spent=spent), strict=True)
    )
    unmeasured = tuple(_not_measured(one) for one in series if not measurable(one))
    lost = tuple(_one_sided(one, gap) for one, (_, gaps) in zip(series, asked, strict=True) for gap in gaps)
    findings = (*(one.finding for one in judged), *unmeasured, *(finding for finding in lost if finding))
    return DuetResult(
        judged=judged,
        findings=findings,
        coverage=tuple(
            _covered(one, [gap for gap in gaps if not _is_told(one, gap, lost)], judged, rules)
            for one, (_, gaps) in zip(series, asked, strict=True)
        ),
        notes=tuple(note for one in series for note in _notes(one, findings)),
    )


def stepped_down(questions: Sequence[Question], rules: Rules, *, spent: float = 0.0) -> tuple[Stepped, ...]:
    """Hold all questions of a gate against one level, in the order in which they were asked (see `duet`)."""
    answered = [Member(1.0, weight=spent)] if spent else []
    return holm([*(_member(question) for question in questions), *answered], alpha=rules.alpha)[: len(questions)]


def _member(question: Question) -> Member:
    return Member(question.p_value, weight=WEIGHTS[question.hypothesis], floor=question.floor)


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
        why=because(Why.ONE_SIDED, side="base" if base else "candidate", lacking=UNANSWERED[hypothesis]),
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
        why=because(
            Why.NO_SUCCESS,
            sides=" and of the ".join(empty),
            planned=coverage.pairs_planned,
            throttled=coverage.excluded_throttled,
            failed=coverage.excluded_failed,
        ),
    )


def _is_told(series: PairedSeries, hypothesis: Hypothesis, lost: Sequence[Finding | None]) -> bool:
    """Whether a question without an answer has a finding, because one version alone could be asked."""
    return any(one is not None and (one.series, one.hypothesis) == (series.series, hypothesis) for one in lost)


def _covered(
    series: PairedSeries, unanswered: Sequence[Hypothesis], judged: Sequence[Judged], rules: Rules
) -> Coverage:
    """Say what is not covered of a series, and what would cover it: questions without an answer, and open ones."""
    silent = [(f"{METRIC_NAMES[one]}: {UNANSWERED[one]}", remedy_of_silence(one)) for one in unanswered]
    left_open = [one for one in judged if one.finding.series == series.series and not one.finding.gated]
    opened = [
        (f"{one.finding.metric}: this run does not settle it", remedy_of_open(one, series, rules)) for one in left_open
    ]
    gaps = (*silent, *opened)
    return series.coverage.model_copy(
        update={"not_covered": tuple(text for text, _ in gaps), "covered_by": tuple(by for _, by in gaps)}
    )


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
    return (f"{series}: answers are shorter than before, which by itself makes them faster.",)


def _finish_reasons(series: PairedSeries) -> tuple[str, ...]:
    """Say where answers end for another reason than before."""
    words = {FinishReason.LENGTH: "cut at the token limit", FinishReason.REFUSAL: "refused"}
    notes = []
    for reason, text in words.items():
        base, candidate = (arm.texts["finish_reason"].equals(reason) for arm in (series.base, series.candidate))
        if differ(base, candidate):
            more = "more" if candidate.mean() > base.mean() else "fewer"
            notes.append(f"{series.series}: {more} answers than before are {text}.")
    return tuple(notes)
