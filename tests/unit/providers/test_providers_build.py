"""What goes over the wire: address, headers and body of each dialect."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import JsonValue, SecretStr

from lens_gate.errors import ConfigProblem
from lens_gate.providers.base import ChatRequest, Endpoint, HttpRequest, Message
from lens_gate.providers.body import merged, split_url
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api

KEY = SecretStr("the-key")
USER = (Message(role="user", content="Hi"),)
NATIVE = [Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE]
FUNCTION: dict[str, JsonValue] = {
    "name": "f",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {}}},
}
TOOL: JsonValue = {"type": "function", "function": FUNCTION}


def _build(api: Api, base: str = "https://host.example/v1", key: SecretStr | None = KEY, **fields: Any) -> HttpRequest:
    request = ChatRequest(**{"model": "m", "messages": USER, **fields})
    return provider_for(api).build(request, Endpoint(base_url=base, api_key=key))


def _body(request: HttpRequest) -> Any:
    return orjson.loads(request.body)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions"),
        ("https://h/custom/chat/completions", "https://h/custom/chat/completions"),
        ("https://h/route?to=chat", "https://h/route?to=chat"),
        ("https://h/v1?k=1#part", "https://h/v1/chat/completions?k=1"),
        (
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_chat_finds_its_address_on_any_compatible_server(base: str, url: str) -> None:
    assert _build(Api.OPENAI_CHAT, base).url == url


def test_responses_anthropic_and_google_find_their_addresses() -> None:
    assert _build(Api.OPENAI_RESPONSES).url == "https://host.example/v1/responses"
    for base in ("https://a.example", "https://a.example/v1/", "https://a.example/v1/messages"):
        assert _build(Api.ANTHROPIC, base).url == "https://a.example/v1/messages"
    assert _build(Api.ANTHROPIC, "https://a.example/gateway?x=1").url == "https://a.example/gateway/v1/messages?x=1"


@pytest.mark.parametrize(
    ("base", "model", "url"),
    [
        ("https://g.example", "gemini-2.5-flash", "https://g.example/v1beta/models/gemini-2.5-flash"),
        ("https://g.example/v1beta", "gemini-2.5-flash", "https://g.example/v1beta/models/gemini-2.5-flash"),
        ("https://g.example/v1/", "models/gemini", "https://g.example/v1/models/gemini"),
        ("https://g.example/v1/projects/p/publishers/google", "a b:c", None),
        ("https://g.example/video", "tunedModels/t", "https://g.example/video/v1beta/tunedModels/t"),
    ],
)
def test_google_writes_model_and_method_into_the_address(base: str, model: str, url: str | None) -> None:
    url = url or "https://g.example/v1/projects/p/publishers/google/models/a%20b%3Ac"
    assert _build(Api.GOOGLE, base, model=model).url == f"{url}:streamGenerateContent?alt=sse"
    assert _build(Api.GOOGLE, base, model=model, stream=False).url == f"{url}:generateContent"


def test_google_keeps_the_query_of_its_endpoint() -> None:
    assert _build(Api.GOOGLE, "https://g.example/v1beta?x=1").url.endswith("?x=1&alt=sse")


@pytest.mark.parametrize(
    ("api", "base", "name", "value"),
    [
        (Api.OPENAI_CHAT, "https://h/v1", "authorization", "Bearer the-key"),
        (Api.OPENAI_RESPONSES, "https://h/v1", "authorization", "Bearer the-key"),
        (Api.OPENAI_CHAT, "https://x.openai.azure.com/openai/v1", "api-key", "the-key"),
        (Api.OPENAI_CHAT, "https://proxy/openai/deployments/d", "api-key", "the-key"),
        (Api.ANTHROPIC, "https://h", "x-api-key", "the-key"),
        (Api.GOOGLE, "https://h", "x-goog-api-key", "the-key"),
    ],
)
def test_the_key_goes_into_the_one_header_that_the_api_reads(api: Api, base: str, name: str, value: str) -> None:
    request = _build(api, base)
    assert request.headers[name] == value
    assert [header for header in request.headers.values() if "the-key" in header] == [value]
    assert "the-key" not in repr(request)
    assert "the-key" not in request.url
    assert not any("the-key" in header for header in _build(api, base, key=None).headers.values())


def test_azure_is_told_by_its_host_and_not_by_a_look_alike() -> None:
    assert "authorization" in _build(Api.OPENAI_CHAT, "https://evil-azure.com/v1").headers


@pytest.mark.parametrize("api", NATIVE)
def test_every_request_asks_for_an_uncompressed_event_stream(api: Api) -> None:
    headers = _build(api).headers
    assert headers["accept"] == "text/event-stream"
    assert headers["accept-encoding"] == "identity"
    assert headers["cache-control"] == "no-cache"
    assert headers["content-type"] == "application/json"
    assert _build(api, stream=False).headers["accept"] == "application/json"


def test_the_headers_of_the_request_win_over_the_endpoints_and_those_over_ours_in_any_case() -> None:
    endpoint = Endpoint(base_url="https://h", api_key=KEY, headers={"X-Api-Key": "e", "X-A": "e", "ACCEPT": "e"})
    request = ChatRequest(model="m", messages=USER, headers={"x-a": "r"})
    headers = provider_for(Api.ANTHROPIC).build(request, endpoint).headers
    assert (headers["x-api-key"], headers["x-a"], headers["accept"]) == ("e", "r", "e")
    assert headers["anthropic-version"] == "2023-06-01"


def test_chat_writes_everything_where_the_api_wants_it() -> None:
    request = _build(Api.OPENAI_CHAT, system="S", max_tokens=7, temperature=0.0, tools=(TOOL,))
    assert _body(request) == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 7,
        "temperature": 0.0,
        "tools": [TOOL],
    }


def test_responses_writes_everything_where_the_api_wants_it() -> None:
    request = _build(Api.OPENAI_RESPONSES, system="S", max_tokens=7, temperature=0.5, tools=(TOOL, {"type": "web"}))
    assert _body(request) == {
        "model": "m",
        "input": [{"role": "user", "content": "Hi"}],
        "instructions": "S",
        "stream": True,
        "max_output_tokens": 7,
        "temperature": 0.5,
        "tools": [{"type": "function", **FUNCTION}, {"type": "web"}],
    }


def test_anthropic_writes_everything_where_the_api_wants_it() -> None:
    turns = (Message(role="system", content="T"), *USER, Message(role="assistant", content="Ho"))
    request = _build(Api.ANTHROPIC, messages=turns, system="S", temperature=1.0, tools=(TOOL, {"name": "n"}))
    assert _body(request) == {
        "model": "m",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}],
        "system": "S\n\nT",
        "stream": True,
        "temperature": 1.0,
        "tools": [
            {"name": "f", "description": "d", "input_schema": FUNCTION["parameters"]},
            {"name": "n"},
        ],
    }


def test_anthropic_keeps_system_blocks_so_that_cache_marks_survive() -> None:
    block: JsonValue = {"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}}
    turns = (Message(role="system", content=[block]), *USER)
    assert _body(_build(Api.ANTHROPIC, messages=turns, system="S"))["system"] == [{"type": "text", "text": "S"}, block]
    assert "system" not in _body(_build(Api.ANTHROPIC))


def test_google_writes_everything_where_the_api_wants_it() -> None:
    image: JsonValue = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    turns = (*USER, Message(role="assistant", content="Ho"), Message(role="user", content=["And", image]))
    request = _build(
        Api.GOOGLE, messages=turns, system="S", max_tokens=7, temperature=0.2, tools=(TOOL, {"googleSearch": {}})
    )
    assert _body(request) == {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Ho"}]},
            {"role": "user", "parts": ["And", image]},
        ],
        "systemInstruction": {"parts": [{"text": "S"}]},
        "generationConfig": {"temperature": 0.2, "maxOutputTokens": 7},
        "tools": [{"functionDeclarations": [FUNCTION]}, {"googleSearch": {}}],
    }
    assert _body(_build(Api.GOOGLE)) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_google_takes_a_single_part_as_content() -> None:
    turns = (Message(role="user", content={"text": "x"}),)
    assert _body(_build(Api.GOOGLE, messages=turns))["contents"][0]["parts"] == [{"text": "x"}]


def test_a_function_without_parameters_gets_an_empty_schema() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    empty = {"type": "object", "properties": {}}
    assert _body(_build(Api.ANTHROPIC, tools=(tool,)))["tools"][0]["input_schema"] == empty


def test_params_win_and_are_merged_one_level_deep() -> None:
    params = {"stream_options": {"continuous_usage_stats": True}, "temperature": 0.9, "seed": 1}
    body = _body(_build(Api.OPENAI_CHAT, temperature=0.1, params=params))
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert (body["temperature"], body["seed"]) == (0.9, 1)


def test_a_null_in_params_takes_the_key_out_for_servers_that_refuse_it() -> None:
    assert "stream_options" not in _body(_build(Api.OPENAI_CHAT, params={"stream_options": None, "other": None}))
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}


def test_max_tokens_in_params_replaces_the_newer_name() -> None:
    body = _body(_build(Api.OPENAI_CHAT, max_tokens=7, params={"max_tokens": 5}))
    assert body["max_tokens"] == 5
    assert "max_completion_tokens" not in body


@pytest.mark.parametrize("api", NATIVE)
def test_an_unstreamed_request_says_so(api: Api) -> None:
    body = _body(_build(api, stream=False))
    assert body.get("stream", False) is False
    assert "stream_options" not in body


@pytest.mark.parametrize("base", ["", "api.openai.com/v1", "ftp://h/v1", "http://", "http://[::1", "https://?k=secret"])
@pytest.mark.parametrize("api", NATIVE)
def test_an_endpoint_that_is_no_url_is_refused_without_repeating_it(api: Api, base: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        _build(api, base)
    assert "http" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_spaces_around_an_address_do_no_harm() -> None:
    assert split_url(" https://h/v1 \n").hostname == "h"
