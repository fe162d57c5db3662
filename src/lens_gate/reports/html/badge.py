"""A badge as SVG of our own: what is followed, and how it is, for a README; no other host is asked."""

from __future__ import annotations

from html import escape

from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.html.history import Line

_LETTER = 6.6
"""About what a letter takes at 11 pixels; the text is stretched to exactly this, so that no font breaks the badge."""

_COLOURS = {"worse": "#b02a0c", "better": "#00705a", "steady": "#00705a", "unknown": "#6b727b"}
_LONGEST = 48


def line_badge(line: Line) -> str:
    """Return the badge of one line: its newest value, and the shift that says how it is, where there is one."""
    if line.told is not None:
        return badge(line.title, f"{line.now} {line.told.change}", line.told.turn)
    if not line.judged:
        return badge(line.title, f"{line.now}, too few runs", "unknown")
    return badge(line.title, f"{line.now}, steady", "steady")


def badge(name: str, value: str, turn: str) -> str:
    """Return a badge; the colour only repeats what the words say."""
    left, right = (shortened(plain(text), _LONGEST) for text in (name, value))
    sizes = [round(_LETTER * len(text)) + 14 for text in (left, right)]
    width = sum(sizes)
    texts = "".join(
        f'<text x="{start + 7}" y="14" textLength="{size - 14}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for text, start, size in zip((left, right), (0, sizes[0]), sizes, strict=True)
    )
    edge, last = sizes[0], sizes[1] - 3
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" viewBox="0 0 {width} 20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}"><rect width="{width}" height="20" rx="3" fill="#3b424b"/>'
        f'<path d="M{edge} 0h{last}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{last}Z" fill="{_COLOURS[turn]}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n'
    )
