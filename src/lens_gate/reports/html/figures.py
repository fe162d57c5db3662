"""The figures of one series: how its times are spread, which requests moved, and what happened during the run.

All of them describe; the verdict rests on the tests of the forest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.exhibits import ArmExhibit, Exhibits, QuantileChange, SeriesExhibit, Shown
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import MINUS, milliseconds, percent_of, plural, signed_quantity, span, tick_ms
from lens_gate.reports.svg import (
    Anchor,
    Markup,
    Place,
    Scale,
    Shape,
    band,
    below,
    beside,
    box,
    dots,
    drawing,
    grid,
    line,
    mark,
    rings,
    rule,
    ticks,
    words,
)
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.requests import Arm

NS_PER_MS = 1e6
_NS_PER_S = 1e9

TIMES: Mapping[Shown, str] = {
    Quantity.TTFT: "first token",
    Quantity.TPOT: "time per token",
    Quantity.LATENCY: "whole answer",
}
_QUESTIONS: Mapping[Shown, Hypothesis] = {
    Quantity.TTFT: Hypothesis.TTFT,
    Quantity.TPOT: Hypothesis.PER_TOKEN,
    Quantity.LATENCY: Hypothesis.TOTAL,
}
STYLES: Mapping[Arm, int] = {Arm.BASE: 0, Arm.CANDIDATE: 1}
"""Which number the classes of an arm carry: the baseline is dashed and hollow, the candidate solid and filled."""

_SHARES = Scale(-0.01, 1.01)
"""The axis of shares, with room for a curve that is as wide as its line at both ends."""

_EDGE = 0.01
"""The share of the time of a run before its first and after its last dot: a half dot reads as another mark."""

_MOST_FAR = 40
"""Requests beyond the axis of times that have a mark each; what stands beside them counts all."""

_TENTHS = ((0.1, "fastest tenth"), (0.5, "middle"), (0.9, "slowest tenth"))

_FAR = ("△", "▲")
"""How a request beyond the axis of times stands there, by the number of its arm."""

_HEADROOM = 1.5
"""The axis of times ends so far above the slower tenth: a single outlier lies on its end."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One share of the requests in numbers; `change` and `interval` are empty where only one arm was measured."""

    name: str
    base: str
    change: str
    interval: str


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """The figures of one series, what they say in a sentence, and the numbers behind them."""

    title: str
    spread: Markup
    spread_lead: str
    changes: Markup | None
    course: Markup
    rows: tuple[ShareRow, ...]
    both: bool
    limited: bool
    dotted: bool


def figures(
    found: Exhibits, names: Mapping[str, str], limits: Mapping[tuple[str, Shown], float]
) -> tuple[SeriesFigures, ...]:
    """Draw each series; `limits` are the changes that are allowed, in percent, by series and what is timed."""
    return tuple(
        _series(one, names, limits.get((one.series, one.quantity)), f"c{number}")
        for number, one in enumerate(found.series)
        if one.arms
    )


def limits_of(analysis: Analysis) -> Mapping[tuple[str, Shown], float]:
    """Return the change that is allowed of each series and time, in percent, where one is."""
    return {
        (finding.series, quantity): finding.threshold
        for finding in analysis.findings
        for quantity, asked in _QUESTIONS.items()
        if finding.gated and finding.hypothesis is asked and finding.threshold is not None
    }


def _series(one: SeriesExhibit, names: Mapping[str, str], limit: float | None, code: str) -> SeriesFigures:
    """Draw one series; `code` is what no other series of the page is called."""
    subject, timed = names.get(one.series, plain(one.series)), TIMES[one.quantity]
    return SeriesFigures(
        title=f"{subject}: {timed}",
        spread=_spread(one.arms, f"{subject}, {timed}"),
        spread_lead=_spread_lead(one.arms),
        changes=_changes(one.changes, limit, f"{subject}, {timed}") if one.changes else None,
        course=_course(one.arms, f"{subject}, {timed}", code),
        rows=tuple(_share_row(change) for change in one.changes) or tuple(_own_rows(one.arms[0])),
        both=len(one.arms) > 1,
        limited=limit is not None,
        dotted=any(arm.dot_ns for arm in one.arms),
    )


def _spread_lead(arms: Sequence[ArmExhibit]) -> str:
    """Say how long half of the requests, and 95 of 100, take at most, before and now."""
    half = " → ".join(_ms(arm.median_ns) for arm in arms)
    late = [_ms(arm.p95_ns) for arm in arms if arm.p95_ns is not None]
    rest = f", 95 of 100 within {' → '.join(late)}" if len(late) == len(arms) else ""
    return f"Half of the requests come within {half}{rest}."


