"""How much of the budgets over many runs is left, and how much of it a run takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from lens_gate.artifacts.ledger import Ledger, LedgerEntry

ROOM = 1.2
"""How much more than its forecast a run takes: the number of requests of some schedules is only expected."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of the scarcer budget, and its name."""

    usd: float
    budget: str


def left_of(ledger: Ledger, day: str, *, daily_usd: float | None, monthly_usd: float | None) -> Left:
    """Return what runs may still take on this day of the ledger's month; infinite without a budget."""
    today = sum(_taken(entry) for entry in ledger.entries if entry.day == day)
    month = sum(map(_taken, ledger.entries))
    return min(
        Left(inf if daily_usd is None else max(0.0, daily_usd - today), "daily"),
        Left(inf if monthly_usd is None else max(0.0, monthly_usd - month), "monthly"),
        key=lambda left: left.usd,
    )


def _taken(entry: LedgerEntry) -> float:
    return entry.reserved_usd if entry.spent_usd is None else entry.spent_usd


def share_of(left_usd: float, *, cap_usd: float | None, forecast_usd: float | None, attempts: int) -> float:
    """Return what a run takes of what is left: its cap, or no more than it can need, so that others have the rest.

    `forecast_usd` is the bound of all its requests, None where nobody knows how many there will be.
    """
    needed = inf if forecast_usd is None else ROOM * attempts * forecast_usd
    return min(left_usd, inf if cap_usd is None else cap_usd, needed)


def without(ledger: Ledger, run: str) -> Ledger:
    """Leave out a run that goes on: what it spent before is counted with what it will have spent in the end."""
    return ledger.model_copy(update={"entries": tuple(entry for entry in ledger.entries if entry.run != run)})


def reserved(ledger: Ledger, entry: LedgerEntry) -> Ledger:
    """Add a run that begins."""
    return ledger.model_copy(update={"entries": (*ledger.entries, entry)})


def restored(ledger: Ledger, run: str, before: tuple[LedgerEntry, ...]) -> Ledger:
    """Write down for a run what stood there before it went on, and nothing else."""
    others = without(ledger, run)
    return others.model_copy(update={"entries": (*others.entries, *before)})


def settled(ledger: Ledger, run: str, spent_usd: float) -> Ledger:
    """Write down what a run spent."""
    entries = tuple(
        entry.model_copy(update={"spent_usd": spent_usd}) if entry.run == run else entry for entry in ledger.entries
    )
    return ledger.model_copy(update={"entries": entries})
