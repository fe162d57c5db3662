"""What figures are drawn from: bounded extracts of the samples, so that a report needs no other file.

Times are integer nanoseconds, those of the day counted from the run's anchor. All of it is of successful requests of
the measured phase, and describes; no verdict rests on it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import Arm

MOST_SERIES = 12
MOST_STEPS = 120
MOST_DOTS = 500
MOST_STRETCHES = 40
MOST_SLOWEST = 10

Nanoseconds = int
"""As they were measured: a foreign file may hold times that cannot be, and a figure of them must stop no verdict."""
Number = Annotated[int, Field(ge=1)]
Shown = Literal[Quantity.TTFT, Quantity.TPOT, Quantity.LATENCY]
"""The first token and the whole answer count from when a request was due; the time per token is a request's mean."""


class Stretch(Frozen):
    """Part of a run, by when requests were due: of their times a tenth lie below `low`, and a tenth above `high`."""

    start_ns: Nanoseconds
    end_ns: Nanoseconds
    requests: Number
    low_ns: Nanoseconds
    median_ns: Nanoseconds
    high_ns: Nanoseconds


class ArmExhibit(Frozen):
    """The times of one arm.

    `steps_ns` are MOST_STEPS of them at most, in order: value i of n stands at the share (i + ½) / n. `p95_ns` is None
    where there are too few. Each request of a small run is a dot, by when it was due (`due_ns`) and its time
    (`dot_ns`); of a large one there are only `stretches`, of which no arm has more than MOST_STRETCHES.
    """

    arm: Arm
    requests: Number
    steps_ns: tuple[Nanoseconds, ...]
    median_ns: Nanoseconds
    p95_ns: Nanoseconds | None
    due_ns: tuple[Nanoseconds, ...] = ()
    dot_ns: tuple[Nanoseconds, ...] = ()
    stretches: tuple[Stretch, ...] = ()


class QuantileChange(Frozen):
    """How far the candidate lies above the base at one share of the requests (a fraction); None is unbounded."""

    share: float = Field(gt=0, lt=1)
    base_ns: Nanoseconds
    change_ns: int
    lower_ns: int | None
    upper_ns: int | None


class SeriesExhibit(Frozen):
    """One series: the times that its worst finding is about; `changes` are there where both arms were measured.

    Each interval of `changes` holds by itself, at `confidence`.
    """

    series: str
    quantity: Shown
    arms: tuple[ArmExhibit, ...]
    changes: tuple[QuantileChange, ...] = ()
    confidence: float = Field(gt=0, lt=1)


class SlowRequest(Frozen):
    """One of the slowest answers of the candidate, against the median of its series, and where its time went.

    It was due `queue_ns` before a connection was asked for; `connect_ns` is 0 on a connection that stood. From the send
    it took `wait_ns` to the first token, `stream_ns` to the last, and `rest_ns` to the end; an answer that was not
    streamed is all wait.
    """

    series: str
    index: Annotated[int, Field(ge=0)]
    prompt_id: str
    due_ns: Nanoseconds
    typical_ns: Nanoseconds
    queue_ns: Nanoseconds
    connect_ns: Nanoseconds
    wait_ns: Nanoseconds
    stream_ns: Nanoseconds
    rest_ns: Nanoseconds

    @property
    def total_ns(self) -> int:
        """From when it was due to its end."""
        return self.queue_ns + self.connect_ns + self.wait_ns + self.stream_ns + self.rest_ns

    @property
    def first_token_ns(self) -> int:
        """From when it was due to its first token, or to its end where it was not streamed."""
        return self.queue_ns + self.connect_ns + self.wait_ns


class Exhibits(Frozen):
    """The worst series first, MOST_SERIES of them at most; `left_out` counts the others."""

    series: tuple[SeriesExhibit, ...]
    slowest: tuple[SlowRequest, ...]
    left_out: Annotated[int, Field(ge=0)] = 0


class Level(Frozen):
    """A level of a history: the points from `first` to before `end`; 9 of 10 of them lie between `low` and `high`."""

    first: Nanoseconds
    end: Number
    value: float
    low: float
    high: float


class Column(Frozen):
    """The runs of one column of a drawing, `at` a fraction of the time: least, middle and largest value."""

    at: float = Field(ge=0, le=1)
    least: float
    middle: float
    largest: float


class HistoryExhibit(Frozen):
    """What the drawing of one line of a history needs beside its points; `columns` where those are too many to draw."""

    seconds: tuple[float, ...]
    levels: tuple[Level, ...]
    columns: tuple[Column, ...] = ()
    spark: tuple[Column, ...] = ()