def _spread(arms: Sequence[ArmExhibit], what: str) -> Markup:
    """Draw which share of the requests took how long at most, on a logarithmic axis of times."""
    scale = _times([value for arm in arms for value in arm.steps_ns])
    curves = [line(_steps(arm, scale), f"arm{STYLES[arm.arm]}") for arm in arms]
    times, shares = [(scale.share(value), tick_ms(value)) for value in ticks(scale, 4)], _share_ticks()
    parts = [
        below(times),
        beside(shares),
        words("time (log)", (1.0, 1.0), anchor=Anchor.END, shift=(0, 31)),
        box(grid(across=[place for place, _ in times], down=[place for place, _ in shares]), *curves),
        *_marked(arms, scale),
    ]
    return drawing(parts, label=f"{what}: share of the requests by time. {_spread_lead(arms)}", style="ch")


def _times(values: Sequence[int]) -> Scale:
    """Return a logarithmic axis in milliseconds that holds all values; what took no time at all lies at its end."""
    known = [value / NS_PER_MS for value in values if value > 0] or [1.0]
    return Scale(min(known) * 0.97, max(known) * 1.03, logarithmic=True)


def _steps(arm: ArmExhibit, scale: Scale) -> list[Place]:
    count = len(arm.steps_ns)
    return [(scale.share(value / NS_PER_MS), _SHARES.up((i + 0.5) / count)) for i, value in enumerate(arm.steps_ns)]


def _share_ticks() -> list[tuple[float, str]]:
    return [(_SHARES.up(share), percent_of(share)) for share in (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)]


def _marked(arms: Sequence[ArmExhibit], scale: Scale) -> Iterator[str]:
    """Mark half of the requests and 95 of 100 on each curve, and tie the two arms together."""
    for share, values in ((0.5, [arm.median_ns for arm in arms]), (0.95, [arm.p95_ns for arm in arms])):
        known = [scale.share(value / NS_PER_MS) for value in values if value is not None]
        if len(known) == len(arms):
            place = _SHARES.up(share)
            yield rule((min(known), place), (max(known), place), "gap")
            styles = (f"d{STYLES[arm.arm]}" for arm in arms)
            yield from (mark(Shape.CIRCLE, (x, place), style) for x, style in zip(known, styles, strict=True))


def _changes(found: Sequence[QuantileChange], limit: float | None, what: str) -> Markup:
    """Draw how far each share of the requests moved, with its interval, against no change and what is allowed."""
    scale = _change_axis(found, limit)
    bounded = [one for one in found if one.lower_ns is not None and one.upper_ns is not None]
    upper = [(one.share, scale.up((one.upper_ns or 0) / NS_PER_MS)) for one in bounded]
    lower = [(one.share, scale.up((one.lower_ns or 0) / NS_PER_MS)) for one in bounded]
    curve = [(one.share, scale.up(one.change_ns / NS_PER_MS)) for one in found]
    allowed = [(one.share, scale.up(_allowed_ms(one, limit))) for one in found] if limit is not None else []
    heights = [(scale.up(value), _change_tick(value)) for value in ticks(scale, 5)]
    curves = [band(upper, lower, "band"), line(allowed, "tolline"), line(curve, "arm1"), dots(curve, "q1")]
    parts = [
        beside(heights),
        below(_TENTHS),
        box(grid(down=[place for place, _ in heights]), *curves),
        rule((0.0, scale.up(0.0)), (1.0, scale.up(0.0)), "zero"),
    ]
    middle = min(found, key=lambda one: abs(one.share - 0.5))
    told = f"{what}: change of each share of the requests; in the middle {_signed(middle.change_ns)}"
    return drawing(parts, label=told, style="ch")


def _allowed_ms(one: QuantileChange, limit: float) -> float:
    return limit / 100 * one.base_ns / NS_PER_MS


def _change_axis(found: Sequence[QuantileChange], limit: float | None) -> Scale:
    """Return an axis that holds the changes, no change, and the limit; an interval may leave it."""
    values = [one.change_ns / NS_PER_MS for one in found]
    allowed = [_allowed_ms(one, limit) for one in found] if limit is not None else []
    ends = [end / NS_PER_MS for one in found for end in (one.lower_ns, one.upper_ns) if end is not None]
    reach = 3 * max(map(abs, (*values, *allowed)), default=0.0) or 1.0
    held = [0.0, *values, *allowed, *(min(max(end, -reach), reach) for end in ends)]
    size = max(held) - min(held) or 1.0
    return Scale(min(held) - 0.06 * size, max(held) + 0.06 * size)


def _change_tick(value: float) -> str:
    sign = "" if not value else "+" if value > 0 else MINUS
    return f"{sign}{tick_ms(abs(value))}"


