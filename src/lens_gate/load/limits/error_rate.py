"""When so many requests fail that a run is not worth going on with. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lens_gate.artifacts.samples import Sample
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRule:
    """Too many is at least `percent` of the last `window` requests of a series and arm, once `min_requests` ended."""

    percent: float
    min_requests: int = 20
    window: int = 100


@dataclass(frozen=True, slots=True)
class Excess:
    """Of the last `requests`, so many `failed`."""

    failed: int
    requests: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.failed} of the last {self.requests} requests failed"


class ErrorRates:
    """Counts how the last requests of each series and arm ended.

    Failed and throttled ones count alike, since neither measures anything. What was never sent, or cut off by us, does
    not count.
    """

    def __init__(self, rule: AbortRule | None) -> None:
        self._rule = rule
        self._latest: dict[tuple[Arm, str], deque[bool]] = {}

    def ended(self, sample: Sample) -> Excess | None:
        """Take note of a request that ended; return how many failed where that is too many."""
        rule = self._rule
        if rule is None or sample.error_class is ErrorClass.SHED or sample.error_class.by_us:
            return None
        latest = self._latest.setdefault((sample.arm, sample.series), deque(maxlen=rule.window))
        latest.append(sample.status is not Status.OK)
        found = Excess(sum(latest), len(latest))
        too_many = found.failed > 0 and 100 * found.failed >= rule.percent * found.requests
        return found if too_many and found.requests >= min(rule.min_requests, rule.window) else None
