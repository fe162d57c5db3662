"""Frames of HTTP/2, as they are followed beside the engine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.wire.on_httpx.http2_stamps import FrameStamps

DATA, HEADERS, RESET, SETTINGS, CONTINUATION = 0, 1, 3, 4, 9
END, END_OF_HEAD = 0x1, 0x4


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def test_each_part_carries_the_time_of_the_read_that_completed_its_own_frame() -> None:
    stamps = FrameStamps()
    stamps.take(frame(SETTINGS, 0, b"x" * 6) + frame(HEADERS, 1, b"head", END_OF_HEAD), 10)
    stamps.take(frame(HEADERS, 3, b"head") + frame(DATA, 1, b"one"), 20)
    stamps.take(frame(CONTINUATION, 3, b"more", END_OF_HEAD) + frame(DATA, 3, b"three")[:4], 30)
    stamps.take(frame(DATA, 3, b"three")[4:] + frame(DATA, 1, b"", END), 40)
    stamps.take(frame(HEADERS, 3, b"trailers", END | END_OF_HEAD), 50)
    one, three = stamps.of(1), stamps.of(3)
    assert (one.head_ns, list(one.body_ns), one.end_ns) == (10, [20, 40], 40)
    assert (three.head_ns, list(three.body_ns), three.end_ns) == (30, [40], 50)


def test_an_answer_that_only_announces_another_does_not_stamp_its_head() -> None:
    stamps = FrameStamps()
    stamps.take(frame(HEADERS, 1, b"103", END_OF_HEAD), 10)
    stamps.take(frame(HEADERS, 1, b"200", END_OF_HEAD), 20)
    assert stamps.of(1).head_ns == 20


def test_what_is_forgotten_takes_no_memory_however_it_ends() -> None:
    stamps = FrameStamps()
    stamps.take(frame(HEADERS, 1, b"x") + frame(DATA, 1, b"x", END) + frame(HEADERS, 3, b"x"), 10)
    assert stamps.known == 2
    stamps.forget(1)
    stamps.forget(3)
    stamps.forget(5)
    stamps.take(frame(DATA, 3, b"x") * 1000 + frame(DATA, 3, b"x", END) + frame(RESET, 5, b"code"), 20)
    assert stamps.known == 0


FRAMES = st.tuples(st.sampled_from([DATA, HEADERS, SETTINGS, CONTINUATION]), st.integers(1, 3), st.binary(max_size=40))


@given(st.lists(FRAMES, max_size=12), st.lists(st.integers(1, 60), max_size=20))
def test_however_the_bytes_are_cut_every_frame_of_a_body_has_one_stamp_that_is_its_last_bytes(
    frames: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    wire, ends = b"", dict[int, list[int]]()
    for kind, stream, payload in frames:
        wire += frame(kind, stream, payload)
        if kind == DATA:
            ends.setdefault(stream, []).append(len(wire))
    stamps, at = FrameStamps(), 0
    reads = []
    for cut in [*cuts, len(wire)]:
        if at < len(wire):
            stamps.take(wire[at : at + cut], min(at + cut, len(wire)))
            at = min(at + cut, len(wire))
            reads.append(at)
    for stream in (1, 2, 3):
        expected = [next(read for read in reads if read >= end) for end in ends.get(stream, [])]
        assert list(stamps.of(stream).body_ns) == expected
