from __future__ import annotations

import base64
import json
import re
import zlib
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.ci.board import Board, Slot, digest, marker, packed, read_board, written
from tests.hostile import HOSTILE

NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
SLOTS = st.builds(
    Slot,
    lane=st.sampled_from("abc"),
    run_id=st.integers(1, 3),
    attempt=st.integers(1, 2),
    source=st.sampled_from("12345"),
    content=JSON,
    commit=st.sampled_from(["", "", "c1", "c2"]),
    whole=st.booleans(),
)
BOARDS = st.lists(SLOTS, max_size=6).map(lambda slots: Board().with_slots(slots))


def a_slot(content: str = "pass", **changes: Any) -> Slot:
    given: dict[str, Any] = {"lane": "a", "run_id": 10, "attempt": 1, "source": content, "content": content}
    return Slot(**(given | changes))


def said(board: Board) -> list[str]:
    return sorted(slot.content for slot in board.slots if isinstance(slot.content, str))


def a_state(document: object, version: int = 3) -> str:
    data = base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()
    return f"<!-- lens-gate state {version} {data} -->"


@given(board=BOARDS, text=st.text(max_size=80), key=NAMES)
def test_a_board_is_read_back_as_it_was_written_whatever_stands_around_it(board: Board, text: str, key: str) -> None:
    body = written(key, text, board)
    assert read_board([body]) == board
    assert body.startswith(marker(key) + "\n")


def test_what_several_jobs_said_is_kept_behind_what_people_read() -> None:
    board = Board().with_slots([a_slot("regression", lane=digest("chat", "gate")), a_slot("pass", lane="b")])
    body = written("lens-gate", "## Regression\n", board)
    assert body.startswith("<!-- lens-gate board lens%2Dgate -->\n## Regression\n\n<!-- lens-gate state 3 ")
    assert read_board([body]) == board
    assert digest("chat", "gate") != digest("chatgate")


@given(board=BOARDS, key=NAMES)
def test_neither_marker_nor_state_can_be_ended_by_what_they_hold(board: Board, key: str) -> None:
    for line in (marker(key), packed(board)):
        assert line.startswith("<!-- lens-gate ")
        assert line.endswith(" -->")
        assert "--" not in line[4:-3]
        assert "\n" not in line
        assert ">" not in line[:-1]


@pytest.mark.parametrize("key", HOSTILE)
def test_two_boards_are_never_taken_for_each_other(key: str) -> None:
    assert marker(key[:100]) != marker(f"{key[:100]}x")
    assert not marker(f"{key[:100]}x").startswith(marker(key[:100]))


@given(boards=st.lists(BOARDS, max_size=4))
def test_merging_keeps_the_newest_word_and_one_of_each_source(boards: list[Board]) -> None:
    merged = read_board([written("k", "", board) for board in boards])
    slots = [slot for board in boards for slot in board.slots]
    sources = [slot.source for slot in merged.slots]
    assert len(set(sources)) == len(sources)
    assert all(slot in slots for slot in merged.slots)
    newest = max((slot.age for slot in slots), default=None)
    assert newest is None or newest in {slot.age for slot in merged.slots}
    for kept in Board().with_slots(slots).slots:
        assert kept.age == max(slot.age for slot in slots if slot.source == kept.source)


@given(slots=st.lists(SLOTS, max_size=6, unique_by=lambda slot: slot.source), rng=st.randoms())
def test_the_order_in_which_jobs_write_makes_no_difference(slots: list[Slot], rng: Random) -> None:
    shuffled = slots[:]
    rng.shuffle(shuffled)
    assert Board().with_slots(shuffled) == Board().with_slots(slots)


def test_no_order_makes_a_difference_even_where_results_of_one_run_name_different_commits() -> None:
    slots = [a_slot("1", commit="c1"), a_slot("2", run_id=11), a_slot("3", run_id=11, commit="c1")]
    assert {Board().with_slots(order) for order in permutations(slots)} == {Board().with_slots(slots)}


def test_an_older_run_does_not_overwrite_a_newer_one_and_a_repetition_does() -> None:
    board = Board().with_slots([a_slot("new", run_id=20)])
    assert board.with_slots([a_slot("old", run_id=19, attempt=9)]) == board
    assert board.with_slots([a_slot("late", run_id=19, source="new")]) == board
    assert said(board.with_slots([a_slot("again", run_id=20, source="new")])) == ["again"]
    assert board.with_slots([a_slot("again", run_id=19, source="new")]) == board


def test_two_jobs_that_cannot_be_told_apart_both_keep_their_words() -> None:
    board = Board().with_slots([a_slot("regression")]).with_slots([a_slot("pass")])
    assert said(board) == ["pass", "regression"]


def test_jobs_that_can_be_told_apart_keep_their_words_from_run_to_run() -> None:
    board = Board().with_slots([a_slot("regression", lane="a", run_id=10), a_slot("pass", lane="b", run_id=11)])
    assert said(board) == ["pass", "regression"]
    assert said(board.with_slots([a_slot("better", lane="a", run_id=12)])) == ["better", "pass"]


