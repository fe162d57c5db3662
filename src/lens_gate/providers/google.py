"""Gemini `streamGenerateContent` and `generateContent`.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import JsonValue

from lens_gate.providers.base import ChatRequest, Decoder, Endpoint, Event, HttpRequest, Message, ResponseHead, Usage
from lens_gate.providers.body import blocks_of, function_of, known, post, split_url, without_system
from lens_gate.providers.decoding import decoder_for, is_json, media_type, usual_framer
from lens_gate.providers.errors import failure_in_stream, reported_error
from lens_gate.providers.json_stream import JsonStream
from lens_gate.providers.json_values import count, items, member, text, total, written
from lens_gate.providers.narration import Narration
from lens_gate.vocabulary.requests import FinishReason, TokenKind

_HAS_VERSION = re.compile(r"/v\d+\w*(/|$)")


class Google:
    """The provider of `POST {base}/v1beta/models/{model}:streamGenerateContent?alt=sse`."""

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Write the request; usage comes unasked with nearly every event."""
        system, turns = without_system(request)
        body: dict[str, JsonValue] = {
            "contents": [_content(turn) for turn in turns],
            **known(
                systemInstruction={"parts": blocks_of(system, {})} if system else None,
                generationConfig=known(temperature=request.temperature, maxOutputTokens=request.max_tokens) or None,
                tools=_tools(request.tools) or None,
            ),
        }
        key = {"x-goog-api-key": endpoint.api_key.get_secret_value()} if endpoint.api_key else {}
        return post(_url(endpoint.base_url, request), body, request, endpoint, key)

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`: events, or the JSON array that comes where none were asked."""
        framer = JsonStream() if is_json(media_type(head)) else usual_framer(head, stream=stream)
        return decoder_for(head, framer, _Dialect())


class _Dialect:
    """Reads GenerateContentResponse objects.

    The API has no end marker: a finish reason, then the body's regular end.
    """

    def __init__(self) -> None:
        self._narration = Narration()

    def read(self, payload: JsonValue) -> Iterator[Event]:
        for response in items(payload) or (payload,):
            error = reported_error(response)
            yield from self._events(response) if error is None else [failure_in_stream(error)]

    def done(self) -> Iterable[Event]:
        return self._narration.end_if_finished()

    def closed(self) -> Iterable[Event]:
        return self._narration.end_if_finished()

    def _events(self, response: JsonValue) -> Iterator[Event]:
        yield from self._narration.model(member(response, "modelVersion"))
        for candidate in items(member(response, "candidates")):
            for part in items(member(candidate, "content", "parts")):
                yield from self._part(part)
            yield from self._narration.finish(member(candidate, "finishReason"))
        blocked = member(response, "promptFeedback", "blockReason")
        yield from self._narration.finish(blocked, FinishReason.REFUSAL)
        yield from self._narration.usage(_usage(member(response, "usageMetadata")))

    def _part(self, part: JsonValue) -> Iterator[Event]:
        kind = TokenKind.REASONING if member(part, "thought") is True else TokenKind.TEXT
        yield from self._narration.token(kind, member(part, "text"))
        call = member(part, "functionCall")
        if call:
            given = member(call, "args")
            arguments = written(given) if given else ""
            yield from self._narration.token(TokenKind.TOOL, text(member(call, "name")) + arguments)
        yield from self._narration.token(TokenKind.TOOL, member(part, "executableCode", "code"))


def _url(base_url: str, request: ChatRequest) -> str:
    """Return the address of the model's method; a version is added where `base_url` names none."""
    parts = split_url(base_url)
    path = parts.path.rstrip("/")
    if not _HAS_VERSION.search(path):
        path += "/v1beta"
    model = request.model if "/" in request.model else f"models/{request.model}"
    method = "streamGenerateContent" if request.stream else "generateContent"
    query = dict(parse_qsl(parts.query)) | ({"alt": "sse"} if request.stream else {})
    full_path = f"{path}/{quote(model)}:{method}"
    return parts._replace(path=full_path, query=urlencode(query), fragment="").geturl()


def _content(turn: Message) -> JsonValue:
    role = "model" if turn.role == "assistant" else turn.role
    return {"role": role, "parts": blocks_of([turn.content], {})}


def _tools(tools: tuple[JsonValue, ...]) -> list[JsonValue]:
    """Gather functions in one tool, as the API wants them; other tools go as they are."""
    functions = [function_of(tool) for tool in tools]
    declared: list[JsonValue] = [
        {"name": function.name, "description": function.description, "parameters": function.parameters}
        for function in functions
        if function is not None
    ]
    gathered: list[JsonValue] = [{"functionDeclarations": declared}] if declared else []
    return gathered + [tool for tool, function in zip(tools, functions, strict=True) if function is None]


def _usage(usage: JsonValue) -> Usage:
    """Read cumulative counts: thoughts are outside the candidates' count, results of tools outside the prompt's."""
    thoughts = count(member(usage, "thoughtsTokenCount"))
    return Usage(
        input=total(count(member(usage, "promptTokenCount")), count(member(usage, "toolUsePromptTokenCount"))),
        output=total(count(member(usage, "candidatesTokenCount")), thoughts),
        cached=count(member(usage, "cachedContentTokenCount")),
        reasoning=thoughts,
    )
