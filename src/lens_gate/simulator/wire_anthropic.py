"""Anthropic Messages: named events, a placeholder of usage at the start, cumulative usage at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import assert_never

import orjson
from pydantic import JsonValue, PositiveInt

from lens_gate.simulator.asking import Body, first_tool, prompt_of, read_body
from lens_gate.simulator.dialogue import (
    Answer,
    Ask,
    Counts,
    Frame,
    Identity,
    Piece,
    Problem,
    ProblemKind,
    Reply,
    Standing,
)
from lens_gate.simulator.routes import Route
from lens_gate.vocabulary.requests import FinishReason, TokenKind

_PLACEHOLDER_TOKENS = 1
_PING = b'event: ping\ndata: {"type": "ping"}\n\n'

_ERRORS: dict[ProblemKind, tuple[int, str]] = {
    ProblemKind.SERVER_ERROR: (500, "api_error"),
    ProblemKind.THROTTLED: (429, "rate_limit_error"),
    ProblemKind.OVERLOADED: (529, "overloaded_error"),
    ProblemKind.QUOTA: (402, "billing_error"),
    ProblemKind.WRONG_KEY: (401, "authentication_error"),
    ProblemKind.BAD_REQUEST: (400, "invalid_request_error"),
    ProblemKind.NOT_FOUND: (404, "not_found_error"),
}


class _MessagesBody(Body):
    model: str
    max_tokens: PositiveInt
    messages: list[JsonValue]
    system: str | list[JsonValue] | None = None
    stream: bool | None = False
    tools: list[JsonValue] | None = None


def read(body: bytes, _route: Route) -> Ask:
    """Read a request; its prompt is cached only where it says `cache_control`. Raises Declined."""
    asked = read_body(_MessagesBody, body)
    tools = asked.tools or []
    return Ask(
        model=asked.model,
        prompt=prompt_of(asked.system, asked.messages, tools=tools),
        stream=bool(asked.stream),
        max_tokens=asked.max_tokens,
        tool=first_tool(tools),
        cacheable=b'"cache_control"' in body,
    )


def frames(ask: Ask, answer: Answer, identity: Identity) -> list[Frame]:
    """Write a stream: message_start, a ping on its own, one block for each kind of piece, message_delta and _stop."""
    written = [Frame(answer.opening_s, _start(ask, answer, identity), 0, "open")]
    first_due_s = answer.pieces[0].due_s if answer.pieces else answer.done_s
    written.append(Frame((answer.opening_s + first_due_s) / 2, _PING, 0, "ping"))
    held = b""
    for index, (kind, pieces) in enumerate(_blocks(answer)):
        opening = held + _event("content_block_start", index=index, content_block=_block(ask, identity, kind))
        for piece in pieces:
            data = opening + _event("content_block_delta", index=index, delta=_delta(piece))
            written.append(Frame(piece.due_s, data, piece.tokens, piece.kind))
            opening = b""
        held = _closing(index, kind, identity)
    written.append(Frame(answer.done_s, held + _end(answer), 0, "end"))
    return written


def whole(ask: Ask, answer: Answer, identity: Identity) -> bytes:
    """Write an answer in one object."""
    content = [_block(ask, identity, kind, "".join(p.text for p in pieces)) for kind, pieces in _blocks(answer)]
    stop = {"stop_reason": _stop_reason(answer.finish), "stop_sequence": None}
    usage = _usage(answer.counts, answer.counts.output)
    return orjson.dumps({**_message(ask, identity), "content": content, **stop, "usage": usage})


def refuse(problem: Problem, identity: Identity) -> Reply:
    """Write a problem; one that will pass says in whole seconds when to come again."""
    after = problem.retry_after_s
    extra = () if after is None else (("retry-after", str(max(1, round(after)))),)
    return Reply(_ERRORS[problem.kind][0], orjson.dumps(_error(problem, identity)), extra)


def break_off(problem: Problem, identity: Identity, _before: Sequence[Frame]) -> bytes:
    """Write the `error` event."""
    return b"event: error\ndata: " + orjson.dumps(_error(problem, identity)) + b"\n\n"


def headers(standing: Standing) -> tuple[tuple[str, str], ...]:
    """Write the headers of every answer; the resets are RFC 3339 times."""
    allowance = standing.allowance
    now = datetime.fromtimestamp(standing.identity.created_s, UTC)
    resets = {
        "requests": (allowance.limit, allowance.remaining, allowance.reset_s),
        "tokens": (
            allowance.tokens_limit,
            allowance.tokens_remaining(standing.tokens),
            standing.tokens * 60 / allowance.tokens_limit,
        ),
    }
    limits = tuple(
        (f"anthropic-ratelimit-{what}-{name}", value)
        for what, (limit, remaining, reset_s) in resets.items()
        for name, value in (
            ("limit", str(limit)),
            ("remaining", str(remaining)),
            ("reset", f"{now + timedelta(seconds=reset_s):%Y-%m-%dT%H:%M:%SZ}"),
        )
    )
    return (("request-id", standing.identity.request_id), *limits)


def _blocks(answer: Answer) -> list[tuple[TokenKind, list[Piece]]]:
    """Gather the pieces into content blocks."""
    return [(kind, list(pieces)) for kind, pieces in groupby(answer.pieces, key=lambda piece: piece.kind)]


def _event(kind: str, **fields: object) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def _message(ask: Ask, identity: Identity) -> dict[str, object]:
    named = {"id": identity.named("msg_"), "type": "message", "role": "assistant"}
    return {**named, "model": ask.model}


def _start(ask: Ask, answer: Answer, identity: Identity) -> bytes:
    """Write the first event, whose count of output tokens is only a placeholder."""
    unfinished: dict[str, object] = {"content": [], "stop_reason": None, "stop_sequence": None}
    usage = _usage(answer.counts, _PLACEHOLDER_TOKENS)
    return _event("message_start", message={**_message(ask, identity), **unfinished, "usage": usage})


def _end(answer: Answer) -> bytes:
    stop = {"stop_reason": _stop_reason(answer.finish), "stop_sequence": None}
    return _event("message_delta", delta=stop, usage=_usage(answer.counts, answer.counts.output)) + _event(
        "message_stop"
    )


def _block(ask: Ask, identity: Identity, kind: TokenKind, text: str = "") -> dict[str, object]:
    """Return a content block: empty as it starts, or with its text."""
    match kind:
        case TokenKind.REASONING:
            return {"type": "thinking", "thinking": text, "signature": _signature(identity) if text else ""}
        case TokenKind.TOOL:
            arguments = orjson.loads(text) if text.endswith("}") else {}
            return {
                "type": "tool_use",
                "id": identity.named("toolu_"),
                "name": ask.tool or "lookup",
                "input": arguments,
            }
        case TokenKind.TEXT | TokenKind.REFUSAL:
            return {"type": "text", "text": text}
        case _:
            assert_never(kind)


def _closing(index: int, kind: TokenKind, identity: Identity) -> bytes:
    """End a block; thoughts are signed first."""
    stop = _event("content_block_stop", index=index)
    if kind is not TokenKind.REASONING:
        return stop
    delta = {"type": "signature_delta", "signature": _signature(identity)}
    return _event("content_block_delta", index=index, delta=delta) + stop


def _signature(identity: Identity) -> str:
    return identity.named("sig")


def _delta(piece: Piece) -> dict[str, str]:
    match piece.kind:
        case TokenKind.REASONING:
            return {"type": "thinking_delta", "thinking": piece.text}
        case TokenKind.TOOL:
            return {"type": "input_json_delta", "partial_json": piece.text}
        case TokenKind.TEXT | TokenKind.REFUSAL:
            return {"type": "text_delta", "text": piece.text}
        case _:
            assert_never(piece.kind)


def _stop_reason(reason: FinishReason) -> str:
    match reason:
        case FinishReason.LENGTH:
            return "max_tokens"
        case FinishReason.TOOL:
            return "tool_use"
        case FinishReason.REFUSAL:
            return "refusal"
        case _:
            return "end_turn"


def _usage(counts: Counts, output: int) -> dict[str, object]:
    """Return usage in this API's meaning: three disjoint counts make the input."""
    return {
        "input_tokens": counts.prompt - counts.cached - counts.cache_write,
        "cache_creation_input_tokens": counts.cache_write,
        "cache_read_input_tokens": counts.cached,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _error(problem: Problem, identity: Identity) -> dict[str, object]:
    error = {"type": _ERRORS[problem.kind][1], "message": problem.message}
    return {"type": "error", "error": error, "request_id": identity.request_id}
