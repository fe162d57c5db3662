"""Drawings for pages, by six primitives: scale, ticks, line, band, dots and mark.

Places are shares of the room that a drawing is given (0 to 1, from the left and from the top), written as percent:
a drawing takes any width without a script, and its texts and marks never stretch. Only curves do, in a box of their own
whose strokes keep their width. Colours are classes of the page's style sheet, and the shapes of marks stand in the page
once; every text is escaped here. What SVG takes for granted is not written, and places are as fine as a pixel shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from math import ceil, floor, hypot, log10

_BOX = (1000, 250)
"""Into how many steps a box is divided from left to right and from top to bottom: no drawing has more pixels."""

_UNSEEN = 0.5

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


def grid(*, across: Iterable[float] = (), down: Iterable[float] = ()) -> str:
    """Return the lines of a grid, from side to side at the places `down` and from top to bottom at those `across`."""
    width, height = _BOX
    level = "".join(f"M0 {round(height * place)}h{width}" for place in down)
    upright = "".join(f"M{round(width * place)} 0v{height}" for place in across)
    return f'<path class="grid" d="{level}{upright}"/>' if level or upright else ""


def below(texts: Iterable[tuple[float, str]]) -> str:
    """Return what stands under a drawing, each text in the middle of its place."""
    return f'<g class="bx">{"".join(words(text, (place, 1.0)) for place, text in texts)}</g>'


def beside(texts: Iterable[tuple[float, str]]) -> str:
    """Return what stands left of a drawing, each text at the height of its place."""
    return f'<g class="by">{"".join(words(text, (0.0, place)) for place, text in texts)}</g>'


def line(points: Sequence[Place], style: str) -> str:
    """Return a curve through the points; it belongs into `box`."""
    return f'<path class="{style}" d="{_path(thinned(points))}"/>' if points else ""


def band(upper: Sequence[Place], lower: Sequence[Place], style: str) -> str:
    """Return the area between two curves; it belongs into `box`."""
    return f'<path class="{style}" d="{_path([*thinned(upper), *reversed(thinned(lower))])}Z"/>' if upper else ""


def dots(points: Iterable[Place], style: str) -> str:
    """Return many dots as one path, each a stroke without length; it belongs into `box`."""
    strokes = _strokes(points)
    return f'<path class="{style}" d="{strokes}"/>' if strokes else ""


def rings(points: Iterable[Place], style: str, name: str) -> str:
    """Return many hollow dots: one path, drawn twice; `name` is what nothing else in the page is called."""
    strokes = _strokes(points)
    if not strokes:
        return ""
    # What a style sheet says of paths in a box does not reach a copy of one.
    path = f'<path id="{name}" vector-effect="non-scaling-stroke" d="{strokes}"/>'
    return f'{path}<use href="#{name}" class="{style}"/><use href="#{name}" class="hole"/>'


def box(*curves: str) -> str:
    """Return the room for curves, which stretches with the drawing."""
    return f'<svg viewBox="0 0 {_BOX[0]} {_BOX[1]}" preserveAspectRatio="none">{"".join(curves)}</svg>'


class Shape(StrEnum):
    """What a mark looks like, also without colour: the name of its outline in the page."""

    CIRCLE = "m-circle"
    DIAMOND = "m-diamond"
    TRIANGLE = "m-triangle"
    SQUARE = "m-square"
    TO_LEFT = "m-to-left"
    TO_RIGHT = "m-to-right"
    FAR_LEFT = "m-far-left"
    FAR_RIGHT = "m-far-right"


OUTLINES: Mapping[Shape, str] = {
    Shape.CIRCLE: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    Shape.DIAMOND: "M0-6.4 6.4 0 0 6.4-6.4 0Z",
    Shape.TRIANGLE: "M0-6 6 5H-6Z",
    Shape.SQUARE: "M-3.6-3.6h7.2v7.2h-7.2Z",
    Shape.TO_LEFT: "M7-4 0 0 7 4",
    Shape.TO_RIGHT: "M-7-4 0 0-7 4",
    Shape.FAR_LEFT: "M-3 0 6-6V6Z",
    Shape.FAR_RIGHT: "M3 0-6-6V6Z",
}
"""The outlines of marks around their place, which each page with drawings holds once."""


def mark(shape: Shape, place: Place, style: str) -> str:
    """Return a mark, which never stretches."""
    return f'<use href="#{shape}" class="{style}"{_at(x=place[0], y=place[1])}/>'


def rule(start: Place, end: Place, style: str) -> str:
    """Return a straight line from one place to another."""
    return f'<line class="{style}"{_at(x1=start[0], x2=end[0], y1=start[1], y2=end[1])}/>'


def bar(start: float, end: float, style: str, *, top: float = 0.0, bottom: float = 1.0) -> str:
    """Return a filled bar between two places of the width; nothing where they are one."""
    if end <= start:
        return ""
    return f'<rect class="{style}"{_at(x=start, y=top, width=end - start, height=bottom - top)}/>'


class Anchor(StrEnum):
    """Which part of a text stands at its place."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


