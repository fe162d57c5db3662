"""JUnit XML in the dialect that GitLab, Jenkins, Azure, Buildkite and CircleCI all read: what its cases say."""

from __future__ import annotations

from typing import assert_never

from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.envelope import Fingerprint
from lens_gate.artifacts.run import Benchmark, ModelResult, Run
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.facts import results, valid
from lens_gate.reports.junit_xml import SUITE, Case, Measuring, Result, Suite, document
from lens_gate.reports.numbers import known, precise, quantity
from lens_gate.reports.page import ReportView, Row
from lens_gate.reports.rows import of_typical_pair
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.unmeasured import NO_SECRETS
from lens_gate.reports.view import view
from lens_gate.vocabulary.outcomes import Outcome, Severity


def junit(*artifacts: Verdict | Run | TrendVerdict | UnmeasuredJob) -> str:
    """Return one suite per artifact: a test case per check of a verdict, or per model of a run not judged.

    A regression or breach is a failure, what could not be measured an error, what could not be decided or compared is
    skipped with its reason, or a failure where the policy fails it. The times add up to the time of measuring.
    """
    return document([_suite_of(artifact) for artifact in artifacts])


def _suite_of(artifact: Verdict | Run | TrendVerdict | UnmeasuredJob) -> Suite:
    match artifact:
        case Verdict():
            shown = view(artifact)
            strict = frozenset(artifact.fail_on)
            cases = [_check(row, strict) for row in shown.rows] or [_whole(shown, strict)]
            return Suite(
                cases, _verdict_values(artifact), _measuring(artifact.analysis.benchmark, artifact.fingerprint)
            )
        case Run():
            invalid = None if artifact.validity.valid else valid(artifact.validity, measured=True)
            series = [_series(name, model, invalid) for name, model in results(artifact.providers).items()]
            return Suite(
                series or [_nothing(artifact)],
                _run_values(artifact),
                _measuring(artifact.benchmark, artifact.fingerprint),
            )
        case TrendVerdict():
            newest = Measuring(artifact.trend.last_time, 0.0, artifact.fingerprint.runner)
            return Suite(_trend_cases(artifact), _trend_values(artifact), newest)
        case UnmeasuredJob():
            ended = Measuring(artifact.provenance.created_at, 0.0, artifact.fingerprint.runner)
            return Suite([_excused(artifact)], {"outcome": artifact.outcome.value}, ended)
        case _ as never:
            assert_never(never)


def _check(row: Row, strict: frozenset[str]) -> Case:
    numbers = (
        ("baseline", row.baseline),
        ("change", row.change),
        ("interval", row.interval),
        ("allowed", row.allowed),
    )
    text = [
        f"{row.mark.word}: {row.reason}",
        f"{row.title}: {row.change} ({row.interval}), allowed {row.allowed}",
        *([f"at {row.place}"] if row.place else []),
    ]
    output = [f"{row.title}: {row.mark.word}", *(f"{name}: {value}" for name, value in numbers), row.reason]
    return Case(
        series=row.series,
        name=row.label,
        result=_result(row.outcome, row.severity, strict),
        text="\n".join(text),
        output="\n".join(output),
    )


def _whole(shown: ReportView, strict: frozenset[str]) -> Case:
    """Return the one case of a verdict without checks: readers take an empty suite for a broken one."""
    return Case(
        series=None,
        name="comparison",
        result=_result(shown.outcome, Severity.ERROR, strict),
        text=f"{shown.headline}\n{shown.second}",
        output=f"{shown.compared}\n{shown.validity}",
    )


def _result(outcome: Outcome, severity: Severity, strict: frozenset[str]) -> Result:
    weighty = severity is Severity.ERROR
    warned = outcome is Outcome.REGRESSION and severity is Severity.WARNING and "warning" in strict
    failing = warned or (weighty and (outcome is Outcome.REGRESSION or outcome.value in strict))
    match outcome:
        case Outcome.PASS:
            return Result.PASSED
        case Outcome.NOT_MEASURED if weighty:
            return Result.ERROR
        case _:
            return Result.FAILURE if failing else Result.SKIPPED


