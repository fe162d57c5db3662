"""The clock, the sleep and the luck of whoever waits for a platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`sleep` takes seconds, `now` is the time of day in seconds since 1970, `rng` spreads those who wait together."""

    sleep: Callable[[float], None]
    now: Callable[[], float]
    rng: Random
