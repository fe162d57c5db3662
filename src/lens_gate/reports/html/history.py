"""The history of runs in words: its lines, their shifts, and what they come to; the drawings stand beside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.artifacts.trend import Trend, TrendSeries, TrendShift
from lens_gate.reports.escape import plain
from lens_gate.reports.html.history_chart import Chart, Told, chart_of, day
from lens_gate.reports.html.links import Links
from lens_gate.reports.numbers import NOTHING, change, headline_size, plural, quantity
from lens_gate.reports.rows import subjects
from lens_gate.reports.words import label, together
from lens_gate.vocabulary.index import OpenCheck
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.outcomes import Outcome

COMMIT_DIGITS = 7
_TURNS = {"ms": ("Slower", "Faster"), "USD": ("Dearer", "Cheaper")}
_LONGEST_SLUG = 80

_OF_LINE: Mapping[str | None, Told] = {
    Outcome.REGRESSION: Told.REGRESSION,
    Outcome.INCONCLUSIVE: Told.INCONCLUSIVE,
}

Subject = tuple[str | None, str]
"""A series (None for the whole run), and what a metric of it is about."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of runs beside their values, by the id of a run: how they ended, and which became baselines.

    A run of which nobody wrote down what its gate did not let pass is missing among the `open_checks`.
    """

    outcomes: Mapping[str, str] = field(default_factory=dict)
    open_checks: Mapping[str, Sequence[OpenCheck]] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)
    links: Links = field(default_factory=Links)

    def failed(self, run: str) -> bool:
        """Whether the gate of a run failed for what was measured."""
        return self.outcomes.get(run) == Outcome.REGRESSION


@dataclass(frozen=True, slots=True)
class Part:
    """The last days of a line, and what their drawing needs."""

    days: int
    series: TrendSeries
    exhibit: HistoryExhibit


@dataclass(frozen=True, slots=True)
class PartChart:
    """The drawing of the last days of a line."""

    days: int
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """One shift in words; `turn` is the class of its direction, `time` puts it in order.

    `number` is what stands in the drawing of its line, where its size has no room there; `slug` is that of its line.
    Addresses are empty where nobody knows them.
    """

    time: str
    when: str
    title: str
    before: str
    after: str
    change: str
    commit: str
    stays: bool
    turn: str
    told: str
    number: str
    slug: str
    commit_link: str
    run_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric of one series: its newest value, its shifts (newest first), and its drawings.

    `place` is that of its series in the trend, `slug` a name for files. `judged` says that it has the runs that a shift
    takes to be found; `standing` is the newest shift for the worse that no later one has undone. `failed_by` names what
    runs failed by that no line draws.
    """

    place: int
    slug: str
    subject: str
    label: str
    title: str
    now: str
    runs: str
    judged: bool
    shifts: tuple[ShiftRow, ...]
    standing: ShiftRow | None
    chart: Chart
    failed_by: str
    parts: tuple[PartChart, ...] = ()

    @property
    def newest(self) -> ShiftRow | None:
        """The newest shift."""
        return self.shifts[0] if self.shifts else None

    @property
    def told(self) -> ShiftRow | None:
        """The shift that says how the line is: one that still makes it worse before one that made it better."""
        return self.standing or self.newest


class Title(NamedTuple):
    """What a line is called: its model, its metric, both together, and in names of files."""

    subject: str
    label: str
    text: str
    slug: str


NO_PARTS: Mapping[int, Sequence[Part]] = {}


def lines_of(
    trend: Trend, exhibits: Sequence[HistoryExhibit], known: Known, parts: Mapping[int, Sequence[Part]] = NO_PARTS
) -> tuple[Line, ...]:
    """Return the lines that have runs, the one that shifted last first; `exhibits` go with the trend's series.

    `parts` are the last days of lines by their place in the trend.
    """
    names = subjects(series.series for series in trend.series if series.series is not None)
    taken: set[str] = set()
    said = _Said.of(trend, known)
    found = []
    for place, (series, drawn) in enumerate(zip(trend.series, exhibits, strict=True)):
        if series.points:
            called = _title(series, names, taken), known.links
            shown = drawn, parts.get(place, ())
            found.append(_line(place, trend, called, shown, said))
    by_title = sorted(found, key=lambda one: one.title)
    return tuple(sorted(by_title, key=lambda one: one.newest.time if one.newest else "", reverse=True))


