"""The end of a run on a terminal: a table, the verdict as the last sentence, and a line for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis, Ranking
from lens_gate.artifacts.run import Run, Spend
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.compare import PLACES, ComparisonView, MetricTable
from lens_gate.reports.facts import answered, known_usd, measured_anything
from lens_gate.reports.forest import FOREST_CELLS, axis_reach, forest
from lens_gate.reports.numbers import exact
from lens_gate.reports.page import ErrorRow, ModelRow, ReportView, Row, RunView
from lens_gate.reports.terminal import GAP, NARROWEST, Terminal, aligned, brief, cut, sizes
from lens_gate.reports.trend_page import TrendView
from lens_gate.reports.view import view
from lens_gate.reports.words import BROKEN, INFO, MARKS, WARNING, Mark
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity

_COLOURS = {
    MARKS[Outcome.PASS]: "32",
    MARKS[Outcome.REGRESSION]: "31",
    MARKS[Outcome.INCONCLUSIVE]: "35",
    MARKS[Outcome.NOTHING_TO_COMPARE]: "36",
    MARKS[Outcome.NO_BASELINE]: "36",
    MARKS[Outcome.NOT_MEASURED]: "31",
    BROKEN: "31",
    WARNING: "33",
    INFO: "33",
}
"""Standard colours, so that the terminal's own theme sees to the contrast; violet and not yellow says: not known."""

_MOST_STORIES = 20
"""Sentences about pairs of models that a terminal shows; beyond, they stand in the other reports."""


class _Screen(Terminal):
    """A terminal that knows the marks of checks."""

    def mark(self, mark: Mark) -> str:
        """Return the shape of a mark, coloured where that is wanted."""
        shape = mark.symbol if self.unicode else mark.ascii
        return f"\x1b[{_COLOURS[mark]}m{shape}\x1b[0m" if self.colour else shape


def console(page: ReportView | RunView | ComparisonView | TrendView, *, colour: bool, width: int, unicode: bool) -> str:
    """Return the final text for a terminal of `width` columns, without a line break at its end.

    The numbers of a table need 72 columns; on a narrower screen its lines are that wide nevertheless.
    """
    screen = _Screen(colour=colour, width=max(width, NARROWEST), unicode=unicode)
    return "\n".join(line.rstrip() for line in _lines(page, screen))


def _lines(page: ReportView | RunView | ComparisonView | TrendView, screen: _Screen) -> Iterator[str]:
    match page:
        case ReportView():
            return _verdict(page, screen)
        case RunView():
            return _run(page, screen)
        case ComparisonView():
            return _comparison(page, screen)
        case TrendView():
            return _trend(page, screen)
        case _ as never:
            assert_never(never)


def machine_line(verdict: Verdict, code: ExitCode | None = None) -> str:
    """Return the last line of every gate: words and numbers that a wrapper can read, whatever becomes of the code.

    `code` is what the process exits with where that is not the verdict's own code.
    """
    counts = view(verdict).counts
    values = {
        "outcome": verdict.outcome.value,
        "exit": int(verdict.exit_code if code is None else code),
        "regressions": counts.regressions,
        "inconclusive": counts.inconclusive,
        "not_measured": counts.not_measured,
        "warnings": counts.warnings,
        "passed": counts.passed,
        "checks": counts.total,
        "valid": _valid(verdict.analysis),
        "ending": verdict.analysis.ending.value,
        "spent_usd": _spent_usd(verdict.analysis.spend, nothing_sent=verdict.outcome is Outcome.NOTHING_TO_COMPARE),
    }
    return _machine(values)


def trend_machine_line(verdict: TrendVerdict, code: ExitCode) -> str:
    """Return the last line of a gate on a trend."""
    outcomes = [check.outcome for check in verdict.checks]
    values = {
        "outcome": verdict.outcome.value,
        "exit": int(code),
        "regressions": outcomes.count(Outcome.REGRESSION),
        "inconclusive": outcomes.count(Outcome.INCONCLUSIVE),
        "not_measured": outcomes.count(Outcome.NOT_MEASURED),
        "passed": outcomes.count(Outcome.PASS),
        "checks": len(outcomes),
        "runs": verdict.trend.runs,
    }
    return _machine(values)


def run_machine_line(run: Run, code: ExitCode) -> str:
    """Return the last line of a run that was not judged."""
    unjudged = Outcome.NOT_MEASURED.value if code is ExitCode.COULD_NOT_MEASURE else "not_judged"
    return _machine(
        {"outcome": Outcome.NOTHING_TO_COMPARE.value if _are_equal(run) else unjudged, **_measured(run, code)}
    )


def comparison_machine_line(run: Run, ranking: Ranking | None, code: ExitCode) -> str:
    """Return the last line of a comparison of several models; None where nothing could be compared."""
    if ranking is None:
        return run_machine_line(run, code)
    relations = Counter(pair.relation for metric in ranking.metrics for pair in metric.pairs)
    told = {name: relations[name] for name in ("differs", "alike", "open")}
    return _machine({"outcome": "compared", "models": len(ranking.alternatives), **told, **_measured(run, code)})


