"""Quality gates: absolute conditions on a run, each asked of every series or of the run as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.verdict import Check, CheckKind
from lens_gate.config.model import QualityGate
from lens_gate.gates.conditions import Condition, parse
from lens_gate.gates.values import Places, Subject, subjects, value_of
from lens_gate.vocabulary.metrics import Scope
from lens_gate.vocabulary.outcomes import Outcome


def quality_checks(analysis: Analysis, gates: Sequence[QualityGate], places: Places) -> tuple[Check, ...]:
    """Return one check per gate and series; a condition that cannot be read raises ConfigProblem with its line."""
    read = [
        (gate, parse(gate.condition, place=places("regression", "quality_gates", number, "condition")))
        for number, gate in enumerate(gates)
    ]
    return tuple(
        _check(analysis, gate, condition, subject)
        for gate, condition in read
        for subject in _asked(analysis, condition)
    )


def _asked(analysis: Analysis, condition: Condition) -> tuple[Subject | None, ...]:
    if condition.scope is Scope.RUN:
        return (None,)
    # Without any series the condition is still asked, and found without data.
    return subjects(analysis) or (None,)


def _check(analysis: Analysis, gate: QualityGate, condition: Condition, subject: Subject | None) -> Check:
    values = {used.name: value_of(analysis, used, subject.model if subject else None) for used in condition.metrics}
    known = {name: value for name, value in values.items() if value is not None}
    outcome, message = _judged(condition, known, [name for name in values if name not in known])
    metric, limit = condition.limit() or (None, None)
    return Check(
        name=gate.name,
        kind=CheckKind.QUALITY_GATE,
        series=subject.series if subject else None,
        metric=metric.name if metric else None,
        severity=gate.severity,
        outcome=outcome,
        value=known.get(metric.name) if metric else None,
        limit=limit,
        unit=metric.unit.value if metric else "",
        message=message,
        place=condition.place,
        side=condition.side(),
    )


def _judged(condition: Condition, known: dict[str, float], unknown: Sequence[str]) -> tuple[Outcome, str]:
    if unknown:
        return Outcome.NOT_MEASURED, f"{' and '.join(unknown)} was not measured, so `{condition.text}` is unknown."
    figures = ", ".join(f"{name} = {value:.6g}" for name, value in known.items()) or "no metric is asked for"
    try:
        holds = condition.holds(known)
    except ZeroDivisionError:
        return Outcome.NOT_MEASURED, f"`{condition.text}` divides by zero ({figures})."
    word = "holds" if holds else "does not hold"
    return Outcome.PASS if holds else Outcome.REGRESSION, f"`{condition.text}` {word} ({figures})."
