"""The drawings of one line of a history: small for a list, and large with its levels, its shifts and its marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.artifacts.trend import TrendSeries, TrendShift
from lens_gate.reports.numbers import MINUS, change, plural, quantity, tick_ms
from lens_gate.reports.svg import (
    Anchor,
    Markup,
    Place,
    Scale,
    Shape,
    band,
    bar,
    beside,
    box,
    dots,
    drawing,
    grid,
    line,
    mark,
    rule,
    ticks,
    words,
)

_REACH = 0.15
"""The axis goes at least so far around the middle: on a tight one a steady line looks like a storm."""

_FLAG_ROOM = 0.28
_NUMBER_ROOM = 0.07
"""The shares of a phone's width that the size of a shift takes above the drawing, and its number alone."""

_FLAG_ROWS = 2


class Told(StrEnum):
    """What is marked of a run: what its gate said of this line, that it failed, and that it became a baseline.

    FAILED is for what nobody wrote down, ELSEWHERE for what no line draws.
    """

    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    ELSEWHERE = "elsewhere"
    BASELINE = "baseline"


_MARKS: Mapping[Told, tuple[Shape, str]] = {
    Told.REGRESSION: (Shape.DIAMOND, "m regression"),
    Told.INCONCLUSIVE: (Shape.CIRCLE, "m inconclusive"),
    Told.FAILED: (Shape.DIAMOND, "failed"),
    Told.ELSEWHERE: (Shape.DIAMOND, "failed"),
    Told.BASELINE: (Shape.TRIANGLE, "accepted"),
}
_ON_AXIS = (Told.FAILED, Told.ELSEWHERE, Told.BASELINE)


@dataclass(frozen=True, slots=True)
class Axes:
    """Where the runs of a line stand: `seconds` after the first one, and values."""

    when: Scale
    values: Scale


@dataclass(frozen=True, slots=True)
class Flag:
    """The size of a shift over its place, or of one that is too near to others its number (from 1) alone."""

    number: int
    place: float
    row: int
    text: str
    worse: bool
    numbered: bool

    @property
    def to_left(self) -> bool:
        """Whether it is written before its place, and not after it."""
        return self.place > 0.75

    @property
    def room(self) -> tuple[float, float]:
        """Where it begins and ends on a phone."""
        size = _NUMBER_ROOM if self.numbered else _FLAG_ROOM
        return (self.place - size, self.place) if self.to_left else (self.place, self.place + size)


@dataclass(frozen=True, slots=True)
class Chart:
    """Both drawings of a line; `told` are the kinds of marks that it has, `numbered` the shifts that only have one."""

    spark: Markup
    large: Markup
    told: frozenset[Told]
    numbered: frozenset[int]
    enveloped: bool
    levelled: bool


def chart_of(series: TrendSeries, drawn: HistoryExhibit, told: Mapping[str, Sequence[Told]], title: str) -> Chart:
    """Draw a line; `told` is what is marked of its runs, by their ids."""
    axes, flags = axes_of(series, drawn), flags_of(series, drawn)
    marks = [*_marks(series, drawn, axes, told)]
    return Chart(
        spark=_spark(drawn, axes),
        large=_large(series, drawn, axes, (flags, [text for _, text in marks]), title),
        told=frozenset(kind for kind, _ in marks),
        numbered=frozenset(flag.number for flag in flags if flag.numbered),
        enveloped=bool(drawn.columns),
        levelled=bool(drawn.levels),
    )


def day(time: str) -> str:
    """Return the day of a time (RFC 3339), such as `9 Nov 2026`."""
    moment = datetime.fromisoformat(time)
    return f"{moment.day} {moment:%b %Y}"


