from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Sample
from lens_gate.config.model import GenericHttp
from lens_gate.load.record.recorder import Recorder, unsent
from lens_gate.load.record.stalls import Stalls
from lens_gate.load.wire.transport import Head, TransportFailure
from lens_gate.providers.base import ResponseHead, Usage
from lens_gate.providers.select import provider_for
from lens_gate.stats.sketch import encode
from lens_gate.vocabulary.requests import Api, ErrorClass, FinishReason, Phase, Status, TokenSource
from tests.fakes.transport import a_request, a_series

ANCHOR = 1_000_000_000
MS = 1_000_000


def a_head(*, at_ms: float = 50, sent_ms: float = 10, status: int = 200, connect_ns: int | None = None) -> Head:
    return Head(
        t_ns=ANCHOR + int(at_ms * MS),
        sent_ns=ANCHOR + int(sent_ms * MS),
        head=ResponseHead(status=status, headers={}),
        connect_ns=connect_ns,
    )


def broken(error: ErrorClass, *, at_ms: float = 900, sent_ms: float | None = 10) -> TransportFailure:
    sent_ns = None if sent_ms is None else ANCHOR + int(sent_ms * MS)
    return TransportFailure(error, f"{error.value} it was", t_ns=ANCHOR + int(at_ms * MS), sent_ns=sent_ns)


def recorder(*, stream: bool = True, ends_with_body: bool = False, keep_chunks: bool = False) -> Recorder:
    planned = a_request(7, series=a_series(ends_with_body=ends_with_body), stream=stream)
    return Recorder(planned, anchor_ns=ANCHOR, intended_ns=ANCHOR + 9 * MS, phase=Phase.WARMUP, keep_chunks=keep_chunks)


def recorded(
    *chunks: tuple[float, bytes],
    head: Head | None = None,
    failure: TransportFailure | None = None,
    stream: bool = True,
    ends_with_body: bool = False,
    stalls: Stalls | None = None,
) -> Sample:
    record = recorder(stream=stream, ends_with_body=ends_with_body)
    record.open(head or a_head())
    for at_ms, data in chunks:
        record.take([ANCHOR + int(at_ms * MS)], [data])
    if failure is not None:
        record.fail(failure)
    return record.finish(stalls)


def test_a_streamed_answer_is_timed_from_the_bytes_that_hold_its_tokens() -> None:
    sample = recorded(
        (60, b": ping\n"),
        (100, b"reasoning hm\n"),
        (130, b"text one\ntext two\n"),
        (170, b"text three\n"),
        (180, b"model m-2026\nfinish stop\nusage 5 9\nend\n"),
        (200, b""),
    )
    assert sample.status is Status.OK
    assert sample.error_class is ErrorClass.NONE
    assert (sample.index, sample.phase, sample.prompt_id) == (7, Phase.WARMUP, "greeting")
    assert (sample.intended_ns, sample.sent_ns, sample.headers_ns) == (9 * MS, 10 * MS, 50 * MS)
    assert (sample.first_byte_ns, sample.first_token_ns, sample.first_visible_ns) == (60 * MS, 100 * MS, 130 * MS)
    assert (sample.last_token_ns, sample.end_ns) == (170 * MS, 180 * MS)
    assert (sample.chunk_count, sample.read_count, sample.zero_gaps) == (4, 5, 1)
    assert sample.largest_gap_ns == 40 * MS
    assert sample.gap_sketch == encode([30 * MS, 0, 40 * MS])
    assert (sample.input_tokens, sample.output_tokens, sample.cached_tokens) == (5, 9, 1)
    assert (sample.cache_write_tokens, sample.token_source) == (2, TokenSource.SERVER)
    assert (sample.model_returned, sample.finish_reason, sample.http_status) == ("m-2026", FinishReason.STOP, 200)
    assert sample.answer_hash == hashlib.sha256(b"onetwothree").hexdigest()[:16]
    assert sample.answer_characters == len("onetwothree")
    assert sample.reused is True