@pytest.mark.parametrize("again", [{"attempt": 2}, {"run_id": 11}])
def test_of_jobs_that_cannot_be_told_apart_all_have_to_run_again_before_a_word_is_outdated(again: Any) -> None:
    board = Board().with_slots([a_slot("regression"), a_slot("pass")])
    board = board.with_slots([a_slot("first again", **again)])
    assert said(board) == ["first again", "pass", "regression"]
    board = board.with_slots([a_slot("second again", **again)])
    assert said(board) == ["first again", "second again"]


def test_where_runs_on_a_commit_are_parts_all_of_its_results_stand_until_a_later_one_has_as_many() -> None:
    part = {"whole": False}
    board = Board().with_slots([
        a_slot("regression", commit="c1", **part), a_slot("pass", run_id=11, commit="c1", **part)
    ])  # fmt: skip
    assert said(board) == ["pass", "regression"]
    board = board.with_slots([a_slot("first again", run_id=12, commit="c2", **part)])
    assert said(board) == ["first again", "pass", "regression"]
    board = board.with_slots([a_slot("second again", run_id=13, commit="c2", **part)])
    assert said(board) == ["first again", "second again"]


def test_of_several_runs_on_a_commit_a_run_on_a_later_one_replaces_each_that_has_no_more_results() -> None:
    both = [a_slot("regression", commit="c1"), a_slot("other", commit="c1")]
    board = Board().with_slots([*both, a_slot("pass", run_id=11, commit="c1")])
    assert said(board) == ["other", "pass", "regression"]
    board = board.with_slots([a_slot("again", run_id=12, commit="c2")])
    assert said(board) == ["again", "other", "regression"]
    assert said(board.with_slots([a_slot("second again", run_id=12, commit="c2")])) == ["again", "second again"]


def test_where_runs_may_be_for_several_changes_another_attempt_replaces_its_own_run() -> None:
    board = Board().with_slots([a_slot("regression", commit="c1"), a_slot("other", run_id=11, commit="c1")])
    assert said(board.with_slots([a_slot("pass", attempt=2, commit="c1")])) == ["other", "pass"]


@given(parts=st.lists(st.text(), max_size=3), others=st.lists(st.text(), max_size=3))
def test_a_digest_is_short_and_another_one_for_other_texts(parts: list[str], others: list[str]) -> None:
    assert re.fullmatch("[0-9a-f]{16}", digest(*parts))
    assert (digest(*parts) == digest(*others)) == ("\0".join(parts) == "\0".join(others))


@pytest.mark.parametrize(
    "state",
    [
        "",
        "<!-- lens-gate state 2 eJyrrgUAAXUA+Q== -->",
        a_state([["a", 1, 1, "s", "", None]], version=1),
        a_state([["a", 1, 1, "s", "", True, None]], version=4),
        "<!-- lens-gate state 3 !!!! -->",
        "<!-- lens-gate state 3 AAAA -->",
        "<!-- lens-gate state 3 QQ= -->",
        f"<!-- lens-gate state 3 {base64.b64encode(zlib.compress(b'{'))[:-8].decode()} -->",
        f"<!-- lens-gate state 3 {base64.b64encode(zlib.compress(b'x')).decode()} -->",
        f"<!-- lens-gate state 3 {base64.b64encode(zlib.compress(b' ' * 2_000_000 + b'{}')).decode()} -->",
        f"<!-- lens-gate state 3 {base64.b64encode(zlib.compress(b'[' * 200_000)).decode()} -->",
        f"<!-- lens-gate state 3 {'A' * 70_000} -->",
        a_state([1, 2]),
        a_state({"a": [1, 1, None]}),
        a_state([["a", 1, 1, str(number), "", True, None] for number in range(1001)]),
        a_state([["a", 0, 1, "s", "", True, None]]),
        a_state([["a", 1, 2**63, "s", "", True, None]]),
        a_state([["a", 1, True]]),
        a_state([["a", "1", 1, "s", "", True, None]]),
        a_state([["a", 1, 1, 5, "", True, None]]),
        f"{a_state([['a', 1, 1, 's', '', True, None]])} and more",
    ],
)
def test_state_that_somebody_else_wrote_counts_for_nothing(state: str) -> None:
    assert read_board([f"text\n{state}"]) == Board()


def test_what_an_earlier_version_wrote_stands_until_its_job_has_run_again() -> None:
    earlier = a_state([["a", 10, 1, "regression", "", "regression"], ["b", 10, 1, "open", "c1", "open"]], version=2)
    board = read_board([earlier])
    assert board == Board((a_slot("regression"), a_slot("open", lane="b", commit="c1")))
    assert said(board.with_slots([a_slot("pass", run_id=11)])) == ["open", "pass"]


def test_what_is_odd_takes_nothing_from_what_is_sound() -> None:
    assert said(read_board([a_state([["a", 1, 1, "s", "", True, "good"], 3])])) == ["good"]
