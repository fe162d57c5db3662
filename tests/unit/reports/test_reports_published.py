from __future__ import annotations

import re

import pytest

from lens_gate.reports.page import Row
from lens_gate.reports.published import Place, annotated, outputs, trend_annotated, trend_outputs
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.view import view
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity
from lens_gate.vocabulary.publishing import Level
from tests.builders import a_check, a_spend, a_summary, a_verdict, an_analysis
from tests.histories import a_record, a_trend_verdict, noisy, records_of, stepped
from tests.scenarios import SCENARIOS


def nowhere(_: Row) -> Place | None:
    return None


def test_each_regression_is_an_error_on_its_line_worst_first() -> None:
    page = view(SCENARIOS["regression"]())
    notes = annotated(page, lambda row: ("lens-gate.yaml", 12) if row.subject.startswith("anthropic") else None)
    assert [(note.level, note.title, note.path, note.line) for note in notes] == [
        (Level.ERROR, row.title, *(("lens-gate.yaml", 12) if row.subject.startswith("anthropic") else (None, None)))
        for row in page.open_rows
        if row.outcome is Outcome.REGRESSION
    ]
    assert "first token comes 15" in " ".join(note.message for note in notes)


def test_a_pass_says_nothing_and_an_open_verdict_says_itself_once() -> None:
    assert annotated(view(SCENARIOS["pass"]()), nowhere) == ()
    (note,) = annotated(view(SCENARIOS["inconclusive"]()), nowhere)
    assert note.level is Level.NOTICE
    assert "Inconclusive" in note.message


def test_a_pass_that_fails_its_command_is_an_error_though_no_check_failed() -> None:
    verdict = SCENARIOS["pass"]().model_copy(update={"exit_code": ExitCode.INTERRUPTED})
    (note,) = annotated(view(verdict), nowhere)
    assert (note.level, note.title) == (Level.ERROR, "lens-gate: inconclusive")


def test_an_open_verdict_that_fails_the_command_is_an_error() -> None:
    verdict = SCENARIOS["inconclusive"]().model_copy(update={"exit_code": ExitCode.INCONCLUSIVE})
    (note,) = annotated(view(verdict), nowhere)
    assert note.level is Level.ERROR


@pytest.mark.parametrize(
    ("severity", "code", "level"),
    [
        (Severity.ERROR, ExitCode.GATE_FAILED, Level.ERROR),
        (Severity.ERROR, ExitCode.OK, Level.WARNING),
        (Severity.WARNING, ExitCode.GATE_FAILED, Level.WARNING),
        (Severity.INFO, ExitCode.GATE_FAILED, Level.NOTICE),
    ],
)
def test_a_breach_is_as_loud_as_it_weighs(severity: Severity, code: ExitCode, level: Level) -> None:
    check = a_check(outcome=Outcome.REGRESSION, severity=severity, message="too slow")
    page = view(a_verdict(an_analysis(findings=()), checks=(check,)).model_copy(update={"exit_code": code}))
    (note,) = annotated(page, nowhere)
    assert note.level is level


def test_a_reason_that_repeats_the_story_is_said_once() -> None:
    check = a_check(outcome=Outcome.NOT_MEASURED, value=None, limit=None, message="the endpoint never answered")
    page = view(a_verdict(an_analysis(findings=()), checks=(check,)))
    (note,) = annotated(page, nowhere)
    assert note.message.count("endpoint never answered") == 1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_outputs_are_single_words_and_plain_numbers(scenario: str) -> None:
    verdict = SCENARIOS[scenario]()
    values = outputs(verdict, view(verdict), verdict.exit_code, {"report": "r.md", "junit": "", "artifacts": "results"})
    assert values["verdict"] == verdict.outcome
    assert values["exit-code"] == str(int(verdict.exit_code))
    for name in ("regressions", "mean-latency-ms", "p95-latency-ms", "cost-usd"):
        assert re.fullmatch(r"|[0-9]+(\.[0-9]*[1-9])?", values[name]), name


def test_tiny_and_unknown_numbers_stay_readable() -> None:
    summary = a_summary(average_latency_ms=1_234_567.0, p95_latency_ms=None)
    verdict = a_verdict(an_analysis(summary=summary, spend=a_spend(spent_usd=0.000_012)))
    values = outputs(verdict, view(verdict), ExitCode.OK, {})
    assert (values["mean-latency-ms"], values["p95-latency-ms"], values["cost-usd"]) == ("1234567", "", "0.000012")
    assert values["baseline-id"] == next(arm.commit for arm in verdict.analysis.arms if arm.arm == "base")


@pytest.mark.parametrize(("code", "level"), [(ExitCode.GATE_FAILED, Level.ERROR), (ExitCode.OK, Level.WARNING)])
def test_each_line_of_a_history_that_shifted_is_told_as_loudly_as_its_code(code: ExitCode, level: Level) -> None:
    verdict = a_trend_verdict(records_of(stepped(0.2)))
    (note,) = trend_annotated(trend_view(verdict), code)
    assert (note.level, note.title, note.path) == (level, "gpt-small · whole answer (median)", None)
    assert "at run 31 of 38" in note.message
    assert trend_outputs(verdict, code) == {"verdict": "regression", "exit-code": str(int(code)), "regressions": "1"}


def test_a_steady_history_says_nothing_and_a_short_one_says_itself_once() -> None:
    assert trend_annotated(trend_view(a_trend_verdict(records_of(noisy(40)))), ExitCode.OK) == ()
    short = trend_view(a_trend_verdict(records_of(noisy(4))))
    notes = [trend_annotated(short, code) for code in (ExitCode.OK, ExitCode.INCONCLUSIVE)]
    assert [[note.level for note in told] for told in notes] == [[Level.NOTICE], [Level.ERROR]]
    assert notes[0][0].message.startswith("Inconclusive")


def test_a_line_that_the_newest_run_does_not_hold_is_told_too() -> None:
    records = [*records_of(noisy(20)), a_record(20, None)]
    (note,) = trend_annotated(trend_view(a_trend_verdict(records)), ExitCode.OK)
    assert note.message
