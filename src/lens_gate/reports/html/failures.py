"""The errors by class as a figure: which share of the requests each took, in both versions, on one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lens_gate.reports.numbers import percent
from lens_gate.reports.page import ErrorRow
from lens_gate.reports.svg import Anchor, Markup, Scale, bar, drawing, words


@dataclass(frozen=True, slots=True)
class Failures:
    """The classes of errors with their bars; `axis` says where the longest one ends."""

    rows: tuple[tuple[ErrorRow, Markup], ...]
    axis: Markup
    compared: bool


def failures_of(rows: Sequence[ErrorRow]) -> Failures:
    """Draw how often each error occurred; the longest bar is the most frequent error of all models."""
    most = max((share for row in rows for share in (row.share, row.base_share or 0.0)), default=0.0)
    scale = Scale(0.0, most or 1.0)
    return Failures(
        rows=tuple((row, drawing(_bars(row, scale), label="", style="er")) for row in rows),
        axis=drawing(_axis(scale), label="", style="er ax"),
        compared=any(row.base_share is not None for row in rows),
    )


def _bars(row: ErrorRow, scale: Scale) -> Iterator[str]:
    """Draw the baseline above this version, as everywhere hollow above filled."""
    if row.base_share is not None:
        yield bar(0.0, scale.share(row.base_share), "e0", top=0.1, bottom=0.45)
    yield bar(0.0, scale.share(row.share), "e1", top=0.55 if row.base_share is not None else 0.25, bottom=0.9)


def _axis(scale: Scale) -> Iterator[str]:
    yield words("0", (0.0, 0.0), shift=(0, 12))
    yield words(percent(scale.high), (1.0, 0.0), anchor=Anchor.END, shift=(0, 12))
