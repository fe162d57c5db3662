from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.ci.board import Board, Slot, marker, packed, read_board, written
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
SLOTS = st.builds(Slot, run_id=st.integers(1, 2**40), attempt=st.integers(1, 50), content=JSON)
BOARDS = st.dictionaries(NAMES, SLOTS, max_size=5).map(lambda slots: Board().with_slots(slots))


def a_slot(content: str = "pass", *, run_id: int = 10, attempt: int = 1) -> Slot:
    return Slot(run_id=run_id, attempt=attempt, content=content)


def a_state(document: object) -> str:
    data = base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()
    return f"<!-- lens-gate state 1 {data} -->"


@given(board=BOARDS, text=st.text(max_size=80), key=NAMES)
def test_a_board_is_read_back_as_it_was_written_whatever_stands_around_it(board: Board, text: str, key: str) -> None:
    body = written(key, text, board)
    assert read_board([body]) == board
    assert body.startswith(marker(key) + "\n")


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
def test_merging_keeps_the_newest_word_of_every_suite(boards: list[Board]) -> None:
    merged = read_board([written("k", "", board) for board in boards])
    names = {name for board in boards for name in board.slots}
    assert set(merged.slots) == names
    for name in names:
        assert merged.slots[name].age == max(board.slots[name].age for board in boards if name in board.slots)
    assert list(merged.slots) == sorted(merged.slots)


def test_an_older_run_does_not_overwrite_a_newer_one_and_a_repetition_does() -> None:
    board = Board({"a": a_slot("new", run_id=20)})
    assert board.with_slots({"a": a_slot("old", run_id=19, attempt=9)}) == board
    assert board.with_slots({"a": a_slot("again", run_id=20)}).slots["a"].content == "again"


@pytest.mark.parametrize(
    "state",
    [
        "",
        "<!-- lens-gate state 2 eJyrrgUAAXUA+Q== -->",
        "<!-- lens-gate state 1 !!!! -->",
        "<!-- lens-gate state 1 AAAA -->",
        "<!-- lens-gate state 1 QQ= -->",
        f"<!-- lens-gate state 1 {base64.b64encode(zlib.compress(b'{'))[:-8].decode()} -->",
        f"<!-- lens-gate state 1 {base64.b64encode(zlib.compress(b'x')).decode()} -->",
        f"<!-- lens-gate state 1 {base64.b64encode(zlib.compress(b' ' * 2_000_000 + b'{}')).decode()} -->",
        f"<!-- lens-gate state 1 {base64.b64encode(zlib.compress(b'[' * 200_000)).decode()} -->",
        f"<!-- lens-gate state 1 {'A' * 70_000} -->",
        a_state([1, 2]),
        a_state({str(number): [1, 1, None] for number in range(301)}),
        a_state({"a": [0, 1, None]}),
        a_state({"a": [1, 10**7, None]}),
        a_state({"a": [1, True]}),
        a_state({"a": ["1", 1, None]}),
        f"{a_state({'a': [1, 1, None]})} and more",
    ],
)
def test_state_that_somebody_else_wrote_counts_for_nothing(state: str) -> None:
    assert read_board([f"text\n{state}"]) == Board()


def test_what_is_odd_takes_nothing_from_what_is_sound() -> None:
    assert list(read_board([a_state({"good": [1, 1, "x"], "bad": 3})]).slots) == ["good"]
