"""The main figure: every change with its interval, each against what is allowed of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lens_gate.reports.forest import limits
from lens_gate.reports.html.marks import SHAPES, Kind, kind_of
from lens_gate.reports.numbers import EffectUnit, plural, signed_tick
from lens_gate.reports.page import Bounds, Row
from lens_gate.reports.svg import Anchor, Markup, Scale, Shape, bar, drawing, mark, rule, ticks, words
from lens_gate.vocabulary.metrics import Direction

MOST_DRAWN = 60
"""Rows that are drawn, the worst first; the others stand in the table of all numbers."""

_FLOOR = 1.6
_CEILING = 4.0
"""The axis reaches so many times the largest limit either way: noise within it looks small, an outlier ends it."""

_TITLES = {"%": "What changed", "points": "What changed, in points of a hundred requests"}


Judged = tuple[Row, Bounds]
"""A check and the numbers that it is judged by: of a pass those up to the bound that it passed by."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """A check and its drawing."""

    row: Row
    kind: Kind
    drawing: Markup


@dataclass(frozen=True, slots=True)
class ForestModel:
    """The checks of one model, worst first."""

    subject: str
    kind: Kind
    word: str
    rows: tuple[ForestRow, ...]


@dataclass(frozen=True, slots=True)
class ForestTable:
    """Checks in one unit, which share an axis; models by their worst check."""

    title: str
    models: tuple[ForestModel, ...]
    axis: Markup
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Forest:
    """All drawn checks; `others` have no interval to draw, `left_out` says of the rest how many there are."""

    tables: tuple[ForestTable, ...]
    others: tuple[ForestRow, ...]
    left_out: str


def forest_of(rows: Sequence[Row]) -> Forest:
    """Draw checks that come worst first."""
    bounded = [(row, row.bounds.passed if row.passed else row.bounds) for row in rows if row.bounds]
    drawn = bounded[:MOST_DRAWN]
    others = [ForestRow(row, kind_of(row.mark), Markup("")) for row in rows if not row.bounds]
    return Forest(
        tables=tuple(_table(unit, drawn) for unit in dict.fromkeys(numbers.unit for _, numbers in drawn)),
        others=tuple(others),
        left_out=_left_out([row for row, _ in bounded[MOST_DRAWN:]]),
    )


def _left_out(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    passed = sum(row.passed for row in rows)
    how = "all passed" if passed == len(rows) else f"{passed:,} of them passed"
    return f"{plural(len(rows), 'more check')}, {how}: see all numbers below."


def _table(unit: EffectUnit, drawn: Sequence[Judged]) -> ForestTable:
    mine = [(row, numbers) for row, numbers in drawn if numbers.unit == unit]
    scale = axis([numbers for _, numbers in mine])
    slower = all(numbers.worse is Direction.LOWER_IS_BETTER for _, numbers in mine)
    subjects = dict.fromkeys(row.subject for row, _ in mine)
    return ForestTable(
        title=_TITLES[unit],
        models=tuple(_model(name, [one for one in mine if one[0].subject == name], scale) for name in subjects),
        axis=_axis(scale, unit),
        ends=("better", "worse") if slower else ("less", "more"),
    )


def _model(subject: str, judged: Sequence[Judged], scale: Scale) -> ForestModel:
    drawn = tuple(ForestRow(row, kind_of(row.mark), _figure(row, numbers, scale)) for row, numbers in judged)
    return ForestModel(subject, drawn[0].kind, drawn[0].row.mark.word, drawn)


def axis(drawn: Sequence[Bounds]) -> Scale:
    """Return the axis that changes in one unit share; it holds no change, and every limit."""
    largest = max((numbers.limit or 0.0 for numbers in drawn), default=0.0)
    largest = largest or max((abs(numbers.estimate) for numbers in drawn), default=0.0) or 1.0
    ends = [end for numbers in drawn for end in (numbers.lower, numbers.upper, numbers.estimate) if end is not None]
    return Scale(-_reach([-end for end in ends], largest), _reach(ends, largest))


def _reach(ends: Sequence[float], largest: float) -> float:
    return min(max(_FLOOR * largest, *(1.06 * end for end in ends)), _CEILING * largest)


def _figure(row: Row, numbers: Bounds, scale: Scale) -> Markup:
    kind = kind_of(row.mark)
    parts = [*_shades(numbers, scale), *_interval(numbers, scale, kind)]
    parts.append(mark(SHAPES[kind], (scale.share(numbers.estimate), 0.5), f"m {kind}"))
    allowed = f", {row.allowed} allowed" if numbers.limit is not None else ""
    label = f"{row.title}: {row.change}, {row.interval}{allowed}: {row.mark.word}"
    return drawing(parts, label=label, style="fp")


def _shades(numbers: Bounds, scale: Scale) -> Iterator[str]:
    """Shade what is more than is allowed of this row, and draw the line of no change over it."""
    for limit in limits(numbers):
        place = scale.share(limit)
        yield bar(place, 1.0, "bad") if limit > 0 else bar(0.0, place, "bad")
        yield rule((place, 0.0), (place, 1.0), "tol")
    zero = scale.share(0.0)
    yield rule((zero, 0.0), (zero, 1.0), "zero")


def _interval(numbers: Bounds, scale: Scale, kind: Kind) -> Iterator[str]:
    """Draw what the data allow; an end that leaves the axis, or has no bound, is an arrow."""
    if numbers.lower is None and numbers.upper is None:
        return
    low = scale.low if numbers.lower is None else numbers.lower
    high = scale.high if numbers.upper is None else numbers.upper
    yield rule((scale.share(low), 0.5), (scale.share(high), 0.5), f"ci v-{kind}")
    if numbers.lower is None or numbers.lower < scale.low:
        yield mark(Shape.TO_LEFT, (0.0, 0.5), f"arrow v-{kind}")
    if numbers.upper is None or numbers.upper > scale.high:
        yield mark(Shape.TO_RIGHT, (1.0, 0.5), f"arrow v-{kind}")


def _axis(scale: Scale, unit: EffectUnit) -> Markup:
    values = [value for value in ticks(scale) if 0.03 <= scale.share(value) <= 0.97]
    texts = (
        words(signed_tick(value, unit), (scale.share(value), 0.0), anchor=Anchor.MIDDLE, shift=(0, 12))
        for value in values
    )
    return Markup(f'<svg class="fp ax" aria-hidden="true">{"".join(texts)}</svg>')
