"""Quality gates: absolute conditions on a run, each asked of every series or of the run as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.verdict import Check, CheckKind
from lens_gate.config.model import QualityGate
from lens_gate.gates.conditions import Condition, parse
from lens_gate.gates.values import Places, Subject, subjects, value_of
from lens_gate.vocabulary.metrics import Scope
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why


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
    outcome, why = _judged(condition, known, [name for name in values if name not in known])
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
        because=(why,),
        place=condition.place,
        side=condition.side(),
    )


def _judged(condition: Condition, known: dict[str, float], unknown: Sequence[str]) -> tuple[Outcome, Reason]:
    text = f"`{condition.text}`"
    if unknown:
        return Outcome.NOT_MEASURED, because(Why.CONDITION_UNKNOWN, missing=" and ".join(unknown), condition=text)
    say = partial(because, condition=text, **known)
    try:
        holds = condition.holds(known)
    except ZeroDivisionError:
        return Outcome.NOT_MEASURED, say(Why.DIVIDED_BY_ZERO)
    if holds:
        return Outcome.PASS, say(Why.CONDITION_HOLDS)
    return Outcome.REGRESSION, say(Why.CONDITION_FAILS)
