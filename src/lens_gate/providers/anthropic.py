"""Anthropic Messages.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from pydantic import JsonValue

from lens_gate.providers.base import ChatRequest, Decoder, End, Endpoint, Event, HttpRequest, ResponseHead, Usage
from lens_gate.providers.body import blocks_of, function_of, known, messages_of, post, split_url, without_system
from lens_gate.providers.decoding import decoder_for, usual_framer
from lens_gate.providers.errors import failure_in_stream, reported_error
from lens_gate.providers.json_values import count, items, member, text, total, written
from lens_gate.providers.narration import Narration
from lens_gate.providers.repetition import NOTHING_ASIDE
from lens_gate.vocabulary.requests import TokenKind

DEFAULT_MAX_TOKENS = 1024
"""The API refuses a request without a limit; this one is sent where none is configured."""

_VERSION = "2023-06-01"

_DELTAS: Mapping[str, tuple[TokenKind, str]] = {
    "text_delta": (TokenKind.TEXT, "text"),
    "thinking_delta": (TokenKind.REASONING, "thinking"),
    "input_json_delta": (TokenKind.TOOL, "partial_json"),
}


class Anthropic:
    """The provider of `POST {base}/v1/messages`."""

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Write the request; usage comes unasked, at the beginning and at the end."""
        system, turns = without_system(request)
        body: dict[str, JsonValue] = {
            "model": request.model,
            "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
            "messages": messages_of(turns),
            "stream": request.stream,
            **known(
                system=_system(system) or None,
                temperature=request.temperature,
                tools=[_tool(tool) for tool in request.tools] or None,
            ),
        }
        key = {"x-api-key": endpoint.api_key.get_secret_value()} if endpoint.api_key else {}
        return post(_url(endpoint.base_url), body, request, endpoint, {"anthropic-version": _VERSION, **key})

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`."""
        return decoder_for(head, usual_framer(head, stream=stream), _Dialect())


class _Dialect:
    """Reads typed events and whole `message` objects; the end is `message_stop`."""

    asides = NOTHING_ASIDE

    def __init__(self) -> None:
        self._narration = Narration()
        self._usage = _Counts()

    def read(self, payload: JsonValue) -> Iterable[Event]:
        error = reported_error(payload)
        if error is not None:
            return [failure_in_stream(error)]
        kind = member(payload, "type")
        # Nearly all events are deltas, so they take the short way.
        return self._delta(member(payload, "delta")) if kind == "content_block_delta" else self._events(kind, payload)

    def done(self) -> Iterable[Event]:
        return []

    def closed(self) -> Iterable[Event]:
        return []

    def _events(self, kind: JsonValue, payload: JsonValue) -> Iterator[Event]:
        match kind:
            case "message_start":
                yield from self._started(member(payload, "message"))
            case "content_block_start":
                yield from self._block(member(payload, "content_block"))
            case "message_delta":
                yield from self._narration.usage(self._usage.update(member(payload, "usage")))
                yield from self._narration.finish(member(payload, "delta", "stop_reason"))
            case "message_stop":
                yield End()
            case "message":
                yield from self._whole(payload)
            case _:
                pass  # pings, the ends of blocks, and events of later versions

    def _started(self, message: JsonValue) -> Iterator[Event]:
        yield from self._narration.model(member(message, "model"))
        # output_tokens is a placeholder here: a stream that is cut must not count as one token.
        yield from self._narration.usage(self._usage.update(member(message, "usage"), with_output=False))

    def _block(self, block: JsonValue) -> Iterator[Event]:
        """Tell what a block holds: nearly nothing where it starts in a stream, all of it in a whole answer.

        The name of a tool is generated, although it comes outside the deltas.
        """
        yield from self._narration.token(TokenKind.REASONING, member(block, "thinking"))
        yield from self._narration.token(TokenKind.TEXT, member(block, "text"))
        if text(member(block, "type")).endswith("tool_use"):
            given = member(block, "input")
            arguments = written(given) if given else ""
            yield from self._narration.token(TokenKind.TOOL, text(member(block, "name")) + arguments)

    def _delta(self, delta: JsonValue) -> Sequence[Event]:
        known = _DELTAS.get(text(member(delta, "type")))
        if known is None:
            return ()  # signatures and citations are not generated text
        kind, name = known
        return self._narration.token(kind, member(delta, name))

    def _whole(self, message: JsonValue) -> Iterator[Event]:
        yield from self._narration.model(member(message, "model"))
        for block in items(member(message, "content")):
            yield from self._block(block)
        yield from self._narration.usage(self._usage.update(member(message, "usage")))
        yield from self._narration.finish(member(message, "stop_reason"))
        yield End()


class _Counts:
    """The counts so far: fresh, cached and cache-writing input are disjoint here, and each event may leave some out."""

    def __init__(self) -> None:
        self._fresh: int | None = None
        self._cached: int | None = None
        self._cache_write: int | None = None

    def update(self, usage: JsonValue, *, with_output: bool = True) -> Usage:
        """Take an event's cumulative counts, which replace earlier ones, and return the usage as billed."""
        self._fresh = _newer(count(member(usage, "input_tokens")), self._fresh)
        self._cached = _newer(count(member(usage, "cache_read_input_tokens")), self._cached)
        self._cache_write = _newer(count(member(usage, "cache_creation_input_tokens")), self._cache_write)
        return Usage(
            input=total(self._fresh, self._cached, self._cache_write),
            output=count(member(usage, "output_tokens")) if with_output else None,
            cached=self._cached,
            cache_write=self._cache_write,
            reasoning=count(member(usage, "output_tokens_details", "thinking_tokens")) if with_output else None,
        )


def _newer(new: int | None, old: int | None) -> int | None:
    return old if new is None else new


@lru_cache(maxsize=256)
def _url(base_url: str) -> str:
    """Return the address of the messages, whether `base_url` ends before, at or behind the version."""
    parts = split_url(base_url)
    path = parts.path.rstrip("/")
    if not path.endswith("/messages"):
        path += "/messages" if path.endswith("/v1") else "/v1/messages"
    return parts._replace(path=path, fragment="").geturl()


def _system(contents: list[JsonValue]) -> JsonValue:
    """Return the system prompt as text, or as blocks where any part of it is in blocks."""
    words = [content for content in contents if isinstance(content, str)]
    if len(words) == len(contents):
        return "\n\n".join(words)
    return blocks_of(contents, {"type": "text"})


def _tool(tool: JsonValue) -> JsonValue:
    function = function_of(tool)
    if function is None:
        return tool
    return {"name": function.name, "description": function.description, "input_schema": function.parameters}
