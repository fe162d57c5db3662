from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from typing_extensions import override

from lens_gate.ci.notes import Note, NoteDelayed, NoteGone, Notes, Patience, keep_one
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from tests.fakes.virtual_time import Travelling, VirtualTime

MARKER = "<!-- m -->"


class Memory(Notes):
    """Comments in memory; `meanwhile` happens once before each write."""

    def __init__(self, *bodies: str) -> None:
        self.notes = dict(enumerate(bodies, 1))
        self.meanwhile: list[Callable[[], None]] = []
        self.did: list[str] = []

    @override
    def mine(self, marker: str) -> list[Note]:
        return [Note(id=number, body=body) for number, body in self.notes.items() if body.startswith(marker)]

    @override
    def read(self, note: Note) -> Note:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if note.id not in self.notes:
            raise NoteGone
        return Note(id=note.id, body=self.notes[note.id])

    @override
    def create(self, body: str) -> None:
        self.did.append("create")
        self.notes[max(self.notes, default=0) + 1] = body

    @override
    def edit(self, note: Note, body: str) -> None:
        self.did.append("edit")
        self.notes[note.id] = body

    @override
    def delete(self, note: Note) -> None:
        self.did.append("delete")
        self.notes.pop(note.id, None)


def patience(waits: list[float] | None = None, rounds: int = 6) -> Patience:
    return waiting_with((waits if waits is not None else []).append, rounds)


def waiting_with(sleep: Callable[[float], None], rounds: int = 6) -> Patience:
    return Patience(waiting=Waiting(sleep=sleep, now=lambda: 0.0, rng=Random(1)), rounds=rounds, pause_s=4.0)


def adding(word: str) -> Callable[[Sequence[str]], str | None]:
    """Return what adds a word to those that are there."""

    def compose(bodies: Sequence[str]) -> str:
        words = {one for body in bodies for one in body.removeprefix(MARKER).split()}
        return " ".join([MARKER, *sorted({*words, word})])

    return compose


def test_the_first_comment_is_created_and_looked_at_again() -> None:
    notes, waits = Memory("somebody else's"), list[float]()
    kept = keep_one(notes, MARKER, adding("a"), patience(waits))
    assert kept == Note(id=2, body=f"{MARKER} a")
    assert notes.did == ["create"]
    assert len(waits) == 1
    assert 2.0 <= waits[0] <= 4.0


def test_an_existing_comment_is_updated_in_place_and_an_equal_one_is_left_alone() -> None:
    notes = Memory(f"{MARKER} b")
    keep_one(notes, MARKER, adding("a"), patience())
    keep_one(notes, MARKER, adding("a"), patience())
    assert notes.notes == {1: f"{MARKER} a b"}
    assert notes.did == ["edit"]


def test_the_oldest_of_several_takes_over_what_the_others_hold() -> None:
    notes = Memory(f"{MARKER} a", "other", f"{MARKER} b", f"{MARKER} c")
    keep_one(notes, MARKER, adding("d"), patience())
    assert notes.notes == {1: f"{MARKER} a b c d", 2: "other"}


def test_doubles_of_a_comment_that_is_right_already_are_removed_without_a_write() -> None:
    notes = Memory(f"{MARKER} a", f"{MARKER} a")
    keep_one(notes, MARKER, adding("a"), patience())
    assert notes.did == ["delete"]


def test_what_another_job_wrote_between_list_and_write_is_kept() -> None:
    notes = Memory(f"{MARKER} a")
    notes.meanwhile = [lambda: notes.notes.update({1: f"{MARKER} a b"})]
    keep_one(notes, MARKER, adding("c"), patience())
    assert notes.notes == {1: f"{MARKER} a b c"}


def test_a_comment_that_is_deleted_in_between_is_made_anew() -> None:
    notes = Memory(f"{MARKER} a")
    notes.meanwhile = [notes.notes.clear]
    keep_one(notes, MARKER, adding("b"), patience())
    assert notes.notes == {1: f"{MARKER} b"}


