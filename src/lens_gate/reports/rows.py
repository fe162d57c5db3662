"""From checks and findings to rows, worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.verdict import Check, CheckKind
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.numbers import (
    NBSP,
    NOTHING,
    at_worst,
    change,
    headline_size,
    interval,
    known,
    limit,
    quantity,
    signed_quantity,
)
from lens_gate.reports.page import Bounds, Counts, Row
from lens_gate.reports.reasons import message_of, reason_of, short_of
from lens_gate.reports.words import label, mark, sentence, told
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Direction, Hypothesis
from lens_gate.vocabulary.outcomes import Outcome, Severity

LONGEST_NAME = 120
LONGEST_TEXT = 600

_ORDER: tuple[Outcome, ...] = (
    Outcome.REGRESSION,
    Outcome.NOT_MEASURED,
    Outcome.INCONCLUSIVE,
    Outcome.NO_BASELINE,
    Outcome.NOTHING_TO_COMPARE,
    Outcome.PASS,
)


def subjects(series: Iterable[str]) -> Mapping[str, str]:
    """Return the name that each series goes by: the model alone where all have one provider."""
    names = tuple(dict.fromkeys(series))
    one_provider = len({name.partition("/")[0] for name in names}) == 1
    return {name: _short(name.partition("/")[2] if one_provider else "") or _short(name) for name in names}


def check_rows(checks: Sequence[Check], findings: Sequence[Finding], names: Mapping[str, str]) -> tuple[Row, ...]:
    """Return one row per check, worst first, each comparison with the numbers of its finding."""
    return tuple(row for row, _ in told_rows(checks, findings, names))


def told_rows(
    checks: Sequence[Check], findings: Sequence[Finding], names: Mapping[str, str]
) -> tuple[tuple[Row, Finding | None], ...]:
    """Return one row per check, worst first, each comparison with its finding."""
    rows = [(_check_row(check, finding, names), finding) for check, finding in _matched(checks, findings)]
    return tuple(sorted(rows, key=lambda told: _badness(told[0])))


def shown_rows(findings: Sequence[Finding], names: Mapping[str, str]) -> tuple[Row, ...]:
    """Return one row per finding that is shown, and not gated."""
    return tuple(
        _finding_row(finding, names, severity=Severity.INFO, outcome=finding.outcome)
        for finding in findings
        if not finding.gated
    )


def counted(rows: Sequence[Row]) -> Counts:
    """Count the rows by their end; what weighs less than an error and did not pass is a warning."""
    weighty = [row.outcome for row in rows if row.severity is Severity.ERROR or row.passed]
    return Counts(
        total=len(rows),
        passed=weighty.count(Outcome.PASS),
        regressions=weighty.count(Outcome.REGRESSION),
        warnings=len(rows) - len(weighty),
        inconclusive=weighty.count(Outcome.INCONCLUSIVE),
        not_measured=weighty.count(Outcome.NOT_MEASURED),
        not_compared=weighty.count(Outcome.NO_BASELINE) + weighty.count(Outcome.NOTHING_TO_COMPARE),
    )


def interval_title(findings: Sequence[Finding]) -> str:
    """Return the head of the interval column: with its confidence where all intervals that are shown share one."""
    open_ones = [finding for finding in findings if finding.gated and finding.outcome is not Outcome.PASS]
    levels = {finding.effect.confidence for finding in open_ones}
    if not levels:
        return "bound"
    return f"{100 * levels.pop():.4g}{NBSP}% interval" if len(levels) == 1 else "interval"


def bounds(finding: Finding) -> Bounds | None:
    """Return the numbers for a figure, None where there is no estimate."""
    estimate = known(finding.effect.estimate)
    if estimate is None:
        return None
    return Bounds(
        estimate=estimate,
        lower=known(finding.effect.lower),
        upper=known(finding.effect.upper),
        upper_pass=known(finding.effect.upper_pass),
        limit=known(finding.threshold),
        unit=finding.effect.unit,
        worse=worse(finding.metric),
        inner=(known(inner.lower), known(inner.upper)) if (inner := finding.effect.inner) else None,
    )


def worse(metric_name: str) -> Direction:
    """Return which direction of a metric is worse; more is, for one that the table doesn't know."""
    try:
        return metric(metric_name).direction
    except LookupError:
        return Direction.LOWER_IS_BETTER


def _short(name: str) -> str:
    return shortened(plain(name), LONGEST_NAME)