def test_a_new_connection_is_told_from_a_reused_one() -> None:
    sample = recorded((60, b"text a\nend\n"), head=a_head(connect_ns=3 * MS))
    assert (sample.connect_ns, sample.reused) == (3 * MS, False)


def test_the_end_of_the_body_ends_an_answer_whose_api_has_no_marker() -> None:
    sample = recorded((60, b"text a\n"), (75, b""), ends_with_body=True)
    assert sample.status is Status.OK
    assert sample.end_ns == 75 * MS


def test_chunks_that_came_out_of_one_read_count_as_one_read() -> None:
    sample = recorded((60, b"text a\n"), (60, b"text b\n"), (61, b"end\n"))
    assert (sample.chunk_count, sample.read_count, sample.zero_gaps) == (2, 2, 1)


def test_an_endpoint_that_generates_no_tokens_has_a_latency_and_no_counts() -> None:
    sample = recorded((60, b"end without tokens\n"))
    assert (sample.status, sample.end_ns) == (Status.OK, 60 * MS)
    assert (sample.first_token_ns, sample.output_tokens, sample.token_source) == (None, None, TokenSource.NONE)


def test_a_single_token_has_no_gap() -> None:
    sample = recorded((60, b"text a\nend\n"))
    assert (sample.gap_sketch, sample.largest_gap_ns) == (None, None)
    assert sample.first_token_ns == sample.last_token_ns == 60 * MS


def test_an_answer_that_was_not_streamed_has_a_latency_but_no_first_token() -> None:
    sample = recorded((60, b"text a\ntext b\nusage 3 2\nend\n"), stream=False)
    assert sample.status is Status.OK
    assert (sample.first_token_ns, sample.last_token_ns, sample.gap_sketch) == (None, None, None)
    assert (sample.end_ns, sample.output_tokens) == (60 * MS, 2)


def test_a_json_document_in_place_of_a_stream_has_no_first_token_unless_it_grew_in_pieces() -> None:
    json_head = ResponseHead(status=200, headers={"content-type": "application/json; charset=utf-8"})
    head = replace(a_head(), head=json_head)

    whole = recorded((60, b"text a\nusage 3 2\nend\n"), head=head)
    grown = recorded((60, b"text a\n"), (90, b"text b\nend\n"), head=head)

    assert (whole.status, whole.first_token_ns, whole.end_ns) == (Status.OK, None, 60 * MS)
    assert (grown.first_token_ns, grown.last_token_ns) == (60 * MS, 90 * MS)


@pytest.mark.parametrize(
    ("body", "tokens", "source"),
    [
        (b"text a\ntext b\nusage 3 7\nend\n", 7, TokenSource.SERVER),
        (b"counted 2 a\ncounted 3 b\nend\n", 5, TokenSource.SERVER),
        (b"counted 2 a\ntext b\ncounted 3 c\nend\n", 3, TokenSource.CHUNKS),
        (b"text a\ntext b\nend\n", 2, TokenSource.CHUNKS),
        (b"usage 3 0\nend\n", 0, TokenSource.SERVER),
        (b"end\n", None, TokenSource.NONE),
        # A stream that broke off holds a placeholder where the bill would stand.
        (b"usage 3 1\ntext a\ntext b\n", 2, TokenSource.CHUNKS),
        (b"usage 3 9\ntext a\n", 9, TokenSource.SERVER),
    ],
)
def test_token_counts_say_where_they_come_from_and_only_the_servers_are_billed(
    body: bytes, tokens: int | None, source: TokenSource
) -> None:
    billed: list[tuple[ErrorClass, int | None, int | None]] = []

    def bill(error: ErrorClass, http_status: int | None, told: Usage) -> float:
        billed.append((error, http_status, told.output))
        return 0.25

    record = recorder()
    record.open(a_head())
    record.take([ANCHOR + 60 * MS], [body])
    sample = record.finish(bill=bill)
    assert (sample.output_tokens, sample.token_source, sample.cost_usd) == (tokens, source, 0.25)
    assert billed == [(sample.error_class, 200, tokens if source is TokenSource.SERVER else None)]


