"""What the log says of a judgement: what was read, what was found in it, and what did not pass."""

from __future__ import annotations

from pathlib import Path

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.trend import Trend, TrendVerdict
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import PublishFailed
from lens_gate.steps.log import Log
from lens_gate.vocabulary.outcomes import Outcome


def note_read(log: Log, artifact: Artifact, path: Path) -> None:
    """Note which artifact is judged or shown."""
    log.note("info", "read", path=str(path), kind=artifact.kind.value)


def note_analysis(log: Log, analysis: Analysis) -> None:
    """Note what a run was compared with and what came out, and on the way how each question was decided."""
    for one in analysis.findings:
        log.note(
            "debug",
            "decided",
            series=one.series,
            metric=one.metric,
            method=one.method,
            pairs=one.pairs,
            estimate=one.effect.estimate,
            unit=one.effect.unit,
            p=one.p_value,
            outcome=one.outcome.value,
            text=one.reason,
        )
    log.note(
        "info",
        "analysed",
        id=analysis.benchmark.id,
        source=analysis.source,
        ending=analysis.ending.value,
        valid=analysis.validity.valid,
        findings=len(analysis.findings),
        outcome=analysis.regression.verdict.value,
    )


def note_verdict(log: Log, verdict: Verdict | TrendVerdict) -> None:
    """Note each check that did not pass, and the verdict."""
    for check in verdict.checks:
        if check.outcome is not Outcome.PASS:
            log.note(
                "warn",
                "check did not pass",
                check=check.name,
                series=check.series,
                metric=check.metric,
                outcome=check.outcome.value,
                value=check.value,
                limit=check.limit,
                unit=check.unit,
                severity=check.severity.value,
                text=check.message,
            )
    log.note("info", "judged", outcome=verdict.outcome.value, exit=int(verdict.exit_code))


def note_trend(log: Log, trend: Trend) -> None:
    """Note what was left out of a history, and what came out of the rest."""
    for one in trend.left_out:
        log.note("warn", "left out", what=one.what, reason=one.reason)
    log.note(
        "info",
        "trend analysed",
        runs=trend.runs,
        series=len(trend.series),
        outcome=trend.regression.verdict.value,
    )


def note_failures(log: Log, failed: tuple[PublishFailed, ...]) -> None:
    """Note what could not be written, which the terminal is told anyway."""
    for one in failed:
        log.note("error", "not written", told=True, place=one.place, text=one.message)
