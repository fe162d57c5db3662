"""Gemini: whole responses as events, cumulative usage on each, thoughts counted apart from candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import orjson
from pydantic import ConfigDict, Field, JsonValue, PositiveInt
from pydantic.alias_generators import to_camel

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
    joined_text,
)
from lens_gate.simulator.routes import Route
from lens_gate.vocabulary.requests import FinishReason, TokenKind

_ERRORS: dict[ProblemKind, tuple[int, str]] = {
    ProblemKind.SERVER_ERROR: (500, "INTERNAL"),
    ProblemKind.THROTTLED: (429, "RESOURCE_EXHAUSTED"),
    ProblemKind.OVERLOADED: (529, "UNAVAILABLE"),
    ProblemKind.QUOTA: (429, "RESOURCE_EXHAUSTED"),
    ProblemKind.WRONG_KEY: (401, "UNAUTHENTICATED"),
    ProblemKind.BAD_REQUEST: (400, "INVALID_ARGUMENT"),
    ProblemKind.NOT_FOUND: (404, "NOT_FOUND"),
}

_Json = dict[str, object]


class _Camel(Body):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _GenerationConfig(_Camel):
    max_output_tokens: PositiveInt | None = None


class _GenerateBody(_Camel):
    contents: list[JsonValue] | dict[str, JsonValue]
    system_instruction: JsonValue = None
    generation_config: _GenerationConfig = Field(default_factory=_GenerationConfig)
    tools: list[JsonValue] | None = None


def read(body: bytes, route: Route) -> Ask:
    """Read a request; model and streaming stand in the URL. Raises Declined."""
    asked = read_body(_GenerateBody, body)
    tools = asked.tools or []
    return Ask(
        model=route.model,
        prompt=prompt_of(asked.system_instruction, asked.contents, tools=tools),
        stream=route.stream,
        max_tokens=asked.generation_config.max_output_tokens,
        tool=first_tool(tools),
        json_array=route.json_array,
    )


def frames(ask: Ask, answer: Answer, identity: Identity) -> list[Frame]:
    """Write a stream: an event for each piece (a call comes whole), and one with the finish reason."""
    written: list[Frame] = []
    thoughts = visible = 0
    for piece in _gathered(answer):
        if piece.kind is TokenKind.REASONING:
            thoughts += piece.tokens
        else:
            visible += piece.tokens
        usage = _usage(answer.counts, visible, thoughts)
        event = _response(ask, identity, [_part(ask, piece)], usage)
        written.append(Frame(piece.due_s, _framed(ask, event, first=not written), piece.tokens, piece.kind))
    usage = _usage(answer.counts, answer.counts.output - answer.counts.reasoning, answer.counts.reasoning)
    last = _response(ask, identity, [{"text": ""}], usage, _finish(answer.finish))
    closing = b"]" if ask.json_array else b""
    written.append(Frame(answer.done_s, _framed(ask, last, first=not written) + closing, 0, "end"))
    return written


def whole(ask: Ask, answer: Answer, identity: Identity) -> bytes:
    """Write an answer in one object."""
    kinds = dict.fromkeys(piece.kind for piece in answer.pieces)
    parts = [_part(ask, Piece(kind, joined_text(answer, kind), 0, 0.0)) for kind in kinds]
    usage = _usage(answer.counts, answer.counts.output - answer.counts.reasoning, answer.counts.reasoning)
    return orjson.dumps(_response(ask, identity, parts, usage, _finish(answer.finish)), option=orjson.OPT_INDENT_2)


def refuse(problem: Problem, _identity: Identity) -> Reply:
    """Write a problem; when to come again stands in the body's details, there is no Retry-After."""
    return Reply(_ERRORS[problem.kind][0], _error(problem))


def break_off(problem: Problem, _identity: Identity, before: Sequence[Frame]) -> bytes:
    """Write an error into a stream: plain JSON over several lines, without `data:`."""
    in_array = bool(before) and before[0].data.startswith(b"[")
    return b",\r\n" + _error(problem) + b"]" if in_array else _error(problem) + b"\r\n"


def headers(standing: Standing) -> tuple[tuple[str, str], ...]:
    """Write the headers of every answer; this API tells no rate limits."""
    return (("server-timing", f"gfet4t7; dur={standing.processing_s * 1000:.0f}"),)


def _gathered(answer: Answer) -> list[Piece]:
    """Return the pieces as this API sends them: a function call is one piece, sent when it is complete."""
    calls = [piece for piece in answer.pieces if piece.kind is TokenKind.TOOL]
    if not calls:
        return list(answer.pieces)
    call = Piece(TokenKind.TOOL, "".join(p.text for p in calls), sum(p.tokens for p in calls), calls[-1].due_s)
    return [*(piece for piece in answer.pieces if piece.kind is not TokenKind.TOOL), call]


def _framed(ask: Ask, event: _Json, *, first: bool) -> bytes:
    if ask.json_array:
        return (b"[" if first else b",\r\n") + orjson.dumps(event)
    return b"data: " + orjson.dumps(event) + b"\r\n\r\n"


def _part(ask: Ask, piece: Piece) -> _Json:
    match piece.kind:
        case TokenKind.REASONING:
            return {"text": piece.text, "thought": True}
        case TokenKind.TOOL:
            arguments = orjson.loads(piece.text) if piece.text.endswith("}") else {}
            return {"functionCall": {"name": ask.tool or "lookup", "args": arguments}}
        case TokenKind.TEXT | TokenKind.REFUSAL:
            return {"text": piece.text}
        case _:
            assert_never(piece.kind)


def _response(ask: Ask, identity: Identity, parts: list[_Json], usage: _Json, finish: str | None = None) -> _Json:
    candidate: _Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    named = {"modelVersion": ask.model, "responseId": identity.named("")}
    return {"candidates": [candidate], "usageMetadata": usage, **named}


def _finish(reason: FinishReason) -> str:
    match reason:
        case FinishReason.LENGTH:
            return "MAX_TOKENS"
        case FinishReason.REFUSAL:
            return "SAFETY"
        case _:
            return "STOP"


def _usage(counts: Counts, visible: int, thoughts: int) -> _Json:
    """Return cumulative usage in this API's meaning; counts that are zero are left out, as protobuf JSON does."""
    optional = {
        "candidatesTokenCount": visible,
        "thoughtsTokenCount": thoughts,
        "cachedContentTokenCount": counts.cached,
    }
    return {
        "promptTokenCount": counts.prompt,
        **{name: value for name, value in optional.items() if value},
        "totalTokenCount": counts.prompt + visible + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": counts.prompt}],
    }


def _error(problem: Problem) -> bytes:
    code, status = _ERRORS[problem.kind]
    error: _Json = {"code": code, "message": problem.message, "status": status}
    if details := _details(problem):
        error["details"] = details
    return orjson.dumps({"error": error}, option=orjson.OPT_INDENT_2)


def _details(problem: Problem) -> list[_Json]:
    """Return google.rpc details: which quota is used up, and when to come again."""
    if problem.kind is ProblemKind.QUOTA:
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}
        return [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}]
    if problem.retry_after_s is None:
        return []
    delay = f"{problem.retry_after_s:.3f}s"
    return [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
