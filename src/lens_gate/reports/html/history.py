"""The history of runs as drawings: levels, shifts, and what became of each run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.artifacts.trend import Trend, TrendSeries, TrendShift
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import MINUS, NOTHING, change, headline_size, plural, quantity, tick_ms
from lens_gate.reports.rows import subjects
from lens_gate.reports.svg import (
    Anchor,
    Markup,
    Place,
    Scale,
    Shape,
    band,
    bar,
    box,
    dots,
    drawing,
    line,
    mark,
    rule,
    ticks,
    words,
)
from lens_gate.reports.words import label
from lens_gate.vocabulary.outcomes import Outcome

COMMIT_DIGITS = 7
_REACH = 0.15
"""The axis goes at least so far around the middle: on a tight one a steady line looks like a storm."""

_FLAG_ROOM = 0.4
"""The share of a phone's width that two flags need beside each other."""

_MARKS: Mapping[str, tuple[Shape, str]] = {
    Outcome.REGRESSION: (Shape.DIAMOND, "m regression"),
    Outcome.INCONCLUSIVE: (Shape.CIRCLE, "m inconclusive"),
}
_TURNS = {"ms": ("Slower", "Faster"), "USD": ("Dearer", "Cheaper")}
_LONGEST_SLUG = 80


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of runs beside their values, by the id of a run: how they ended, and which became baselines."""

    outcomes: Mapping[str, str] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """One shift in words; `turn` is the class of its direction, `time` puts it in order."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric of one series: its newest value, its shifts (newest first), a small drawing and a large one.

    `place` is that of its series in the trend, `slug` a name for files. `judged` says that it has the runs that a shift
    takes to be found; `standing` is the newest shift for the worse that no later one has undone.
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
    spark: Markup
    chart: Markup
    marked: bool
    enveloped: bool

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


@dataclass(frozen=True, slots=True)
class Axes:
    """Where the runs of a line stand: `seconds` after the first one, and values."""

    when: Scale
    values: Scale


def lines_of(trend: Trend, exhibits: Sequence[HistoryExhibit], known: Known) -> tuple[Line, ...]:
    """Return the lines that have runs, the one that shifted last first; `exhibits` go with the trend's series."""
    names = subjects(series.series for series in trend.series if series.series is not None)
    taken: set[str] = set()
    found = [
        _line(place, trend, _title(trend.series[place], names, taken), drawn, known)
        for place, drawn in enumerate(exhibits)
        if trend.series[place].points
    ]
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


def _title(series: TrendSeries, names: Mapping[str, str], taken: set[str]) -> Title:
    subject = names[series.series] if series.series is not None else ""
    asked = label(series.metric, None)
    text = f"{subject}: {asked}" if subject else asked
    return Title(subject or "Whole run", asked, text, _slug(text, taken))