def shifts_of(lines: Sequence[Line]) -> tuple[ShiftRow, ...]:
    """Return the shifts of all lines, the newest first."""
    return tuple(sorted((shift for one in lines for shift in one.shifts), key=lambda shift: shift.time, reverse=True))


def headline(lines: Sequence[Line], runs: int) -> tuple[str, str]:
    """Return what the history says in a sentence without its full stop, and what stands behind it."""
    judged = [one for one in lines if one.judged]
    steady = sum(one.newest is None for one in judged)
    few = len(lines) - len(judged)
    parts = [f"{steady:,} of {plural(len(judged), 'line')} kept one level."] if judged else []
    parts += [f"{plural(few, 'line')} with too few runs to tell."] if few else []
    newest = standing_shift(lines) or next((one.newest for one in lines if one.newest), None)
    if newest is not None:
        commit = f"The first run of the new level measured {newest.commit}." if newest.commit != NOTHING else ""
        return newest.told, " ".join(filter(None, (f"From {newest.before} to {newest.after}.", commit, *parts)))
    if not judged:
        return "Too few runs to tell whether anything shifted", " ".join(parts)
    return f"Steady: nothing shifted in {plural(runs, 'run')}", " ".join(parts)


def standing_shift(lines: Sequence[Line]) -> ShiftRow | None:
    """Return the newest shift for the worse that stays and is not undone; None where no line is worse than it was."""
    standing = [one.standing for one in lines if one.standing]
    return max(standing, key=lambda shift: shift.time, default=None)


def quiet_since(trend: Trend) -> int:
    """Return how many runs came after the first one of the newest level, whichever line it is of."""
    newest = max((shift.time for series in trend.series for shift in series.shifts), default="")
    return len({point.run for series in trend.series for point in series.points if point.time > newest})


def _title(series: TrendSeries, names: Mapping[str, str], taken: set[str]) -> Title:
    subject = names[series.series] if series.series is not None else ""
    asked = label(series.metric, None)
    text = f"{subject}: {asked}" if subject else asked
    return Title(subject or "Whole run", asked, text, _slug(text, taken))


@dataclass(frozen=True, slots=True)
class _Said:
    """What gates said of runs: `of_subjects` the worst of each metric of a series, `elsewhere` what no line draws.

    Both are by the id of a run. A run that failed by anything that a line draws has nothing `elsewhere`.
    """

    known: Known
    of_subjects: Mapping[str, Mapping[Subject, str]]
    elsewhere: Mapping[str, Sequence[OpenCheck]]
    drawn: frozenset[str | None]

    @classmethod
    def of(cls, trend: Trend, known: Known) -> _Said:
        """Return what was said of the runs of a trend."""
        drawn = [series for series in trend.series if series.points]
        lines = {(series.series, _question(series.metric)) for series in drawn}
        failed = {run: _broken(checks) for run, checks in known.open_checks.items() if known.failed(run)}
        return cls(
            known=known,
            of_subjects={run: _worst(checks) for run, checks in known.open_checks.items()},
            elsewhere={run: checks for run, checks in failed.items() if lines.isdisjoint(map(_subject, checks))},
            drawn=frozenset(series.series for series in drawn),
        )

    def marks(self, run: str, series: TrendSeries) -> list[Told]:
        """Return what is marked of a run of a line: what its gate said of this line, not of the others."""
        of_line = self.of_subjects.get(run, {}).get((series.series, _question(series.metric)))
        said = {
            _OF_LINE.get(of_line): True,
            Told.FAILED: run not in self.of_subjects and self.known.failed(run),
            Told.ELSEWHERE: bool(self.failed_by(run, series)),
            Told.BASELINE: run in self.known.baselines,
        }
        return [kind for kind, holds in said.items() if kind and holds]

    def failed_by(self, run: str, series: TrendSeries) -> list[str]:
        """Return what a run failed by that no line draws: of the line's own model, or of none that has a line."""
        return [
            label(check.metric, None) if check.metric else "a check of no single metric"
            for check in self.elsewhere.get(run, ())
            if check.series == series.series or check.series not in self.drawn
        ]


