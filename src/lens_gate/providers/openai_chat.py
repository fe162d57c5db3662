"""OpenAI Chat Completions, and the servers that speak it: vLLM, SGLang, llama.cpp, LiteLLM, Azure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from lens_gate.providers.base import ChatRequest, Decoder, End, Endpoint, Event, HttpRequest, ResponseHead, Usage
from lens_gate.providers.body import known, messages_of, openai_auth, openai_url, post
from lens_gate.providers.decoding import decoder_for, usual_framer
from lens_gate.providers.errors import failure_in_stream, reported_error
from lens_gate.providers.json_values import count, items, member, text
from lens_gate.providers.narration import Narration
from lens_gate.providers.repetition import PADDING
from lens_gate.vocabulary.requests import TokenKind

_Piece = tuple[TokenKind, str]

_REASONING, _TEXT, _REFUSAL, _TOOL = TokenKind.REASONING, TokenKind.TEXT, TokenKind.REFUSAL, TokenKind.TOOL
_NO_COUNTS = Usage()


class OpenAIChat:
    """The provider of `POST {base}/chat/completions`."""

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Write the request; usage is asked for, and comes in the last frame before `[DONE]`."""
        system: list[JsonValue] = [{"role": "system", "content": request.system}] if request.system else []
        # Servers that know only the older name get it by `params: {max_tokens: …}`.
        limit = None if "max_tokens" in request.params else request.max_tokens
        body: dict[str, JsonValue] = {
            "model": request.model,
            "messages": system + messages_of(request.messages),
            "stream": request.stream,
            **known(
                stream_options={"include_usage": True} if request.stream else None,
                max_completion_tokens=limit,
                temperature=request.temperature,
                tools=list(request.tools) or None,
            ),
        }
        url = openai_url(endpoint.base_url, "/chat/completions")
        return post(url, body, request, endpoint, openai_auth(url, endpoint.api_key))

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`."""
        return decoder_for(head, usual_framer(head, stream=stream), _Dialect())


class _Dialect:
    """Reads `chat.completion.chunk` and `chat.completion` objects.

    The end is `[DONE]`. Some servers leave it out: a finish reason and then the body's regular end are taken for it.
    """

    asides = PADDING

    def __init__(self) -> None:
        self._narration = Narration()
        self._counted: int | None = 0

    def read(self, payload: JsonValue) -> Iterable[Event]:
        error = reported_error(payload)
        return self._events(payload) if error is None else [failure_in_stream(error)]

    def done(self) -> Iterable[Event]:
        return [End()]

    def closed(self) -> Iterable[Event]:
        return self._narration.end_if_finished()

    def _events(self, payload: JsonValue) -> list[Event]:
        if not isinstance(payload, dict):
            return []
        events: list[Event] = [*self._narration.model(payload.get("model"), payload.get("system_fingerprint"))]
        usage = _usage(payload.get("usage"))
        choices = [choice for choice in items(payload.get("choices")) if isinstance(choice, dict)]
        is_whole = any(choice.get("message") is not None for choice in choices)
        pieces = [piece for choice in choices for piece in _pieces(choice.get("delta") or choice.get("message"))]
        if pieces:
            events += self._tokens(pieces, None if is_whole else usage.output)
        for choice in choices:
            events += self._narration.finish(choice.get("finish_reason"))
        events += self._narration.usage(usage)
        if is_whole:
            events.append(End())
        return events

    def _tokens(self, pieces: list[_Piece], counted: int | None) -> Iterator[Event]:
        """Tell the pieces of one frame, with their number of tokens where vLLM's `continuous_usage_stats` gives it.

        There every frame carries the count so far. A count that comes only with the last piece is the answer's total.
        """
        new = self._new_tokens(counted)
        for kind, piece in pieces:
            yield from self._narration.token(kind, piece, new if len(pieces) == 1 else None)

    def _new_tokens(self, counted: int | None) -> int | None:
        """Return how many tokens came since the piece before; None, from now on, where a piece came without count."""
        before = self._counted
        self._counted = None if before is None or counted is None or counted < before else counted
        return None if before is None or self._counted is None else self._counted - before


def _pieces(said: JsonValue) -> list[_Piece]:
    """Return what one choice of a frame (its `delta`) or of a whole answer (`message`) generated, thoughts first.

    Compatible servers put thoughts into `reasoning_content` or `reasoning`, some into both.
    """
    if not isinstance(said, dict):
        return []
    parts = [
        (_REASONING, text(said.get("reasoning_content")) or text(said.get("reasoning"))),
        (_TEXT, text(said.get("content"))),
        (_REFUSAL, text(said.get("refusal"))),
        *((_TOOL, _call(call)) for call in items(said.get("tool_calls"))),
    ]
    return [part for part in parts if part[1]]


def _call(call: JsonValue) -> str:
    function = member(call, "function")
    return text(member(function, "name")) + text(member(function, "arguments"))


def _usage(usage: JsonValue) -> Usage:
    """Read counts whose input includes cached tokens and whose output includes reasoning."""
    if not isinstance(usage, dict):
        return _NO_COUNTS
    return Usage(
        input=count(member(usage, "prompt_tokens")),
        output=count(member(usage, "completion_tokens")),
        cached=count(member(usage, "prompt_tokens_details", "cached_tokens")),
        cache_write=count(member(usage, "prompt_tokens_details", "cache_write_tokens")),
        reasoning=count(member(usage, "completion_tokens_details", "reasoning_tokens")),
    )
