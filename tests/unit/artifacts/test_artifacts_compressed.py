from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts import compressed
from lens_gate.artifacts.compressed import TornMember, beginning, compress, decompress, members, whole_members
from lens_gate.errors import ArtifactCorrupt


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 7))
def test_members_come_back_whatever_the_pieces(texts: list[bytes], size: int) -> None:
    packed = b"".join(compress(text) for text in texts)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert list(members(pieces, name="x")) == texts


def test_other_tools_read_what_is_packed_and_the_other_way_round() -> None:
    assert gzip.decompress(compress(b"one\n") + compress(b"two\n")) == b"one\ntwo\n"
    assert decompress(gzip.compress(b"one\n"), name="x") == b"one\n"


def test_equal_bytes_pack_equally() -> None:
    assert compress(b"same") == compress(b"same")


def test_a_member_larger_than_a_step_is_read_whole() -> None:
    text = bytes(range(256)) * 10_000
    assert decompress(compress(text), name="x") == text


def test_a_cut_at_any_byte_is_told_and_whole_members_are_kept() -> None:
    first, second = compress(b"first"), compress(b"second")
    for end in range(len(first) + 1, len(first) + len(second)):
        reader = members([(first + second)[:end]], name="x")
        assert next(reader) == b"first"
        with pytest.raises(TornMember):
            next(reader)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 7), st.integers(0, 60))
def test_a_copy_holds_the_whole_members_whatever_the_pieces_and_the_cut(
    texts: list[bytes], size: int, cut: int
) -> None:
    packed = [compress(text) for text in texts]
    left = b"".join(packed)[: -cut or None]
    pieces = [left[start : start + size] for start in range(0, len(left), size)]
    whole: list[bytes] = []
    try:
        whole.extend(whole_members(pieces))
        torn = False
    except TornMember:
        torn = True
    fitting = [n for n in range(len(packed) + 1) if len(b"".join(packed[:n])) <= len(left)][-1]
    assert torn is (len(b"".join(packed[:fitting])) < len(left))
    if not torn:
        assert whole == packed[:fitting]


def test_a_copy_of_a_cut_file_has_every_member_before_the_cut() -> None:
    first, second = compress(b"first"), compress(b"second")
    for end in range(len(first) + 1, len(first) + len(second)):
        reader = whole_members([(first + second)[:end]])
        assert next(reader) == first
        with pytest.raises(TornMember):
            next(reader)


def test_a_copy_is_packed_as_tightly_as_it_was_though_a_reader_would_call_it_a_bomb() -> None:
    bomb = gzip.compress(bytes(compressed.FREE_BYTES + 2**20), compresslevel=9)
    assert list(whole_members([bomb])) == [bomb]


def test_a_damaged_member_is_not_copied() -> None:
    packed = compress(b"the quick brown fox")
    for place in range(10, len(packed)):
        damaged = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
        with pytest.raises(TornMember):
            list(whole_members([damaged]))


def test_a_changed_byte_never_gives_other_bytes() -> None:
    packed = compress(b"the quick brown fox")
    for place in range(10, len(packed)):
        damaged = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
        with pytest.raises(ArtifactCorrupt, match=r"run\.json\.gz"):
            decompress(damaged, name="run.json.gz")


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(compressed.FREE_BYTES + 2**20), compresslevel=9)
    with pytest.raises(ArtifactCorrupt, match="unpacks to more than 64 MiB"):
        decompress(bomb, name="x")


def test_nothing_unpacks_to_more_than_an_artifact_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MAX_BYTES", 100)
    with pytest.raises(ArtifactCorrupt, match="unpacks to more"):
        decompress(compress(bytes(200)), name="x")


def test_the_beginning_of_what_is_not_packed_are_its_first_bytes() -> None:
    assert beginning(b"one two", 3) == b"one"


def test_the_beginning_of_what_cannot_be_unpacked_is_nothing() -> None:
    packed = compress(b"one two")
    assert beginning(packed, 3) == b"one"
    assert beginning(packed[:10] + b"\xff" * 20, 3) == b""
