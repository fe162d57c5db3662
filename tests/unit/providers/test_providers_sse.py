"""The framings: server-sent events, lines, whole bodies, arrays of objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.providers.framing import Frame, Framer, LineFrames, Lines, WholeBody
from lens_gate.providers.json_stream import JsonStream
from lens_gate.providers.sse import SseDecoder


def _frames(framer: Framer, *pieces: bytes) -> list[Frame]:
    return [frame for piece in pieces for frame in framer.feed(piece)] + framer.close()


def _sse(body: bytes) -> list[Frame]:
    return _frames(SseDecoder(), body)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_all_three_line_ends_are_understood(end: bytes) -> None:
    body = end.join([b"event: a", b"data: 1", b"data: 2", b"", b"data:3", b"", b""])
    assert _sse(body) == [Frame(b"1\n2", "a"), Frame(b"3")]


def test_a_crlf_cut_in_two_reads_is_one_line_end() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r") == []
    assert decoder.feed(b"\n\r") == [Frame(b"1")]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\ndata: 2\n\n") == [Frame(b"2")]


def test_an_event_is_given_out_at_the_first_byte_that_ends_it() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r\n") == []
    assert decoder.feed(b"\r") == [Frame(b"1")]


def test_comments_names_without_data_and_reconnection_fields_give_no_frame() -> None:
    assert _sse(b": ping\n\nevent: x\n\nid: 7\nretry: 10\n\n") == []


def test_an_event_name_does_not_leak_into_the_next_event() -> None:
    assert _sse(b"event: error\n\ndata: 1\n\n") == [Frame(b"1")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert _sse(b"data:  1\n\ndata\n\n") == [Frame(b" 1"), Frame(b"")]


def test_a_byte_order_mark_counts_only_at_the_very_beginning() -> None:
    mark = b"\xef\xbb\xbf"
    assert _sse(mark + b"data: 1\n\n" + mark + b"data: 2\n\n") == [
        Frame(b"1"),
        Frame(mark + b"data: 2\n", torn=True),
    ]


def test_a_broken_event_name_is_still_a_name() -> None:
    assert _sse(b"event: \xff\ndata: 1\n\n") == [Frame(b"1", "�")]


def test_an_event_without_its_blank_line_is_torn() -> None:
    assert _sse(b"data: [DONE]") == [Frame(b"[DONE]", torn=True)]
    assert _sse(b"event: a\ndata: 1\n") == [Frame(b"1", "a", torn=True)]


@pytest.mark.parametrize("cut", [b"d", b"data", b"data:", b"even", b"id", b"retry:"])
def test_a_cut_inside_a_field_name_is_no_foreign_line(cut: bytes) -> None:
    assert _sse(cut) == []


def test_lines_that_are_no_fields_come_last_in_one_piece() -> None:
    assert _sse(b'data: 1\n\n{\n  "error": 2\n}\n') == [Frame(b"1"), Frame(b'{\n  "error": 2\n}\n', torn=True)]
    assert _sse(b"<html>\n</html>") == [Frame(b"<html>\n</html>\n")]


def test_foreign_lines_are_kept_to_64_kib() -> None:
    (frame,) = _sse(b"x\n" * 100_000)
    assert len(frame.data) == 64 * 1024


def test_an_event_of_many_lines_beyond_the_limit_breaks_the_stream_after_what_was_whole() -> None:
    decoder = SseDecoder(limit=12)
    assert decoder.feed(b"data: 1\n\n" + b"data: 12345\n" * 3 + b"\ndata: 2\n\n") == [Frame(b"1")]
    assert "event" in decoder.broken
    assert decoder.feed(b"data: 3\n\n") == []


def test_a_line_beyond_the_limit_breaks_the_stream_whether_it_ends_or_not() -> None:
    for body in (b"data: 1\n\ndata: " + b"x" * 20, b"data: 1\n\ndata: " + b"x" * 20 + b"\n\ndata: 2\n\n"):
        decoder = SseDecoder(limit=16)
        assert decoder.feed(body) == [Frame(b"1")]
        assert "line" in decoder.broken
        assert decoder.close() == []


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\xef\xbb\xbf", b"data: ", b"event:", b":", b"\xc3"])))
def test_lines_are_those_of_the_standard_for_any_cut(parts: list[bytes]) -> None:
    body = b"".join(parts)
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *complete, rest = text.split(b"\n")
    for pieces in ([body], parts, [body[i : i + 1] for i in range(len(body))]):
        lines = Lines()
        assert [line for piece in pieces for line in lines.feed(piece)] == complete
        assert lines.close() == rest


_EVENTS = (b"data: 1\n\n", b"data:2\r\n\r\n", b"event: error\ndata: 3\n\n", b"data: 1234567\n\n")
_UNUSUAL = (b"data: 4\ndata: 5\n\n", b"event: x\n\n", b"\xef\xbb\xbfdata: 6\n\n", b": ping\n\n", b"<html>\n\n")
_PARTS = (b"\n", b"\r", b"id: 7\n", b"data: 8")
_PIECES = st.lists(st.sampled_from([*_EVENTS, *_UNUSUAL, *_PARTS]), max_size=8)


@given(_PIECES)
def test_whole_events_in_one_read_are_the_same_as_byte_by_byte(pieces: list[bytes]) -> None:
    single = [bytes([byte]) for piece in pieces for byte in piece]
    for cut in (pieces, [b"".join(pieces)]):
        at_once, bit_by_bit = SseDecoder(limit=12), SseDecoder(limit=12)
        assert _frames(at_once, *cut) == _frames(bit_by_bit, *single)
        assert bool(at_once.broken) == bool(bit_by_bit.broken)


def test_a_decoder_says_whether_it_holds_a_part_of_an_event() -> None:
    decoder = SseDecoder()
    for data, between in ((b"data: 1\n\n", True), (b"data: 2\n", False), (b"\n", True), (b"event: a", False)):
        decoder.feed(data)
        assert decoder.between is between


def test_json_lines_skip_blank_ones_and_take_the_last_without_its_end() -> None:
    assert _frames(LineFrames(), b'{"a":1}\r\n\n \n{"b"', b":2}") == [Frame(b'{"a":1}'), Frame(b'{"b":2}', torn=True)]
    assert _frames(LineFrames(), b'{"a":1}\n') == [Frame(b'{"a":1}')]


def test_a_whole_body_is_one_frame_and_an_empty_one_is_none() -> None:
    assert _frames(WholeBody(), b"\xef\xbb\xbf{", b"}") == [Frame(b"{}")]
    assert _frames(WholeBody(), b" \n") == []


def test_framings_stop_collecting_at_their_limit() -> None:
    for framer in (LineFrames(limit=8), WholeBody(limit=8), JsonStream(limit=8)):
        framer.feed(b'{"aaaaaaaaaaaaa')
        assert framer.broken
        assert framer.feed(b"aaaaaaaaa") == []


def test_objects_are_found_by_brackets_outside_strings() -> None:
    body = b'[{"a": "}\\"{"},\r\n{"b": [{}, "]"]}]'
    assert _frames(JsonStream(), body) == [Frame(b'{"a": "}\\"{"}'), Frame(b'{"b": [{}, "]"]}')]
    assert _frames(JsonStream(), *(body[i : i + 1] for i in range(len(body)))) == _frames(JsonStream(), body)


def test_an_object_without_its_end_is_no_frame() -> None:
    assert _frames(JsonStream(), b'[{"a": 1}, {"b": ') == [Frame(b'{"a": 1}')]


def test_a_body_that_is_no_json_breaks_the_stream_of_objects() -> None:
    framer = JsonStream()
    assert framer.feed(b"  oops {}") == []
    assert framer.broken


def test_lines_know_whether_one_is_open() -> None:
    frames = LineFrames()
    assert frames.between
    frames.feed(b'{"a"')
    assert not frames.between