def test_the_bill_is_told_every_count_of_the_server_and_none_where_no_head_came() -> None:
    told: list[tuple[int | None, Usage]] = []
    one, other = recorder(), recorder()
    one.open(a_head())
    one.take([ANCHOR + 60 * MS], [b"text a\nusage 3 7\nend\n"])
    other.fail(broken(ErrorClass.RESET))
    for record in (one, other):
        sample = record.finish(bill=lambda _, http_status, usage: told.append((http_status, usage)))
        assert sample.cost_usd is None
    assert told == [(200, Usage(input=3, output=7, cached=1, cache_write=2, reasoning=0)), (None, Usage())]


NO_MONEY = b'{"error": {"type": "insufficient_quota"}}'

FAILURES = {
    "nothing at all": ([], {}, ErrorClass.EMPTY, Status.FAILED),
    "a marker without an answer": ([(60, b"end\n")], {}, ErrorClass.EMPTY, Status.FAILED),
    "cut before the first token": ([(60, b": hi\n")], {}, ErrorClass.CUT_STREAM, Status.FAILED),
    "cut before the marker": ([(60, b"text a\n")], {}, ErrorClass.CUT_STREAM, Status.FAILED),
    "an error inside a success": ([(60, b"fail error_in_stream no\nend\n")], {}, ErrorClass.ERROR_IN_STREAM, None),
    "two errors, the first one counts": (
        [(60, b"fail malformed x\nfail error_in_stream y\n")],
        {},
        ErrorClass.MALFORMED,
        Status.FAILED,
    ),
    "overloaded inside a stream": ([(60, b"fail overloaded x\n")], {}, ErrorClass.OVERLOADED, Status.THROTTLED),
    "refused by its finish": ([(60, b"text no\nfinish refusal\nend\n")], {}, ErrorClass.REFUSED, Status.FAILED),
    "refused by its words": ([(60, b"refusal no\nfinish stop\nend\n")], {}, ErrorClass.REFUSED, Status.FAILED),
    "refused without a word": ([(60, b"finish refusal\nend\n")], {}, ErrorClass.REFUSED, Status.FAILED),
    "refused, and cut before the end": ([(60, b"refusal no\n")], {}, ErrorClass.CUT_STREAM, Status.FAILED),
    "a redirect": ([], {"status": 307}, ErrorClass.INVALID_REQUEST, Status.FAILED),
    "a server error": ([(60, b"boom")], {"status": 500}, ErrorClass.API_ERROR, Status.FAILED),
    "a refused key": ([(60, b"who?")], {"status": 401}, ErrorClass.AUTHENTICATION, Status.FAILED),
    "a rate limit": ([(60, b"slow")], {"status": 429}, ErrorClass.RATE_LIMIT, Status.THROTTLED),
    "an exhausted quota": ([(60, NO_MONEY)], {"status": 429}, ErrorClass.QUOTA, Status.FAILED),
    "an overload": ([(60, b"slow")], {"status": 529}, ErrorClass.OVERLOADED, Status.THROTTLED),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_way_to_fail_has_its_own_class_and_none_is_a_success(name: str) -> None:
    chunks, head, error, status = FAILURES[name]
    sample = recorded(*chunks, head=a_head(**head))
    assert sample.error_class is error
    assert sample.status is (status or Status.FAILED)


def test_a_throttling_status_counts_as_throttled_even_if_its_body_broke() -> None:
    sample = recorded(head=a_head(status=429), failure=broken(ErrorClass.RESET))
    assert (sample.status, sample.error_class) == (Status.THROTTLED, ErrorClass.RESET)


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (307, ErrorClass.INVALID_REQUEST),
        (400, ErrorClass.INVALID_REQUEST),
        (403, ErrorClass.AUTHENTICATION),
        (429, ErrorClass.RATE_LIMIT),
        (500, ErrorClass.API_ERROR),
    ],
)
def test_every_provider_gives_a_status_of_failure_its_class_and_words(
    api: Api, status: int, expected: ErrorClass
) -> None:
    series = replace(a_series(), api=api, provider=provider_for(api, GenericHttp()))
    record = Recorder(a_request(series=series), anchor_ns=ANCHOR, intended_ns=ANCHOR, phase=Phase.MEASURE)
    record.open(a_head(status=status))
    sample = record.finish()
    assert (sample.error_class, sample.http_status) == (expected, status)
    assert str(status) in str(record.message)


