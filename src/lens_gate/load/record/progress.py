"""Counters for a live view: what has happened so far, and how it looks lately. Drawing them is cli's."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.vocabulary.requests import ErrorClass, Status

RECENT: Final = 50
"""How many of the last successes the medians are taken over."""

TRAIL: Final = 24
"""How many medians of the past are kept, one for each second in which the run was shown."""

_TRAIL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The run at one moment; times in seconds and milliseconds, dollars without the requests in flight.

    `rate` is of ended requests per second. `left_s` and `expected` are None where the length of the run is not known.
    `trail_ms` are the median latencies of the last seconds, the newest last.
    """

    elapsed_s: float
    left_s: float | None
    sent: int
    done: int
    ok: int
    errors: Mapping[ErrorClass, int]
    spent_usd: float
    rate: float
    ttft_ms: float | None
    latency_ms: float | None
    expected: int | None = None
    trail_ms: tuple[float, ...] = ()


class Progress:
    """Counts; `expected_s` and `expected_requests` are the planned length of the run, whichever is known."""

    def __init__(self, *, expected_s: float | None = None, expected_requests: int | None = None) -> None:
        self._expected_s = expected_s
        self._expected_requests = expected_requests
        self._taken = 0
        self._done = 0
        self._ok = 0
        self._errors: Counter[ErrorClass] = Counter()
        self._spent_usd = 0.0
        self._ttft: deque[float] = deque(maxlen=RECENT)
        self._latency: deque[float] = deque(maxlen=RECENT)
        self._trail: deque[float] = deque(maxlen=TRAIL)
        self._trailed_s = 0.0

    def following(self, schedule: Iterable[PlannedRequest]) -> Iterator[PlannedRequest]:
        """Pass `schedule` on, counting what has been sent: all that was taken but the one now prepared."""
        for planned in schedule:
            yield planned
            self._taken += 1

    def note(self, sample: Sample) -> None:
        """Count a request that ended or was shed."""
        self._done += 1
        self._spent_usd += sample.cost_usd or 0.0
        if sample.status is not Status.OK:
            self._errors[sample.error_class] += 1
            return
        self._ok += 1
        if sample.first_token_ns is not None:
            self._ttft.append((sample.first_token_ns - sample.intended_ns) / 1e6)
        if sample.end_ns is not None:
            self._latency.append((sample.end_ns - sample.intended_ns) / 1e6)

    def snapshot(self, elapsed_s: float) -> Snapshot:
        """Return the state `elapsed_s` seconds after the start."""
        rate = self._done / elapsed_s if elapsed_s > 0 else 0.0
        latency_ms = median(self._latency) if self._latency else None
        if latency_ms is not None and elapsed_s - self._trailed_s >= _TRAIL_EVERY_S:
            self._trailed_s = elapsed_s
            self._trail.append(latency_ms)
        return Snapshot(
            elapsed_s=elapsed_s,
            left_s=self._left_s(elapsed_s, rate),
            sent=max(self._taken, self._done),
            done=self._done,
            ok=self._ok,
            errors=dict(self._errors),
            spent_usd=self._spent_usd,
            rate=rate,
            ttft_ms=median(self._ttft) if self._ttft else None,
            latency_ms=latency_ms,
            expected=self._expected_requests,
            trail_ms=tuple(self._trail),
        )

    def _left_s(self, elapsed_s: float, rate: float) -> float | None:
        if self._expected_s is not None:
            return max(0.0, self._expected_s - elapsed_s)
        if self._expected_requests is None or rate == 0:
            return None
        return max(0, self._expected_requests - self._done) / rate
