"""The official SDKs, fed with the same recordings, read the same text and the same counts."""

from __future__ import annotations

import anthropic
import httpx2
import openai
import pytest
from google import genai

from lens_gate.providers.base import End, Event, Token, Usage
from lens_gate.vocabulary.requests import Api, TokenKind
from tests.recordings.recording import Recording, all_recordings, decode

pytestmark = pytest.mark.real

WHOLE = [r for r in all_recordings() if r.stream and r.events[-1:] == [{"event": "End"}]]


def _of(api: Api) -> list[Recording]:
    # Half characters are read by the SDKs as lone surrogates; answers that are no event stream they never ask for; and
    # a keep-alive comment after an `id` field makes the OpenAI SDK read an empty event.
    left_out = {"half_surrogates", "whole_for_stream", "array", "pings_and_crlf"}
    return [r for r in WHOLE if r.api is api and r.name not in left_out]


def _text(events: list[Event], kind: TokenKind = TokenKind.TEXT) -> str:
    return "".join(event.text for event in events if isinstance(event, Token) and event.kind is kind)


def _usage(events: list[Event]) -> Usage:
    return [Usage(), *(event for event in events if isinstance(event, Usage))][-1]


def _http(recording: Recording) -> httpx2.Client:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(recording.head.status, headers=dict(recording.head.headers), content=recording.body)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


@pytest.mark.parametrize("recording", _of(Api.OPENAI_CHAT), ids=str)
def test_openai_reads_the_same_from_chat(recording: Recording) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://h/v1", http_client=_http(recording))
    chunks = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))
    events = decode(recording, [recording.body])
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert _text(events) == "".join(delta.content or "" for delta in deltas)
    assert _text(events, TokenKind.REFUSAL) == "".join(delta.refusal or "" for delta in deltas)
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    last = (usages[-1].prompt_tokens, usages[-1].completion_tokens) if usages else (None, None)
    assert (_usage(events).input, _usage(events).output) == last


@pytest.mark.parametrize("recording", _of(Api.OPENAI_RESPONSES), ids=str)
def test_openai_reads_the_same_from_responses(recording: Recording) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://h/v1", http_client=_http(recording))
    last = list(client.responses.create(model="m", input="x", stream=True))[-1]
    assert last.type == "response.completed" or last.type == "response.incomplete"  # noqa: PLR1714 - mypy narrows so
    told = last.response.usage
    assert told is not None
    events = decode(recording, [recording.body])
    assert _text(events) == last.response.output_text
    assert (_usage(events).input, _usage(events).output) == (told.input_tokens, told.output_tokens)


@pytest.mark.parametrize("recording", _of(Api.ANTHROPIC), ids=str)
def test_anthropic_reads_the_same(recording: Recording) -> None:
    client = anthropic.Anthropic(api_key="k", base_url="http://h", http_client=_http(recording))
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream:
        message = stream.get_final_message()
    events = decode(recording, [recording.body])
    assert _text(events) == "".join(block.text for block in message.content if block.type == "text")
    told = message.usage
    cached, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
    assert _usage(events) == Usage(
        input=told.input_tokens + cached + written,
        output=told.output_tokens,
        cached=cached,
        cache_write=written,
        reasoning=_usage(events).reasoning,
    )


@pytest.mark.parametrize("recording", _of(Api.GOOGLE), ids=str)
def test_google_reads_the_same(recording: Recording) -> None:
    options = genai.types.HttpOptions(base_url="http://h", httpx_client=_http(recording))
    client = genai.Client(api_key="k", http_options=options)
    chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="x"))
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or ()
        if candidate.content
        for part in candidate.content.parts or ()
    ]
    events = decode(recording, [recording.body])
    assert _text(events) == "".join(part.text or "" for part in parts if not part.thought)
    assert _text(events, TokenKind.REASONING) == "".join(part.text or "" for part in parts if part.thought)
    last = chunks[-1].usage_metadata
    assert last is not None
    assert _usage(events).cached == last.cached_content_token_count
    assert (_usage(events).input or 0) + (_usage(events).output or 0) == last.total_token_count
    assert End() in events
