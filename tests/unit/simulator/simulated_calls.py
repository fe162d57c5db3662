"""Requests to an engine, and its answers taken apart again by independent means."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lens_gate.simulator.engine import Engine
from lens_gate.simulator.settings import ModelBehaviour, SimulatorSettings
from lens_gate.simulator.staging import Call, Script
from lens_gate.vocabulary.requests import Api

STEADY = ModelBehaviour(
    ttft_ms=40,
    ttft_sigma=0,
    tail_probability=0,
    inter_token_ms=4,
    inter_token_sigma=0,
    output_tokens=10,
    output_sigma=0,
    load_wave=None,
    cache=None,
)
"""A model without any chance: the first token after 40 ms, ten tokens, 4 ms apart."""

PATHS = {
    Api.OPENAI_CHAT: "/v1/chat/completions",
    Api.OPENAI_RESPONSES: "/v1/responses",
    Api.ANTHROPIC: "/v1/messages",
}
APIS = (*PATHS, Api.GOOGLE)


def an_engine(**settings: Any) -> Engine:
    models = {"steady": STEADY, "thinker": STEADY.model_copy(update={"reasoning_tokens": 3})}
    return Engine(SimulatorSettings(**{"models": models, **settings}), started_s=1_700_000_000.0)


def a_call(
    api: Api,
    model: str = "steady",
    *,
    prompt: str = "How deep is the sea?",
    stream: bool = True,
    limit: int | None = None,
    **extra: Any,
) -> Call:
    """Write a request of an API as its clients do; `tools`, `target` and `headers` aside, `extra` joins the body."""
    tools, target, headers = extra.pop("tools", False), extra.pop("target", None), extra.pop("headers", {})
    body: dict[str, Any] = {"model": model, "stream": stream, **extra}
    match api:
        case Api.OPENAI_CHAT:
            body |= {"messages": [{"role": "user", "content": prompt}], "max_completion_tokens": limit}
            body["tools"] = [{"type": "function", "function": {"name": "search"}}] if tools else None
        case Api.OPENAI_RESPONSES:
            body |= {"input": prompt, "max_output_tokens": limit}
            body["tools"] = [{"type": "function", "name": "search"}] if tools else None
        case Api.ANTHROPIC:
            body |= {"messages": [{"role": "user", "content": prompt}], "max_tokens": limit or 1000}
            body["tools"] = [{"name": "search", "input_schema": {}}] if tools else None
        case _:
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            target = target or f"/v1beta/models/{model}:{verb}"
            config = {"maxOutputTokens": limit} if limit else {}
            body = {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": config, **extra}
            body["tools"] = [{"functionDeclarations": [{"name": "search"}]}] if tools else None
    return Call(
        method="POST",
        target=target or PATHS[api],
        headers=headers,
        body=json.dumps(body).encode(),
        keep_alive=True,
    )


@dataclass(frozen=True)
class Answered:
    """A script as a client would see it."""

    script: Script
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str | None, Any]]:
        """Server-sent events as (name, data); data that is no JSON stays text."""
        return [_event(block) for block in re.split(r"\r?\n\r?\n", self.body.decode()) if block]

    @property
    def data(self) -> list[Any]:
        return [data for _, data in self.events]


def answered(engine: Engine, call: Call, elapsed_s: float = 0.0) -> Answered:
    script = engine.answer(call, elapsed_s)
    head, _, rest = b"".join(write.data for write in script.writes).partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = unchunked(rest) if headers.get("transfer-encoding") == "chunked" else rest
    return Answered(script, int(status_line.split(" ")[1]), headers, body)


def unchunked(data: bytes) -> bytes:
    """Undo chunked framing; chunks that are missing at the end are allowed, broken ones are not."""
    parts: list[bytes] = []
    while data:
        size_line, _, data = data.partition(b"\r\n")
        size = int(size_line, 16)
        assert data[size : size + 2] == b"\r\n"
        parts.append(data[:size])
        data = data[size + 2 :]
    return b"".join(parts)


def due_ms(script: Script, *kinds: str) -> list[float]:
    """Return when the writes of these kinds are due."""
    return [round(write.due_s * 1000, 6) for write in script.writes if write.kind in kinds]


def kinds(script: Script) -> Sequence[str]:
    return [str(write.kind) for write in script.writes]


def _event(block: str) -> tuple[str | None, Any]:
    fields = [line.split(": ", 1) for line in block.splitlines()]
    name = next((value for field, value in fields if field == "event"), None)
    data = "\n".join(value for field, value in fields if field == "data")
    try:
        return name, json.loads(data)
    except ValueError:
        return name, data
