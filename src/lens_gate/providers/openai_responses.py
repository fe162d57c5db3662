"""OpenAI Responses.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from lens_gate.providers.base import ChatRequest, Decoder, End, Endpoint, Event, HttpRequest, ResponseHead, Usage
from lens_gate.providers.body import function_of, known, messages_of, openai_auth, openai_url, post
from lens_gate.providers.decoding import decoder_for, usual_framer
from lens_gate.providers.errors import failure_in_stream, reported_error
from lens_gate.providers.json_values import count, items, member, text
from lens_gate.providers.narration import Narration
from lens_gate.providers.repetition import PADDING, Asides
from lens_gate.vocabulary.requests import TokenKind

_DELTAS: Mapping[str, TokenKind] = {
    "response.output_text.delta": TokenKind.TEXT,
    "response.reasoning_summary_text.delta": TokenKind.REASONING,
    "response.reasoning_text.delta": TokenKind.REASONING,
    "response.refusal.delta": TokenKind.REFUSAL,
    "response.function_call_arguments.delta": TokenKind.TOOL,
    "response.custom_tool_call_input.delta": TokenKind.TOOL,
    "response.mcp_call_arguments.delta": TokenKind.TOOL,
    "response.code_interpreter_call_code.delta": TokenKind.TOOL,
}
_ASIDES: Asides = {"sequence_number": None, **PADDING}
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class OpenAIResponses:
    """The provider of `POST {base}/responses`."""

    def build(self, request: ChatRequest, endpoint: Endpoint) -> HttpRequest:
        """Write the request; usage comes unasked in the terminal event."""
        body: dict[str, JsonValue] = {
            "model": request.model,
            "input": messages_of(request.messages),
            "stream": request.stream,
            **known(
                instructions=request.system or None,
                max_output_tokens=request.max_tokens,
                temperature=request.temperature,
                tools=[_tool(tool) for tool in request.tools] or None,
            ),
        }
        url = openai_url(endpoint.base_url, "/responses")
        return post(url, body, request, endpoint, openai_auth(url, endpoint.api_key))

    def decoder(self, head: ResponseHead, *, stream: bool) -> Decoder:
        """Return a decoder for the body behind `head`."""
        return decoder_for(head, usual_framer(head, stream=stream), _Dialect())


class _Dialect:
    """Reads typed events and whole `response` objects; the end is a terminal event."""

    asides = _ASIDES

    def __init__(self) -> None:
        self._narration = Narration()

    def read(self, payload: JsonValue) -> Iterable[Event]:
        error = reported_error(payload)
        if error is not None:
            return [failure_in_stream(error)]
        kind = text(member(payload, "type"))
        delta = _DELTAS.get(kind)
        # Nearly all events are deltas, so they take the short way.
        return self._events(kind, payload) if delta is None else self._narration.token(delta, member(payload, "delta"))

    def done(self) -> Iterable[Event]:
        return []

    def closed(self) -> Iterable[Event]:
        return []

    def _events(self, kind: str, payload: JsonValue) -> Iterator[Event]:
        if kind == "response.output_item.added":
            yield from self._narration.token(TokenKind.TOOL, _tool_name(member(payload, "item")))
        elif kind in _TERMINAL:
            yield from self._outcome(member(payload, "response"), kind.removeprefix("response."))
        elif member(payload, "object") == "response":
            yield from self._outcome(payload, text(member(payload, "status")))
        else:
            yield from self._narration.model(member(payload, "response", "model"))

    def _outcome(self, response: JsonValue, status: str) -> Iterator[Event]:
        yield from self._narration.model(member(response, "model"))
        if self._narration.last_kind is None:
            yield from self._unstreamed(response)
        yield from self._narration.usage(_usage(member(response, "usage")))
        match status:
            case "completed":
                yield from self._narration.finish(status)
                yield End()
            case "incomplete":
                yield from self._narration.finish(member(response, "incomplete_details", "reason") or status)
                yield End()
            case "failed" | "cancelled":
                yield failure_in_stream(member(response, "error") or f"the response was reported as {status}")
            case _:
                pass  # an answer that is still in the making is not whole

    def _unstreamed(self, response: JsonValue) -> Iterator[Event]:
        """Tell the answer of a response that came without deltas."""
        for item in items(member(response, "output")):
            for part in items(member(item, "summary")):
                yield from self._narration.token(TokenKind.REASONING, member(part, "text"))
            for part in items(member(item, "content")):
                is_thought = member(part, "type") == "reasoning_text"
                kind = TokenKind.REASONING if is_thought else TokenKind.TEXT
                yield from self._narration.token(kind, member(part, "text"))
                yield from self._narration.token(TokenKind.REFUSAL, member(part, "refusal"))
            call = _tool_name(item) + text(member(item, "arguments")) + text(member(item, "input"))
            yield from self._narration.token(TokenKind.TOOL, call)


def _tool(tool: JsonValue) -> JsonValue:
    function = function_of(tool)
    if function is None:
        return tool
    return {
        "type": "function",
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters,
    }


def _tool_name(item: JsonValue) -> str:
    """Return the name of a tool that the model decided to call: generated, although it comes outside the deltas."""
    return text(member(item, "name")) if text(member(item, "type")).endswith("_call") else ""


def _usage(usage: JsonValue) -> Usage:
    """Read counts whose input includes cached tokens and whose output includes reasoning."""
    return Usage(
        input=count(member(usage, "input_tokens")),
        output=count(member(usage, "output_tokens")),
        cached=count(member(usage, "input_tokens_details", "cached_tokens")),
        cache_write=count(member(usage, "input_tokens_details", "cache_write_tokens")),
        reasoning=count(member(usage, "output_tokens_details", "reasoning_tokens")),
    )