def axes_of(series: TrendSeries, drawn: HistoryExhibit) -> Axes:
    """Return both axes of a line; that of the values shows noise as small as it is against the middle."""
    values = sorted(point.value for point in series.points)
    middle, room = values[len(values) // 2], 0.12 * (values[-1] - values[0])
    reach = _REACH * abs(middle)
    low, high = min(values[0] - room, middle - reach), max(values[-1] + room, middle + reach)
    return Axes(Scale(0.0, drawn.seconds[-1] or 1.0), Scale(low, high if high > low else low + 1.0))


def places(series: TrendSeries, drawn: HistoryExhibit) -> list[Place]:
    """Return where the runs of a line stand in its drawing."""
    axes = axes_of(series, drawn)
    values = (axes.values.up(point.value) for point in series.points)
    return [(axes.when.share(second), value) for second, value in zip(drawn.seconds, values, strict=True)]


def _spark(drawn: HistoryExhibit, axes: Axes) -> Markup:
    """Draw a line small: the middles of its columns of time, its levels, and where it shifted."""
    curve = line([(column.at, axes.values.up(column.middle)) for column in drawn.spark], "ln")
    return drawing([box(curve), *_cuts(drawn, axes, "cut-s"), *_levels(drawn, axes)], label="", style="sp")


def _large(
    series: TrendSeries,
    drawn: HistoryExhibit,
    axes: Axes,
    over: tuple[Sequence[Flag], Sequence[str]],
    title: str,
) -> Markup:
    flags, marks = over
    heights = [(axes.values.up(value), _value_tick(value, series.unit)) for value in ticks(axes.values, 5)]
    parts = [
        beside(heights),
        *_day_ticks(series, axes),
        box(grid(down=[place for place, _ in heights])),
        *_ranges(drawn, axes),
        box(*_runs(series, drawn, axes)),
        *_levels(drawn, axes),
        *_cuts(drawn, axes, "cut-l"),
        *(_flag(flag) for flag in flags),
        *marks,
    ]
    settled = "no shift" if drawn.levels else "too few for a shift"
    told = plural(len(series.shifts), "shift") if series.shifts else settled
    return drawing(parts, label=f"{title}: {plural(len(series.points), 'run')}, {told}", style="ch hist")


def _value_tick(value: float, unit: str) -> str:
    text = tick_ms(value) if unit == "ms" and value >= 0 else quantity(value, unit)
    return text.replace("-", MINUS)


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


def flags_of(series: TrendSeries, drawn: HistoryExhibit) -> tuple[Flag, ...]:
    """Return what stands over the drawing for the shifts: nothing overlaps, also on a phone.

    The newest gets its room first. One that has none for its size has its number, and where even that has no room
    nothing but its line: the table of shifts tells of it.
    """
    when, flags = axes_of(series, drawn).when, list[Flag]()
    for number, shift in reversed(list(enumerate(series.shifts, 1))):
        ways = _ways(shift, number, when.share(drawn.seconds[shift.index]))
        flags += islice((way for way in ways if not any(_meet(way, flag) for flag in flags)), 1)
    return tuple(flags)


def _ways(shift: TrendShift, number: int, place: float) -> list[Flag]:
    """Return how a shift can stand there, the best way first."""
    size = f"{'▲' if shift.rises else '▼'} {change(shift.effect.estimate, shift.effect.unit)}"
    return [
        Flag(number, place, row, text, shift.worse, numbered)
        for text, numbered in ((size, False), (f"({number})", True))
        for row in range(_FLAG_ROWS)
    ]


def _meet(one: Flag, other: Flag) -> bool:
    (first, end), (start, last) = one.room, other.room
    return one.row == other.row and first < last and start < end


def _flag(flag: Flag) -> str:
    return words(
        flag.text,
        (flag.place, 0.0),
        anchor=Anchor.END if flag.to_left else Anchor.START,
        shift=(-4 if flag.to_left else 4, -5 - 13 * flag.row),
        style=f"flag {'worse' if flag.worse else 'better'}",
    )


def _marks(
    series: TrendSeries, drawn: HistoryExhibit, axes: Axes, told: Mapping[str, Sequence[Told]]
) -> Iterator[tuple[Told, str]]:
    """Mark runs on the line where something was said of it, and on the axis what was said of the whole run."""
    for point, second in zip(series.points, drawn.seconds, strict=True):
        for kind in told.get(point.run, ()):
            if drawn.columns and kind is Told.INCONCLUSIVE:
                continue
            shape, style = _MARKS[kind]
            height = 1.0 if kind in _ON_AXIS else axes.values.up(point.value)
            yield kind, mark(shape, (axes.when.share(second), height), style)
