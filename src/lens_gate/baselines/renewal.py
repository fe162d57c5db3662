"""When a baseline is renewed: by the frequency that the configuration names, and by nothing that happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lens_gate.artifacts.identity import moment_of


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whether a good run becomes the baseline now, and what is said about that; None: nothing."""

    due: bool
    note: str | None = None


def renewal(*, saved: str | None, every_s: float | None, now: datetime, name: str) -> Renewal:
    """Decide for a baseline that was measured at `saved` (RFC 3339; None: there is none yet).

    Without a frequency nobody but a person makes a baseline.
    """
    if every_s is None:
        note = f"`lens-gate baseline save --name {name}` makes a run the baseline." if saved is None else None
        return Renewal(due=False, note=note)
    if saved is None:
        return Renewal(due=True)
    moment = moment_of(saved)
    if moment is None:  # no time at all, so that nobody could say when its time is over
        return Renewal(due=True)
    age = now - moment
    ahead = age < timedelta(0)  # a clock was wrong, and nobody should wait until that time has come
    return Renewal(due=ahead or age >= timedelta(seconds=every_s))


def staleness(*, saved: str, every_s: float | None, now: datetime, name: str) -> str | None:
    """Say that a baseline has outlived its frequency twice; None where it has not, or each run renews it anyway."""
    moment = moment_of(saved)
    age = timedelta(0) if moment is None else now - moment
    if not every_s or age < timedelta(seconds=2 * every_s):
        return None
    return f"The baseline {name} is {_days(age)} old, and is to be renewed every {_days(timedelta(seconds=every_s))}."


def _days(span: timedelta) -> str:
    days = span / timedelta(days=1)
    return f"{days:.0f} days" if days >= 2 else f"{24 * days:.0f} hours"
