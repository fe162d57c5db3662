"""One comment on a pull request for the results of many jobs: read, merged, written anew, and read again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lens_gate.artifacts.leg import LeftOut, Leg, left_out, read_leg, written_leg
from lens_gate.ci.board import MOST_SLOTS, Board, Slot, digest, marker, packed, read_board, written
from lens_gate.ci.notes import Patience, keep_one
from lens_gate.ci.platform import Platform, Step
from lens_gate.reports.comment import TEXT_BYTES, Told, badness, comment, counts, differs, lighter
from lens_gate.steps.line import attempt_all
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import CommentMode

STATE_CHARACTERS = 24_000
"""With the text below what GitHub takes in one comment."""

_ROWS = (10, 5, 2, 1, 0)
"""How many rows each suite keeps at most; where there is no room for more, less."""

_WHOLE = 4
"""So many suites are kept with everything that their legs hold."""

_FIRST_LEVELS = ((10, 1), (25, 2), (60, 3))
"""With so many suites at most, the number of rows that is tried first."""


_NO_SUITE = ""
"""Stands for the suites of a job that has no verdict, and may not know what there is to be measured."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a job said of a suite, as it is kept and as it is read: whole, or no more than its outcome."""

    slot: Slot
    leg: Leg | LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A result to publish, and the id of the measurement that it is of: None where nothing was measured.

    The id may be another's word: it takes the place of no result of a run that is known to be for this change. `named`
    is whether a verdict would go by the suite of the result.
    """

    leg: Leg
    id: str | None
    named: bool = True

    def said_by(self, step: Step, asked: str) -> Said:
        """Return the result as the word of a job; a measurement that was judged twice, with two ends, is two.

        Where nothing was measured, and that has no name, it goes by what was `asked` for.
        """
        leg, suite = self.leg, self.leg.suite if self.named else _NO_SUITE
        apart = "" if step.one_change else "apart"
        without = "" if self.named else asked
        source = _nothing(suite, step, without) if self.id is None else digest(suite, self.id, leg.outcome, apart)
        return Said(_slot(leg, step, suite=suite, source=source), leg)

    def settles(self, step: Step) -> set[str]:
        """Return the source of what the same job said before, when it had no verdict: a retry takes its place."""
        return set() if self.id is None else {_nothing(self.leg.suite, step)}


def _nothing(suite: str, step: Step, asked: str = "") -> str:
    """Return the source of the word that one job of one run has no verdict, on what was `asked` for."""
    return digest("nothing", suite, step.job, str(step.run_id), str(step.attempt), step.nonce, asked)


def _slot(leg: Leg | LeftOut, step: Step, *, suite: str, source: str) -> Slot:
    return Slot(
        lane=digest(suite, step.job),
        run_id=step.run_id,
        attempt=step.attempt,
        source=source,
        content=written_leg(leg),
        commit="" if step.one_change else step.commit,
        whole=step.whole,
    )


def _presence(step: Step, asked: str) -> Said:
    """Return that a job was there: it counts where a job of its name had no verdict, and may be one of several.

    It takes the place of the job's own word that what was `asked` for has none: not of its word on something else.
    """
    leg = LeftOut(outcome=Outcome.PASS, exit_code=ExitCode.OK, commit=step.commit, silent=True)
    return Said(_slot(leg, step, suite=_NO_SUITE, source=_nothing(_NO_SUITE, step, asked)), leg)


def publish_comment(
    results: Sequence[Measured],
    platform: Platform,
    patience: Patience,
    *,
    board: str,
    mode: CommentMode,
    asked: str = "",
) -> None:
    """Bring the comment of a board up to date with these results, on each request. Raises PublishFailed.

    `asked` is what the command was given to find them in.
    """
    if mode is CommentMode.OFF:
        return
    step = platform.step
    mine, presence = [result.said_by(step, asked) for result in results], _presence(step, asked)
    settled = {source for result in results for source in result.settles(step)}

    def compose(bodies: Sequence[str]) -> str | None:
        known = _readable(read_board(bodies))
        there = [one for one in known if one.slot.source not in settled]
        counts_us = len(there) < len(known) or any(one.slot.lane == presence.slot.lane for one in there)
        if not counts_us and not wanted(mode, mine, there, exists=bool(bodies)):
            return None
        merged = _board(there).with_slots(one.slot for one in (presence, *mine))
        return composed(board, _needed(_readable(merged)), platform.url_of_run)

    attempt_all(*(partial(keep_one, notes, marker(board), compose, patience) for notes in platform.notes()))


def _needed(said: Sequence[Said]) -> Sequence[Said]:
    """Leave out that jobs were there where nobody who shares their name had no verdict."""
    lanes = {one.slot.lane for one in said if not _is_silent(one)}
    return [one for one in said if one.slot.lane in lanes]


def _is_silent(one: Said) -> bool:
    return isinstance(one.leg, LeftOut) and one.leg.silent


def wanted(mode: CommentMode, mine: Sequence[Said], before: Sequence[Said], *, exists: bool) -> bool:
    """Say whether these results are to be written, given what the comment says already, where it `exists`."""
    match mode:
        case CommentMode.OFF:
            return False
        case CommentMode.ALWAYS:
            return True
        case CommentMode.FAILURES:
            return exists or any(one.leg.exit_code is not ExitCode.OK for one in mine)
        case CommentMode.CHANGES:
            return any(_is_news(one, before) or _has_moved_on(one, before) for one in mine)


def _is_news(one: Said, before: Sequence[Said]) -> bool:
    """Whether a job says something else than before; where others cannot be told from it, nobody knows."""
    earlier = [other.leg for other in before if other.slot.lane == one.slot.lane]
    known = earlier[0] if earlier else None
    if len(earlier) > 1 or isinstance(known, LeftOut) or isinstance(one.leg, LeftOut):
        return True
    return differs(one.leg, known)


def _has_moved_on(one: Said, before: Sequence[Said]) -> bool:
    """Whether the comment holds what a job said of an earlier commit: it would be taken for one that ran no more."""
    lane, age, commit = one.slot.lane, one.slot.age, one.leg.commit
    return any(other.slot.lane == lane and other.slot.age < age and other.leg.commit != commit for other in before)


def composed(board: str, said: Sequence[Said], url_of_run: Callable[[int], str]) -> str:
    """Return the whole comment, with as much of each suite as there is room for.

    How much that is depends on what was said alone: two jobs that know the same write the same.
    """
    kept = next((one for one in _levels(said) if _fits(one)), None) or _fewer(_lightened(said, 0))
    newest = max(said, key=lambda one: one.slot.age).leg.commit
    told = [
        Told(
            leg=one.leg,
            url=url_of_run(one.slot.run_id),
            current=one.leg.commit == newest,
            apart=bool(one.slot.commit) and one.slot.whole,
        )
        for one in kept
        if isinstance(one.leg, Leg)
    ]
    uncounted = [
        one.leg for one in kept if isinstance(one.leg, LeftOut) and counts(one.leg, current=one.leg.commit == newest)
    ]
    return written(board, comment(told, uncounted, limit=TEXT_BYTES), _board(kept))


def _levels(said: Sequence[Said]) -> Iterator[Sequence[Said]]:
    if len(said) <= _WHOLE:
        yield said
    first = next((level for most, level in _FIRST_LEVELS if len(said) <= most), len(_ROWS) - 1)
    for rows in _ROWS[first:]:
        yield _lightened(said, rows)


def _fits(said: Sequence[Said]) -> bool:
    return len(said) <= MOST_SLOTS and len(packed(_board(said))) <= STATE_CHARACTERS


def _fewer(said: Sequence[Said]) -> Sequence[Said]:
    """Keep only the outcome of the best, of as many as it takes: names and headlines are what needs the room."""
    worst_first = sorted(said, key=_badness)[:MOST_SLOTS]

    def kept(whole: int) -> Sequence[Said]:
        return [*worst_first[:whole], *map(_outcome_only, worst_first[whole:])]

    return kept(bisect_left(range(1, len(worst_first) + 1), x=True, key=lambda whole: not _fits(kept(whole))))


def _badness(one: Said) -> tuple[bool, tuple[bool, int, str], str]:
    match one.leg:
        case Leg() as leg:
            return False, badness(leg), one.slot.source
        case LeftOut() as leg:
            return True, (leg.exit_code is ExitCode.OK, 0, ""), one.slot.source


def _outcome_only(one: Said) -> Said:
    return _saying(one, left_out(one.leg)) if isinstance(one.leg, Leg) else one


def _lightened(said: Sequence[Said], rows: int) -> Sequence[Said]:
    return [_saying(one, lighter(one.leg, rows)) if isinstance(one.leg, Leg) else one for one in said]


def _saying(one: Said, leg: Leg | LeftOut) -> Said:
    return Said(replace(one.slot, content=written_leg(leg)), leg)


def _board(said: Sequence[Said]) -> Board:
    return Board().with_slots(one.slot for one in said)


def _readable(board: Board) -> Sequence[Said]:
    """Return what is said in the form that we write."""
    read = ((slot, read_leg(slot.content)) for slot in board.slots)
    return [Said(slot, leg) for slot, leg in read if leg is not None]
