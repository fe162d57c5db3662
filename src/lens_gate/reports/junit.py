"""JUnit XML in the dialect that GitLab, Jenkins, Azure, Buildkite and CircleCI all read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import assert_never

from junit_xml import TestCase, TestSuite, to_xml_report_string

from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.envelope import Fingerprint
from lens_gate.artifacts.run import Benchmark, ModelResult, Run
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.escape import plain, shortened, xml_text
from lens_gate.reports.facts import results
from lens_gate.reports.numbers import exact, known, quantity
from lens_gate.reports.page import ReportView, Row
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.view import view
from lens_gate.vocabulary.outcomes import Outcome, Severity

SUITE = "lens-gate"
LONGEST_NAME = 512
"""Characters; Azure cuts longer names."""

_LONGEST_ATTRIBUTE = 4_096


class _Result(Enum):
    PASSED = auto()
    FAILURE = auto()
    ERROR = auto()
    SKIPPED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test case: `text` tells the result, `output` the numbers behind it."""

    classname: str
    name: str
    result: _Result
    text: str
    output: str
    file: str | None = None
    line: str | None = None


def junit(*artifacts: Verdict | Run | TrendVerdict) -> str:
    """Return one suite per artifact: a test case per check of a verdict, or per model of a run not judged.

    A regression or breach is a failure, what could not be measured an error, what could not be decided or compared is
    skipped with its reason, or a failure where the policy fails it. The times add up to the time of measuring.
    """
    text: str = to_xml_report_string([_suite_of(artifact) for artifact in artifacts])
    return text


def _suite_of(artifact: Verdict | Run | TrendVerdict) -> TestSuite:
    match artifact:
        case Verdict():
            shown = view(artifact)
            strict = frozenset(artifact.fail_on)
            cases = [_check(row, strict) for row in shown.rows] or [_whole(shown, strict)]
            return _suite(
                cases, _verdict_values(artifact), _measuring(artifact.analysis.benchmark, artifact.fingerprint)
            )
        case Run():
            series = [_series(name, model) for name, model in results(artifact.providers).items()]
            return _suite(
                series or [_nothing(artifact)],
                _run_values(artifact),
                _measuring(artifact.benchmark, artifact.fingerprint),
            )
        case TrendVerdict():
            newest = _Measuring(artifact.trend.last_time, 0.0, artifact.fingerprint.runner)
            return _suite(_trend_cases(artifact), _trend_values(artifact), newest)
        case _ as never:
            assert_never(never)


def _check(row: Row, strict: frozenset[str]) -> _Case:
    file, line = _place(row.place)
    numbers = (
        ("baseline", row.baseline),
        ("change", row.change),
        ("interval", row.interval),
        ("allowed", row.allowed),
    )
    output = [f"{row.title}: {row.mark.word}", *(f"{name}: {value}" for name, value in numbers), row.reason]
    return _Case(
        classname=row.series or SUITE,
        name=row.label,
        result=_result(row.outcome, row.severity, strict),
        text=f"{row.mark.word}: {row.reason}\n{row.title}: {row.change} ({row.interval}), allowed {row.allowed}",
        output="\n".join(output),
        file=file,
        line=line,
    )


def _whole(shown: ReportView, strict: frozenset[str]) -> _Case:
    """Return the one case of a verdict without checks: readers take an empty suite for a broken one."""
    return _Case(
        classname=SUITE,
        name="comparison",
        result=_result(shown.outcome, Severity.ERROR, strict),
        text=f"{shown.headline}\n{shown.second}",
        output=f"{shown.compared}\n{shown.validity}",
    )


def _result(outcome: Outcome, severity: Severity, strict: frozenset[str]) -> _Result:
    weighty = severity is Severity.ERROR
    warned = outcome is Outcome.REGRESSION and severity is Severity.WARNING and "warning" in strict
    failing = warned or (weighty and (outcome is Outcome.REGRESSION or outcome.value in strict))
    match outcome:
        case Outcome.PASS:
            return _Result.PASSED
        case Outcome.NOT_MEASURED if weighty:
            return _Result.ERROR
        case _:
            return _Result.FAILURE if failing else _Result.SKIPPED


def _place(place: str | None) -> tuple[str | None, str | None]:
    """Split `lens-gate.yaml:12` into file and line."""
    if place is None:
        return None, None
    file, colon, line = place.rpartition(":")
    return (file, line) if colon and line.isdecimal() else (place, None)


def _series(series: str, model: ModelResult) -> _Case:
    measured = model.requests.successful > 0
    errors = ", ".join(f"{error.type} {error.count}" for error in model.errors)
    lines = [
        f"requests: {model.requests.total}, successful {model.requests.successful}",
        *(f"{name}: {quantity(value, 'ms')}" for name, value in _times(model).items()),
        *([f"errors: {errors}"] if errors else []),
    ]
    return _Case(
        classname=series,
        name="measured",
        result=_Result.PASSED if measured else _Result.ERROR,
        text=f"not measured: none of {model.requests.total} requests succeeded ({errors or 'no error was recorded'})",
        output="\n".join(lines),
    )


