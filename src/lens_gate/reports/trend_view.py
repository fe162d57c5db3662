"""From a trend and its verdict to the one view that all renderers share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from lens_gate.artifacts.trend import Trend, TrendFinding, TrendRule, TrendSeries, TrendVerdict
from lens_gate.reports.escape import plain, shell_word, shortened
from lens_gate.reports.facts import moment, tool_name
from lens_gate.reports.numbers import change, plural, quantity, slope
from lens_gate.reports.reasons import reason_of
from lens_gate.reports.rows import LONGEST_NAME, LONGEST_TEXT, subjects
from lens_gate.reports.sparkline import sparkline
from lens_gate.reports.trend_page import TrendAnswer, TrendRow, TrendView
from lens_gate.reports.words import MARKS, label, sentence
from lens_gate.vocabulary.outcomes import Outcome

RULES: Mapping[TrendRule, str] = {
    TrendRule.CHANGE_POINTS: "shift",
    TrendRule.LINEAR_REGRESSION: "straight line",
    TrendRule.THEIL_SEN: "steady slope",
    TrendRule.CREEP: "creep since the anchor",
}
"""What each rule looks for, in words."""

_ORDER = (
    Outcome.REGRESSION,
    Outcome.NOT_MEASURED,
    Outcome.INCONCLUSIVE,
    Outcome.NO_BASELINE,
    Outcome.NOTHING_TO_COMPARE,
    Outcome.PASS,
)
_COMMIT_DIGITS = 7


def trend_view(verdict: TrendVerdict) -> TrendView:
    """Return a trend with its verdict in words and rounded numbers."""
    trend = verdict.trend
    names = subjects(series.series for series in trend.series if series.series is not None)
    rows = tuple(sorted((_row(series, names) for series in trend.series), key=lambda row: _ORDER.index(row.outcome)))
    return TrendView(
        outcome=verdict.outcome,
        mark=MARKS[verdict.outcome],
        name=shortened(plain(trend.name), LONGEST_NAME),
        about=_about(trend),
        headline=shortened(_headline(verdict.outcome, rows, trend.runs), LONGEST_TEXT),
        rows=rows,
        left_out=tuple(
            shortened(sentence(f"Left out: {plain(one.what)}: {one.reason}"), LONGEST_TEXT) for one in trend.left_out
        ),
        notes=(trend.policy.false_alarm_note,) if trend.policy.false_alarm_note else (),
        next_step=_next_step(trend),
        written=moment(verdict.provenance.created_at),
        tool=tool_name(verdict.provenance),
    )


def _about(trend: Trend) -> str:
    branch = f" of {plain(trend.policy.branch)}" if trend.policy.branch else ""
    days = trend.first_time[:10], trend.last_time[:10]
    when = f"on {days[0]}" if days[0] == days[1] else f"from {days[0]} to {days[1]}"
    return f"Trend over {plural(trend.runs, 'run')}{branch} {when}."


def _row(series: TrendSeries, names: Mapping[str, str]) -> TrendRow:
    subject = names[series.series] if series.series is not None else ""
    asked = label(series.metric, None)
    answers = sorted((_answer(series, finding) for finding in series.findings), key=lambda a: _ORDER.index(a.outcome))
    worst = answers[0].outcome if answers else Outcome.NOT_MEASURED
    return TrendRow(
        series=series.series,
        title=f"{subject} · {asked}" if subject else asked,
        label=asked,
        outcome=worst,
        mark=MARKS[worst],
        drawing=sparkline([point.value for point in series.points]),
        runs=plural(len(series.points), "run"),
        now=quantity(series.points[-1].value if series.points else None, series.unit),
        answers=tuple(answers),
        caveats=tuple(_caveats(series)),
    )


def _answer(series: TrendSeries, finding: TrendFinding) -> TrendAnswer:
    text = shortened(sentence(reason_of(finding)), LONGEST_TEXT)
    return TrendAnswer(
        rule=RULES[finding.rule],
        outcome=finding.outcome,
        mark=MARKS[finding.outcome],
        text=text,
        brief=_brief(series, finding) or text.rstrip("."),
    )


def _brief(series: TrendSeries, finding: TrendFinding) -> str:
    """Return the size of what a rule found, and over which runs; nothing where it found no size."""
    if finding.effect is None:
        return ""
    size = change(finding.effect.estimate, finding.effect.unit)
    match finding.rule:
        case TrendRule.CHANGE_POINTS:
            start = next((shift for shift in series.shifts if shift.effect == finding.effect), None)
            return f"{size} since run {start.index + 1}, {start.time[:10]}" if start else size
        case TrendRule.LINEAR_REGRESSION:
            return f"{slope(finding.effect.estimate or 0.0, finding.effect.unit)} a run"
        case TrendRule.THEIL_SEN:
            return f"{size} run by run"
        case TrendRule.CREEP:
            return f"{size} since the anchor"
        case _ as never:
            assert_never(never)


def _caveats(series: TrendSeries) -> Iterator[str]:
    if series.shifts and all(finding.rule is not TrendRule.CHANGE_POINTS for finding in series.findings):
        newest = series.shifts[-1]
        size = change(newest.effect.estimate, newest.effect.unit)
        yield f"Not judged, since change points were not asked for: {size} since run {newest.index + 1}."
    if series.correlated:
        yield "Neighbouring runs are alike, so false alarms are more frequent than usual."
    if series.unknown:
        yield f"{plural(series.unknown, 'run')} had no value."


def _headline(outcome: Outcome, rows: Sequence[TrendRow], runs: int) -> str:
    answers = [(row, answer) for row in rows for answer in row.answers]
    alike = [(row, answer) for row, answer in answers if answer.outcome is outcome]
    if outcome is Outcome.PASS:
        return f"Pass: no alarm in {plural(runs, 'run')}"
    word = MARKS[outcome].word.capitalize()
    if not alike:
        return f"{word}: the newest run holds nothing to judge"
    row, answer = alike[0]
    others = f", and {len(alike) - 1} more" if len(alike) > 1 else ""
    return f"{word}: {row.title}: {answer.brief}{others}"


def _next_step(trend: Trend) -> str | None:
    """Return the comparison that would confirm the newest alarm, where the commit before it is known."""
    alarms = [shift for series in trend.series for shift in series.shifts if shift.alarm and shift.previous_commit]
    if not alarms:
        return None
    newest = max(alarms, key=lambda shift: shift.time)
    return f"lens-gate ci --against-ref {shell_word((newest.previous_commit or '')[:_COMMIT_DIGITS])}"
