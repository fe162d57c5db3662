"""The generic endpoint: templates, paths, framings, and what it refuses."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import JsonValue, SecretStr

from lens_gate.config.model import GenericHttp
from lens_gate.errors import ConfigProblem
from lens_gate.providers.base import (
    ChatRequest,
    End,
    Endpoint,
    Event,
    Failure,
    HttpRequest,
    Message,
    NoTokens,
    ResponseHead,
    Token,
    Usage,
)
from lens_gate.providers.generic import GenericProvider
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api, ErrorClass, TokenKind

URL = "https://h.example/api/"


def _settings(body: JsonValue = None, *, response: dict[str, str] | None = None, **fields: Any) -> GenericHttp:
    return GenericHttp.model_validate({"body": body, "response": response or {"text": "$.text"}, **fields})


def _build(settings: GenericHttp, **fields: Any) -> HttpRequest:
    request = ChatRequest(**{"model": "m", "messages": (Message(role="user", content="Hi"),), **fields})
    return GenericProvider(settings).build(request, Endpoint(base_url=URL, api_key=SecretStr("k")))


def _decode(
    settings: GenericHttp, body: bytes, media: str = "text/event-stream", *, stream: bool = True
) -> list[Event]:
    head = ResponseHead(status=200, headers={"content-type": media})
    decoder = GenericProvider(settings).decoder(head, stream=stream)
    return [*decoder.feed(body), *decoder.close()]


def test_a_template_is_filled_with_typed_values() -> None:
    body: JsonValue = {
        "inputs": "Q: {{prompt}} ({{ model }}, {{max_tokens}}, {{messages}})",
        "chat": "{{messages}}",
        "parameters": {"max_new_tokens": "{{max_tokens}}", "temperature": "{{temperature}}", "stop": None},
        "list": ["{{model}}", "{{temperature}}", 1],
    }
    request = _build(_settings(body), system="S", max_tokens=9)
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    assert orjson.loads(request.body) == {
        "inputs": f"Q: Hi (m, 9, {orjson.dumps(messages).decode()})",
        "chat": messages,
        "parameters": {"max_new_tokens": 9, "stop": None},
        "list": ["m", 1],
    }


def test_a_placeholder_inside_a_prompt_is_text_and_not_filled_again() -> None:
    turns = (Message(role="user", content="{{model}} and {{secret}}"),)
    assert orjson.loads(_build(_settings({"p": "{{prompt}}"}), messages=turns).body)["p"] == "{{model}} and {{secret}}"


def test_the_prompt_is_the_users_last_turn_in_text() -> None:
    blocks: JsonValue = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    turns = (
        Message(role="user", content="x"),
        Message(role="user", content=blocks),
        Message(role="system", content="s"),
    )
    assert orjson.loads(_build(_settings("{{prompt}}"), messages=turns).body) == "a\nb"
    assert orjson.loads(_build(_settings("{{prompt}}"), messages=()).body) == ""


def test_params_are_merged_into_an_object_and_refused_elsewhere() -> None:
    assert orjson.loads(_build(_settings({"a": 1}), params={"b": 2}).body) == {"a": 1, "b": 2}
    assert orjson.loads(_build(_settings(), params={"b": 2}).body) == {"b": 2}
    with pytest.raises(ConfigProblem, match="params"):
        _build(_settings(["{{prompt}}"]), params={"b": 2})


def test_the_path_is_appended_to_the_endpoint() -> None:
    assert _build(_settings(path="/generate")).url == "https://h.example/api/generate"
    assert _build(_settings()).url == URL


def test_a_request_without_a_body_has_no_content_type() -> None:
    request = _build(_settings(method="GET", format="json"))
    assert (request.method, request.body) == ("GET", b"")
    assert "content-type" not in request.headers
    assert request.headers["accept"] == "*/*"
    assert request.headers["authorization"] == "Bearer k"
    assert _build(_settings({})).headers["accept"] == "text/event-stream"


def test_a_request_without_a_key_has_no_authorization() -> None:
    request = ChatRequest(model="m", messages=())
    assert "authorization" not in GenericProvider(_settings()).build(request, Endpoint(base_url=URL)).headers


@pytest.mark.parametrize("path", ["", "  ", "$.a[", "$[?nope(@)]"])
def test_a_broken_path_is_refused_when_the_provider_is_made(path: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        GenericProvider(_settings(response={"text": "$.text", "done": path}))
    assert caught.value.place == "generic.response.done"
    assert caught.value.hint


@pytest.mark.parametrize("body", [{"a": ["{{promt}}"]}, "x {{promt}}", [{"b": {"c": "{{promt}}"}}]])
def test_an_unknown_placeholder_is_refused_when_the_provider_is_made(body: JsonValue) -> None:
    with pytest.raises(ConfigProblem, match="promt"):
        GenericProvider(_settings(body))


def test_generic_without_settings_is_refused() -> None:
    with pytest.raises(ConfigProblem, match="generic"):
        provider_for(Api.GENERIC)


def test_all_matches_of_the_text_path_belong_to_one_piece() -> None:
    events = _decode(_settings(response={"text": "$.c[*].t | $.u"}), b'data: {"c":[{"t":"a"},{"t":"b"}],"u":"c"}\n\n')
    assert events == [Token(TokenKind.TEXT, "abc"), End()]


def test_counts_from_several_events_add_up_to_one_usage() -> None:
    settings = _settings(response={"text": "$.t", "input_tokens": "$.i", "output_tokens": "$.o"})
    events = _decode(settings, b'data: {"i":3}\n\ndata: {"o":1}\n\ndata: {"o":2}\n\n')
    assert events == [Usage(input=3), Usage(input=3, output=1), Usage(input=3, output=2), End()]


def test_a_configured_error_path_decides_alone_what_an_error_is() -> None:
    body = b'data: {"error":"none","text":"a"}\n\n'
    assert isinstance(_decode(_settings(), body)[0], Failure)
    assert _decode(_settings(response={"text": "$.text", "error": "$.fault"}), body)[0] == Token(TokenKind.TEXT, "a")
    (failure,) = _decode(_settings(response={"text": "$.text", "error": "$.fault"}), b'data: {"fault":"f"}\n\n')
    assert isinstance(failure, Failure)
    assert failure.message == "f"


def test_with_a_done_path_nothing_else_is_the_end() -> None:
    settings = _settings(response={"text": "$.text", "done": "$.done", "finish_reason": "$.why"})
    assert End() not in _decode(settings, b'data: {"text":"a","why":"stop","done":false}\n\n')
    assert _decode(settings, b'data: {"done":true}\n\ndata: {"text":"late"}\n\n') == [End()]


def test_a_path_that_cannot_be_applied_is_a_malformed_answer() -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    for payload in (deep, b'"{"'):
        (failure,) = _decode(_settings(response={"text": "$..zz"}), b"data: " + payload + b"\n\n")
        assert isinstance(failure, Failure)
        assert failure.error_class is ErrorClass.MALFORMED


@pytest.mark.parametrize(
    ("form", "media", "asked", "body"),
    [
        ("sse", "text/plain", "stream", b'data: {"text":"a"}\n\n'),
        ("sse", "", "stream", b'data: {"text":"a"}\n\n'),
        ("sse", "application/json", "stream", b'{"text":"a"}'),
        ("sse", "application/json", "whole", b'{"text":"a"}'),
        ("ndjson", "application/json", "stream", b'{"text":"a"}\n'),
        ("ndjson", "text/event-stream", "stream", b'data: {"text":"a"}\n\n'),
        ("ndjson", "application/x-ndjson", "whole", b'{"text":"a"}\n'),
        ("json", "", "stream", b'{"text":\n"a"}'),
    ],
)
def test_the_framing_follows_the_settings_and_the_content_type(form: str, media: str, asked: str, body: bytes) -> None:
    events = _decode(_settings(format=form), body, media, stream=asked == "stream")
    assert events == [Token(TokenKind.TEXT, "a"), End()]


ANY = GenericHttp.model_validate({})


@pytest.mark.parametrize(
    "payload",
    [
        {"choices": [{"delta": {"content": "hi"}, "finish_reason": None}]},
        {"choices": [{"message": {"content": "hi"}}]},
        {"choices": [{"text": "hi"}]},
        {"type": "response.output_text.delta", "delta": "hi"},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
        {"content": [{"type": "text", "text": "hi"}]},
        {"candidates": [{"content": {"parts": [{"text": "hi"}]}}]},
        {"output": [{"content": [{"type": "output_text", "text": "hi"}]}]},
        {"message": {"role": "assistant", "content": "hi"}, "done": False},
        {"response": "hi", "done": False},
        {"token": {"text": "hi", "special": False}},
        [{"generated_text": "hi"}],
    ],
)
def test_an_answer_in_a_usual_shape_is_read_without_a_mapping(payload: JsonValue) -> None:
    document = orjson.dumps(payload)
    for body, media in ((document, "application/json"), (b"data: " + document + b"\n\n", "text/event-stream")):
        assert _decode(ANY, body, media) == [Token(TokenKind.TEXT, "hi"), NoTokens(), End()]
    assert _decode(ANY, document + b"\n" + document, "application/x-ndjson")[:2] == 2 * [Token(TokenKind.TEXT, "hi")]


def test_counts_and_thoughts_of_the_usual_shapes_are_read_too() -> None:
    first = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
    last = {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}}
    body = b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in (first, last)) + b"data: [DONE]\n\n"
    assert _decode(ANY, body) == [
        Token(TokenKind.REASONING, "hm"),
        Usage(input=9, output=2, cached=4),
        NoTokens(),
        End(),
    ]


@pytest.mark.parametrize(
    ("settings", "media"),
    [
        (ANY, "text/html"),
        (ANY, "image/png"),
        (ANY, ""),
        (_settings(format="raw"), "application/json"),
        (GenericHttp.model_validate({"format": "raw"}), "text/event-stream"),
    ],
)
def test_a_body_that_nobody_reads_is_whole_when_it_ends(settings: GenericHttp, media: str) -> None:
    head = ResponseHead(status=200, headers={"content-type": media})
    decoder = GenericProvider(settings).decoder(head, stream=True)
    assert [*decoder.feed(b"{not JSON"), *decoder.close(), *decoder.close()] == [NoTokens(), End()]
    refused = GenericProvider(settings).decoder(ResponseHead(status=500, headers={}), stream=True)
    (failure,) = [*refused.feed(b"no"), *refused.close()]
    assert isinstance(failure, Failure)
    assert failure.error_class is ErrorClass.API_ERROR


def test_an_answer_of_any_shape_may_still_be_malformed_or_an_error() -> None:
    (broken,) = _decode(ANY, b"{not JSON", "application/json")
    (reported,) = _decode(ANY, b'{"error": {"message": "overloaded"}}', "application/json")
    assert isinstance(broken, Failure)
    assert broken.error_class is ErrorClass.MALFORMED
    assert isinstance(reported, Failure)


def test_a_framing_that_is_named_wins_over_a_type_that_says_nothing() -> None:
    lines = GenericHttp.model_validate({"format": "ndjson"})
    assert _decode(lines, b'{"response": "hi"}\n', "text/plain")[0] == Token(TokenKind.TEXT, "hi")


def test_an_endpoint_of_unknown_shape_is_asked_for_anything() -> None:
    assert _build(ANY).headers["accept"] == "*/*"
    assert _build(_settings()).headers["accept"] == "text/event-stream"
