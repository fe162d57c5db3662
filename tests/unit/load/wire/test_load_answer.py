"""Taking an answer out of HTTP/1.1's framing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.wire.answer import HEAD_LIMIT, Answer, BrokenAnswer
from lens_gate.load.wire.transport import Head
from lens_gate.vocabulary.requests import ErrorClass
from tests.transports import Chunk, in_order

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = b"5\r\nhello\r\n6\r\n world\r\n0\r\ntrailer: x\r\n\r\n"


def taken(*reads: bytes) -> Answer:
    answer = Answer()
    for number, data in enumerate(reads, start=1):
        take(answer, number, data)
    return answer


def take(answer: Answer, number: int, data: bytes) -> None:
    if answer.take(number, data):
        answer.catch_up()


def body_of(answer: Answer) -> bytes:
    return b"".join(answer.received(0, None).parts)


def test_each_part_carries_the_stamp_of_its_read_and_the_end_is_stamped_by_an_empty_one() -> None:
    answer = taken(HEAD, b"5\r\nhello\r\n6\r\n wor", b"ld\r\n", b"0\r\n\r\n")
    head, *chunks = in_order(answer.received(7, 8))
    assert isinstance(head, Head)
    assert (head.t_ns, head.sent_ns, head.connect_ns, head.head.status) == (1, 7, 8, 200)
    assert chunks == [Chunk(2, b"hello"), Chunk(2, b" wor"), Chunk(3, b"ld"), Chunk(4, b"")]
    assert answer.whole
    assert answer.reusable


@given(st.lists(st.integers(1, len(HEAD + BODY) - 1), max_size=12))
def test_wherever_reads_are_cut_the_answer_is_the_same(cuts: list[int]) -> None:
    data, places = HEAD + BODY, sorted({0, *cuts, len(HEAD + BODY)})
    answer = taken(*(data[a:b] for a, b in pairwise(places)))
    assert answer.whole
    assert body_of(answer) == b"hello world"
    times = [part.t_ns for part in in_order(answer.received(0, None))]
    assert times == sorted(times)
    assert times[-1] == len(places) - 1


def test_a_chunked_body_is_taken_apart_at_its_end_or_when_somebody_asks() -> None:
    answer = taken(HEAD, b"5\r\nhello\r\n", b"6\r\n world\r\n")
    assert body_of(answer) == b""
    assert answer.held_bytes > len(HEAD) + 20
    assert not answer.catch_up()
    assert body_of(answer) == b"hello world"


@pytest.mark.parametrize("last", [b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"0\r\n\n"])
def test_the_last_read_of_a_chunked_body_is_noticed(last: bytes) -> None:
    for cut in range(1, len(last)):
        assert taken(HEAD, b"5\r\nhello\r\n" + last[:cut], last[cut:]).whole
    assert taken(HEAD, b"5\r\nhello\r\n", last).whole


def test_a_body_without_an_end_is_taken_apart_now_and_then() -> None:
    answer = taken(HEAD)
    asked = [answer.take(number, b"1\r\nx\r\n") for number in range(256)]
    assert asked == [False] * 255 + [True]
    assert not answer.catch_up()
    assert len(body_of(answer)) == 256


def test_what_a_broken_read_still_said_keeps_its_time() -> None:
    answer = taken(HEAD)
    answer.take(5, b"5\r\nhello\r\nno size")
    with pytest.raises(BrokenAnswer, match="not valid HTTP"):
        answer.catch_up()
    assert in_order(answer.received(0, None))[1:] == [Chunk(5, b"hello")]


def test_a_head_is_looked_at_with_each_of_its_reads() -> None:
    answer = Answer()
    assert answer.take(1, HEAD[:-2])
    assert not answer.catch_up()
    assert answer.take(2, b"x: more\r\n")


def test_an_announcement_says_nothing_of_the_answers_framing() -> None:
    early = b"HTTP/1.1 103 Early\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = taken(early, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
    assert answer.take(3, b"some")
    with pytest.raises(BrokenAnswer, match="inside"):
        answer.take_end(4)


def test_an_end_that_something_follows_is_found_when_somebody_asks() -> None:
    answer = taken(HEAD, b"5\r\nhello\r\n0\r\n\r\nand more")
    assert not answer.whole
    assert answer.catch_up()
    assert not answer.reusable


def test_arrivals_are_told_from_the_send_on_and_then_from_the_last_one_before() -> None:
    asked: list[int] = []

    def arrivals(times_ns: Sequence[int], stamps: Sequence[bytes], earliest_ns: int) -> Sequence[int]:
        asked.append(earliest_ns)
        return [t_ns - int(stamp) for t_ns, stamp in zip(times_ns, stamps, strict=True)]

    answer = Answer(arrivals)
    answer.expect(7)
    answer.take_stamped(20, HEAD, b"2")
    answer.catch_up()
    for t_ns, data in ((30, b"5\r\nhello\r\n"), (40, b"0\r\n\r\n")):
        answer.take_stamped(t_ns, data, b"3")
    answer.catch_up()
    answer.catch_up()
    assert asked == [7, 18]
    assert [part.t_ns for part in in_order(answer.received(7, None))] == [18, 27, 37]
    assert answer.read_ns == 40


def test_nothing_is_told_before_the_head_is_whole() -> None:
    assert in_order(taken(HEAD[:-1]).received(0, None)) == []


def test_a_second_answer_that_nobody_asked_for_is_not_taken() -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"
    answer = taken(whole + whole.replace(b"ab", b"cd"))
    assert body_of(answer) == b"ab"
    assert answer.whole
    assert not answer.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nab",
        b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nab",
    ],
)
def test_slovenly_servers_are_understood(data: bytes) -> None:
    answer = taken(data)
    assert answer.whole
    assert body_of(answer) == b"ab"


def test_a_switch_of_protocols_ends_the_answer() -> None:
    answer = taken(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nbytes")
    [head, end] = in_order(answer.received(0, None))
    assert isinstance(head, Head)
    assert (head.head.status, end) == (101, Chunk(1, b""))
    assert not answer.reusable


def test_a_head_that_never_ends_is_cut_off() -> None:
    answer, line = taken(HEAD[:-2]), b"x: %s\r\n" % (b"y" * 1000)
    with pytest.raises(BrokenAnswer, match="longer than") as caught:
        take(answer, 2, line * (HEAD_LIMIT // len(line) + 1))
    assert caught.value.error_class is ErrorClass.MALFORMED


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ErrorClass.RESET),
        (b"HTTP/1.1 200 OK\r\ncontent-", ErrorClass.RESET),
        (HEAD, ErrorClass.CUT_STREAM),
        (HEAD + b"5\r\nhel", ErrorClass.CUT_STREAM),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", ErrorClass.CUT_STREAM),
    ],
)
def test_the_end_of_the_connection_inside_an_answer_is_a_failure(data: bytes, expected: ErrorClass) -> None:
    answer = taken(*([data] if data else []))
    with pytest.raises(BrokenAnswer) as caught:
        answer.take_end(9)
    assert caught.value.error_class is expected


def test_a_body_without_framing_ends_with_the_connection_and_is_stamped_by_its_end() -> None:
    answer = taken(b"HTTP/1.1 200 OK\r\n\r\nab", b"cd")
    assert not answer.whole
    answer.take_end(9)
    assert in_order(answer.received(0, None))[1:] == [Chunk(1, b"ab"), Chunk(2, b"cd"), Chunk(9, b"")]


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_crash_it(data: bytes, after_head: bool) -> None:
    answer = taken(HEAD) if after_head else Answer()
    try:
        take(answer, 2, data)
        if not answer.catch_up():
            answer.take_end(3)
    except BrokenAnswer:
        pass
    assert all(part.t_ns <= 3 for part in in_order(answer.received(0, None)))
