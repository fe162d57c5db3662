"""OpenAI Chat Completions, and what compatible servers add to it.

That is `reasoning_content`, `continuous_usage_stats`, `min_tokens` and `ignore_eos`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

import orjson
from pydantic import JsonValue, NonNegativeInt, PositiveInt

from lens_gate.simulator import wire_openai
from lens_gate.simulator.asking import Body, first_tool, prompt_of, read_body
from lens_gate.simulator.dialogue import (
    Answer,
    Ask,
    Counts,
    Declined,
    Frame,
    Identity,
    Piece,
    Problem,
    ProblemKind,
    joined_text,
)
from lens_gate.simulator.routes import Route
from lens_gate.vocabulary.requests import FinishReason, TokenKind

headers = wire_openai.headers
refuse = wire_openai.refuse

_DONE = b"data: [DONE]\n\n"


class _StreamOptions(Body):
    include_usage: bool = False
    continuous_usage_stats: bool = False


class _ChatBody(Body):
    messages: list[JsonValue]
    model: str | None = None
    stream: bool | None = False
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    min_tokens: NonNegativeInt = 0
    ignore_eos: bool = False
    stream_options: _StreamOptions | None = None
    tools: list[JsonValue] | None = None


def read(body: bytes, route: Route) -> Ask:
    """Read a request; the model of an Azure path wins. Raises Declined."""
    asked = read_body(_ChatBody, body)
    name = route.model or asked.model
    if not name:
        raise Declined(Problem(ProblemKind.BAD_REQUEST, "you must provide a model parameter"))
    options = asked.stream_options or _StreamOptions()
    tools = asked.tools or []
    limit = asked.max_completion_tokens or asked.max_tokens
    return Ask(
        model=name,
        prompt=prompt_of(asked.messages, tools=tools),
        stream=bool(asked.stream),
        max_tokens=limit,
        # Without an end of its own an answer runs into its limit.
        min_tokens=limit + 1 if asked.ignore_eos and limit else asked.min_tokens,
        tool=first_tool(tools),
        include_usage=options.include_usage,
        continuous_usage=options.continuous_usage_stats,
    )


def frames(ask: Ask, answer: Answer, identity: Identity) -> list[Frame]:
    """Write a stream: a frame with the role alone, the pieces, the finish, the usage if asked for, and `[DONE]`."""
    before = _envelope(ask, identity)
    role = b'{"role":"assistant","content":"","refusal":null}'
    written = [Frame(answer.opening_s, before + _choice(role) + _usage_tail(ask, answer.counts, 0), 0, "open")]
    sent = 0
    last_kind = None
    for piece in answer.pieces:
        sent += piece.tokens
        choice = _choice(_delta(ask, piece, identity, first=piece.kind is not last_kind))
        data = before + choice + _usage_tail(ask, answer.counts, sent)
        written.append(Frame(piece.due_s, data, piece.tokens, piece.kind))
        last_kind = piece.kind
    written.append(Frame(answer.done_s, b"".join(_closing(ask, answer, before)), 0, "end"))
    return written


def whole(ask: Ask, answer: Answer, identity: Identity) -> bytes:
    """Write an answer in one object."""
    finish = _finish(answer.finish)
    message: dict[str, object] = {
        "role": "assistant",
        "content": joined_text(answer, TokenKind.TEXT) or None,
        "refusal": joined_text(answer, TokenKind.REFUSAL) or None,
    }
    if thoughts := joined_text(answer, TokenKind.REASONING):
        message["reasoning_content"] = thoughts
    if arguments := joined_text(answer, TokenKind.TOOL):
        message["tool_calls"] = [_call(ask, identity, arguments)]
    return orjson.dumps(
        {
            "id": identity.named("chatcmpl-"),
            "object": "chat.completion",
            "created": identity.created_s,
            "model": ask.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": _usage(answer.counts, answer.counts.output),
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }
    )


def break_off(problem: Problem, _identity: Identity, _before: Sequence[Frame]) -> bytes:
    """Write an error into a stream as compatible servers do: a frame with an error object, then `[DONE]`."""
    return b"data: " + orjson.dumps({"error": wire_openai.error_object(problem)}) + b"\n\n" + _DONE


def _envelope(ask: Ask, identity: Identity) -> bytes:
    """Return everything of a frame that stands before its choices."""
    shared = {
        "id": identity.named("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": identity.created_s,
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }
    return b"data: " + orjson.dumps(shared)[:-1] + b',"choices":['


def _choice(delta: bytes, finish: bytes = b"null") -> bytes:
    return b'{"index":0,"delta":' + delta + b',"logprobs":null,"finish_reason":' + finish + b"}"


def _usage_tail(ask: Ask, counts: Counts, sent: int) -> bytes:
    """Close a frame: usage so far where each frame has it, null where only the last one has it, else nothing."""
    if ask.continuous_usage:
        return b'],"usage":' + orjson.dumps(_usage(counts, sent)) + b"}\n\n"
    return b'],"usage":null}\n\n' if ask.include_usage else b"]}\n\n"


def _delta(ask: Ask, piece: Piece, identity: Identity, *, first: bool) -> bytes:
    text = orjson.dumps(piece.text)
    match piece.kind:
        case TokenKind.TEXT:
            return b'{"content":' + text + b"}"
        case TokenKind.REASONING:
            return b'{"reasoning_content":' + text + b"}"
        case TokenKind.REFUSAL:
            return b'{"refusal":' + text + b"}"
        case TokenKind.TOOL if first:
            return orjson.dumps({"tool_calls": [{"index": 0, **_call(ask, identity, piece.text)}]})
        case TokenKind.TOOL:
            return b'{"tool_calls":[{"index":0,"function":{"arguments":' + text + b"}}]}"
        case _:
            assert_never(piece.kind)


def _call(ask: Ask, identity: Identity, arguments: str) -> dict[str, object]:
    function = {"name": ask.tool or "lookup", "arguments": arguments}
    return {"id": identity.named("call_"), "type": "function", "function": function}


def _closing(ask: Ask, answer: Answer, before: bytes) -> Iterable[bytes]:
    finish = orjson.dumps(_finish(answer.finish))
    yield before + _choice(b"{}", finish) + _usage_tail(ask, answer.counts, answer.counts.output)
    if ask.include_usage:
        yield before + b'],"usage":' + orjson.dumps(_usage(answer.counts, answer.counts.output)) + b"}\n\n"
    yield _DONE


def _finish(reason: FinishReason) -> str:
    """Return this API's word; a refusal ends like any answer."""
    match reason:
        case FinishReason.LENGTH:
            return "length"
        case FinishReason.TOOL:
            return "tool_calls"
        case _:
            return "stop"


def _usage(counts: Counts, output: int) -> dict[str, object]:
    """Return usage in this API's meaning: cached tokens are part of the prompt's, reasoning is part of the output's."""
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": output,
        "total_tokens": counts.prompt + output,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": min(counts.reasoning, output),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
