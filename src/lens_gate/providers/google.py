"""Gemini `streamGenerateContent` and `generateContent`.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import JsonValue

from lens_gate.providers.base import ChatRequest, Decoder, Endpoint, Event, HttpRequest, Message, ResponseHead, Usage
from lens_gate.providers.body import blocks_of, function_of, known, post, split_url, without_system
from lens_gate.providers.decoding import decoder_for, is_json, media_type, usual_framer
from lens_gate.providers.errors import failure_in_stream, reported_error
from lens_gate.providers.json_stream import JsonStream
from lens_gate.providers.json_values import count, items, member, text, total, written
from lens_gate.providers.narration import Narration
from lens_gate.providers.repetition import Asides
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
        return post(_url(endpoint.base_url, request.model, stream=request.stream), body, request, endpoint, key)

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
        self.asides: Asides = {"usageMetadata": self._counts}

    def read(self, payload: JsonValue) -> list[Event]:
        return [event for response in items(payload) or (payload,) for event in self._events(response)]

    def done(self) -> Iterable[Event]:
        return self._narration.end_if_finished()

    def closed(self) -> Iterable[Event]:
        return self._narration.end_if_finished()

    def _events(self, response: JsonValue) -> list[Event]:
        error = reported_error(response)
        if error is not None:
            return [failure_in_stream(error)]
        if not isinstance(response, dict):
            return []
        events: list[Event] = [*self._narration.model(response.get("modelVersion"))]
        for candidate in items(response.get("candidates")):
            for part in items(member(candidate, "content", "parts")):
                events += self._part(part)
            events += self._narration.finish(member(candidate, "finishReason"))
        blocked = member(response.get("promptFeedback"), "blockReason")
        events += self._narration.finish(blocked, FinishReason.REFUSAL)
        events += self._counts(response.get("usageMetadata"))
        return events

    def _counts(self, usage: JsonValue) -> Sequence[Usage]:
        return self._narration.usage(_usage(usage))

    def _part(self, part: JsonValue) -> Iterable[Event]:
        if not isinstance(part, dict):
            return ()
        kind = TokenKind.REASONING if part.get("thought") is True else TokenKind.TEXT
        said = self._narration.token(kind, part.get("text"))
        # Nearly all parts are text alone, so they take the short way.
        return said if said and len(part) == 1 else [*said, *self._tools(part)]

    def _tools(self, part: JsonValue) -> Iterator[Event]:
        call = member(part, "functionCall")
        if call:
            given = member(call, "args")
            arguments = written(given) if given else ""
            yield from self._narration.token(TokenKind.TOOL, text(member(call, "name")) + arguments)
        yield from self._narration.token(TokenKind.TOOL, member(part, "executableCode", "code"))


@lru_cache(maxsize=256)
def _url(base_url: str, model: str, *, stream: bool) -> str:
    """Return the address of the model's method; a version is added where `base_url` names none."""
    parts = split_url(base_url)
    path = parts.path.rstrip("/")
    if not _HAS_VERSION.search(path):
        path += "/v1beta"
    name = model if "/" in model else f"models/{model}"
    method = "streamGenerateContent" if stream else "generateContent"
    query = dict(parse_qsl(parts.query)) | ({"alt": "sse"} if stream else {})
    full_path = f"{path}/{quote(name)}:{method}"
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
    if not isinstance(usage, dict):
        return Usage()
    thoughts = count(usage.get("thoughtsTokenCount"))
    return Usage(
        input=total(count(usage.get("promptTokenCount")), count(usage.get("toolUsePromptTokenCount"))),
        output=total(count(usage.get("candidatesTokenCount")), thoughts),
        cached=count(usage.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )
