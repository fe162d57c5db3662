"""Traps of single dialects that no recording shows, and the values that nobody vouches for."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.providers.base import Decoder, End, Event, Failure, Finish, ModelReturned, ResponseHead, Token, Usage
from lens_gate.providers.json_values import NotJson, count, parse, total, written
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api, ErrorClass, FinishReason, TokenKind


def _decoder(api: Api, media: str = "text/event-stream", *, stream: bool = True) -> Decoder:
    head = ResponseHead(status=200, headers={"content-type": media} if media else {})
    return provider_for(api).decoder(head, stream=stream)


def _stream(api: Api, *payloads: JsonValue) -> list[Event]:
    decoder = _decoder(api)
    body = b"".join(b"data: " + orjson.dumps(payload) + b"\n\n" for payload in payloads)
    return [*decoder.feed(body), *decoder.close()]


def _delta(delta: JsonValue, completion_tokens: int | None = None) -> JsonValue:
    usage: JsonValue = None if completion_tokens is None else {"completion_tokens": completion_tokens}
    return {"choices": [{"delta": delta}], "usage": usage}


def _tokens(events: list[Event]) -> list[Token]:
    return [event for event in events if isinstance(event, Token)]


def test_an_event_without_data_says_nothing() -> None:
    assert _decoder(Api.OPENAI_CHAT).feed(b"data:  \n\n") == []


@pytest.mark.parametrize("api", [Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE])
def test_a_frame_that_holds_no_object_says_nothing(api: Api) -> None:
    assert [type(event) for event in _stream(api, [1], "text", 2)] == [type(event) for event in _stream(api)]


def test_several_pieces_in_one_frame_share_no_count() -> None:
    events = _stream(Api.OPENAI_CHAT, _delta({"content": "a", "reasoning": "b"}, 4), _delta({"content": "c"}, 5))
    assert _tokens(events) == [
        Token(TokenKind.REASONING, "b"),
        Token(TokenKind.TEXT, "a"),
        Token(TokenKind.TEXT, "c", 1),
    ]


def test_a_running_count_that_was_missing_once_or_fell_is_not_used_again() -> None:
    for middle in (None, 1):
        payloads = [_delta({"content": str(n)}, n) for n in (3, 9, 10)]
        payloads[1] = _delta({"content": "9"}, middle)
        assert [token.tokens for token in _tokens(_stream(Api.OPENAI_CHAT, *payloads))] == [3, None, None]


def test_a_fingerprint_that_changes_is_told_and_one_that_vanishes_is_not() -> None:
    chunks: list[JsonValue] = [{"model": "m"}, {"model": "m", "system_fingerprint": "a"}, {"model": "m"}, {"model": ""}]
    assert _stream(Api.OPENAI_CHAT, *chunks) == [ModelReturned("m"), ModelReturned("m", "a")]


def test_an_event_named_error_is_one_whatever_its_payload() -> None:
    for data in (b'{"message":"boom"}', b"boom"):
        decoder = _decoder(Api.OPENAI_CHAT)
        (failure,) = decoder.feed(b"event: error\ndata: " + data + b"\n\n")
        assert failure == Failure(error_class=ErrorClass.ERROR_IN_STREAM, message="boom")


def test_a_finish_reason_without_the_end_of_the_body_is_no_end() -> None:
    decoder = _decoder(Api.OPENAI_CHAT)
    assert End() not in decoder.feed(b'data: {"choices":[{"finish_reason":"stop"}]}\n\n')
    assert decoder.close() == [End()]


@pytest.mark.parametrize("api", [Api.OPENAI_RESPONSES, Api.ANTHROPIC])
def test_done_is_no_end_where_the_api_has_its_own(api: Api) -> None:
    decoder = _decoder(api)
    assert [*decoder.feed(b"data: [DONE]\n\n"), *decoder.close()] == []


def test_done_after_a_finish_reason_ends_gemini_through_a_proxy() -> None:
    decoder = _decoder(Api.GOOGLE)
    assert decoder.feed(b"data: [DONE]\n\n") == []
    events = decoder.feed(b'data: {"candidates":[{"finishReason":"STOP"}]}\n\ndata: [DONE]\n\n')
    assert events == [Finish(FinishReason.STOP, "STOP"), End()]


def test_anthropics_placeholder_does_not_survive_a_cut_stream() -> None:
    start: JsonValue = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
    assert _stream(Api.ANTHROPIC, start) == [Usage(input=5)]


def test_anthropics_later_counts_replace_earlier_ones_where_given() -> None:
    start: JsonValue = {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 0, "cache_read_input_tokens": 7}},
    }
    delta: JsonValue = {"type": "message_delta", "usage": {"input_tokens": 3, "output_tokens": 2}}
    assert _stream(Api.ANTHROPIC, start, delta) == [Usage(input=7, cached=7), Usage(input=10, output=2, cached=7)]


def test_a_tool_without_arguments_is_still_a_generated_piece() -> None:
    block: JsonValue = {
        "type": "content_block_start",
        "content_block": {"type": "tool_use", "name": "now", "input": {}},
    }
    empty: JsonValue = {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": ""}}
    assert _stream(Api.ANTHROPIC, block, empty) == [Token(TokenKind.TOOL, "now")]
    call: JsonValue = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "now"}}]}}]}
    assert _stream(Api.GOOGLE, call) == [Token(TokenKind.TOOL, "now")]


def test_a_response_in_the_making_or_cancelled_is_not_whole() -> None:
    assert _stream(Api.OPENAI_RESPONSES, {"object": "response", "status": "in_progress"}) == []
    (failure,) = _stream(Api.OPENAI_RESPONSES, {"object": "response", "status": "cancelled"})
    assert isinstance(failure, Failure)
    assert "cancelled" in failure.message


def test_an_incomplete_response_without_a_reason_still_ends() -> None:
    events = _stream(Api.OPENAI_RESPONSES, {"type": "response.incomplete", "response": {}})
    assert events == [Finish(FinishReason.OTHER, "incomplete"), End()]


def test_text_after_a_tool_makes_an_ordinary_stop() -> None:
    parts: JsonValue = [{"functionCall": {"name": "f", "args": {"a": 1}}}, {"text": "done"}]
    events = _stream(Api.GOOGLE, {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    assert events[-2:] == [Finish(FinishReason.STOP, "STOP"), End()]


@pytest.mark.parametrize("api", [Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE])
def test_without_a_content_type_the_answer_is_read_as_it_was_asked_for(api: Api) -> None:
    decoder = _decoder(api, "", stream=True)
    (failure,) = decoder.feed(b'data: {"error":{"message":"m"}}\n\n')
    assert failure == Failure(error_class=ErrorClass.ERROR_IN_STREAM, message="m")
    decoder = _decoder(api, "", stream=False)
    assert decoder.feed(b'{"error":{"message":"m"}}') == []
    assert decoder.close() == [failure]


@pytest.mark.parametrize("media", ["text/plain", "application/octet-stream", "text/html; charset=utf-8"])
def test_a_foreign_content_type_is_a_class_of_its_own(media: str) -> None:
    decoder = _decoder(Api.ANTHROPIC, media)
    assert decoder.feed(b"event: message_stop\ndata: {}\n\n") == []
    (failure,) = decoder.close()
    assert isinstance(failure, Failure)
    assert failure.error_class is ErrorClass.WRONG_CONTENT


def test_an_unstreamed_answer_that_comes_as_events_is_read_as_such() -> None:
    decoder = _decoder(Api.OPENAI_CHAT, stream=False)
    assert decoder.feed(b"data: [DONE]\n\n") == [End()]


def test_an_empty_body_gives_no_events() -> None:
    for api in (Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE):
        assert _decoder(api).close() == []
        assert _decoder(api, "application/problem+json").close() == []


def test_a_malformed_frame_quotes_nothing_of_the_answer() -> None:
    (failure,) = _decoder(Api.OPENAI_CHAT).feed(b'data: {"private": "words\n\n')
    assert isinstance(failure, Failure)
    assert "words" not in failure.message


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=10))
def test_json_is_read_as_it_was_written(value: JsonValue) -> None:
    assert parse(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("written_value", "expected"),
    [
        (rb'"\ud83d"', "�"),
        (rb'"\ude00\ud83d\ude00"', "�😀"),
        (rb'"\\ud83d \ud83d"', "\\ud83d �"),
        (b'"\xf0\x9f"', "�"),
    ],
)
def test_half_a_character_does_not_spoil_an_answer(written_value: bytes, expected: str) -> None:
    assert parse(written_value) == expected


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":"\\ud83d"', b"NaN", b"[" * 5000, b'{"a":' + b"9" * 5000 + b"}"])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(NotJson):
        parse(data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.0, 3), (0, 0), (2**53, 2**53), (2**53 + 1, None), (-1, None), (1.5, None), (True, None), ("3", None)],
)
def test_a_count_is_a_whole_number_in_bounds(value: JsonValue, expected: int | None) -> None:
    assert count(value) == expected


def test_a_total_of_nothing_known_is_unknown() -> None:
    assert (total(None, None), total(None, 2), total(1, 2)) == (None, 2, 3)


def test_a_value_nested_too_deep_is_written_as_an_ellipsis() -> None:
    value: JsonValue = 1
    for _ in range(300):
        value = [value]
    assert written(value) == "…"
    assert written({"a": 1}) == '{"a":1}'


def test_a_part_of_gemini_that_is_no_object_tells_nothing() -> None:
    head = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
    decoder = provider_for(Api.GOOGLE).decoder(head, stream=True)
    payload = {"candidates": [{"content": {"parts": ["x", 7, {"text": "a"}]}}]}
    assert decoder.feed(b"data: " + orjson.dumps(payload) + b"\n\n") == [Token(TokenKind.TEXT, "a")]
