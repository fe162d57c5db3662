"""Budgets: an absolute limit for a metric, and the change against the base that is allowed beside it (its variance).

Under the calibrated rules a variance is judged by the finding on the same question, whose noise is known; under
`classic` it is the literal difference of two numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lens_gate.artifacts.analysis import Analysis, Finding, reasons
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.verdict import Check, CheckKind, Side
from lens_gate.config.model import Budget
from lens_gate.gates.conditions import metric_named
from lens_gate.gates.values import Places, Subject, subjects, value_of
from lens_gate.vocabulary.metrics import Direction, Metric, Scope
from lens_gate.vocabulary.outcomes import Decision, Outcome, Severity
from lens_gate.vocabulary.reasons import Why


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One budget asked of one series, or of the run (`subject` None)."""

    budget: Budget
    metric: Metric
    subject: Subject | None
    place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    outcome: Outcome
    value: float | None
    limit: float
    unit: str
    because: tuple[Reason, ...]
    gated: bool = True
    side: Side | None = None


def budget_checks(analysis: Analysis, budgets: Sequence[Budget], places: Places) -> tuple[Check, ...]:
    """Return one check per limit, variance and series; an unknown metric raises ConfigProblem with its line."""
    read = [
        (budget, metric_named(budget.metric, places("budgets", number, "metric")), places("budgets", number))
        for number, budget in enumerate(budgets)
    ]
    asked = [
        _Asked(budget=budget, metric=metric, subject=subject, place=place)
        for budget, metric, place in read
        for subject in _subjects(analysis, metric)
    ]
    return tuple(check for one in asked for check in _checks(analysis, one))


def _subjects(analysis: Analysis, metric: Metric) -> tuple[Subject | None, ...]:
    # Without any series the budget is still asked, and found without data.
    return (None,) if metric.scope is Scope.RUN else subjects(analysis) or (None,)


def _checks(analysis: Analysis, asked: _Asked) -> tuple[Check, ...]:
    judged = []
    if asked.budget.budget is not None:
        judged.append(("budget", _absolute(analysis, asked, asked.budget.budget)))
    if asked.budget.variance is not None and asked.subject is not None:
        judged.append(("variance", _variance(analysis, asked, asked.subject, asked.budget.variance)))
    return tuple(_check(asked, word, one) for word, one in judged)


def _check(asked: _Asked, word: str, judged: _Judged) -> Check:
    return Check(
        name=f"{asked.metric.name} {word}",
        kind=CheckKind.BUDGET,
        series=asked.subject.series if asked.subject else None,
        metric=asked.metric.name,
        severity=asked.budget.severity if judged.gated else Severity.INFO,
        outcome=judged.outcome,
        value=judged.value,
        limit=judged.limit,
        unit=judged.unit,
        because=judged.because,
        place=asked.place,
        side=judged.side,
    )


def _absolute(analysis: Analysis, asked: _Asked, limit: float) -> _Judged:
    value = value_of(analysis, asked.metric, asked.subject.model if asked.subject else None)
    unit = asked.metric.unit.value
    if value is None:
        why = because(Why.BUDGET_UNKNOWN, metric=asked.metric.name)
        return _Judged(outcome=Outcome.NOT_MEASURED, value=None, limit=limit, unit=unit, because=(why,))
    floor = asked.metric.direction is Direction.HIGHER_IS_BETTER
    side: Side = "at least" if floor else "at most"
    kept = value >= limit if floor else value <= limit
    why = because(Why.BUDGET, metric=asked.metric.name, value=value, side=side, limit=limit, unit=unit)
    outcome = Outcome.PASS if kept else Outcome.REGRESSION
    return _Judged(outcome=outcome, value=value, limit=limit, unit=unit, because=(why,), side=side)


def _variance(analysis: Analysis, asked: _Asked, subject: Subject, variance: float) -> _Judged:
    if analysis.source == "none":
        why = because(Why.NO_BASE, metric=asked.metric.name, limit=variance, unit="%")
        return _Judged(outcome=Outcome.NO_BASELINE, value=None, limit=variance, unit="%", because=(why,))
    if analysis.policy.decision is Decision.CLASSIC:
        return _literal(analysis, asked, subject, variance)
    found = (f for f in analysis.findings if f.series == subject.series and f.hypothesis is asked.metric.hypothesis)
    finding = next((f for f in found if f.hypothesis is not None), None)
    if finding is None or finding.effect.unit != "%":
        return _unjudged(asked.metric, variance)
    return _calibrated(finding, variance)


def _unjudged(metric: Metric, variance: float) -> _Judged:
    """Leave a variance open: for good where no question is asked in percent, else because it had no answer."""
    gated = metric.hypothesis is not None and not metric.hypothesis.in_points
    why = because(Why.NO_PAIR if gated else Why.SHOWN_ONLY, metric=metric.name)
    return _Judged(outcome=Outcome.INCONCLUSIVE, value=None, limit=variance, unit="%", because=(why,), gated=gated)


def _calibrated(finding: Finding, variance: float) -> _Judged:
    estimate, most = finding.effect.estimate, finding.effect.upper_pass
    outcome = Outcome.INCONCLUSIVE
    if finding.established and estimate is not None and estimate > variance:
        outcome = Outcome.REGRESSION
    elif most is not None and most < variance:
        outcome = Outcome.PASS
    why = _moved(finding.metric, estimate, variance)
    return _Judged(outcome=outcome, value=estimate, limit=variance, unit="%", because=(why, *reasons(finding)))


def _moved(metric: str, change: float | None, variance: float) -> Reason:
    if change is None:
        return because(Why.VARIANCE_UNKNOWN, metric=metric, limit=variance, unit="%")
    return because(Why.VARIANCE, metric=metric, change=change, limit=variance, unit="%")


def _literal(analysis: Analysis, asked: _Asked, subject: Subject, variance: float) -> _Judged:
    value, base = (value_of(analysis, asked.metric, model) for model in (subject.model, subject.base))
    if value is None or not base:
        why = because(Why.CHANGE_UNKNOWN, metric=asked.metric.name)
        return _Judged(outcome=Outcome.NOT_MEASURED, value=None, limit=variance, unit="%", because=(why,))
    change = 100 * (value - base) / base
    worse = -change if asked.metric.direction is Direction.HIGHER_IS_BETTER else change
    return _Judged(
        outcome=Outcome.REGRESSION if worse > variance else Outcome.PASS,
        value=change,
        limit=variance,
        unit="%",
        because=(_moved(asked.metric.name, change, variance),),
    )