def _measured(run: Run, code: ExitCode) -> dict[str, str | int]:
    requests, successful = answered(run)
    return {
        "ending": run.ending.value,
        "exit": int(code),
        "requests": requests,
        "successful": successful,
        "valid": _valid(run),
        "spent_usd": _spent_usd(run.spend, nothing_sent=_are_equal(run)),
    }


def _valid(of: Run | Analysis) -> str:
    measured = measured_anything((*of.providers, *of.base_providers))
    return "unknown" if of.validity.valid and not measured else str(of.validity.valid).lower()


def _are_equal(run: Run) -> bool:
    """Whether both versions would ask the same, so that nothing was sent."""
    return run.comparison is not None and run.comparison.equal


def _spent_usd(spend: Spend, *, nothing_sent: bool) -> str:
    known = 0.0 if nothing_sent else known_usd(spend)
    return "unknown" if known is None else exact(known)


def _machine(values: dict[str, str | int]) -> str:
    return "lens-gate: " + " ".join(f"{name}={value}" for name, value in values.items())


def _verdict(page: ReportView, screen: _Screen) -> Iterator[str]:
    yield from screen.wrapped(f"{page.name}: {page.compared}" if page.name else page.compared)
    yield from screen.wrapped(f"{page.validity} {page.spend}")
    for text in (*page.remarks, *page.caveats):
        yield from screen.wrapped(text)
    if page.rows:
        yield ""
        yield from _check_lines(page, screen)
    yield from _reasons(page, screen)
    yield from _causes(page, screen)
    if page.details.errors:
        yield ""
        yield from _error_lines(page.details.errors, screen)
    yield ""
    yield from screen.wrapped(page.second)
    yield from _gaps(page, screen)
    if page.next_step:
        yield screen.text(f"{page.next_words}:")
        yield screen.text(f"  {page.next_step}")
    yield ""
    mark = screen.mark(page.mark)
    head, *rest = screen.wrapped(page.headline, indent="  ")
    yield f"{mark} {head.lstrip()}"
    yield from rest


def _gaps(page: ReportView, screen: _Screen) -> Iterator[str]:
    """List what a pass does not cover, each with what would cover it."""
    if page.gaps:
        yield ""
        yield "Not covered:"
    for gap in page.gaps:
        for text in gap.few:
            yield from screen.wrapped(text, indent="  ")
        if gap.remedy:
            yield from screen.wrapped(gap.remedy, indent="    ")
        if gap.command:
            yield f"    {screen.text(gap.command)}"


def _reasons(page: ReportView, screen: _Screen) -> Iterator[str]:
    """Give the reasons that stand nowhere else: of checks without an interval, and of warnings."""
    told = f"{page.validity} {page.second}".lower()
    open_rows = [row for row in page.open_rows if row.reason.lower().rstrip(".") not in told]
    telling = [row for row in open_rows if row.bounds is None or row.severity is not Severity.ERROR]
    if telling:
        yield ""
    for row in telling:
        yield from screen.wrapped(f"{row.title}: {row.reason}")


def _causes(page: ReportView, screen: _Screen) -> Iterator[str]:
    if page.causes:
        yield ""
        yield "Where the change of the mean whole answer comes from:"
    for line in page.causes:
        yield from screen.wrapped(line, indent="  ")


def _check_lines(page: ReportView, screen: _Screen) -> Iterator[str]:
    """Return the table of checks, one block a model, the model with the worst check first."""
    rows = [row for name in dict.fromkeys(row.subject for row in page.rows) for row in page.rows if row.subject == name]
    head = ("check", "baseline", "change", page.interval_title, "allowed", "")
    cells = [(row.label, row.baseline, row.change, row.interval, row.allowed, row.mark.word) for row in rows]
    table = [
        (screen.text(name), *(screen.shown(brief(screen.text(cell))) for cell in line))
        for name, *line in (head, *cells)
    ]
    figures = _figures(rows, screen, sum(sizes(table)) + len(GAP) * len(head))
    title, *lines = aligned(table, screen.width - 2)
    yield f"  {title}"
    several = len({row.subject for row in rows}) > 1
    subject = None
    for line, figure, row in zip(lines, figures, rows, strict=True):
        if several and row.subject != subject:
            yield cut(screen.text(row.subject or "whole run"), screen.width)
            subject = row.subject
        yield f"{screen.mark(row.mark)} {line}{GAP}{figure}"


