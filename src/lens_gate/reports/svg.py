"""Drawings for pages, by six primitives: scale, ticks, line, band, dots and mark.

Places are shares of the room that a drawing is given (0 to 1, from the left and from the top), written as percent:
a drawing takes any width without a script, and its texts and marks never stretch. Only curves do, in a box of their own
whose strokes keep their width. Colours are classes of the page's style sheet; every text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from math import ceil, floor, log10

_BOX = 1000
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))

Place = tuple[float, float]
"""Shares of the width, from the left, and of the height, from the top."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that a page takes as it is; `__html__` is what templates ask of such text."""

    text: str

    def __html__(self) -> str:
        """Return the markup."""
        return self.text


@dataclass(frozen=True, slots=True)
class Scale:
    """Values on an axis; `low` lies below `high`, and both above 0 where the axis is `logarithmic`."""

    low: float
    high: float
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies between both ends (0 to 1); what lies beyond an end lies at it."""
        if value <= self.low:
            return 0.0
        if value >= self.high:
            return 1.0
        if self.logarithmic:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def up(self, value: float) -> float:
        """Return the place of a value on an axis that grows upwards, from the top."""
        return 1.0 - self.share(value)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= value <= self.high


def ticks(scale: Scale, about: int = 5) -> tuple[float, ...]:
    """Return round values on the axis, at most `about` and two more of them."""
    if scale.logarithmic:
        found = [values for steps in _LOG_STEPS if len(values := _decades(scale, steps)) >= 3]
        if found:
            return tuple(found[0])
    size = scale.high - scale.low
    power = 10 ** floor(log10(size / about))
    step = next(power * step for step in _STEPS if size / (power * step) <= about)
    return tuple(step * number for number in range(ceil(scale.low / step), floor(scale.high / step) + 1))


def _decades(scale: Scale, steps: Sequence[float]) -> list[float]:
    powers = range(floor(log10(scale.low)), ceil(log10(scale.high)) + 1)
    return [value for power in powers for step in steps if scale.holds(value := step * 10.0**power)]


def line(points: Sequence[Place], style: str) -> str:
    """Return a curve through the points; it belongs into `box`."""
    return f'<path class="{style}" vector-effect="non-scaling-stroke" d="{_path(points)}"/>' if points else ""


def band(upper: Sequence[Place], lower: Sequence[Place], style: str) -> str:
    """Return the area between two curves; it belongs into `box`."""
    return f'<path class="{style}" d="{_path([*upper, *reversed(lower)])}Z"/>' if upper else ""


def dots(points: Iterable[Place], style: str) -> str:
    """Return many dots as one path, each a stroke without length; it belongs into `box`."""
    strokes = "".join(f"M{_whole(x)} {_whole(y)}h0" for x, y in points)
    return f'<path class="{style}" vector-effect="non-scaling-stroke" d="{strokes}"/>' if strokes else ""


def box(*curves: str) -> str:
    """Return the room for curves, which stretches with the drawing."""
    return f'<svg viewBox="0 0 {_BOX} {_BOX}" preserveAspectRatio="none">{"".join(curves)}</svg>'


class Shape(StrEnum):
    """What a mark looks like, also without colour."""

    CIRCLE = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z"
    DIAMOND = "M0-6.4 6.4 0 0 6.4-6.4 0Z"
    TRIANGLE = "M0-6 6 5H-6Z"
    SQUARE = "M-3.6-3.6h7.2v7.2h-7.2Z"
    TO_LEFT = "M7-4 0 0 7 4"
    TO_RIGHT = "M-7-4 0 0-7 4"
    FAR_LEFT = "M-3 0 6-6V6Z"
    FAR_RIGHT = "M3 0-6-6V6Z"


def mark(shape: Shape, place: Place, style: str) -> str:
    """Return a mark, which never stretches."""
    x, y = map(percent, place)
    return f'<svg x="{x}" y="{y}" overflow="visible"><path class="{style}" d="{shape}"/></svg>'


def rule(start: Place, end: Place, style: str) -> str:
    """Return a straight line from one place to another."""
    (x1, y1), (x2, y2) = (tuple(map(percent, place)) for place in (start, end))
    return f'<line class="{style}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'


def bar(start: float, end: float, style: str, *, top: float = 0.0, bottom: float = 1.0) -> str:
    """Return a filled bar between two places of the width; nothing where they are one."""
    if end <= start:
        return ""
    size = f'width="{percent(end - start)}" height="{percent(bottom - top)}"'
    return f'<rect class="{style}" x="{percent(start)}" y="{percent(top)}" {size}/>'


class Anchor(StrEnum):
    """Which part of a text stands at its place."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


def words(text: str, place: Place, *, anchor: Anchor = Anchor.START, shift: Place = (0, 0), style: str = "t") -> str:
    """Return a text at a place, moved by `shift` in units of the page."""
    x, y = map(percent, place)
    moved = f' dx="{shift[0]:g}" dy="{shift[1]:g}"'
    return f'<text class="{style}" x="{x}" y="{y}"{moved} text-anchor="{anchor}">{escape(text)}</text>'


def drawing(parts: Iterable[str], *, label: str, style: str) -> Markup:
    """Return a whole drawing; `label` says in a sentence what it shows, for those who don't see it."""
    inside = "".join(parts)
    return Markup(f'<svg class="{style}" role="img" aria-label="{escape(label)}">{inside}</svg>')


def percent(share: float) -> str:
    """Return a share of the room as SVG writes it."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def _path(points: Sequence[Place]) -> str:
    return "M" + "L".join(f"{_whole(x)} {_whole(y)}" for x, y in points)


def _whole(share: float) -> str:
    return f"{_BOX * share:.0f}"