def test_nothing_is_written_where_nothing_is_to_be_said() -> None:
    assert keep_one(Memory(), MARKER, lambda _: None, patience()) is None
    notes = Memory(f"{MARKER} a")
    assert keep_one(notes, MARKER, lambda _: None, patience()) == Note(id=1, body=f"{MARKER} a")
    assert notes.did == []


def test_what_became_unneeded_between_list_and_write_is_not_written() -> None:
    notes = Memory(f"{MARKER} a")
    notes.meanwhile = [lambda: notes.notes.update({1: f"{MARKER} done"})]
    keep_one(notes, MARKER, lambda bodies: None if "done" in bodies[0] else f"{MARKER} mine", patience())
    assert notes.notes == {1: f"{MARKER} done"}
    assert notes.did == []


class Busy(Memory):
    """Takes no edit until it was waited for, as long as it asks."""

    def __init__(self, *bodies: str, asks_s: float) -> None:
        super().__init__(*bodies)
        self.asks_s: float | None = asks_s

    @override
    def edit(self, note: Note, body: str) -> None:
        if self.asks_s is not None:
            raise NoteDelayed(self.asks_s, PublishFailed("asks to wait"))
        super().edit(note, body)


def test_after_a_wait_that_the_platform_asks_for_the_text_is_made_anew_from_what_stands_there_then() -> None:
    notes, waits = Busy(f"{MARKER} a", asks_s=30.0), list[float]()

    def others_write(seconds: float) -> None:
        waits.append(seconds)
        if seconds == 30.0:
            notes.notes[1], notes.asks_s = f"{MARKER} a b", None

    keep_one(notes, MARKER, adding("c"), waiting_with(others_write))
    assert notes.notes == {1: f"{MARKER} a b c"}
    assert waits[0] == 30.0


@pytest.mark.parametrize("asks_s", [1.0, 3600.0])
def test_a_platform_that_never_takes_the_text_is_given_up_in_its_own_words(asks_s: float) -> None:
    waits = list[float]()
    with pytest.raises(PublishFailed, match="asks to wait"):
        keep_one(Busy(f"{MARKER} a", asks_s=asks_s), MARKER, adding("b"), patience(waits))
    assert waits.count(asks_s) == (6 if asks_s == 1.0 else 0)


def test_without_an_end_of_others_writing_it_gives_up_and_names_the_other_road() -> None:
    notes, waits = Memory(f"{MARKER} x"), list[float]()

    def rivals(_: float) -> None:
        waits.append(_)
        notes.notes[1] = f"{MARKER} x"

    with pytest.raises(PublishFailed, match="6 times") as caught:
        keep_one(notes, MARKER, adding("a"), waiting_with(rivals))
    assert "one job after them" in str(caught.value)
    assert max(waits[:3]) <= 4.0 <= min(waits[3:])


class Losing(Memory):
    """Comments that several jobs reach, and that lose so many updates after they confirmed them."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self._losses = losses

    @override
    def edit(self, note: Note, body: str) -> None:
        if note.id not in self.notes:
            raise NoteGone
        if self._losses:
            self._losses -= 1
        else:
            super().edit(note, body)


@pytest.mark.parametrize("seed", range(30))
def test_ten_jobs_at_once_end_in_one_comment_that_holds_what_all_of_them_say(seed: int) -> None:
    clock, there = VirtualTime(), Losing(Random(seed).randrange(12))
    words = [f"w{number}" for number in range(10)]

    def job(word: str) -> Callable[[], None]:
        luck = Random(f"{seed} {word}")
        far_away = Travelling(there, lambda: clock.sleep(luck.uniform(0.02, 0.6)))
        patience = Patience(waiting=Waiting(sleep=clock.sleep, now=lambda: clock.now, rng=luck))

        def carry_out() -> None:
            clock.sleep(luck.uniform(0, 3))
            keep_one(far_away, MARKER, adding(word), patience)

        return carry_out

    clock.run([job(word) for word in words])
    assert list(there.notes.values()) == [" ".join([MARKER, *words])]
    assert clock.now < 90
