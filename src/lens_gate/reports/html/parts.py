"""Where time goes: the parts of a change in the whole answer, and the slowest requests as waterfalls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lens_gate.artifacts.analysis import Attribution, Part
from lens_gate.artifacts.exhibits import SlowRequest
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.html.figures import NS_PER_MS
from lens_gate.reports.numbers import NOTHING, milliseconds, signed_quantity
from lens_gate.reports.rows import LONGEST_NAME
from lens_gate.reports.svg import Markup, Scale, bar, drawing, rule
from lens_gate.vocabulary.causes import Cause

CAUSES: Mapping[Cause, str] = {
    Cause.CACHE: "More or less of the input from the cache",
    Cause.FIRST_TOKEN: "Wait for the first token",
    Cause.PACE: "Time per token",
    Cause.LENGTH: "Length of the answers",
    Cause.REST: "After the last token",
    Cause.PROMPT_MIX: "Other prompts than before",
}
PHASES: Mapping[str, str] = {
    "queue": "in the queue",
    "connect": "connect and TLS",
    "wait": "wait for the first token",
    "stream": "stream",
    "rest": "to the end",
}
"""The classes of the style sheet for what a request goes through, and what they are called."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of a change."""

    name: str
    change: str
    interval: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Parts:
    """The change of the whole answer of one model, and the parts that add up to it."""

    subject: str
    lead: str
    rows: tuple[PartRow, ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One slow request; `typical` is the median of its model."""

    title: str
    subject: str
    first_token: str
    total: str
    typical: str
    drawing: Markup


def parts_of(found: Sequence[Attribution], names: Mapping[str, str]) -> tuple[Parts, ...]:
    """Draw where the change of each model's whole answer comes from."""
    return tuple(_parts(one, names.get(one.series, plain(one.series))) for one in found)


def _parts(one: Attribution, subject: str) -> Parts:
    ends = [end for part in one.parts for end in (part.change_ms, part.lower_ms, part.upper_ms) if end is not None]
    reach = 1.05 * max(map(abs, ends), default=0.0) or 1.0
    scale = Scale(-reach, reach)
    changed = f"{signed_quantity(one.change_ms, 'ms')} on {milliseconds(one.base_ms)}"
    return Parts(
        subject=subject,
        lead=f"The mean of the whole answer changed by {changed}; the parts add up to that.",
        rows=tuple(_part_row(part, scale) for part in one.parts),
    )


def _part_row(part: Part, scale: Scale) -> PartRow:
    name, size = CAUSES[part.cause], signed_quantity(part.change_ms, "ms")
    known = part.lower_ms is not None and part.upper_ms is not None
    interval = f"{_signed(part.lower_ms)} to {_signed(part.upper_ms)}" if known else NOTHING
    return PartRow(name, size, interval, _part_figure(part, scale))


def _signed(value: float | None) -> str:
    return NOTHING if value is None else signed_quantity(value, "ms")


def _part_figure(part: Part, scale: Scale) -> Markup:
    zero, place = scale.share(0.0), scale.share(part.change_ms)
    drawn = [bar(min(zero, place), max(zero, place), "w-part", top=0.25, bottom=0.75)]
    if part.lower_ms is not None and part.upper_ms is not None:
        drawn.append(rule((scale.share(part.lower_ms), 0.5), (scale.share(part.upper_ms), 0.5), "gap"))
    drawn.append(rule((zero, 0.0), (zero, 1.0), "zero"))
    return drawing(drawn, label="", style="part")


def waterfalls(slowest: Sequence[SlowRequest], names: Mapping[str, str]) -> tuple[Waterfall, ...]:
    """Draw the slowest requests on one axis of time, which begins when each was due."""
    scale = Scale(0.0, max((one.total_ns for one in slowest), default=0) or 1)
    return tuple(_waterfall(one, names.get(one.series, plain(one.series)), scale) for one in slowest)


def _waterfall(one: SlowRequest, subject: str, scale: Scale) -> Waterfall:
    title = f"{one.index} {shortened(plain(one.prompt_id), LONGEST_NAME)}"
    total = _ms(one.total_ns)
    spent = ", ".join(f"{PHASES[phase]} {_ms(size)}" for phase, size in _phases(one) if size)
    return Waterfall(
        title=title,
        subject=subject,
        first_token=_ms(one.first_token_ns) if one.stream_ns else NOTHING,
        total=total,
        typical=_ms(one.typical_ns),
        drawing=drawing(_bars(one, scale), label=f"Request {title}: {spent}; {total} in all", style="wf"),
    )


def _phases(one: SlowRequest) -> tuple[tuple[str, int], ...]:
    sizes = (one.queue_ns, one.connect_ns, one.wait_ns, one.stream_ns, one.rest_ns)
    return tuple(zip(PHASES, sizes, strict=True))


def _bars(one: SlowRequest, scale: Scale) -> Iterator[str]:
    start = 0
    for phase, size in _phases(one):
        yield bar(scale.share(start), scale.share(start + size), f"w-{phase}")
        start += size
    typical = scale.share(one.typical_ns)
    yield rule((typical, -0.3), (typical, 1.3), "typical")


def _ms(nanoseconds: int) -> str:
    return milliseconds(nanoseconds / NS_PER_MS)