def _matched(checks: Sequence[Check], findings: Sequence[Finding]) -> list[tuple[Check, Finding | None]]:
    """Pair checks with findings of the same series and metric; several of them keep their order."""
    waiting: defaultdict[tuple[str | None, str | None], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.gated:
            waiting[finding.series, finding.metric].append(finding)
    return [(check, _taken(check, waiting[check.series, check.metric])) for check in checks]


def _taken(check: Check, waiting: list[Finding]) -> Finding | None:
    if check.kind is not CheckKind.COMPARISON or not waiting:
        return None
    told = check.because, check.message
    same = (number for number, finding in enumerate(waiting) if (finding.because, finding.reason) == told)
    return waiting.pop(next(same, 0))


def _check_row(check: Check, finding: Finding | None, names: Mapping[str, str]) -> Row:
    if finding:
        return replace(
            _finding_row(finding, names, severity=check.severity, outcome=check.outcome),
            check=plain(check.name),
            reason=shortened(sentence(message_of(check)), LONGEST_TEXT),
            why=shortened(sentence(short_of(finding)), LONGEST_TEXT),
            place=check.place,
        )
    asked = shortened(_asked(check), LONGEST_NAME)
    value = quantity(check.value, check.unit, beside=check.limit)
    allowed = quantity(check.limit, check.unit, beside=check.value)
    measured = check.side is not None and value != NOTHING
    shown = mark(check.outcome, check.severity, comparison=check.kind is CheckKind.COMPARISON)
    reason = shortened(sentence(message_of(check) or shown.word), LONGEST_TEXT)
    subject = names.get(check.series, _short(check.series)) if check.series else ""
    title = f"{subject}, {asked}" if subject else asked
    return Row(
        check=plain(check.name),
        series=check.series,
        subject=subject,
        label=asked,
        baseline=NOTHING,
        change=f"now {value}" if measured else value,
        interval=NOTHING,
        allowed=f"{check.side} {allowed}" if measured else allowed,
        outcome=check.outcome,
        severity=check.severity,
        mark=shown,
        story=reason.rstrip(".") if NOTHING in (value, allowed) else f"{title}: {value}, where the limit is {allowed}",
        size=None,
        reason=reason,
        why=reason,
        place=check.place,
    )


def _finding_row(finding: Finding, names: Mapping[str, str], *, severity: Severity, outcome: Outcome) -> Row:
    effect = finding.effect
    subject = names.get(finding.series, _short(finding.series))
    return Row(
        check=plain(f"{finding.series}/{finding.metric}"),
        series=finding.series,
        subject=subject,
        label=shortened(label(finding.metric, finding.hypothesis), LONGEST_NAME),
        baseline=quantity(finding.base_value, finding.value_unit),
        change=change(effect.estimate, effect.unit, beside=finding.threshold),
        interval=_interval(finding, outcome),
        allowed=limit(finding.threshold, effect.unit, worse(finding.metric)),
        outcome=outcome,
        severity=severity,
        mark=mark(outcome, severity, comparison=True),
        story=_story(finding, subject),
        size=_size(finding),
        reason=shortened(sentence(reason_of(finding)), LONGEST_TEXT),
        why=shortened(sentence(short_of(finding)), LONGEST_TEXT),
        bounds=bounds(finding),
    )


def _interval(finding: Finding, outcome: Outcome) -> str:
    """Return what the row is judged by: both ends; for a pass, and where there are no ends, the bound of a pass."""
    effect = finding.effect
    bound = known(effect.upper_pass)
    if bound is not None and (outcome is Outcome.PASS or known(effect.lower) is known(effect.upper) is None):
        return f"at worst {at_worst(bound, worse(finding.metric), beside=finding.threshold)}"
    return interval(effect.lower, effect.upper, beside=finding.threshold)


def _story(finding: Finding, subject: str) -> str:
    estimate = known(finding.effect.estimate)
    if estimate is None:
        return f"{subject}, {label(finding.metric, finding.hypothesis)}: {plain(reason_of(finding))}"
    size = headline_size(estimate, finding.effect.unit)
    return told(subject, finding.metric, finding.hypothesis, size=size, more=estimate >= 0)


def of_typical_pair(finding: Finding) -> bool:
    """Whether the change is that of a typical pair, while the two values beside it are means of all answers."""
    asked = finding.hypothesis
    ratio = asked is not None and not asked.in_points and asked is not Hypothesis.TTFT_TAIL_EXCESS
    return ratio and finding.pairs > 0 and not finding.effect.of_means


def _size(finding: Finding) -> str | None:
    """Return the change in the metric's own unit, `+74 ms on 500 ms`; a change in points has none."""
    estimate, base = known(finding.effect.estimate), known(finding.base_value)
    if estimate is None or base is None or finding.effect.unit == "points":
        return None
    moved = signed_quantity(base * estimate / 100, finding.value_unit)
    before = quantity(base, finding.value_unit)
    return (
        f"about {moved} for a typical pair, on a mean of {before}"
        if of_typical_pair(finding)
        else f"{moved} on {before}"
    )


def _asked(check: Check) -> str:
    """Return what a check without a finding asks: the name of a quality gate is the user's own."""
    if check.kind is CheckKind.QUALITY_GATE:
        return plain(check.name)
    if check.kind is CheckKind.COVERAGE:
        return "series with an answer"
    return label(check.metric, None) if check.metric else plain(check.name).replace("_", " ")


def _badness(row: Row) -> tuple[bool, bool, int, float, str]:
    lighter = row.severity is not Severity.ERROR
    return row.passed, lighter, _ORDER.index(row.outcome), -_beyond(row), row.title


def _beyond(row: Row) -> float:
    """Return how far a row lies towards or beyond its limit, in units of the limit; 0 where that is unknown."""
    return decisive(row.bounds, row.outcome) / row.bounds.limit if row.bounds and row.bounds.limit else 0.0


def decisive(numbers: Bounds, outcome: Outcome) -> float:
    """Return the harm that a row is put in order by: a pass by its bound, all others by how bad they look."""
    bound = numbers.upper_pass
    return bound if outcome is Outcome.PASS and bound is not None else numbers.harm.estimate