def _nothing(run: Run) -> _Case:
    """Return the one case of a run without any model: nothing was sent, or nothing could be."""
    equal = run.comparison is not None and run.comparison.equal
    return _Case(
        classname=SUITE,
        name="measured",
        result=_Result.SKIPPED if equal else _Result.ERROR,
        text="both versions are the same, so nothing was sent" if equal else "no model was measured",
        output=run.ending_message or "",
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
        "spent_usd": exact(verdict.analysis.spend.spent_usd),
        **{name: value for values in findings for name, value in values.items()},
    }


def _finding_values(finding: Finding) -> dict[str, str]:
    values = {
        f"base [{finding.value_unit}]": known(finding.base_value),
        f"candidate [{finding.value_unit}]": known(finding.candidate_value),
        f"change [{finding.effect.unit}]": known(finding.effect.estimate),
    }
    return {
        f"{finding.series} {finding.metric} {name}": exact(value) for name, value in values.items() if value is not None
    }


def _run_values(run: Run) -> dict[str, str]:
    times = {
        f"{series} {name} [ms]": exact(value)
        for series, model in results(run.providers).items()
        for name, value in _times(model).items()
        if value is not None
    }
    return {"ending": run.ending.value, "spent_usd": exact(run.spend.spent_usd), **times}


def _trend_cases(verdict: TrendVerdict) -> list[_Case]:
    shown = trend_view(verdict)
    strict = frozenset(verdict.fail_on)
    cases = [
        _Case(
            classname=row.series or SUITE,
            name=f"{row.label}: {answer.rule}",
            result=_result(answer.outcome, Severity.ERROR, strict),
            text=f"{answer.mark.word}: {answer.text}\n{row.title}, {row.runs}, now {row.now}",
            output="\n".join([f"{row.title}: {answer.mark.word}", answer.text, *row.caveats]),
        )
        for row in shown.rows
        for answer in row.answers
    ]
    nothing = _result(shown.outcome, Severity.ERROR, strict)
    return cases or [_Case(classname=SUITE, name="trend", result=nothing, text=shown.headline, output=shown.about)]


def _trend_values(verdict: TrendVerdict) -> dict[str, str]:
    newest = {
        f"{series.series or SUITE} {series.metric} [{series.unit}]": exact(series.points[-1].value)
        for series in verdict.trend.series
        if series.points
    }
    exit_code = str(int(verdict.exit_code))
    return {"outcome": verdict.outcome.value, "exit_code": exit_code, "runs": str(verdict.trend.runs), **newest}


@dataclass(frozen=True, slots=True)
class _Measuring:
    """When and where it was measured, and for how long."""

    start: str
    seconds: float
    hostname: str


def _measuring(benchmark: Benchmark, fingerprint: Fingerprint) -> _Measuring:
    return _Measuring(benchmark.start_time, benchmark.duration_seconds, fingerprint.runner)


def _suite(cases: Sequence[_Case], values: Mapping[str, str], measuring: _Measuring) -> TestSuite:
    # Readers add the times of the cases up, so each case gets its share of the time of measuring.
    share = measuring.seconds / len(cases)
    return TestSuite(
        SUITE,
        [_test_case(case, name, share) for case, name in zip(cases, _unique_names(cases), strict=True)],
        hostname=xml_text(measuring.hostname, limit_bytes=LONGEST_NAME) or "unknown",
        timestamp=_timestamp(measuring.start),
        properties={_name(name): _name(value) for name, value in values.items()},
    )


def _unique_names(cases: Sequence[_Case]) -> list[str]:
    """Return the names, numbered where cases share class and name: some readers keep only the first."""
    seen: Counter[tuple[str, str]] = Counter()
    names = []
    for case in cases:
        name = _name(case.name)
        seen[case.classname, name] += 1
        times = seen[case.classname, name]
        names.append(name if times == 1 else f"{name} ({times})")
    return names


def _test_case(case: _Case, name: str, seconds: float) -> TestCase:
    test = TestCase(
        name,
        classname=_name(case.classname),
        elapsed_sec=seconds,
        stdout=xml_text(case.output),
        file=_name(case.file) if case.file else None,
        line=case.line,
    )
    text = xml_text(case.text)
    message = shortened(plain(text.partition("\n")[0]), _LONGEST_ATTRIBUTE)
    match case.result:
        case _Result.PASSED:
            pass
        case _Result.FAILURE:
            test.add_failure_info(message, text)
        case _Result.ERROR:
            test.add_error_info(message, text)
        case _Result.SKIPPED:
            test.add_skipped_info(message, text)
        case _ as never:
            assert_never(never)
    return test


def _name(text: str) -> str:
    return shortened(plain(text), LONGEST_NAME - len(" (9999)"))


def _timestamp(start_time: str) -> str | None:
    """Return the start without its zone, as the common schema wants it; None where it cannot be read."""
    try:
        return f"{datetime.fromisoformat(start_time):%Y-%m-%dT%H:%M:%S}"
    except ValueError:
        return None
