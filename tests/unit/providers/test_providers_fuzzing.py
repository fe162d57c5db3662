"""Hostile bodies: no exception, no hang, bounded events, one outcome, the same for any cut."""

from __future__ import annotations

import random

import orjson
import pytest
from benchmarks import fuzz
from benchmarks.fuzz import PIECES_EVERY, check_events, in_pieces, inputs, run
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.config.model import GenericHttp
from lens_gate.providers.base import End, Event, Failure, ResponseHead, Token, Usage
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api, TokenKind
from tests.recordings.recording import Recording, decode

ROUNDS = 4000
EVENTS = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
GENERIC = GenericHttp.model_validate(
    {"response": {"text": "$..text", "done": "$.done", "finish_reason": "$.end", "input_tokens": "$.n"}}
)


@pytest.mark.proving
def test_mutated_recordings_never_raise_and_keep_the_rules() -> None:
    found = run(0, ROUNDS)
    assert found.failures == []
    assert (found.inputs, found.again) == (ROUNDS, ROUNDS // PIECES_EVERY)
    assert min(found.outcomes[name] for name in ("whole", "failure", "open")) > ROUNDS / 100


def test_an_input_follows_from_its_number_alone() -> None:
    (alone,) = inputs(2345, 1)
    among = next(one for one in inputs(1500, 2000) if one[0] == 2345)
    assert alone[:3] == among[:3]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([End(), End()], "more than one outcome"),
        ([End(), Token(TokenKind.TEXT, "late")], "something after the outcome"),
        ([Token(TokenKind.TEXT, "")], "a token without text"),
        ([Usage(input=-1)], "usage that is no count"),
        ([End()] * 9, "more events than bytes"),
    ],
)
def test_events_that_break_a_rule_are_told(events: list[Event], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_events(events, 5)


def test_what_a_decoder_does_wrong_is_a_failure_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs_or_raises(recording: Recording, pieces: list[bytes]) -> list[Event]:
        if pieces[0].startswith(b"data"):
            raise KeyError("choices")
        while True:
            pass

    monkeypatch.setattr(fuzz, "decode", hangs_or_raises)
    monkeypatch.setattr(fuzz, "CPU_LIMIT_S", 0.01)
    found = run(0, 20)
    assert found.outcomes == {"broken": 20}
    assert {failure.partition(": ")[2].partition(":")[0] for failure in found.failures} == {"KeyError", "TooSlow"}


@pytest.mark.parametrize("recording", [r for r in fuzz.RECORDINGS if r.name in {"text", "ndjson", "array"}], ids=str)
def test_random_bytes_never_raise(recording: Recording) -> None:
    rng = random.Random(7)
    for _ in range(50):
        body = rng.randbytes(rng.randrange(4000))
        check_events(decode(recording, [body]), len(body))


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


def _keeps_the_rules(api: Api, head: ResponseHead, body: bytes, *, stream: bool) -> None:
    """Decode at once and in pieces that follow from the body."""
    provider = provider_for(api, GENERIC)

    def decoded(pieces: list[bytes]) -> list[Event]:
        decoder = provider.decoder(head, stream=stream)
        return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]

    events = decoded([body])
    check_events(events, len(body))
    assert decoded(in_pieces(random.Random(body), body)) == events


@given(api=st.sampled_from(Api), payloads=_BODY, status=st.sampled_from([200, 200, 200, 400, 429, 503]))
def test_any_json_in_a_stream_keeps_the_rules(api: Api, payloads: list[JsonValue], status: int) -> None:
    body = b"".join(b"data: " + orjson.dumps(payload) + b"\n\n" for payload in payloads)
    head = ResponseHead(status=status, headers=EVENTS.headers)
    _keeps_the_rules(api, head, body, stream=True)


@given(api=st.sampled_from(Api), payload=_JSON, status=st.sampled_from([200, 200, 403, 500]))
def test_any_json_as_a_whole_body_keeps_the_rules(api: Api, payload: JsonValue, status: int) -> None:
    body = orjson.dumps(payload)
    head = ResponseHead(status=status, headers={"content-type": "application/json"})
    _keeps_the_rules(api, head, body, stream=False)


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
