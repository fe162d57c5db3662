"""What retries, circuit breakers and rate limits did to a run, as checks of its validity. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from lens_gate.artifacts.run import ValidityCheck
from lens_gate.artifacts.samples import Samples
from lens_gate.load.limits.breaker import State
from lens_gate.load.limits.breakers import BreakerEvent
from lens_gate.load.limits.pacing import PacedCount

PACED_LIMIT: Final = 0.01
"""Which share of the requests may be held back before that is worth a warning."""


def retried(sent: Samples) -> ValidityCheck:
    """Say which share of the requests was tried more than once: their response times hold waits of ours."""
    value = float(np.mean(sent.numbers["attempts"] > 1)) if len(sent) else None
    return ValidityCheck(
        name="retried_share",
        value=value,
        limit=0.0,
        unit="share",
        ok=not value,
        effect="warn",
        message="some requests were tried more than once: their response times hold all their attempts and the waits"
        " between them, their service times only the last attempt"
        if value
        else "ok",
    )


def paced(counts: Mapping[str, PacedCount], sent: int) -> ValidityCheck:
    """Say which share of the requests was held back to keep a rate limit: they were sent later than asked."""
    held = sum(count.paced for count in counts.values())
    waited_s = sum(count.waited_ns for count in counts.values()) / 1e9
    share = held / sent if sent else None
    ok = share is None or share <= PACED_LIMIT
    return ValidityCheck(
        name="paced_share",
        value=share,
        limit=PACED_LIMIT,
        unit="share",
        ok=ok,
        effect="warn",
        message="ok"
        if ok
        else f"{held} requests were held back to keep rate limits, by {waited_s:.1f} s in all: they arrived less"
        " unevenly, or more slowly, than the schedule asked for; their times count from when they might go",
    )


def opened(events: tuple[BreakerEvent, ...], sent: int) -> ValidityCheck:
    """Say how often circuit breakers opened: what fell due meanwhile was not sent, so the failures are undercounted."""
    times = Counter(f"that of {event.provider} ({event.arm})" for event in events if event.state is State.OPEN)
    named = ", ".join(f"{name} {number} times" if number > 1 else f"{name} once" for name, number in times.items())
    return ValidityCheck(
        name="breaker_openings",
        value=float(times.total()) if sent else None,
        limit=0.0,
        unit="openings",
        ok=not times,
        effect="warn",
        message=f"a circuit breaker opened ({named}): what fell due meanwhile was not sent and counts as shed, so that"
        " the endpoint failed for longer than the errors show"
        if times
        else "ok",
    )
