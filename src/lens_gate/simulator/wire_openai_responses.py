"""OpenAI Responses: typed events with sequence numbers, usage in the terminal one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import assert_never

import orjson
from pydantic import JsonValue, PositiveInt

from lens_gate.simulator import wire_openai
from lens_gate.simulator.asking import Body, first_tool, prompt_of, read_body
from lens_gate.simulator.dialogue import Answer, Ask, Counts, Frame, Identity, Piece, Problem
from lens_gate.simulator.routes import Route
from lens_gate.vocabulary.requests import FinishReason, TokenKind

headers = wire_openai.headers
refuse = wire_openai.refuse

_Json = dict[str, object]


class _ResponsesBody(Body):
    model: str
    input: str | list[JsonValue]
    instructions: str | None = None
    stream: bool | None = False
    max_output_tokens: PositiveInt | None = None
    tools: list[JsonValue] | None = None


def read(body: bytes, _route: Route) -> Ask:
    """Read a request. Raises Declined."""
    asked = read_body(_ResponsesBody, body)
    tools = asked.tools or []
    return Ask(
        model=asked.model,
        prompt=prompt_of(asked.instructions, asked.input, tools=tools),
        stream=bool(asked.stream),
        max_tokens=asked.max_output_tokens,
        tool=first_tool(tools),
    )


def frames(ask: Ask, answer: Answer, identity: Identity) -> list[Frame]:
    """Write a stream: created and in_progress, each output item with its own events, and the terminal event."""
    script = _Script(ask, answer, identity)
    written = [Frame(answer.opening_s, script.opening(), 0, "open")]
    held = b""
    for index, item in enumerate(_items(script)):
        opening = held + item.opening(index)
        for piece in item.pieces:
            data = opening + item.delta(index, piece)
            written.append(Frame(piece.due_s, data, piece.tokens, piece.kind))
            opening = b""
        held = item.closing(index)
    written.append(Frame(answer.done_s, held + script.terminal(), 0, "end"))
    return written


def whole(ask: Ask, answer: Answer, identity: Identity) -> bytes:
    """Write an answer in one object."""
    return orjson.dumps(_Script(ask, answer, identity).finished())


def break_off(problem: Problem, _identity: Identity, before: Sequence[Frame]) -> bytes:
    """Write the `error` event, numbered after everything that was sent."""
    number = sum(frame.data.count(b'"sequence_number":') for frame in before)
    error = wire_openai.error_object(problem)
    fields = {"code": error["type"], "message": error["message"], "param": None}
    return _encode("error", {**fields, "sequence_number": number})


@dataclass(frozen=True, slots=True)
class _Script:
    """One answer and the numbering of its events."""

    ask: Ask
    answer: Answer
    identity: Identity
    numbers: Iterator[int] = field(default_factory=count)

    def event(self, kind: str, **fields: object) -> bytes:
        return _encode(kind, {"sequence_number": next(self.numbers), **fields})

    def opening(self) -> bytes:
        unfinished = self._response("in_progress", [], None)
        return self.event("response.created", response=unfinished) + self.event(
            "response.in_progress", response=unfinished
        )

    def terminal(self) -> bytes:
        cut = self.answer.finish is FinishReason.LENGTH
        return self.event("response.incomplete" if cut else "response.completed", response=self.finished())

    def finished(self) -> _Json:
        cut = self.answer.finish is FinishReason.LENGTH
        output = [item.whole() for item in _items(self)]
        return self._response("incomplete" if cut else "completed", output, _usage(self.answer.counts))

    def _response(self, status: str, output: list[_Json], usage: _Json | None) -> _Json:
        return {
            "id": self.identity.named("resp_"),
            "object": "response",
            "created_at": self.identity.created_s,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": None,
            "metadata": {},
            "model": self.ask.model,
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "max_output_tokens": self.ask.max_tokens,
            "usage": usage,
        }


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of the output: a reasoning summary, a message, or a function call."""

    script: _Script
    kind: TokenKind
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def id(self) -> str:
        return self.script.identity.named({TokenKind.REASONING: "rs_", TokenKind.TOOL: "fc_"}.get(self.kind, "msg_"))

    def whole(self, *, status: str = "completed") -> _Json:
        """Return the item as it stands in the output; one that is in progress is still empty."""
        text = self.text if status == "completed" else ""
        match self.kind:
            case TokenKind.REASONING:
                summary = [{"type": "summary_text", "text": text}] if text else []
                return {"id": self.id, "type": "reasoning", "summary": summary}
            case TokenKind.TOOL:
                name = self.script.ask.tool or "lookup"
                call = {"call_id": self.script.identity.named("call_"), "name": name, "arguments": text}
                return {"id": self.id, "type": "function_call", "status": status, **call}
            case TokenKind.TEXT | TokenKind.REFUSAL:
                content = [self._part(text)] if text else []
                return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}
            case _:
                assert_never(self.kind)

    def opening(self, index: int) -> bytes:
        item = self.whole(status="in_progress")
        added = self.script.event("response.output_item.added", output_index=index, item=item)
        name = self._part_name()
        if name is None:
            return added
        place = self._place(index)
        return added + self.script.event(f"response.{name}.added", **place, part=self._part(""))

    def delta(self, index: int, piece: Piece) -> bytes:
        extra: _Json = {"logprobs": []} if self.kind is TokenKind.TEXT else {}
        return self.script.event(f"{self._stem()}.delta", **self._place(index), delta=piece.text, **extra)

    def closing(self, index: int) -> bytes:
        place = self._place(index)
        done = self.script.event(f"{self._stem()}.done", **place, **self._done_fields())
        name = self._part_name()
        if name is not None:
            done += self.script.event(f"response.{name}.done", **place, part=self._part(self.text))
        return done + self.script.event("response.output_item.done", output_index=index, item=self.whole())

    def _stem(self) -> str:
        """Return the name that delta and done events share."""
        match self.kind:
            case TokenKind.REASONING:
                return "response.reasoning_summary_text"
            case TokenKind.TOOL:
                return "response.function_call_arguments"
            case TokenKind.REFUSAL:
                return "response.refusal"
            case TokenKind.TEXT:
                return "response.output_text"
            case _:
                assert_never(self.kind)

    def _part_name(self) -> str | None:
        if self.kind is TokenKind.TOOL:
            return None
        return "reasoning_summary_part" if self.kind is TokenKind.REASONING else "content_part"

    def _part(self, text: str) -> _Json:
        match self.kind:
            case TokenKind.REASONING:
                return {"type": "summary_text", "text": text}
            case TokenKind.REFUSAL:
                return {"type": "refusal", "refusal": text}
            case TokenKind.TEXT | TokenKind.TOOL:
                return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
            case _:
                assert_never(self.kind)

    def _place(self, index: int) -> _Json:
        place: _Json = {"item_id": self.id, "output_index": index}
        if self.kind is TokenKind.TOOL:
            return place
        return {**place, "summary_index" if self.kind is TokenKind.REASONING else "content_index": 0}

    def _done_fields(self) -> _Json:
        match self.kind:
            case TokenKind.TOOL:
                return {"name": self.script.ask.tool or "lookup", "arguments": self.text}
            case TokenKind.REFUSAL:
                return {"refusal": self.text}
            case TokenKind.TEXT:
                return {"text": self.text, "logprobs": []}
            case TokenKind.REASONING:
                return {"text": self.text}
            case _:
                assert_never(self.kind)


def _items(script: _Script) -> list[_Item]:
    """Gather the pieces of an answer into its items."""
    grouped = groupby(script.answer.pieces, key=lambda piece: piece.kind)
    return [_Item(script, kind, tuple(pieces)) for kind, pieces in grouped]


def _encode(kind: str, fields: _Json) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def _usage(counts: Counts) -> _Json:
    return {
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": 0},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.prompt + counts.output,
    }