def words(text: str, place: Place, *, anchor: Anchor = Anchor.START, shift: Place = (0, 0), style: str = "") -> str:
    """Return a text at a place, moved by `shift` in units of the page."""
    moved = "".join(f' {way}="{size:g}"' for way, size in zip(("dx", "dy"), shift, strict=True) if size)
    kind = f' class="{style}"' if style else ""
    side = f' text-anchor="{anchor}"' if anchor is not Anchor.START else ""
    return f"<text{kind}{_at(x=place[0], y=place[1])}{moved}{side}>{escape(text)}</text>"


def drawing(parts: Iterable[str], *, label: str, style: str) -> Markup:
    """Return a whole drawing; `label` says in a sentence what it shows, for those who don't see it.

    It is empty where the numbers stand beside the drawing anyway.
    """
    told = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="{style}" {told}>{"".join(parts)}</svg>')


def percent(share: float) -> str:
    """Return a share of the room as SVG writes it."""
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def _at(**shares: float) -> str:
    """Return attributes that are shares of the room; SVG takes those that are missing for nothing."""
    written = ((name, percent(share)) for name, share in shares.items())
    return "".join(f' {name}="{share}"' for name, share in written if share not in {"0%", "-0%"})


def thinned(points: Sequence[Place]) -> list[Place]:
    """Return the points without which a curve would look different: it leaves no place by more than half a step.

    By halving at the point that is farthest from the straight line (Ramer, "An iterative procedure for the polygonal
    approximation of plane curves", 1972; Douglas and Peucker, 1973).
    """
    kept, open_parts = {0, len(points) - 1}, [(0, len(points) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        apart = [_apart(points[place], points[first], points[last]) for place in range(first + 1, last)]
        farthest = max(apart, default=0.0)
        if farthest > _UNSEEN:
            middle = first + 1 + apart.index(farthest)
            kept.add(middle)
            open_parts += [(first, middle), (middle, last)]
    return [points[place] for place in sorted(kept)]


def _apart(point: Place, start: Place, end: Place) -> float:
    """Return how far a point lies from the line between two others, in steps of a box."""
    (x, y), (x1, y1), (x2, y2) = ((_BOX[0] * across, _BOX[1] * down) for across, down in (point, start, end))
    length = hypot(x2 - x1, y2 - y1)
    if not length:
        return hypot(x - x1, y - y1)
    return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length


def _path(points: Sequence[Place]) -> str:
    first, *others = _steps(points)
    return f"M{_moved(first)}" + (f"l{_joined(others)}" if others else "")


def _strokes(points: Iterable[Place]) -> str:
    return "".join(f"m{_moved(step)}h0" for step in _steps(points))


def _steps(points: Iterable[Place]) -> Iterator[tuple[int, int]]:
    """Yield where the first point lies in a box, and how far each other one lies from the one before it."""
    before = (0, 0)
    for across, down in points:
        place = (round(_BOX[0] * across), round(_BOX[1] * down))
        yield place[0] - before[0], place[1] - before[1]
        before = place


def _joined(steps: Iterable[tuple[int, int]]) -> str:
    """Write steps; a minus parts two numbers as well as a space does."""
    return " ".join(map(_moved, steps)).replace(" -", "-")


def _moved(step: tuple[int, int]) -> str:
    return f"{step[0]} {step[1]}".replace(" -", "-")
