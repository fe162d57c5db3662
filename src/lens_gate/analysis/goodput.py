"""Goodput: how many requests met every objective, and how many of those there were in a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lens_gate.analysis.quantities import NS_PER_MS, Flags, column, with_status
from lens_gate.artifacts.load import Goodput, ObjectiveMet
from lens_gate.artifacts.samples import Samples
from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.requests import Status
from lens_gate.vocabulary.slo import Objective


def meeting(samples: Samples, objective: Objective) -> Flags:
    """Return which requests succeeded and met an objective.

    A time that nobody saw is not met, except for a pace: an answer of one token, or of one piece, has none to break.
    """
    times_ms = column(samples, objective.quantity) / NS_PER_MS
    met = times_ms <= objective.limit_ms if objective.allowed else times_ms < objective.limit_ms
    if objective.quantity is Quantity.TPOT:
        met |= np.isnan(times_ms)
    return met & with_status(samples, Status.OK)


def meeting_all(samples: Samples, slo: Sequence[Objective]) -> Flags:
    """Return which requests succeeded and met all of the objectives."""
    met: Flags = np.all([meeting(samples, objective) for objective in slo], axis=0)
    return met


def goodput(samples: Samples, slo: Sequence[Objective], seconds: float) -> Goodput | None:
    """Count the requests of one series that met all objectives, of all that were due; None without objectives.

    Failed, throttled and shed requests meet none. `seconds` is the measured window (0: not known).
    """
    if not slo or not len(samples):
        return None
    met = int(meeting_all(samples, slo).sum())
    return Goodput(
        met=met,
        total=len(samples),
        percentage=100 * met / len(samples),
        requests_per_second=met / seconds if seconds > 0 else None,
        objectives=tuple(
            ObjectiveMet(objective=one.text, percentage=100 * float(meeting(samples, one).mean())) for one in slo
        ),
    )
