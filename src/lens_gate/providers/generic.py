"""Any HTTP endpoint that speaks JSON: a template writes the request, JSON paths (RFC 9535) read the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import jsonpath
import orjson
from pydantic import JsonValue

from lens_gate.config.model import GenericHttp, ResponseMapping
from lens_gate.errors import ConfigProblem
from lens_gate.providers.base import (
    ChatRequest,
    Decoder,
    End,
    Endpoint,
    Event,
    HttpRequest,
    NoTokens,
    ResponseHead,
    Usage,
)
from lens_gate.providers.body import headers, known, merged, messages_of, split_url
from lens_gate.providers.decoding import decoder_for, is_json, media_type, timed_only
from lens_gate.providers.errors import failure_in_stream, malformed, reported_error
from lens_gate.providers.framing import Framer, LineFrames, WholeBody
from lens_gate.providers.json_values import count, items, member, text, written
from lens_gate.providers.narration import Narration
from lens_gate.providers.shapes import USUAL
from lens_gate.providers.sse import SseDecoder
from lens_gate.vocabulary.requests import TokenKind

_Path = jsonpath.JSONPath | jsonpath.CompoundJSONPath

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NAMES = frozenset({"model", "prompt", "messages", "max_tokens", "temperature"})
_UNREADABLE = (jsonpath.JSONPathError, RecursionError, ValueError)
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class GenericProvider:
    """The provider of one configured endpoint."""

    def __init__(self, settings: GenericHttp) -> None:
        """Compile the paths and check the template. Raises ConfigProblem."""
        self._settings = settings
        self._paths = {name: _compiled(name, path) for name, path in _paths(settings.response).items()}
        _check_placeholders(settings.body)

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Fill the template. Raises ConfigProblem where `params` have no object to go into."""
        parts = split_url(endpoint.base_url)
        path = f"{parts.path.rstrip('/')}/{self._settings.path.lstrip('/')}" if self._settings.path else parts.path
        asks_for_a_stream = self._settings.format == "sse" and self._settings.response is not None
        own = {} if asks_for_a_stream else {"accept": "*/*"}
        if endpoint.api_key:
            own["authorization"] = f"Bearer {endpoint.api_key.get_secret_value()}"
        body = self._body(request)
        if body:
            own["content-type"] = "application/json"
        return HttpRequest(
            method=self._settings.method,
            url=parts._replace(path=path, fragment="").geturl(),
            headers=headers(request, endpoint, own),
            body=body,
            tls=endpoint.tls,
            http2=endpoint.http2,
        )

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`, framed as configured."""
        media = media_type(head)
        any_answer = self._settings.response is None
        untold = any_answer and self._settings.format == "sse" and not _is_known(media)
        if untold or self._settings.format == "raw":
            return timed_only(head)
        framer = self._framer(media, stream=stream)
        dialect = _Dialect(self._paths, whole=isinstance(framer, WholeBody), any_answer=any_answer)
        return decoder_for(head, framer, dialect)

    def _body(self, request: ChatRequest) -> bytes:
        template = self._settings.body
        if template is None and not request.params:
            return b""
        body = {} if template is None else _filled(template, _values(request))
        if isinstance(body, dict):
            return orjson.dumps(merged(body, request.params))
        if request.params:
            raise ConfigProblem(
                "params need a body that is an object",
                place="generic.body",
                hint="Write the parameters into the template, or make it an object.",
            )
        return orjson.dumps(body)

    def _framer(self, media: str, *, stream: bool) -> Framer | None:
        if media in _PAGES:
            return None
        if media == "text/event-stream":
            return SseDecoder()
        asked = self._settings.format if stream else "json"
        match "ndjson" if media in _LINES else asked:
            case "ndjson":
                return LineFrames()
            case "sse" if not is_json(media):
                return SseDecoder()
            case _:
                return WholeBody()


class _Dialect:
    """Reads payloads by JSON paths.

    The end of a stream is what `done` finds; without that path a finish reason and then the body's end; without
    either, the body's end. `[DONE]` always is one, and so is the end of a body that is `whole`, one document. Of
    `any_answer`, one whose shape nobody named, the body's end is the end, and it may hold no token. A path may look for
    words in the text, so it is not passed on unread.
    """

    asides = None

    def __init__(self, paths: Mapping[str, _Path], *, whole: bool, any_answer: bool) -> None:
        self._paths = paths
        self._whole = whole
        self._any_answer = any_answer
        self._narration = Narration()

    def read(self, payload: JsonValue) -> Iterable[Event]:
        try:
            found = {name: _matches(path, payload) for name, path in self._paths.items()}
        except _UNREADABLE:
            return [malformed("a part of the answer cannot be searched by the configured paths")]
        error = next((e for e in found["error"] if e), None) if "error" in found else reported_error(payload)
        return self._told(found) if error is None else [failure_in_stream(error)]

    def done(self) -> Iterable[Event]:
        return [NoTokens(), End()] if self._any_answer else [End()]

    def closed(self) -> Iterable[Event]:
        if self._any_answer:
            return [NoTokens(), End()]
        if self._whole or self._paths.keys().isdisjoint({"done", "finish_reason"}):
            return [End()]
        return [] if "done" in self._paths else self._narration.end_if_finished()

    def _told(self, found: Mapping[str, list[JsonValue]]) -> Iterator[Event]:
        values = {name: next(iter(matches), None) for name, matches in found.items()}
        yield from self._narration.model(values.get("model"))
        for kind, name in ((TokenKind.REASONING, "reasoning"), (TokenKind.TEXT, "text")):
            yield from self._narration.token(kind, "".join(text(piece) for piece in found.get(name, ())))
        yield from self._narration.finish(values.get("finish_reason"))
        usage = Usage(
            input=count(values.get("input_tokens")),
            output=count(values.get("output_tokens")),
            cached=count(values.get("cached_tokens")),
        )
        yield from self._narration.usage(usage)
        if values.get("done"):
            yield End()


def _is_known(media: str) -> bool:
    """Whether a media type is one that documents can be cut out of."""
    return media == "text/event-stream" or media in _LINES or is_json(media)


def _paths(response: ResponseMapping | None) -> Mapping[str, str]:
    if response is None:
        return {name: " | ".join(paths) for name, paths in USUAL.items()}
    written = {name: getattr(response, name) for name in ResponseMapping.model_fields}
    return {name: path for name, path in written.items() if path is not None}


def _compiled(name: str, path: str) -> _Path:
    place = f"generic.response.{name}"
    hint = "Write it like $.choices[0].delta.content"
    if not path.strip():
        raise ConfigProblem("the JSON path is empty", place=place, hint=hint)
    try:
        return jsonpath.compile(path)
    except _UNREADABLE as problem:
        raise ConfigProblem(
            f"{path!r} is not a JSON path: {str(problem).splitlines()[0]}", place=place, hint=hint
        ) from problem


def _matches(path: _Path, payload: JsonValue) -> list[JsonValue]:
    # What is found in JSON is JSON, which the library's types do not say.
    return cast("list[JsonValue]", path.findall(payload))


def _check_placeholders(node: JsonValue) -> None:
    for name in _placeholders(node):
        if name not in _NAMES:
            raise ConfigProblem(
                f"the template has an unknown placeholder {{{{{name}}}}}",
                place="generic.body",
                hint=f"Known ones: {', '.join(sorted(_NAMES))}",
            )


def _placeholders(node: JsonValue) -> Iterator[str]:
    match node:
        case str():
            yield from _PLACEHOLDER.findall(node)
        case dict():
            for value in node.values():
                yield from _placeholders(value)
        case list():
            for value in node:
                yield from _placeholders(value)
        case _:
            pass


def _values(request: ChatRequest) -> dict[str, JsonValue]:
    """Return what placeholders stand for; the prompt is the last turn of the user."""
    system: list[JsonValue] = [{"role": "system", "content": request.system}] if request.system else []
    prompts = [message.content for message in request.messages if message.role == "user"]
    return known(
        model=request.model,
        messages=system + messages_of(request.messages),
        prompt=_words(prompts[-1]) if prompts else "",
        max_tokens=request.max_tokens,
        temperature=request.temperature,
    )


def _words(content: JsonValue) -> str:
    """Return a turn's text, gathered from its blocks where it has some."""
    return text(content) or "\n".join(text(member(block, "text")) for block in items(content))


def _filled(node: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    """Return the template with values in place; what stands for a value that is not given is left out."""
    match node:
        case str():
            whole = _PLACEHOLDER.fullmatch(node)
            return values[whole[1]] if whole else _PLACEHOLDER.sub(lambda found: _inside_text(found[1], values), node)
        case dict():
            return {key: _filled(value, values) for key, value in node.items() if not _is_absent(value, values)}
        case list():
            return [_filled(value, values) for value in node if not _is_absent(value, values)]
        case _:
            return node


def _is_absent(node: JsonValue, values: Mapping[str, JsonValue]) -> bool:
    whole = _PLACEHOLDER.fullmatch(node) if isinstance(node, str) else None
    return whole is not None and whole[1] not in values


def _inside_text(name: str, values: Mapping[str, JsonValue]) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else written(value)
