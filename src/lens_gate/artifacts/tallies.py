"""Counters of a run for monitoring systems: fed one request at a time, live or from a finished run."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from math import isnan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status

DURATION_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TTFT_BOUNDS_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms in seconds; models that reason take minutes, and a first token may take one."""

_NS_PER_S = 1e9


class Ended(NamedTuple):
    """What counters need to know of a request that ended or was shed; times in seconds from when it was due.

    Only what was `measured` counts, as in every report: warm-up and cool-down are left out. `ttft_s` and `duration_s`
    are None where there is no such time, tokens and dollars where nobody told them.
    """

    provider: str
    model: str
    arm: Arm
    measured: bool
    status: Status
    error: ErrorClass
    duration_s: float | None
    ttft_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None

    @classmethod
    def of(cls, sample: Sample) -> Ended:
        """Take from a sample what counts; only a success has a time to its first token."""
        due, good = sample.intended_ns, sample.status is Status.OK
        return cls(
            provider=sample.provider,
            model=sample.model,
            arm=sample.arm,
            measured=sample.phase is Phase.MEASURE,
            status=sample.status,
            error=sample.error_class,
            duration_s=_seconds(due, sample.end_ns),
            ttft_s=_seconds(due, sample.first_token_ns) if good else None,
            input_tokens=sample.input_tokens,
            output_tokens=sample.output_tokens,
            cost_usd=sample.cost_usd,
        )


class Series(NamedTuple):
    """One model of one provider in one arm."""

    provider: str
    model: str
    arm: Arm


class Histogram:
    """How many values lie at or below each bound, and their sum, in seconds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def cumulative(self) -> list[int]:
        """Return the counts up to each bound; the last one is that of all values."""
        return list(accumulate(self._counts))


@dataclass(slots=True)
class Tally:
    """The counters of one series; `cost_usd` is None where no price is known."""

    requests: Counter[Status] = field(default_factory=Counter)
    errors: Counter[ErrorClass] = field(default_factory=Counter)
    durations: dict[Status, Histogram] = field(default_factory=dict)
    ttft: Histogram = field(default_factory=lambda: Histogram(TTFT_BOUNDS_S))
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    def note(self, ended: Ended) -> None:
        """Count one request."""
        self.requests[ended.status] += 1
        if ended.error is not ErrorClass.NONE:
            self.errors[ended.error] += 1
        if ended.duration_s is not None:
            if ended.status not in self.durations:
                self.durations[ended.status] = Histogram(DURATION_BOUNDS_S)
            self.durations[ended.status].note(ended.duration_s)
        if ended.ttft_s is not None:
            self.ttft.note(ended.ttft_s)
        self.input_tokens += ended.input_tokens or 0
        self.output_tokens += ended.output_tokens or 0
        if ended.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + ended.cost_usd


class Tallies:
    """The counters of a run; `in_flight` counts, by provider, what was sent and has not ended."""

    def __init__(self) -> None:
        self.series: dict[Series, Tally] = {}
        self.in_flight: dict[str, int] = {}

    def sent(self, provider: str) -> None:
        """Count a request that was sent."""
        self.in_flight[provider] = self.in_flight.get(provider, 0) + 1

    def ended(self, ended: Ended) -> None:
        """Count a request that ended; where nobody told what was sent, nothing is in flight."""
        if self.in_flight.get(ended.provider):
            self.in_flight[ended.provider] -= 1
        if ended.measured:
            key = Series(ended.provider, ended.model, ended.arm)
            self.series.setdefault(key, Tally()).note(ended)


def tallies_of(samples: Samples) -> Tallies:
    """Return the counters of a finished run; nothing of it is in flight."""
    tallies = Tallies()
    for ended in _rows(samples):
        tallies.ended(ended)
    return tallies


def _rows(samples: Samples) -> Iterator[Ended]:
    due, first, end, received, answered, cost = (_cells(samples.numbers[name]) for name in _NUMBERS)
    provider, model, arm, phase, status, error = (samples.texts[name].strings() for name in _TEXTS)
    for row in range(len(samples)):
        good = status[row] == Status.OK
        yield Ended(
            provider=str(provider[row]),
            model=str(model[row]),
            arm=Arm(str(arm[row])),
            measured=phase[row] == Phase.MEASURE,
            status=Status(str(status[row])),
            error=ErrorClass(str(error[row])),
            duration_s=_seconds(due[row], end[row]),
            ttft_s=_seconds(due[row], first[row]) if good else None,
            input_tokens=_whole(received[row]),
            output_tokens=_whole(answered[row]),
            cost_usd=cost[row],
        )


def _cells(column: NDArray[np.float64]) -> list[float | None]:
    return [None if isnan(value) else value for value in column.tolist()]


def _seconds(due_ns: float | None, then_ns: float | None) -> float | None:
    return None if then_ns is None else (then_ns - (due_ns or 0.0)) / _NS_PER_S


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


_NUMBERS: Final = ("intended_ns", "first_token_ns", "end_ns", "input_tokens", "output_tokens", "cost_usd")
_TEXTS: Final = ("provider", "model", "arm", "phase", "status", "error_class")
