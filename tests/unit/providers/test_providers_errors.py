"""What refusals mean: status, headers, body, and errors inside a stream."""

from __future__ import annotations

import orjson
import pytest
from pydantic import JsonValue

from lens_gate.providers.base import ResponseHead
from lens_gate.providers.errors import failure_in_stream, failure_of, malformed, not_a_stream, reported_error
from lens_gate.vocabulary.requests import ErrorClass


def _class_of(status: int, body: JsonValue = None) -> ErrorClass:
    return failure_of(ResponseHead(status=status, headers={}), orjson.dumps(body)).error_class


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, ErrorClass.INVALID_REQUEST),
        (307, ErrorClass.INVALID_REQUEST),
        (400, ErrorClass.INVALID_REQUEST),
        (401, ErrorClass.AUTHENTICATION),
        (402, ErrorClass.QUOTA),
        (403, ErrorClass.AUTHENTICATION),
        (404, ErrorClass.NOT_FOUND),
        (408, ErrorClass.API_ERROR),
        (413, ErrorClass.INVALID_REQUEST),
        (422, ErrorClass.INVALID_REQUEST),
        (429, ErrorClass.RATE_LIMIT),
        (500, ErrorClass.API_ERROR),
        (502, ErrorClass.API_ERROR),
        (503, ErrorClass.API_ERROR),
        (504, ErrorClass.API_ERROR),
        (529, ErrorClass.OVERLOADED),
        (999, ErrorClass.API_ERROR),
    ],
)
def test_a_status_without_words_has_its_class(status: int, expected: ErrorClass) -> None:
    assert _class_of(status) is expected


def test_words_about_quota_in_an_ordinary_rate_limit_do_not_make_it_a_quota_error() -> None:
    message = "You exceeded your current quota, please check your plan and billing details."
    assert _class_of(429, {"error": {"message": message, "status": "RESOURCE_EXHAUSTED"}}) is ErrorClass.RATE_LIMIT
    assert _class_of(429, {"error": {"message": message, "type": "insufficient_quota"}}) is ErrorClass.QUOTA


def test_overload_counts_by_type_at_any_5xx_and_by_message_only_at_503() -> None:
    assert _class_of(500, {"error": {"type": "overloaded_error"}}) is ErrorClass.OVERLOADED
    assert _class_of(503, {"error": {"message": "Model overloaded"}}) is ErrorClass.OVERLOADED
    assert _class_of(500, {"error": {"message": "operator overloaded"}}) is ErrorClass.API_ERROR
    assert _class_of(400, {"error": {"type": "overloaded_error"}}) is ErrorClass.INVALID_REQUEST


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, None, 0.25),
        ({"retry-after": "1.5"}, None, 1.5),
        ({"retry-after": "0"}, None, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, None),
        ({"retry-after": "-1"}, None, None),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({}, {"error": {"details": [{"@type": "x"}, {"retryDelay": "34s"}]}}, 34.0),
        ({"retry-after": "2"}, {"error": {"details": [{"retryDelay": "34s"}]}}, 2.0),
        ({}, {"error": {"details": [{"retryDelay": "soon"}]}}, None),
        ({}, None, None),
    ],
)
def test_the_wait_comes_from_headers_first_and_then_from_the_body(
    headers: dict[str, str], body: JsonValue, expected: float | None
) -> None:
    assert failure_of(ResponseHead(status=429, headers=headers), orjson.dumps(body)).retry_after_s == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "m"}}', "m"),
        (b'{"error": {"error": {"message": "m"}}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"message": "m"}', "m"),
        (b'{"detail": {"why": "m"}}', '{"why":"m"}'),
        (b'[{"error": {"message": "m"}}]', "m"),
        (b'"m"', "m"),
        (b"plain\n  words\x1b[0m", "plain words [0m"),
        (b"<html><head><title>Bad gateway</title>", "an HTML page: Bad gateway"),
        (b"<!doctype html>", "an HTML page"),
        (b"", "HTTP 500"),
        (b"[]", "HTTP 500"),
        (b'{"error": {}}', "HTTP 500"),
        (b"\xff\xfe", "��"),
    ],
)
def test_the_message_is_what_the_server_said(body: bytes, message: str) -> None:
    assert failure_of(ResponseHead(status=500, headers={}), body).message == message


def test_a_message_is_cut_at_500_characters() -> None:
    assert len(failure_of(ResponseHead(status=500, headers={}), b"w" * 9000).message) == 500


@pytest.mark.parametrize(
    "key", ["sk-proj-abc123def456", "AIzaSyA1234567890abc", "gsk_abcdef123456", "Bearer eyJhbGciOi1.x", "sk-***abcd"]
)
def test_a_key_that_the_server_repeats_is_taken_out(key: str) -> None:
    message = failure_in_stream({"message": f"bad key {key} given"}).message
    assert key not in message
    assert message == "bad key [redacted] given"


def test_ordinary_words_are_not_taken_for_keys() -> None:
    words = "use Bearer authentication, key-value pairs and a task-scheduler"
    assert failure_in_stream(words).message == words


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("boom", ErrorClass.ERROR_IN_STREAM),
        ({"type": "overloaded_error", "message": "Overloaded"}, ErrorClass.OVERLOADED),
        ({"code": 529}, ErrorClass.OVERLOADED),
        ({"code": 503, "message": "The model is overloaded."}, ErrorClass.OVERLOADED),
        ({"code": 503, "message": "Down"}, ErrorClass.ERROR_IN_STREAM),
        ({"message": "overloaded"}, ErrorClass.ERROR_IN_STREAM),
        ({"code": "rate_limit_exceeded"}, ErrorClass.RATE_LIMIT),
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, ErrorClass.RATE_LIMIT),
        ({"code": "insufficient_quota"}, ErrorClass.QUOTA),
        ({"code": 500}, ErrorClass.ERROR_IN_STREAM),
        (7, ErrorClass.ERROR_IN_STREAM),
    ],
)
def test_an_error_inside_a_stream_keeps_a_class_of_its_own_only_where_the_provider_is_busy(
    error: JsonValue, expected: ErrorClass
) -> None:
    assert failure_in_stream(error).error_class is expected


def test_an_error_inside_a_stream_may_say_how_long_to_wait() -> None:
    assert failure_in_stream({"code": 429, "details": [{"retryDelay": "2s"}]}).retry_after_s == 2.0


def test_an_error_without_a_message_still_says_something() -> None:
    assert failure_in_stream({}).message == "the stream reported an error without a message"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": {"code": 1}}, {"code": 1}),
        ({"error": "x"}, "x"),
        ({"error": None}, None),
        ({"error": {}}, None),
        ({"type": "error", "message": "m"}, {"type": "error", "message": "m"}),
        ({"object": "error"}, {"object": "error"}),
        ({"choices": []}, None),
        (["error"], None),
    ],
)
def test_errors_are_recognised_in_all_shapes_in_use(payload: JsonValue, expected: JsonValue) -> None:
    assert reported_error(payload) == expected


def test_a_wrong_content_type_quotes_only_a_title() -> None:
    assert not_a_stream("text/html", b"<title>Sign in</title>secret").message == (
        "the answer has content type text/html: Sign in"
    )
    assert not_a_stream("text/plain", b"an answer").message == "the answer has content type text/plain"


def test_a_malformed_body_has_its_class() -> None:
    assert malformed("why").error_class is ErrorClass.MALFORMED
