"""One comment on a pull request for the results of many jobs: read, merged, written anew, and read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from lens_gate.artifacts.leg import Leg, read_leg, written_leg
from lens_gate.ci.board import Board, Slot, marker, packed, read_board, written
from lens_gate.ci.notes import Patience, keep_one
from lens_gate.ci.platform import Platform
from lens_gate.reports.comment import TEXT_BYTES, Told, badness, comment, differs, lighter
from lens_gate.vocabulary.outcomes import ExitCode
from lens_gate.vocabulary.publishing import CommentMode

STATE_CHARACTERS = 24_000
"""With the text below what GitHub takes in one comment."""

_ROWS = (10, 5, 2, 1, 0)
"""How many rows each suite keeps at most; where there is no room for more, less."""

_WHOLE = 4
"""So many suites are kept with everything that their legs hold."""

_FIRST_LEVELS = ((10, 1), (25, 2), (60, 3))
"""With so many suites at most, the number of rows that is tried first."""

Suites: TypeAlias = Mapping[str, tuple[Slot, Leg]]
"""What each suite said last, as it is kept and as it is read."""


def publish_comment(
    legs: Sequence[Leg], platform: Platform, patience: Patience, *, board: str, mode: CommentMode
) -> None:
    """Bring the comment of a board up to date with these results. Raises PublishFailed."""
    if mode is CommentMode.OFF:
        return
    step = platform.step
    mine = {leg.suite: Slot(run_id=step.run_id, attempt=step.attempt, content=written_leg(leg)) for leg in legs}

    def compose(bodies: Sequence[str]) -> str | None:
        there = _readable(read_board(bodies))
        if not wanted(mode, legs, {name: leg for name, (_, leg) in there.items()}, exists=bool(bodies)):
            return None
        merged = _readable(Board({name: slot for name, (slot, _) in there.items()}).with_slots(mine))
        return composed(board, merged, platform.url_of_run)

    keep_one(platform.notes(), marker(board), compose, patience)


def wanted(mode: CommentMode, legs: Sequence[Leg], before: Mapping[str, Leg], *, exists: bool) -> bool:
    """Say whether these results are to be written, given what the comment says already, where it `exists`."""
    match mode:
        case CommentMode.OFF:
            return False
        case CommentMode.ALWAYS:
            return True
        case CommentMode.FAILURES:
            return exists or any(leg.exit_code is not ExitCode.OK for leg in legs)
        case CommentMode.CHANGES:
            return any(differs(leg, before.get(leg.suite)) for leg in legs)


def composed(board: str, suites: Suites, url_of_run: Callable[[int], str]) -> str:
    """Return the whole comment, with as much of each suite as there is room for.

    How much that is depends on the suites alone: two jobs that know the same write the same.
    """
    kept = next((one for one in _levels(suites) if _fits(one)), None) or _fewer(_lightened(suites, 0))
    return written(board, comment(_told(kept, url_of_run), limit=TEXT_BYTES), _board(kept))


def _levels(suites: Suites) -> Iterator[Suites]:
    if len(suites) <= _WHOLE:
        yield suites
    first = next((level for most, level in _FIRST_LEVELS if len(suites) <= most), len(_ROWS) - 1)
    for rows in _ROWS[first:]:
        yield _lightened(suites, rows)


def _fits(suites: Suites) -> bool:
    return len(packed(_board(suites))) <= STATE_CHARACTERS


def _fewer(suites: Suites) -> Suites:
    """Leave out suites until the rest fits, the best first: only many long names and headlines take so much room."""
    worst_first = sorted(suites, key=lambda name: badness(suites[name][1]))
    while not _fits({name: suites[name] for name in worst_first}):
        del worst_first[len(worst_first) * 3 // 4 :]
    return {name: suites[name] for name in sorted(worst_first)}


def _lightened(suites: Suites, rows: int) -> Suites:
    light = {name: (slot, lighter(leg, rows)) for name, (slot, leg) in suites.items()}
    return {name: (replace(slot, content=written_leg(leg)), leg) for name, (slot, leg) in light.items()}


def _board(suites: Suites) -> Board:
    return Board({name: slot for name, (slot, _) in suites.items()})


def _told(suites: Mapping[str, tuple[Slot, Leg]], url_of_run: Callable[[int], str]) -> list[Told]:
    """Return what each suite said; the newest run of all says which commit is current."""
    _, newest = max(suites.values(), key=lambda one: one[0].age)
    return [
        Told(leg=leg, url=url_of_run(slot.run_id), current=leg.commit == newest.commit) for slot, leg in suites.values()
    ]


def _readable(board: Board) -> Suites:
    """Return the suites of a board whose content is what we write, each under its own name."""
    legs = ((name, slot, read_leg(slot.content)) for name, slot in board.slots.items())
    return {name: (slot, leg) for name, slot, leg in legs if leg is not None and leg.suite == name}