def _course(arms: Sequence[ArmExhibit], what: str, code: str) -> Markup:
    """Draw when requests were due and how long they took: each one, or of many the middle and where most lie."""
    due = [edge for arm in arms for part in arm.stretches for edge in (part.start_ns, part.end_ns)]
    due += [value for arm in arms for value in arm.due_ns]
    first, last = min(due, default=0), max(due, default=0)
    room = _EDGE * max(last - first, 1)
    when = Scale((first - room) / _NS_PER_S, (last + room) / _NS_PER_S)
    times = Scale(0.0, _highest(arms))
    curves = [*(_cloud(arm, when, times, code) for arm in arms), *(_middle(arm, when, times) for arm in arms)]
    heights = [(times.up(value), tick_ms(value)) for value in ticks(times, 5)]
    parts = [
        beside(heights),
        below(_elapsed(when, first / _NS_PER_S)),
        box(grid(down=[place for place, _ in heights]), *curves),
        *_far(arms, when, times),
    ]
    return drawing(
        parts, label=f"{what} during the run, {plural(sum(arm.requests for arm in arms), 'request')}", style="ch"
    )


def _highest(arms: Sequence[ArmExhibit]) -> float:
    """Return where the axis of times ends, in milliseconds."""
    typical = [_HEADROOM * part.high_ns for arm in arms for part in arm.stretches]
    largest = max(arm.steps_ns[-1] for arm in arms)
    return (min(max(typical), largest) if typical else largest) / NS_PER_MS * 1.05 or 1.0


def _cloud(arm: ArmExhibit, when: Scale, times: Scale, code: str) -> str:
    """Return each request as a dot, or of a large run the band in which most requests lie."""
    style = STYLES[arm.arm]
    if arm.dot_ns:
        pairs = [(at / _NS_PER_S, value / NS_PER_MS) for at, value in zip(arm.due_ns, arm.dot_ns, strict=True)]
        within = [(when.share(at), times.up(value)) for at, value in pairs if times.holds(value)]
        return rings(within, "p0", code) if arm.arm is Arm.BASE else dots(within, "p1")
    at = [when.share((part.start_ns + part.end_ns) / 2 / _NS_PER_S) for part in arm.stretches]
    high, low = ([times.up(value / NS_PER_MS) for value in ends] for ends in _ends(arm))
    return band(list(zip(at, high, strict=True)), list(zip(at, low, strict=True)), f"band{style}")


def _far(arms: Sequence[ArmExhibit], when: Scale, times: Scale) -> Iterator[str]:
    """Mark when requests were due that took longer than the axis goes, and say how many they are."""
    far = [
        (when.share(at / _NS_PER_S), STYLES[arm.arm])
        for arm in arms
        for at, value in zip(arm.due_ns, arm.dot_ns, strict=True)
        if not times.holds(value / NS_PER_MS)
    ]
    for place, style in far[:_MOST_FAR]:
        yield words(_FAR[style], (place, 0.0), anchor=Anchor.MIDDLE, shift=(0, 8), style=f"far{style}")
    if far:
        text = f"▲ {plural(len(far), 'request')} beyond {milliseconds(times.high)}"
        yield words(text, (1.0, 1.0), anchor=Anchor.END, shift=(0, 31))


def _ends(arm: ArmExhibit) -> tuple[list[int], list[int]]:
    return [part.high_ns for part in arm.stretches], [part.low_ns for part in arm.stretches]


def _middle(arm: ArmExhibit, when: Scale, times: Scale) -> str:
    places = [
        (when.share((part.start_ns + part.end_ns) / 2 / _NS_PER_S), times.up(part.median_ns / NS_PER_MS))
        for part in arm.stretches
    ]
    return line(places, f"arm{STYLES[arm.arm]}")


def _elapsed(when: Scale, first: float) -> list[tuple[float, str]]:
    since = Scale(0.0, when.high - first)
    return [(when.share(first + value), span(value, since.high)) for value in ticks(since, 5)]


def _share_row(change: QuantileChange) -> ShareRow:
    lower, upper = (f"{_signed(end)}" if end is not None else "open" for end in (change.lower_ns, change.upper_ns))
    return ShareRow(percent_of(change.share), _ms(change.base_ns), _signed(change.change_ns), f"{lower} to {upper}")


def _own_rows(arm: ArmExhibit) -> Iterator[ShareRow]:
    yield ShareRow(percent_of(0.5), _ms(arm.median_ns), "", "")
    if arm.p95_ns is not None:
        yield ShareRow(percent_of(0.95), _ms(arm.p95_ns), "", "")


def _ms(nanoseconds: int) -> str:
    return milliseconds(nanoseconds / NS_PER_MS)


def _signed(nanoseconds: int) -> str:
    return signed_quantity(nanoseconds / NS_PER_MS, "ms")
