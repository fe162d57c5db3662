"""What retries and circuit breakers did to a run, as checks of its validity. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np

from lens_gate.artifacts.run import ValidityCheck
from lens_gate.artifacts.samples import Samples
from lens_gate.load.breaker import State
from lens_gate.load.breakers import BreakerEvent


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


def opened(events: tuple[BreakerEvent, ...]) -> ValidityCheck:
    """Say how often circuit breakers opened: what fell due meanwhile was not sent, so the failures are undercounted."""
    times = Counter(f"that of {event.provider} ({event.arm})" for event in events if event.state is State.OPEN)
    named = ", ".join(f"{name} {number} times" if number > 1 else f"{name} once" for name, number in times.items())
    return ValidityCheck(
        name="breaker_openings",
        value=float(times.total()),
        limit=0.0,
        unit="openings",
        ok=not times,
        effect="warn",
        message=f"a circuit breaker opened ({named}): what fell due meanwhile was not sent and counts as shed, so that"
        " the endpoint failed for longer than the errors show"
        if times
        else "ok",
    )
