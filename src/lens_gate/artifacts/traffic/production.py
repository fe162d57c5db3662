"""A production log: one JSON object a request, with its time and its prompt, or at least its token counts.

Names are those of the usual APIs, and what stands in `request`, `response` or `usage` is found there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, repeat
from typing import Annotated

import orjson
from pydantic import AliasChoices, BeforeValidator, Field, JsonValue, ValidationError

from lens_gate.artifacts.foreign.reading import Count, Lenient, problem
from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.reading import DAMAGED, Line
from lens_gate.artifacts.traffic.values import any_instant_ns
from lens_gate.errors import ArtifactCorrupt

MARKS = frozenset({"prompt", "messages", "request", "input_tokens", "prompt_tokens", "usage"})
"""One of these keys tells the format."""

_LISTS = ("requests", "logs", "entries", "data")
_LACKING = "An entry has a `timestamp`, and a `prompt`, `messages`, or `input_tokens` with `output_tokens`."


def _named(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class _Turn(Lenient):
    role: str
    content: JsonValue


class _Entry(Lenient):
    timestamp: Annotated[int, BeforeValidator(any_instant_ns)] = Field(
        validation_alias=_named("timestamp", "time", "ts", "start_time", "startTime", "created_at", "created")
    )
    provider: str | None = None
    model: str | None = None
    prompt: str | None = None
    messages: list[_Turn] = Field(default_factory=list)
    system: JsonValue = None
    tools: list[JsonValue] | None = None
    params: dict[str, JsonValue] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = Field(
        default=None, validation_alias=_named("max_tokens", "max_completion_tokens", "max_output_tokens")
    )
    temperature: float | None = None
    input_tokens: Count | None = Field(default=None, validation_alias=_named("input_tokens", "prompt_tokens"))
    output_tokens: Count | None = Field(default=None, validation_alias=_named("output_tokens", "completion_tokens"))


def read(documents: Iterator[Line]) -> Iterator[Call]:
    """Translate the entries. Raises ArtifactCorrupt."""
    for document in documents:
        for place, entry in _entries(document):
            yield _call(_validated(entry, place), place)


def _entries(document: Line) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    """Yield the entry that a document is, or those of the list that it wraps."""
    try:
        value = orjson.loads(document.data)
    except orjson.JSONDecodeError as error:
        line = f"line {error.lineno} of it, " if error.lineno > 1 else ""
        where = f"{line}character {error.colno}"
        raise ArtifactCorrupt(
            f"this is not JSON: {error.msg} at {where}", place=document.place, hint=DAMAGED
        ) from error
    lists = [value[name] for name in _LISTS if isinstance(value.get(name), list)] if isinstance(value, dict) else []
    places = (f"{document.place}, entry {number}" for number in count(1)) if lists else repeat(document.place)
    for place, entry in zip(places, lists[0] if lists else [value], strict=False):
        if not isinstance(entry, dict):
            raise ArtifactCorrupt("this entry is no JSON object", place=place, hint=_LACKING)
        yield place, entry


def _validated(entry: dict[str, JsonValue], place: str) -> _Entry:
    request, response = entry.get("request"), entry.get("response")
    usage = entry.get("usage") or (response.get("usage") if isinstance(response, dict) else None)
    inner = [part for part in (request, usage) if isinstance(part, dict)]
    try:
        return _Entry.model_validate({name: value for part in (*inner, entry) for name, value in part.items()})
    except ValidationError as error:
        raise problem(error, place=place, lacking=_LACKING) from error


def _call(entry: _Entry, place: str) -> Call:
    prompt = [] if entry.prompt is None else [("user", entry.prompt)]
    return Call(
        place=place,
        at_ns=entry.timestamp,
        messages=tuple((turn.role, turn.content) for turn in entry.messages) or tuple(prompt),
        system=_text(entry.system),
        tools=tuple(entry.tools or ()),
        params=entry.params or {},
        max_tokens=entry.max_tokens,
        temperature=entry.temperature,
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        provider=entry.provider,
        model=entry.model,
    )


def _text(system: JsonValue) -> str | None:
    """Return a system prompt, which Anthropic's API also takes in blocks."""
    if isinstance(system, list):
        return "\n".join(str(block["text"]) for block in system if isinstance(block, dict) and "text" in block) or None
    return system if isinstance(system, str) else None
