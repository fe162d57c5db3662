"""From a line of a history to what its drawing needs: its levels, and columns of time where runs are too many."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.exhibits import Column, HistoryExhibit, Level
from lens_gate.artifacts.trend import TrendSeries
from lens_gate.stats.change_points import FEWEST_RUNS

MOST_POINTS = 800
_COLUMNS = 400
_SPARK_COLUMNS = 60

PARTS_DAYS = (30, 90)
"""The last days of a line that can be looked at by themselves."""

_MUCH_LONGER = 1.5
_FEWEST_IN_PART = 5

Floats = NDArray[np.float64]


def history_exhibit(series: TrendSeries) -> HistoryExhibit:
    """Return the levels between the shifts of a line, and its columns; nothing of a line without runs.

    A line of too few runs to shift has no level: of three runs nobody can say where nine of ten fall.
    """
    if not series.points:
        return HistoryExhibit(seconds=(), levels=())
    times = np.array([datetime.fromisoformat(point.time).timestamp() for point in series.points])
    values = np.array([point.value for point in series.points])
    seconds = times - times[0]
    return HistoryExhibit(
        seconds=tuple(seconds.tolist()),
        levels=tuple(_levels(series, values)) if series.shifts or len(values) >= FEWEST_RUNS else (),
        columns=_columns(seconds, values, _COLUMNS) if len(values) > MOST_POINTS else (),
        spark=_columns(seconds, values, _SPARK_COLUMNS),
    )


def newest_part(series: TrendSeries, days: int) -> TrendSeries | None:
    """Return a line's last days, with the shifts within them; None where that is most of the line, or hardly a run."""
    times = [datetime.fromisoformat(point.time) for point in series.points]
    if not times or times[-1] - times[0] < _MUCH_LONGER * timedelta(days=days):
        return None
    first = bisect_left(times, times[-1] - timedelta(days=days))
    if len(times) - first < _FEWEST_IN_PART:
        return None
    later = (shift for shift in series.shifts if shift.index > first)
    shifts = tuple(
        shift.model_copy(update={"index": shift.index - first, "found": shift.found - first}) for shift in later
    )
    return series.model_copy(update={"points": series.points[first:], "shifts": shifts})


def _levels(series: TrendSeries, values: Floats) -> list[Level]:
    """Return the stretches between shifts, each with its middle and the range of 9 of 10 of its runs."""
    edges = sorted({0, *(shift.index for shift in series.shifts), len(values)})
    return [_level(first, end, values[first:end]) for first, end in pairwise(edges)]


def _level(first: int, end: int, values: Floats) -> Level:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95)).tolist()
    return Level(first=first, end=end, value=middle, low=low, high=high)


def _columns(seconds: Floats, values: Floats, count: int) -> tuple[Column, ...]:
    """Put the runs into columns of equal time, and not of equal number: a step has to stand beside its date."""
    span = seconds[-1] or 1.0
    places = np.minimum((count * seconds / span).astype(int), count - 1)
    cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(values)]
    return tuple(_column((places[first] + 0.5) / count, values[first:end]) for first, end in pairwise(cuts))


def _column(at: float, values: Floats) -> Column:
    return Column(at=float(at), least=float(values.min()), middle=float(np.median(values)), largest=float(values.max()))