def _figures(rows: Sequence[Row], screen: _Screen, used: int) -> list[str]:
    """Return the intervals as drawings, where the screen is wide enough for them; rows of one unit share an axis."""
    if screen.width < used + FOREST_CELLS + len(GAP):
        return [""] * len(rows)
    bounds = [row.bounds.passed if row.bounds and row.passed else row.bounds for row in rows]
    drawn = [numbers for numbers in bounds if numbers]
    reach = {unit: axis_reach([numbers for numbers in drawn if numbers.unit == unit]) for unit in ("%", "points")}
    return [
        screen.shown(forest(numbers, reach=reach[numbers.unit], mark=row.mark.symbol)) if numbers else ""
        for row, numbers in zip(rows, bounds, strict=True)
    ]


def _error_lines(rows: Sequence[ErrorRow], screen: _Screen) -> Iterator[str]:
    compared = any(row.base is not None for row in rows)
    head = ("errors", "", *(("baseline",) if compared else ()), "now")
    cells = [(row.subject, row.error_class, *((row.base or "",) if compared else ()), row.candidate) for row in rows]
    yield from aligned([tuple(map(screen.text, line)) for line in (head, *cells)], screen.width)


def _run(page: RunView, screen: _Screen) -> Iterator[str]:
    yield from screen.wrapped(f"{page.name}: {page.compared}" if page.name else page.compared)
    yield from screen.wrapped(f"{page.validity} {page.spend}")
    for note in page.notes:
        yield from screen.wrapped(note)
    yield ""
    yield from _model_lines(page.models, screen)
    if page.errors:
        yield ""
        yield from _error_lines(page.errors, screen)
    if page.onward:
        yield ""
        yield screen.text(f"{page.onward.head}: {page.onward.command}")
    yield ""
    yield from screen.wrapped(page.headline)


def _model_lines(rows: Sequence[ModelRow], screen: _Screen) -> Iterator[str]:
    by_objectives = any(row.goodput for row in rows)
    titles = ("model", "first token", "answer", "p95", "out tok/s", "$/1K tok", "success", "goodput")
    head = titles if by_objectives else titles[:-1]
    cells = [
        (
            f"{row.subject} ({row.arm})" if row.arm else row.subject,
            row.first_token,
            row.latency,
            row.p95,
            row.output_tokens_per_second,
            row.cost_per_1k_tokens,
            row.success_rate,
            *((row.goodput,) if by_objectives else ()),
        )
        for row in rows
    ]
    yield from aligned([tuple(map(screen.text, line)) for line in (head, *cells)], screen.width)


def _comparison(page: ComparisonView, screen: _Screen) -> Iterator[str]:
    yield from screen.wrapped(f"{page.name}: {page.compared}" if page.name else page.compared)
    yield from screen.wrapped(f"{page.validity} {page.spend}")
    yield ""
    yield from _standing_lines(page.tables, screen)
    yield from screen.wrapped(PLACES)
    stories = [pair.story for table in page.tables for pair in table.pairs]
    if len(stories) <= _MOST_STORIES:
        yield ""
        for story in stories:
            yield from screen.wrapped(story)
    for note in (*page.notes, *((page.need,) if page.need else ())):
        yield ""
        yield from screen.wrapped(note)
    yield ""
    for line in (*page.leaders, f"{page.headline}."):
        yield from screen.wrapped(line)


def _standing_lines(tables: Sequence[MetricTable], screen: _Screen) -> Iterator[str]:
    """Return one table for each metric, all with the same columns."""
    cells = [line for table in tables for line in _standing_cells(table, screen)]
    lines = aligned(cells, screen.width)
    for table in tables:
        yield from islice(lines, 1 + len(table.rows))
        if table.unranked:
            yield from screen.wrapped(table.unranked, indent="  ")


def _standing_cells(table: MetricTable, screen: _Screen) -> Iterator[tuple[str, ...]]:
    yield (table.label, table.figure, "against first", "interval", "place", "group")
    for row in table.rows:
        numbers = (row.value, row.change, row.interval, row.place, row.groups)
        yield (f"  {screen.text(row.subject)}", *map(screen.text, numbers))


def _trend(page: TrendView, screen: _Screen) -> Iterator[str]:
    yield from screen.wrapped(f"{page.name}: {page.about}" if page.name else page.about)
    for row in page.rows:
        yield ""
        yield f"{screen.mark(row.mark)} {cut(screen.text(row.title), screen.width - 2)}"
        yield f"  {screen.shown(row.drawing)}{GAP}{screen.text(row.now)}"
        for answer in row.answers:
            alone = len(row.answers) == 1
            text = answer.text if alone else f"{answer.mark.symbol} {answer.rule}: {answer.text}"
            yield from screen.wrapped(text, indent="  ")
        for caveat in row.caveats:
            yield from screen.wrapped(caveat, indent="  ")
    yield ""
    for text in (*page.left_out, *page.notes):
        yield from screen.wrapped(text)
    if page.next_step:
        yield screen.text("To confirm, with your other options:")
        yield f"  {screen.text(page.next_step)}"
    yield ""
    head, *rest = screen.wrapped(page.headline, indent="  ")
    yield f"{screen.mark(page.mark)} {head.lstrip()}"
    yield from rest
