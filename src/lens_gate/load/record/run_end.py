"""How a run ended, beside its samples. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.limits.pacing import PacedCount
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass

FEWEST_BEYOND: Final = 2
"""A single pause in a short run is no habit: at least two more must be as long for a 99th percentile to show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How late something was, in nanoseconds; zeros where it never happened."""

    count: int = 0
    p50_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0

    @classmethod
    def of(cls, values: Sequence[int]) -> Spread:
        """Sum up what was measured."""
        if not values:
            return cls()
        ranked = sorted(values)
        last = len(ranked) - 1
        most = max(0, min(round(0.99 * last), last - FEWEST_BEYOND))
        return cls(count=len(ranked), p50_ns=ranked[round(0.5 * last)], p99_ns=ranked[most], max_ns=ranked[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended. `anchor_ns` is the transport's clock at offset 0.

    `scheduled` counts the requests that fell due, `sent` those handed to the transport, `shed` those that were not.
    `lateness` is from the intended instant of an open loop to the hand-over. `cpu_share` is the processor time of this
    process while it sent, as a share of one core; None where that took too short a time to tell. `given_up` names the
    series that could not be measured; `examples` holds the first message of each error class of a series, without
    secrets. `breaker` tells each change of a circuit breaker, `paced` what was held back to keep a provider's limits.
    `deferred` is how many answers waited to be decoded; None where none was to wait.
    """

    ending: Ending
    message: str | None
    anchor_ns: int
    scheduled: int
    sent: int
    shed: int
    lateness: Spread
    loop_lag: Spread
    given_up: Mapping[str, Ending]
    examples: Mapping[tuple[str, ErrorClass], str]
    breaker: tuple[BreakerEvent, ...] = ()
    cpu_share: float | None = None
    paced: Mapping[str, PacedCount] = field(default_factory=dict)
    deferred: int | None = None
