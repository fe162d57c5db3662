"""One comment that many jobs write at the same time, on platforms whose comments know no conditional write.

Each job reads what is there, adds its part, writes, waits, and reads again, until what it reads is what it would write.
Whoever is overwritten finds out after its wait, as long as that is longer than the time between another's read and
write. Comments that were made at the same time become one: the oldest is kept, and takes over what the others hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed


class NoteGone(Exception):
    """Somebody deleted the comment in between."""


class NoteDelayed(Exception):
    """The platform did not take a text now, and asks to wait: what stands there may be another one by then."""

    def __init__(self, wait_s: float, failure: PublishFailed) -> None:
        """Take the seconds to wait, and what is said where waiting is of no use."""
        super().__init__(failure.message)
        self.wait_s = wait_s
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment."""

    id: int
    body: str


class Notes(ABC):
    """The comments below one pull or merge request. Every method raises PublishFailed."""

    @abstractmethod
    def mine(self, marker: str) -> list[Note]:
        """Return the comments that we wrote ourselves and that begin with a marker, the oldest first."""

    @abstractmethod
    def read(self, note: Note) -> Note:
        """Return a comment as it is now; raises NoteGone."""

    @abstractmethod
    def create(self, body: str) -> None:
        """Add a comment; where the answer is lost it may or may not be there."""

    @abstractmethod
    def edit(self, note: Note, body: str) -> None:
        """Replace the text of a comment, at once or not at all; raises NoteGone and NoteDelayed."""

    @abstractmethod
    def delete(self, note: Note) -> None:
        """Delete a comment, if it is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what others write: `rounds` times, between half and all of `pause_s`, later twice as long.

    The shortest wait must be longer than two requests take. A platform that asks to wait is waited for, up to
    `longest_s` at a time.
    """

    waiting: Waiting
    rounds: int = 10
    pause_s: float = 4.0
    longest_s: float = 90.0

    def wait(self, round_number: int) -> None:
        """Wait before this round's next look."""
        longest = self.pause_s * (1 if round_number < self.rounds // 2 else 2)
        self.waiting.sleep(longest * self.waiting.rng.uniform(0.5, 1.0))

    def bear(self, delayed: NoteDelayed) -> None:
        """Wait as long as the platform asks; raises PublishFailed where that is too long."""
        if delayed.wait_s > self.longest_s:
            raise delayed.failure
        self.waiting.sleep(delayed.wait_s)


def keep_one(
    notes: Notes, marker: str, compose: Callable[[Sequence[str]], str | None], patience: Patience
) -> Note | None:
    """Bring the one comment with this marker up to date, and return it; None where nothing is to be said.

    `compose` returns the text that should stand where these texts stand now (none at first), None where all is well as
    it is. Raises PublishFailed where others' writing, or the platform, leaves no rest.
    """
    failure = overwritten = _overwritten(patience.rounds)
    for number in range(patience.rounds):
        found = notes.mine(marker)
        body = compose([note.body for note in found])
        if body is None or (len(found) == 1 and found[0].body == body):
            return found[0] if found else None
        try:
            with suppress(NoteGone):  # the next look shows what is there instead
                _write(notes, found, body, compose)
        except NoteDelayed as delayed:
            failure = delayed.failure
            patience.bear(delayed)
        else:
            failure = overwritten
        patience.wait(number)
    raise failure


def _overwritten(rounds: int) -> PublishFailed:
    return PublishFailed(
        f"other jobs kept overwriting the comment, {rounds} times in a row",
        place="comment",
        hint="Let each leg of the matrix upload its verdict.json, and one job after them download all into a folder "
        "and publish them: `lens-gate report verdicts --publish comment`.",
    )


def _write(notes: Notes, found: Sequence[Note], body: str, compose: Callable[[Sequence[str]], str | None]) -> None:
    if not found:
        notes.create(body)
        return
    oldest, *others = found
    # Read once more just before the write: a long list took time, in which another job may have written.
    fresh = notes.read(oldest)
    if fresh.body != oldest.body:
        body = compose([fresh.body, *(note.body for note in others)]) or fresh.body
    if fresh.body != body:
        notes.edit(fresh, body)
    for note in others:
        notes.delete(note)
