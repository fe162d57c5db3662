"""The history as a static site: an index, a page for each line, and badges; each page is one file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.artifacts.trend import TrendSeries, TrendVerdict
from lens_gate.reports.escape import plain
from lens_gate.reports.html.badge import badge, line_badge
from lens_gate.reports.html.document import document, source
from lens_gate.reports.html.feed import feed
from lens_gate.reports.html.history import (
    COMMIT_DIGITS,
    NO_PARTS,
    Known,
    Line,
    Part,
    headline,
    lines_of,
    quiet_since,
    shifts_of,
    standing_shift,
)
from lens_gate.reports.html.history_chart import places
from lens_gate.reports.html.marks import kind_of
from lens_gate.reports.numbers import plural, quantity
from lens_gate.reports.svg import Markup
from lens_gate.reports.trend_view import trend_view
from lens_gate.vocabulary.outcomes import Outcome

MOST_CHARTS = 12
"""Lines that a single page draws large; the others have their small drawing and their shifts."""

FIRST_CHARTS = 3
"""Lines that the index of a site draws large."""

_LETTERS: Mapping[str, str] = {Outcome.PASS: "p", Outcome.REGRESSION: "r", Outcome.INCONCLUSIVE: "i"}


def trend_html(verdict: TrendVerdict, exhibits: Sequence[HistoryExhibit]) -> str:
    """Return a trend with its verdict as one file without a script."""
    lines = lines_of(verdict.trend, exhibits, Known())
    return document("trend.html", style="history.css", **_shown(verdict, lines), charts=lines[:MOST_CHARTS], site=False)


def site(
    verdict: TrendVerdict,
    exhibits: Sequence[HistoryExhibit],
    known: Known,
    parts: Mapping[int, Sequence[Part]] = NO_PARTS,
) -> dict[str, str]:
    """Return the files of the site by their path in it; `parts` are the last days of lines by their place."""
    lines = lines_of(verdict.trend, exhibits, known, parts)
    shown = _shown(verdict, lines)
    files = {
        "index.html": document(
            "trend.html",
            style="history.css",
            script=source("filter.js"),
            **shown,
            charts=lines[:FIRST_CHARTS],
            site=True,
        )
    }
    for one in lines:
        data = _data(verdict.trend.series[one.place], exhibits[one.place], known)
        drawn = line_badge(one)
        files[f"badge/{one.slug}.svg"] = drawn
        files[f"s/{one.slug}.html"] = document(
            "line.html",
            style="history.css",
            script=source("walk.js"),
            **shown,
            line=one,
            data=data,
            badge=Markup(drawn),
        )
    news = feed(verdict.trend.name, shown["shifts"], verdict.trend.last_time)
    return {**files, "badge/index.svg": _summary_badge(lines), "feed.xml": news}


def _summary_badge(lines: Sequence[Line]) -> str:
    shift = standing_shift(lines) or next((one.newest for one in lines if one.newest), None)
    if shift is not None:
        return badge("trend", shift.told, shift.turn)
    if not any(one.judged for one in lines):
        return badge("trend", "too few runs", "unknown")
    return badge("trend", "steady", "steady")


def _shown(verdict: TrendVerdict, lines: Sequence[Line]) -> dict[str, Any]:
    page = trend_view(verdict)
    title, lead = headline(lines, verdict.trend.runs)
    shifts = shifts_of(lines)
    quiet = verdict.outcome is Outcome.PASS and bool(shifts)
    return {
        "page": page,
        "quiet": quiet,
        "judged": f"No new shift in the last {plural(quiet_since(verdict.trend), 'run')}" if quiet else page.headline,
        "kind": kind_of(page.mark),
        "kind_of": kind_of,
        "lines": lines,
        "shifts": shifts,
        "history": title,
        "lead": lead,
    }


def _data(series: TrendSeries, drawn: HistoryExhibit, known: Known) -> Markup:
    """Return what a script needs to walk along the runs; nothing in it can end the element that holds it."""
    outcomes = (known.outcomes.get(point.run, "") for point in series.points)
    found = {
        "start": datetime.fromisoformat(series.points[0].time).timestamp(),
        "t": [round(second) for second in drawn.seconds],
        "y": [round(1000 * y) for _, y in places(series, drawn)],
        "say": [quantity(point.value, series.unit) for point in series.points],
        "commit": [plain(point.commit or "")[:COMMIT_DIGITS] for point in series.points],
        "commits": known.links.commit or "",
        "runs": _addresses([known.links.of_run(point.run) for point in series.points]),
        "ended": "".join(_LETTERS.get(outcome, "-") for outcome in outcomes),
    }
    return Markup(json.dumps(found, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def _addresses(found: Sequence[str]) -> list[str]:
    """Return addresses with what all of them begin with said once, first; nothing where none is known."""
    known = [one for one in found if one]
    shared = _shared(min(known), max(known)) if known else ""
    return [shared, *(one.removeprefix(shared) if one else "" for one in found)] if known else []


def _shared(one: str, other: str) -> str:
    """Return what two texts begin with alike; of the first and the last in order that is what all begin with."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(letter for letter, _ in alike)