@pytest.mark.parametrize(
    "error", [ErrorClass.IDLE_TIMEOUT, ErrorClass.TIMEOUT, ErrorClass.RESET, ErrorClass.CUT_STREAM]
)
def test_a_broken_exchange_keeps_what_was_seen_and_ends_when_it_broke(error: ErrorClass) -> None:
    sample = recorded((60, b"text a\n"), failure=broken(error))
    assert (sample.status, sample.error_class) == (Status.FAILED, error)
    assert (sample.first_token_ns, sample.end_ns) == (60 * MS, 900 * MS)
    assert (sample.output_tokens, sample.token_source) == (1, TokenSource.CHUNKS)


def test_a_request_that_was_never_answered_has_only_its_send_and_its_end() -> None:
    record = recorder()
    record.fail(broken(ErrorClass.HEADERS_TIMEOUT))
    sample = record.finish()
    assert (sample.sent_ns, sample.end_ns) == (10 * MS, 900 * MS)
    assert (sample.headers_ns, sample.first_byte_ns, sample.http_status, sample.reused) == (None, None, None, None)


def test_what_connecting_took_is_known_of_a_request_that_was_never_answered_too() -> None:
    record = recorder()
    failure = broken(ErrorClass.RESET)
    failure.connect_ns = 8 * MS
    record.fail(failure)
    sample = record.finish()
    assert (sample.sent_ns, sample.connect_ns, sample.reused) == (10 * MS, 8 * MS, False)


def test_a_request_that_never_left_has_no_send() -> None:
    record = recorder()
    record.fail(broken(ErrorClass.CONNECT, sent_ms=None))
    assert record.finish().sent_ns is None


def test_an_exchange_without_head_or_failure_is_no_success() -> None:
    sample = recorder().finish()
    assert (sample.status, sample.error_class, sample.sent_ns) == (Status.FAILED, ErrorClass.EMPTY, None)


def test_bytes_without_a_head_are_not_decoded() -> None:
    record = recorder()
    record.take([ANCHOR + 60 * MS], [b"text a\nend\n"])
    assert record.finish().chunk_count == 0


def test_a_connection_that_breaks_after_the_end_marker_does_not_undo_the_answer() -> None:
    sample = recorded((60, b"text a\nend\n"), failure=broken(ErrorClass.IDLE_TIMEOUT))
    assert sample.status is Status.OK
    assert sample.end_ns == 60 * MS


EIGHT = b"".join(b"text %d\n" % n for n in range(8))


def test_eight_tokens_in_two_reads_after_a_long_wait_are_a_buffered_stream() -> None:
    sample = recorded((100, EIGHT[:21]), (101, EIGHT[21:] + b"usage 3 8\nend\n"))
    assert (sample.status, sample.error_class) == (Status.FAILED, ErrorClass.BUFFERED)
    assert sample.zero_gaps == 6


@pytest.mark.parametrize(
    ("chunks", "stream"),
    [
        ([(100, EIGHT[7:] + b"end\n")], True),
        ([(100, EIGHT[:14]), (101, EIGHT[14:28]), (102, EIGHT[28:] + b"end\n")], True),
        ([(150, EIGHT[:28]), (152, EIGHT[28:] + b"usage 3 8\nend\n")], True),
        ([(17, EIGHT + b"end\n")], True),
        ([(100, EIGHT + b"end\n")], False),
    ],
    ids=["seven tokens", "three reads", "2,000 per second", "no wait that could hide a generation", "not streamed"],
)
def test_an_answer_that_could_be_honest_is_not_called_buffered(
    *, chunks: list[tuple[float, bytes]], stream: bool
) -> None:
    assert recorded(*chunks, stream=stream).status is Status.OK


