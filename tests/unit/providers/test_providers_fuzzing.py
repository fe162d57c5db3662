"""Hostile bodies: no exception, no hang, bounded events, one outcome, the same for any cut."""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.config.model import GenericHttp
from lens_gate.providers.base import End, Event, Failure, Finish, ModelReturned, NoTokens, ResponseHead, Token, Usage
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api
from tests.recordings.recording import Recording, all_recordings, decode

RECORDINGS = all_recordings()
ROUNDS = 4000
EVENTS = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
GENERIC = GenericHttp.model_validate(
    {"response": {"text": "$..text", "done": "$.done", "finish_reason": "$.end", "input_tokens": "$.n"}}
)

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]


def _drop(rng: random.Random, body: bytes) -> bytes:
    at, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    return body[:at] + body[end:]


def _repeat(rng: random.Random, body: bytes) -> bytes:
    at, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    return body[:end] + body[at:end] + body[end:]


def _splice(rng: random.Random, body: bytes) -> bytes:
    other = rng.choice(RECORDINGS).body
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def _swap_values(rng: random.Random, body: bytes) -> bytes:
    old = rng.choice([b'"', b"null", b"[", b"{", b"}", b"1", b":", b"\n", b"data", b"true"])
    new = rng.choice([b"", b"{}", b"[[", b"-1", b"1e308", b'"\\ud800"', b"\xff", b"\r", b"\x00", b"false", b"9" * 400])
    return body.replace(old, new, rng.randrange(1, 4))


def _nest(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice([b"[", b'{"a":', b"{"]) * rng.randrange(2000) + body[at:]


MUTATIONS: tuple[Mutation, ...] = (_flip, _drop, _repeat, _splice, _swap_values, _nest)


def _check(events: list[Event], size: int) -> None:
    outcomes = [event for event in events if isinstance(event, End | Failure)]
    assert len(events) <= size + 1
    assert len(outcomes) <= 1
    assert events[-1:] == outcomes or not outcomes
    for event in events:
        _check_event(event)


def _check_event(event: Event) -> None:
    match event:
        case Token():
            assert event.text.encode()
            assert event.tokens is None or event.tokens >= 0
        case Usage():
            counts = (event.input, event.output, event.cached, event.cache_write, event.reasoning)
            assert all(n is None or (type(n) is int and n >= 0) for n in counts)
        case Failure():
            assert 0 < len(event.message) <= 500
        case ModelReturned():
            assert 0 < len(event.model) <= 200
        case Finish():
            assert 0 < len(event.raw) <= 200
        case End() | NoTokens():
            pass


def test_mutated_recordings_never_raise_and_keep_the_rules() -> None:
    rng = random.Random(20250101)
    for _ in range(ROUNDS):
        recording = rng.choice(RECORDINGS)
        body = recording.body
        for mutation in rng.choices(MUTATIONS, k=rng.randrange(1, 5)):
            body = mutation(rng, body)
        events = decode(recording, [body])
        _check(events, len(body))
        cuts = sorted(rng.randrange(len(body) + 1) for _ in range(4))
        pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert decode(recording, pieces) == events


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if r.name in {"text", "ndjson", "array"}], ids=str)
def test_random_bytes_never_raise(recording: Recording) -> None:
    rng = random.Random(7)
    for _ in range(50):
        body = rng.randbytes(rng.randrange(4000))
        _check(decode(recording, [body]), len(body))


_KEYS = st.sampled_from(
    [
        *("type", "object", "error", "message", "choices", "delta", "content", "reasoning", "tool_calls", "function"),
        *("name", "arguments", "finish_reason", "usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details"),
        *("response", "output", "item", "summary", "status", "content_block", "input", "input_tokens", "output_tokens"),
        *(
            "candidates",
            "parts",
            "text",
            "thought",
            "functionCall",
            "args",
            "usageMetadata",
            "promptTokenCount",
            "done",
        ),
        *(
            "modelVersion",
            "model",
            "promptFeedback",
            "blockReason",
            "finishReason",
            "code",
            "details",
            "retryDelay",
            "n",
        ),
        *("violations", "quotaId", "executableCode", "end", "incomplete_details", "reason", "system_fingerprint"),
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            *("error", "message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"),
            *(
                "message",
                "text_delta",
                "thinking_delta",
                "input_json_delta",
                "tool_use",
                "response",
                "completed",
                "stop",
            ),
            *("response.completed", "response.failed", "response.incomplete", "response.output_item.added", "failed"),
            *("response.output_text.delta", "function_call", "chat.completion", "MAX_TOKENS", "34s", "nan", "inf"),
        ]
    ),
)
_JSON: st.SearchStrategy[JsonValue] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=20,
)
_BODY = st.lists(st.one_of(_JSON, st.dictionaries(_KEYS, _JSON, max_size=6)), max_size=5)


@given(api=st.sampled_from(Api), payloads=_BODY, status=st.sampled_from([200, 200, 200, 400, 429, 503]))
@settings(max_examples=200, deadline=None)
def test_any_json_in_a_stream_keeps_the_rules(api: Api, payloads: list[JsonValue], status: int) -> None:
    body = b"".join(b"data: " + orjson.dumps(payload) + b"\n\n" for payload in payloads)
    head = ResponseHead(status=status, headers=EVENTS.headers)
    decoder = provider_for(api, GENERIC).decoder(head, stream=True)
    _check([*decoder.feed(body), *decoder.close()], len(body))


@given(api=st.sampled_from(Api), payload=_JSON, status=st.sampled_from([200, 200, 403, 500]))
@settings(max_examples=200, deadline=None)
def test_any_json_as_a_whole_body_keeps_the_rules(api: Api, payload: JsonValue, status: int) -> None:
    body = orjson.dumps(payload)
    head = ResponseHead(status=status, headers={"content-type": "application/json"})
    decoder = provider_for(api, GENERIC).decoder(head, stream=False)
    _check([*decoder.feed(body), *decoder.close()], len(body))


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json", "application/x-ndjson", ""])
def test_an_endless_line_is_given_up_at_8_mib(api: Api, content_type: str) -> None:
    head = ResponseHead(status=200, headers={"content-type": content_type} if content_type else {})
    decoder = provider_for(api, GENERIC).decoder(head, stream=True)
    piece = b'data: {"a":"' + b"x" * 65536
    events = [event for _ in range(140) for event in decoder.feed(piece.replace(b"\n", b""))] + [*decoder.close()]
    assert [type(event) for event in events] == [Failure]


@pytest.mark.parametrize("api", list(Api))
def test_an_endless_error_body_is_kept_to_its_beginning(api: Api) -> None:
    decoder = provider_for(api, GENERIC).decoder(ResponseHead(status=500, headers={}), stream=True)
    assert [event for _ in range(200) for event in decoder.feed(b"y" * 65536)] == []
    (failure,) = decoder.close()
    assert isinstance(failure, Failure)
    assert failure.message == "y" * 500
