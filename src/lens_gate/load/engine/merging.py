"""One end of a run that several processes sent: sums of what was counted, the worst of what went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from lens_gate.artifacts.instrument import Stamps
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.vocabulary.outcomes import Ending

Key = TypeVar("Key")
Value = TypeVar("Value")


def merged_end(ends: Sequence[RunEnd], stop: StopSignal, *, anchor_ns: int) -> RunEnd:
    """Return the end of the whole run; `stop` knows why it ended, where it did before its schedule.

    Lateness, loop lag and processor share are those of the process that had the most of them: a mean would hide it.
    """
    shares = [end.cpu_share for end in ends if end.cpu_share is not None]
    deferred = [end.deferred for end in ends if end.deferred is not None]
    return RunEnd(
        ending=stop.ending or Ending.COMPLETE,
        message=stop.message,
        anchor_ns=anchor_ns,
        scheduled=sum(end.scheduled for end in ends),
        sent=sum(end.sent for end in ends),
        shed=sum(end.shed for end in ends),
        lateness=_worst(end.lateness for end in ends),
        loop_lag=_worst(end.loop_lag for end in ends),
        given_up=_first_of_each(end.given_up for end in ends),
        examples=_first_of_each(end.examples for end in ends),
        cpu_share=max(shares, default=None),
        deferred=sum(deferred) if deferred else None,
    )


def merged_stamps(found: Iterable[Stamps | None]) -> Stamps | None:
    """Sum up how the kernel's stamps went; of the clock the worst that any process saw."""
    known = [one for one in found if one is not None]
    if not known:
        return None
    return Stamps(
        used=sum(one.used for one in known),
        refused=sum(one.refused for one in known),
        clock_step_us=max((one.clock_step_us for one in known), key=abs),
        uncertainty_us=max(one.uncertainty_us for one in known),
    )


def _worst(spreads: Iterable[Spread]) -> Spread:
    return max(spreads, key=lambda one: (one.p99_ns, one.max_ns), default=Spread())


def _first_of_each(found: Iterable[Mapping[Key, Value]]) -> dict[Key, Value]:
    together: dict[Key, Value] = {}
    for one in found:
        for key, value in one.items():
            together.setdefault(key, value)
    return together
