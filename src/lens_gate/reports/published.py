"""A verdict as annotations on lines, and as values for the next steps of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.escape import bare_words
from lens_gate.reports.facts import known_usd
from lens_gate.reports.page import ReportView, Row
from lens_gate.reports.trend_page import TrendView
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity
from lens_gate.vocabulary.publishing import Annotation, Level
from lens_gate.vocabulary.requests import Arm

Place = tuple[str, int | None]
"""A file of the repository by its path from the root, and a line in it."""

_TOLD = (Outcome.REGRESSION, Outcome.NOT_MEASURED)


def annotated(view: ReportView, place_of: Callable[[Row], Place | None]) -> tuple[Annotation, ...]:
    """Return one annotation for each check that failed, worst first; where none did, one for a verdict that is open."""
    told = [_of_row(row, view.exit_code, place_of(row)) for row in view.open_rows if row.outcome in _TOLD]
    if told or view.passed:
        return tuple(told)
    level = Level.NOTICE if view.exit_code is ExitCode.OK else Level.ERROR
    return (
        Annotation(
            level=level, title=f"lens-gate: {view.mark.word}", message=bare_words(f"{view.headline}. {view.second}")
        ),
    )


def _of_row(row: Row, code: ExitCode, place: Place | None) -> Annotation:
    path, line = place or (None, None)
    known = f"{row.story}." if row.reason.startswith(row.story) else f"{row.story}. {row.reason}"
    return Annotation(level=_level(row, code), title=row.title, message=bare_words(known), path=path, line=line)


def _level(row: Row, code: ExitCode) -> Level:
    match row.severity:
        case Severity.ERROR:
            return Level.WARNING if code is ExitCode.OK else Level.ERROR
        case Severity.WARNING:
            return Level.WARNING
        case Severity.INFO:
            return Level.NOTICE
        case _ as never:
            assert_never(never)


def trend_annotated(view: TrendView, code: ExitCode) -> tuple[Annotation, ...]:
    """Return one annotation for each line of a history that raised an alarm, else one for a verdict that is open."""
    loud = Level.WARNING if code is ExitCode.OK else Level.ERROR
    told = [
        Annotation(
            level=loud, title=row.title, message=" ".join(answer.text for answer in row.answers) or view.headline
        )
        for row in view.rows
        if row.outcome in _TOLD
    ]
    if told or view.outcome is Outcome.PASS:
        return tuple(told)
    level = Level.NOTICE if code is ExitCode.OK else Level.ERROR
    return (Annotation(level=level, title=f"lens-gate: {view.mark.word}", message=f"{view.headline}. {view.about}"),)


def trend_outputs(verdict: TrendVerdict, code: ExitCode) -> dict[str, str]:
    """Return what later steps may want of the verdict on a history."""
    regressions = sum(check.outcome is Outcome.REGRESSION for check in verdict.checks)
    return {"verdict": verdict.outcome.value, "exit-code": str(int(code)), "regressions": str(regressions)}


def outputs(verdict: Verdict, view: ReportView, code: ExitCode, files: Mapping[str, str]) -> dict[str, str]:
    """Return the values for later steps by name; what is not known is empty. `code` is what the command exits with."""
    analysis = verdict.analysis
    return {
        "verdict": verdict.outcome.value,
        "exit-code": str(int(code)),
        "regressions": str(view.counts.regressions),
        "mean-latency-ms": _number(analysis.summary.average_latency_ms, 3),
        "p95-latency-ms": _number(analysis.summary.p95_latency_ms, 3),
        "cost-usd": _number(known_usd(analysis.spend), 6),
        "baseline-id": next((arm.commit or "" for arm in analysis.arms if arm.arm is Arm.BASE), ""),
        **files,
    }


def _number(value: float | None, digits: int) -> str:
    """Return a number as shells and spreadsheets read it: no exponent, and no zeros that say nothing."""
    return "" if value is None else f"{value:.{digits}f}".rstrip("0").rstrip(".")