def _broken(checks: Sequence[OpenCheck]) -> Sequence[OpenCheck]:
    return [check for check in checks if check.outcome == Outcome.REGRESSION]


def _worst(checks: Sequence[OpenCheck]) -> Mapping[Subject, str]:
    """Return what a gate said of each metric of a series, the worst of it."""
    ordered = sorted(checks, key=lambda check: check.outcome == Outcome.REGRESSION)
    return {_subject(check): check.outcome for check in ordered}


def _subject(check: OpenCheck) -> Subject:
    return check.series, _question(check.metric or "")


def _question(name: str) -> str:
    """Return what a metric is about: a check of the mean first token is about the same as a line of its median."""
    try:
        return metric(name).hypothesis or name
    except LookupError:
        return name


def _line(
    place: int,
    trend: Trend,
    called: tuple[Title, Links],
    exhibits: tuple[HistoryExhibit, Sequence[Part]],
    said: _Said,
) -> Line:
    series, (title, _), (drawn, parts) = trend.series[place], called, exhibits
    runs = [point.run for point in series.points]
    told = {run: said.marks(run, series) for run in runs}
    elsewhere = sorted({name for run in runs for name in said.failed_by(run, series)})
    standing, chart = _standing(series), chart_of(series, drawn, told, title.text)
    numbers = (str(number) if number in chart.numbered else "" for number in range(1, len(series.shifts) + 1))
    rows = [_shift(series, one, called, number) for one, number in zip(series.shifts, numbers, strict=True)]
    return Line(
        place=place,
        slug=title.slug,
        subject=title.subject,
        label=title.label,
        title=title.text,
        now=quantity(series.points[-1].value, series.unit),
        runs=plural(len(series.points), "run"),
        judged=len(series.points) >= trend.policy.fewest_runs,
        shifts=tuple(reversed(rows)),
        standing=None if standing is None else rows[series.shifts.index(standing)],
        chart=chart,
        failed_by=together(elsewhere),
        parts=tuple(
            PartChart(one.days, chart_of(one.series, one.exhibit, told, f"{title.text}, last {one.days} days"))
            for one in parts
        ),
    )


def _standing(series: TrendSeries) -> TrendShift | None:
    """Return the newest certain shift for the worse that what came later has not undone."""
    for shift in reversed(series.shifts):
        if shift.worse and shift.certain and (series.shifts[-1].after > shift.before) is shift.rises:
            return shift
    return None


def _slug(title: str, taken: set[str]) -> str:
    """Return a name for files that no other line has; the same history gives the same names."""
    plain_name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_LONGEST_SLUG] or "line"
    name = next(
        name for name in (plain_name, *(f"{plain_name}-{n}" for n in range(2, len(taken) + 3))) if name not in taken
    )
    taken.add(name)
    return name


def _shift(series: TrendSeries, shift: TrendShift, called: tuple[Title, Links], number: str) -> ShiftRow:
    title, links = called
    size = headline_size(shift.effect.estimate or 0.0, shift.effect.unit)
    word = _TURNS.get(series.unit, ("Worse", "Better"))[not shift.worse]
    return ShiftRow(
        time=shift.time,
        when=day(shift.time),
        title=title.text,
        before=quantity(shift.before, series.unit),
        after=quantity(shift.after, series.unit),
        change=f"{'▲' if shift.rises else '▼'} {change(shift.effect.estimate, shift.effect.unit)}",
        commit=plain(shift.commit or "")[:COMMIT_DIGITS] or NOTHING,
        stays=shift.certain,
        turn="worse" if shift.worse else "better",
        told=f"{word} since {day(shift.time)}: {title.text} {'rose' if shift.rises else 'fell'} {size}",
        number=number,
        slug=title.slug,
        commit_link=links.of_commit(shift.commit),
        run_link=links.of_run(shift.run),
    )