@pytest.mark.parametrize(
    ("stall_ms", "expected"),
    [
        ((60, 100), ErrorClass.NONE),
        ((92, 100), ErrorClass.NONE),
        ((93, 100), ErrorClass.BUFFERED),
        ((0, 90), ErrorClass.BUFFERED),
    ],
)
def test_what_comes_in_one_piece_after_a_stall_of_our_own_is_not_laid_to_the_server(
    stall_ms: tuple[int, int], expected: ErrorClass
) -> None:
    stalls = Stalls()
    stalls.expect(ANCHOR + stall_ms[0] * MS)
    stalls.ran(ANCHOR + stall_ms[1] * MS)
    sample = recorded((100, EIGHT + b"usage 3 8\nend\n"), stalls=stalls)
    assert (sample.error_class, sample.zero_gaps) == (expected, 7)


def test_a_broken_stream_is_called_by_its_fault_even_if_it_was_buffered() -> None:
    assert recorded((100, EIGHT)).error_class is ErrorClass.CUT_STREAM


def test_only_reasoning_leaves_no_answer_but_is_not_empty() -> None:
    sample = recorded((60, b"reasoning hm\nfinish length\nend\n"))
    assert sample.status is Status.OK
    assert (sample.first_visible_ns, sample.answer_hash, sample.answer_characters) == (None, None, 0)
    assert sample.finish_reason is FinishReason.LENGTH


def test_the_message_is_that_of_the_transport_or_else_of_the_server() -> None:
    assert recorder().message is None
    record = recorder()
    record.open(a_head())
    record.take([ANCHOR + 60 * MS], [b"fail api_error it burns\n"])
    said = [record.message]
    record.fail(broken(ErrorClass.RESET))
    assert [*said, record.message] == ["it burns", "reset it was"]


def test_chunks_are_kept_only_on_request() -> None:
    for keep, expected in ((True, ((60 * MS, 7), (61 * MS, 4))), (False, ())):
        record = recorder(keep_chunks=keep)
        record.open(a_head())
        for at_ms, data in ((60, b"text a\n"), (61, b"end\n"), (62, b"")):
            record.take([ANCHOR + at_ms * MS], [data])
        assert record.chunks == expected


def test_a_shed_request_has_no_times() -> None:
    sample = unsent(a_request(3), intended_ns=5, phase=Phase.MEASURE)
    assert (sample.status, sample.error_class) == (Status.SHED, ErrorClass.SHED)
    assert (sample.intended_ns, sample.sent_ns, sample.end_ns) == (5, None, None)


@given(cuts=st.lists(st.integers(min_value=0, max_value=60), max_size=12))
def test_any_split_of_the_same_bytes_gives_the_same_answer_and_never_a_time_that_goes_back(cuts: list[int]) -> None:
    body = b"reasoning hm\n" + EIGHT + b"usage 5 9\nfinish stop\nend\n"
    places = [0, *sorted(cuts), len(body)]
    parts = [(60 + 3 * n, body[a:b]) for n, (a, b) in enumerate(pairwise(places))]
    sample = recorded(*parts)
    assert (sample.chunk_count, sample.output_tokens, sample.answer_characters) == (9, 9, 8)
    assert sample.status is (Status.OK if sample.error_class is ErrorClass.NONE else Status.FAILED)
    assert sample.error_class in {ErrorClass.NONE, ErrorClass.BUFFERED}
    assert sample.first_token_ns is not None
    assert sample.last_token_ns is not None
    assert sample.end_ns is not None
    assert sample.first_token_ns <= sample.last_token_ns <= sample.end_ns
