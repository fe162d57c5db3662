"""The main figure: every change with its interval, each against what is allowed of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.reports.forest import limits
from lens_gate.reports.html.marks import SHAPES, Kind, kind_of
from lens_gate.reports.numbers import EffectUnit, plural, signed_tick
from lens_gate.reports.page import Bounds, Row
from lens_gate.reports.svg import Markup, Scale, Shape, bar, below, drawing, mark, rule, ticks
from lens_gate.vocabulary.metrics import Direction, Hypothesis

MOST_DRAWN = 60
"""Rows that are drawn, the worst first; the others stand in a table further down."""

_FLOOR = 1.6
_CEILING = 4.0
"""The axis reaches so many times the largest limit either way: noise within it looks small, an outlier ends it."""

_TICKS = 7

_TITLES = {"%": "Changes, in percent", "points": "Shares, in percentage points"}

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
    """The checks of one model, worst first; `note` says how it ended, and over how many pairs."""

    subject: str
    kind: Kind
    note: str
    rows: tuple[ForestRow, ...]


@dataclass(frozen=True, slots=True)
class ForestSection:
    """Checks in one unit, which share an axis; models by their worst check. Percentages that lead need no title."""

    title: str
    models: tuple[ForestModel, ...]
    axis: Markup
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Forest:
    """All drawn checks.

    `others` have no interval to draw, `aside` tells of passes that a drawing would only make look like a finding, and
    `left_out` says of the rest how many there are. `undrawn` are all rows of these two.
    """

    sections: tuple[ForestSection, ...]
    others: tuple[ForestRow, ...]
    aside: str
    left_out: str
    undrawn: tuple[Row, ...]

    @property
    def inner(self) -> bool:
        """Whether any drawing says where a change most likely lies."""
        return any(
            one.row.bounds and one.row.bounds.inner
            for section in self.sections
            for model in section.models
            for one in model.rows
        )


def forest_of(rows: Sequence[Row], analysis: Analysis) -> Forest:
    """Draw the checks of an analysis, which come worst first."""
    cold = _cold(analysis.findings)
    quiet = [row for row in rows if row.passed and row.check in cold]
    bounded = [(row, judged_by(row, row.bounds)) for row in rows if row.bounds and row not in quiet]
    drawn, left_out = bounded[:MOST_DRAWN], [row for row, _ in bounded[MOST_DRAWN:]]
    others = [ForestRow(row, kind_of(row.mark), Markup("")) for row in rows if not row.bounds]
    pairs = {one.series: one.pairs_used for one in analysis.coverage}
    units = dict.fromkeys(numbers.unit for _, numbers in drawn)
    return Forest(
        sections=tuple(_section(unit, drawn, pairs, titled=place > 0) for place, unit in enumerate(units)),
        others=tuple(others),
        aside=_aside(quiet),
        left_out=_left_out(left_out),
        undrawn=(*left_out, *quiet),
    )


def _cold(findings: Sequence[Finding]) -> frozenset[str]:
    """Return the checks of the cache of models that read nothing from one, in either version."""
    return frozenset(
        f"{finding.series}/{finding.metric}"
        for finding in findings
        if finding.hypothesis is Hypothesis.CACHED_SHARE and finding.base_value == finding.candidate_value == 0
    )


def _aside(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    subject = rows[0].subject if len(rows) == 1 else plural(len(rows), "model")
    return (
        f"Share from the cache, {subject}: nothing was read from one in either version; {rows[0].mark.word}, "
        f"{rows[0].interval}, allowed {rows[0].allowed}."
    )


def judged_by(row: Row, numbers: Bounds) -> Bounds:
    """Return the numbers that a check is drawn by.

    Of a pass, and where so few pairs have no interval of both ends, it is the bound that a pass is judged by: towards
    the other side anything is possible, and drawn so.
    """
    return numbers.passed if row.passed or numbers.lower is numbers.upper is None else numbers


def _left_out(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    passed = sum(row.passed for row in rows)
    how = "all passed" if passed == len(rows) else f"{passed:,} of them passed"
    return f"{plural(len(rows), 'more check')}, {how}: see more numbers below."


def _section(unit: EffectUnit, drawn: Sequence[Judged], pairs: Mapping[str, int], *, titled: bool) -> ForestSection:
    mine = [(row, numbers) for row, numbers in drawn if numbers.unit == unit]
    scale = axis([numbers for _, numbers in mine])
    slower = all(numbers.worse is Direction.LOWER_IS_BETTER for _, numbers in mine)
    of_model: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in mine:
        of_model[one[0].subject].append(one)
    return ForestSection(
        title=_TITLES[unit] if titled or unit != "%" else "",
        models=tuple(_model(name, judged, scale, pairs) for name, judged in of_model.items()),
        axis=_axis(scale, unit),
        ends=("better", "worse") if slower else ("less", "more"),
    )


def _model(subject: str, judged: Sequence[Judged], scale: Scale, pairs: Mapping[str, int]) -> ForestModel:
    drawn = tuple(ForestRow(row, kind_of(row.mark), _figure(row, numbers, scale)) for row, numbers in judged)
    worst = drawn[0]
    used = pairs.get(worst.row.series or "", 0)
    note = ", ".join(filter(None, (worst.row.mark.word, plural(used, "pair") if used else "")))
    return ForestModel(subject, worst.kind, note, drawn)


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
    parts = [*_shades(numbers, scale), *_interval(numbers, scale), _estimate(numbers, scale, kind)]
    return drawing(parts, label="", style=f"fp v-{kind}")


def _estimate(numbers: Bounds, scale: Scale, kind: Kind) -> str:
    """Mark the change; beyond an end of the axis it is an arrow at that end."""
    place, style = (scale.share(numbers.estimate), 0.5), f"m {kind}"
    if scale.holds(numbers.estimate):
        return mark(SHAPES[kind], place, style)
    return mark(Shape.FAR_LEFT if numbers.estimate < scale.low else Shape.FAR_RIGHT, place, style)


def _shades(numbers: Bounds, scale: Scale) -> Iterator[str]:
    """Shade what is more than is allowed of this row, and draw the line of no change over it."""
    for limit in limits(numbers):
        place = scale.share(limit)
        yield bar(place, 1.0, "bad") if limit > 0 else bar(0.0, place, "bad")
        yield rule((place, 0.0), (place, 1.0), "tol")
    zero = scale.share(0.0)
    yield rule((zero, 0.0), (zero, 1.0), "zero")


def _interval(numbers: Bounds, scale: Scale) -> Iterator[str]:
    """Draw what the data allow, thick where it most likely lies; an end that goes on beyond the axis is an arrow."""
    if numbers.lower is None and numbers.upper is None:
        return
    yield _stretch(scale, (numbers.lower, numbers.upper), "ci")
    if numbers.inner is not None:
        yield _stretch(scale, numbers.inner, "in")
    if numbers.lower is None or numbers.lower < scale.low:
        yield mark(Shape.TO_LEFT, (0.0, 0.5), "arrow")
    if numbers.upper is None or numbers.upper > scale.high:
        yield mark(Shape.TO_RIGHT, (1.0, 0.5), "arrow")


def _stretch(scale: Scale, ends: tuple[float | None, float | None], style: str) -> str:
    low, high = ends
    start, end = scale.share(scale.low if low is None else low), scale.share(scale.high if high is None else high)
    return rule((start, 0.5), (end, 0.5), style)


def _axis(scale: Scale, unit: EffectUnit) -> Markup:
    places = [(scale.share(value), signed_tick(value, unit)) for value in ticks(scale, _TICKS)]
    return drawing([below([(place, text) for place, text in places if 0.03 <= place <= 0.97])], label="", style="fp ax")
