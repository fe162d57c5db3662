"""Two stores that know the same runs and baselines: what is known in all, and which of them came later."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from enum import Enum

from lens_gate.vocabulary.index import Acceptance, IndexEntry, OpenCheck
from lens_gate.vocabulary.outcomes import Outcome

_FAILED = (Outcome.REGRESSION.value, Outcome.NOT_MEASURED.value)


def joined(entry: IndexEntry, known: IndexEntry) -> IndexEntry:
    """Return an entry with what was known of the run before and is not said anew."""
    judged = entry if entry.outcome else known
    return replace(
        entry,
        outcome=judged.outcome,
        open_checks=judged.open_checks,
        acceptance=entry.acceptance or known.acceptance,
    )


def agreed(entry: IndexEntry, other: IndexEntry) -> IndexEntry:
    """Return an entry with what another store knows of the same run.

    A run that failed its gate in the eyes of either failed it; the later acceptance counts. Else the other store's word
    stands, where it has one: nobody knows which was later.
    """
    outcome = _worse(entry, other) or other.outcome or entry.outcome
    accepted = [one for one in (other.acceptance, entry.acceptance) if one is not None]
    return replace(
        entry,
        outcome=outcome,
        open_checks=_checks_behind(outcome, other, entry),
        acceptance=max(accepted, key=_accepted_at, default=None),
    )


def _worse(*entries: IndexEntry) -> str | None:
    said = {one.outcome for one in entries}
    return next((outcome for outcome in _FAILED if outcome in said), None)


def _checks_behind(outcome: str | None, *entries: IndexEntry) -> tuple[OpenCheck, ...] | None:
    """Return the checks of the first entry that says so and names them."""
    named = (one.open_checks for one in entries if one.outcome == outcome)
    return next((checks for checks in named if checks is not None), None)


def _accepted_at(acceptance: Acceptance) -> str:
    return acceptance.at


def tells_more(entry: IndexEntry | None, other: IndexEntry | None) -> bool:
    """Say whether a store knows more of a run that both hold: a later end, a verdict, or an acceptance.

    None is the entry of bytes whose writer was killed in between.
    """
    if entry is None or other is None:
        return entry is not None
    longer = entry.run is not None and other.run is not None and entry.run.end_time > other.run.end_time
    return longer or agreed(other, entry) != agreed(other, other)


class Lead(Enum):
    """Which of two stores has the baseline that took the place of the other's."""

    OURS = "ours"
    THEIRS = "theirs"
    APART = "apart"


def lead(*, ours: str, theirs: str, our_past: Collection[str], their_past: Collection[str]) -> Lead:
    """Decide by the ids of two baselines of one name that differ, and of what was each before.

    Where each store has had the other's, somebody went back to an earlier one, and no store can tell who did so last.
    """
    match theirs in our_past, ours in their_past:
        case True, False:
            return Lead.OURS
        case False, True:
            return Lead.THEIRS
        case _:
            return Lead.APART
