"""A rate that changes over time, and the instants at which so many requests are due under it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, sqrt

from lens_gate.load.schedule.arrivals import NS_PER_S


@dataclass(frozen=True, slots=True)
class Stage:
    """A piece of a run whose rate goes evenly from `first_rate` to `last_rate`, both per second; equal ones hold it."""

    duration_s: float
    first_rate: float
    last_rate: float

    def due(self, elapsed_s: float) -> float:
        """Return the requests that are due in the first `elapsed_s` of this piece: the integral of its rate."""
        return self.first_rate * elapsed_s + (self.last_rate - self.first_rate) * elapsed_s**2 / (2 * self.duration_s)

    def elapsed(self, due: float) -> float:
        """Return after how many seconds so many requests are due: the inverse of `due`, for less than all of them.

        The root of the quadratic equation is written without a difference of near equals, so that it is exact for a
        rate that hardly changes, and for one that does not.
        """
        growth = (self.last_rate - self.first_rate) / self.duration_s
        root = sqrt(max(0.0, self.first_rate**2 + 2 * growth * due))
        return 2 * due / (self.first_rate + root) if due > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Stages one after the other; when they are over, the last rate goes on."""

    stages: tuple[Stage, ...]

    @property
    def duration_s(self) -> float:
        """The length of all stages, to the nanosecond."""
        return round(sum(stage.duration_s for stage in self.stages), 9)

    @property
    def mean_rate(self) -> float:
        """Requests per second on average over all stages."""
        return self.due(self.duration_s) / self.duration_s

    def due(self, end_s: float) -> float:
        """Return how many requests are due before `end_s`: the exact integral of the rate from the start."""
        total, left_s = 0.0, end_s
        for stage in self.stages:
            total += stage.due(min(left_s, stage.duration_s))
            left_s -= stage.duration_s
            if left_s <= 0:
                return total
        return total + left_s * self.stages[-1].last_rate

    def time_of(self, due: float) -> float:
        """Return the second after which more than `due` requests are due; infinite where that never happens.

        So the first request of a pause comes after it.
        """
        start_s, left = 0.0, due
        for stage in self.stages:
            in_stage = stage.due(stage.duration_s)
            if left < in_stage:
                return start_s + stage.elapsed(left)
            start_s += stage.duration_s
            left -= in_stage
        rate = self.stages[-1].last_rate
        return start_s + left / rate if rate > 0 else inf


def curve_of(steps: Sequence[tuple[float, float, bool]]) -> RateCurve:
    """Return the curve of stages given as seconds, rate and whether the rate ramps there from the one before (or 0)."""
    rates = [0.0, *(rate for _, rate, _ in steps)]
    return RateCurve(
        tuple(
            Stage(duration_s, before if ramp else rate, rate)
            for (duration_s, rate, ramp), (before, _) in zip(steps, pairwise(rates), strict=True)
        )
    )


def along(curve: RateCurve, offsets_ns: Iterator[int]) -> Iterator[int]:
    """Move `offsets_ns` of a process with a mean rate of one per second to where `curve` makes as many due.

    A Poisson process becomes the Poisson process of that rate (the time-rescaling theorem, Daley and Vere-Jones 2003,
    7.4), an even one has its k-th request where the integral of the rate reaches k. It ends with the curve's requests.
    """
    for offset_ns in offsets_ns:
        time_s = curve.time_of(offset_ns / NS_PER_S)
        if not isfinite(time_s):
            return
        yield round(time_s * NS_PER_S)
