"""Where warm-up and cool-down take the larger part of a run: said before it, and judged after it. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from lens_gate.artifacts.run import ValidityCheck
from lens_gate.artifacts.samples import Samples
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Phase, Status

LARGEST_SHARE: Final = 0.5
"""Which share of a run warm-up and cool-down may take before that is remarked."""

_REMEDY = "shorten `warmup` and `cooldown`, or raise `requests` or `duration`, which include both"


def foretold(settings: ScheduleSettings) -> str | None:
    """Say where warm-up and cool-down will take the larger part of a run, or may; None where most is measured."""
    unmeasured_s = settings.warmup_s + settings.cooldown_s
    if not unmeasured_s:
        return None
    if settings.end_s is None:
        return (
            f"how many of {settings.requests} requests fall into the warm-up of {unmeasured_s:g} s, and are not "
            f"measured, depends on how fast they are answered: {_REMEDY}"
        )
    if unmeasured_s <= LARGEST_SHARE * settings.end_s:
        return None
    return f"warm-up and cool-down take {unmeasured_s:g} s of {settings.end_s:.3g} s{_left(settings)}: {_REMEDY}"


def _left(settings: ScheduleSettings) -> str:
    """Say how many requests are measured, where that is known."""
    if settings.end_s is None or settings.expected_requests is None:
        return ""
    due = settings.due(settings.warmup_s, settings.end_s - settings.cooldown_s)
    return (
        ""
        if due is None
        else f", which leaves about {due * settings.turns:.0f} of {settings.expected_requests} requests"
    )


def unmeasured(samples: Samples, ending: Ending) -> ValidityCheck:
    """Say which share of what was sent fell into warm-up and cool-down; a run that was decided needs no more."""
    sent = samples.where(~samples.texts["status"].equals(Status.SHED))
    outside = int(np.sum(~sent.texts["phase"].equals(Phase.MEASURE)))
    share = outside / len(sent) if len(sent) else None
    ok = share is None or share <= LARGEST_SHARE or ending is Ending.DECIDED
    return ValidityCheck(
        name="unmeasured_share",
        value=share,
        limit=LARGEST_SHARE,
        unit="share",
        ok=ok,
        effect="warn",
        message="ok" if ok else _told(outside, len(sent), ending),
    )


def _told(outside: int, sent: int, ending: Ending) -> str:
    which = f"all {sent}" if outside == sent else f"{outside} of {sent}"
    nothing = ", so that nothing was measured" if outside == sent else ""
    then = _REMEDY if ending is Ending.COMPLETE else "the run ended before its time"
    return f"warm-up and cool-down took {which} requests{nothing}: {then}"