def _line(place: int, trend: Trend, title: Title, drawn: HistoryExhibit, known: Known) -> Line:
    series = trend.series[place]
    axes, standing = _axes(series, drawn), _standing(series)
    return Line(
        place=place,
        slug=title.slug,
        subject=title.subject,
        label=title.label,
        title=title.text,
        now=quantity(series.points[-1].value, series.unit),
        runs=plural(len(series.points), "run"),
        judged=len(series.points) >= trend.policy.fewest_runs,
        shifts=tuple(_shift(series, one, title.text) for one in reversed(series.shifts)),
        standing=None if standing is None else _shift(series, standing, title.text),
        spark=_spark(drawn, axes),
        chart=_chart(series, drawn, axes, known, title.text),
        marked=any(point.run in known.outcomes or point.run in known.baselines for point in series.points),
        enveloped=bool(drawn.columns),
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


def _shift(series: TrendSeries, shift: TrendShift, title: str) -> ShiftRow:
    size = headline_size(shift.effect.estimate or 0.0, shift.effect.unit)
    word = _TURNS.get(series.unit, ("Worse", "Better"))[not shift.worse]
    return ShiftRow(
        time=shift.time,
        when=day(shift.time),
        title=title,
        before=quantity(shift.before, series.unit),
        after=quantity(shift.after, series.unit),
        change=f"{'▲' if shift.rises else '▼'} {change(shift.effect.estimate, shift.effect.unit)}",
        commit=plain(shift.commit or "")[:COMMIT_DIGITS] or NOTHING,
        stays=shift.certain,
        turn="worse" if shift.worse else "better",
        told=f"{word} since {day(shift.time)}: {title} {'rose' if shift.rises else 'fell'} {size}",
    )


def day(time: str) -> str:
    """Return the day of a time (RFC 3339), such as `9 Nov 2026`."""
    moment = datetime.fromisoformat(time)
    return f"{moment.day} {moment:%b %Y}"


def _axes(series: TrendSeries, drawn: HistoryExhibit) -> Axes:
    """Return both axes of a line; that of the values shows noise as small as it is against the middle."""
    values = sorted(point.value for point in series.points)
    middle, room = values[len(values) // 2], 0.12 * (values[-1] - values[0])
    reach = _REACH * abs(middle)
    low, high = min(values[0] - room, middle - reach), max(values[-1] + room, middle + reach)
    return Axes(Scale(0.0, drawn.seconds[-1] or 1.0), Scale(low, high if high > low else low + 1.0))


def places(series: TrendSeries, drawn: HistoryExhibit) -> list[Place]:
    """Return where the runs of a line stand in its drawing."""
    axes = _axes(series, drawn)
    values = (axes.values.up(point.value) for point in series.points)
    return [(axes.when.share(second), value) for second, value in zip(drawn.seconds, values, strict=True)]


def _spark(drawn: HistoryExhibit, axes: Axes) -> Markup:
    """Draw a line small: the middles of its columns of time, its levels, and where it shifted."""
    curve = line([(column.at, axes.values.up(column.middle)) for column in drawn.spark], "ln")
    text = "".join([box(curve), *_cuts(drawn, axes, "cut-s"), *_levels(drawn, axes)])
    return Markup(f'<svg class="sp" aria-hidden="true">{text}</svg>')


def _chart(series: TrendSeries, drawn: HistoryExhibit, axes: Axes, known: Known, title: str) -> Markup:
    parts = [
        *_value_ticks(axes, series.unit),
        *_day_ticks(series, axes),
        *_ranges(drawn, axes),
        box(*_runs(series, drawn, axes)),
        *_levels(drawn, axes),
        *_cuts(drawn, axes, "cut-l"),
        *_flags(series, drawn, axes),
        *_outcomes(series, drawn, axes, known),
    ]
    told = plural(len(series.shifts), "shift") if series.shifts else "no shift"
    return drawing(parts, label=f"{title}: {plural(len(series.points), 'run')}, {told}", style="ch hist")


def _value_ticks(axes: Axes, unit: str) -> Iterator[str]:
    for value in ticks(axes.values, 5):
        place = axes.values.up(value)
        yield rule((0.0, place), (1.0, place), "grid")
        text = tick_ms(value) if unit == "ms" and value >= 0 else quantity(value, unit)
        yield words(text.replace("-", MINUS), (0.0, place), anchor=Anchor.END, shift=(-6, 4))


def _day_ticks(series: TrendSeries, axes: Axes) -> Iterator[str]:
    first = datetime.fromisoformat(series.points[0].time)
    for share, anchor in ((0.0, Anchor.START), (0.5, Anchor.MIDDLE), (1.0, Anchor.END)):
        at = first + timedelta(seconds=share * axes.when.high)
        yield words(day(at.isoformat()), (share, 1.0), anchor=anchor, shift=(0, 18))


def _edges(drawn: HistoryExhibit, axes: Axes) -> Iterator[tuple[float, float]]:
    """Return where each level begins and ends: at its first run, and at the first one of the next level."""
    for level in drawn.levels:
        end = 1.0 if level.end == len(drawn.seconds) else axes.when.share(drawn.seconds[level.end])
        yield axes.when.share(drawn.seconds[level.first]), end


def _ranges(drawn: HistoryExhibit, axes: Axes) -> Iterator[str]:
    for level, (start, end) in zip(drawn.levels, _edges(drawn, axes), strict=True):
        yield bar(start, end, "band", top=axes.values.up(level.high), bottom=axes.values.up(level.low))


def _levels(drawn: HistoryExhibit, axes: Axes) -> Iterator[str]:
    for level, (start, end) in zip(drawn.levels, _edges(drawn, axes), strict=True):
        place = axes.values.up(level.value)
        yield rule((start, place), (end, place), "lev")


def _runs(series: TrendSeries, drawn: HistoryExhibit, axes: Axes) -> Iterator[str]:
    """Draw each run as a dot, or where they are too many what lies between the least and the largest of a column."""
    if not drawn.columns:
        yield dots(places(series, drawn), "runs")
        return
    upper = [(column.at, axes.values.up(column.largest)) for column in drawn.columns]
    lower = [(column.at, axes.values.up(column.least)) for column in drawn.columns]
    yield band(upper, lower, "env")
    yield line([(column.at, axes.values.up(column.middle)) for column in drawn.columns], "ln")


def _cuts(drawn: HistoryExhibit, axes: Axes, style: str) -> Iterator[str]:
    for start, _ in list(_edges(drawn, axes))[1:]:
        yield rule((start, 0.0), (start, 1.0), style)


def _flags(series: TrendSeries, drawn: HistoryExhibit, axes: Axes) -> Iterator[str]:
    """Write the size of each shift above it, one row higher where the flag before is near."""
    before, row = -1.0, 0
    for shift in series.shifts:
        place = axes.when.share(drawn.seconds[shift.index])
        row = 1 - row if place - before < _FLAG_ROOM else 0
        before = place
        to_left = place > 0.75
        yield words(
            f"{'▲' if shift.rises else '▼'} {change(shift.effect.estimate, shift.effect.unit)}",
            (place, 0.0),
            anchor=Anchor.END if to_left else Anchor.START,
            shift=(-4 if to_left else 4, -5 - 13 * row),
            style=f"flag {'worse' if shift.worse else 'better'}",
        )


def _outcomes(series: TrendSeries, drawn: HistoryExhibit, axes: Axes, known: Known) -> Iterator[str]:
    """Mark the runs that a gate did not pass, and on the axis those that became a baseline."""
    for point, second in zip(series.points, drawn.seconds, strict=True):
        outcome = known.outcomes.get(point.run, "")
        if outcome in _MARKS and not (drawn.columns and outcome == Outcome.INCONCLUSIVE):
            shape, style = _MARKS[outcome]
            yield mark(shape, (axes.when.share(second), axes.values.up(point.value)), style)
        if point.run in known.baselines:
            yield mark(Shape.TRIANGLE, (axes.when.share(second), 1.0), "accepted")