def _series(series: str, model: ModelResult, invalid: str | None) -> Case:
    errors = ", ".join(f"{error.type} {error.count}" for error in model.errors)
    silent = f"not measured: none of {model.requests.total} requests succeeded ({errors or 'no error was recorded'})"
    lines = [
        f"requests: {model.requests.total}, successful {model.requests.successful}",
        *(f"{name}: {quantity(value, 'ms')}" for name, value in _times(model).items()),
        *([f"errors: {errors}"] if errors else []),
    ]
    return Case(
        series=series,
        name="measured",
        result=Result.PASSED if model.requests.successful and invalid is None else Result.ERROR,
        text=invalid if model.requests.successful and invalid else silent,
        output="\n".join(lines),
    )


def _nothing(run: Run) -> Case:
    """Return the one case of a run without any model: nothing was sent, or nothing could be."""
    equal = run.comparison is not None and run.comparison.equal
    return Case(
        series=None,
        name="measured",
        result=Result.SKIPPED if equal else Result.ERROR,
        text="both versions are the same, so nothing was sent" if equal else "no model was measured",
        output=run.ending_message or "",
    )


def _excused(job: UnmeasuredJob) -> Case:
    return Case(
        series=None,
        name=f"{job.suite} measured",
        result=Result.SKIPPED,
        text=f"not measured: {NO_SECRETS}",
        output=f"{job.message}\n{job.reason}",
    )


def _times(model: ModelResult) -> dict[str, float | None]:
    return {
        "mean_ttft": model.latency.ttft.mean_ms,
        "p95_ttft": model.latency.ttft.p95_ms,
        "mean_tpot": model.latency.tpot.mean_ms,
        "mean_latency": model.latency.total.mean_ms,
        "p95_latency": model.latency.total.p95_ms,
    }


def _verdict_values(verdict: Verdict) -> dict[str, str]:
    findings = (_finding_values(finding) for finding in verdict.analysis.findings)
    return {
        "outcome": verdict.outcome.value,
        "exit_code": str(int(verdict.exit_code)),
        "spent_usd": precise(verdict.analysis.spend.spent_usd),
        **{name: value for values in findings for name, value in values.items()},
    }


def _finding_values(finding: Finding) -> dict[str, str]:
    """Return the numbers of a finding, each named by what it is of: means do not show the change of a typical pair."""
    typical = of_typical_pair(finding)
    mean, of_pair = (" mean", " of a typical pair") if typical else ("", "")
    values = {
        f"base{mean} [{finding.value_unit}]": known(finding.base_value),
        f"candidate{mean} [{finding.value_unit}]": known(finding.candidate_value),
        f"change{of_pair} [{finding.effect.unit}]": known(finding.effect.estimate),
    }
    return {
        f"{finding.series} {finding.metric} {name}": precise(value)
        for name, value in values.items()
        if value is not None
    }


def _run_values(run: Run) -> dict[str, str]:
    times = {
        f"{series} {name} [ms]": precise(value)
        for series, model in results(run.providers).items()
        for name, value in _times(model).items()
        if value is not None
    }
    return {"ending": run.ending.value, "spent_usd": precise(run.spend.spent_usd), **times}


def _trend_cases(verdict: TrendVerdict) -> list[Case]:
    shown = trend_view(verdict)
    strict = frozenset(verdict.fail_on)
    cases = [
        Case(
            series=row.series,
            name=f"{row.label}: {answer.rule}",
            result=_result(answer.outcome, Severity.ERROR, strict),
            text=f"{answer.mark.word}: {answer.text}\n{row.title}, {row.runs}, now {row.now}",
            output="\n".join([f"{row.title}: {answer.mark.word}", answer.text, *row.caveats]),
        )
        for row in shown.rows
        for answer in row.answers
    ]
    nothing = _result(shown.outcome, Severity.ERROR, strict)
    return cases or [Case(series=None, name="trend", result=nothing, text=shown.headline, output=shown.about)]


def _trend_values(verdict: TrendVerdict) -> dict[str, str]:
    newest = {
        f"{series.series or SUITE} {series.metric} [{series.unit}]": precise(series.points[-1].value)
        for series in verdict.trend.series
        if series.points
    }
    exit_code = str(int(verdict.exit_code))
    return {"outcome": verdict.outcome.value, "exit_code": exit_code, "runs": str(verdict.trend.runs), **newest}


def _measuring(benchmark: Benchmark, fingerprint: Fingerprint) -> Measuring:
    return Measuring(benchmark.start_time, benchmark.duration_seconds, fingerprint.runner)
