"""One metric of one series, run by run: what every rule looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lens_gate.artifacts.trend import TrendPoint
from lens_gate.trends.history import Key, RunRecord
from lens_gate.trends.scale import Floats, Scale
from lens_gate.vocabulary.metric_table import metric as metric_named
from lens_gate.vocabulary.metrics import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The known values, oldest first; `numbers` are the same on the metric's scale, empty where that does not fit.

    `unknown` runs had the series and no value, `ends_unknown` says that the newest run is one of them.
    """

    series: str | None
    metric: Metric
    scale: Scale
    points: tuple[TrendPoint, ...]
    numbers: Floats
    unknown: int
    ends_unknown: bool

    @property
    def fits(self) -> bool:
        """Whether the values have a place on the scale of their metric."""
        return len(self.numbers) == len(self.points)

    def when(self, index: int) -> str:
        """Name the run of a point for people: `run 46 of 60, 2026-02-15, commit 3f9c2ab`."""
        point = self.points[index]
        commit = f", commit {point.commit[:7]}" if point.commit else ""
        return f"run {index + 1} of {len(self.points)}, {point.time[:10]}{commit}"


def line_of(key: Key, runs: Sequence[RunRecord]) -> Line:
    """Return what the runs say of one metric of one series."""
    metric = metric_named(key[1])
    asked = [run for run in runs if key in run.values]
    points = tuple(_point(run, value) for run in asked if (value := run.values[key]) is not None)
    values = np.array([point.value for point in points])
    scale = Scale.of(metric)
    return Line(
        series=key[0],
        metric=metric,
        scale=scale,
        points=points,
        numbers=scale.numbers(values) if scale.fits(values) else values[:0],
        unknown=len(asked) - len(points),
        ends_unknown=asked[-1].values[key] is None,
    )


def _point(run: RunRecord, value: float) -> TrendPoint:
    return TrendPoint(run=run.run, time=run.time, commit=run.commit, branch=run.branch, value=value)
