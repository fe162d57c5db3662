"""OpenTelemetry spans with `gen_ai.*` attributes, as OTLP JSON: export requests, one a line or in a document.

Calls of a model are replayed; other spans (agents, tools, embeddings) are passed over. Prompts are taken where they
were recorded: `gen_ai.input.messages` of today's conventions, or the numbered `gen_ai.prompt.*` of older ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson
from pydantic import Field, JsonValue

from lens_gate.artifacts.foreign.reading import EpochNanoseconds, Lenient
from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.reading import DAMAGED, Line
from lens_gate.artifacts.traffic.values import read_as
from lens_gate.errors import ArtifactCorrupt

MARKS = frozenset({"resourceSpans", "resource_spans"})
"""One of these keys tells the format."""

_CALLS = frozenset({"chat", "text_completion", "generate_content"})
_PROVIDERS: Mapping[str, str] = {
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
}
"""What the conventions call providers that we know by another name."""


class _Attribute(Lenient):
    key: str
    value: dict[str, JsonValue] = Field(default_factory=dict)


class _Span(Lenient):
    startTimeUnixNano: EpochNanoseconds  # noqa: N815 - the protocol's own name
    attributes: list[_Attribute] = Field(default_factory=list)


class _Scope(Lenient):
    spans: list[_Span] = Field(default_factory=list)


class _Resource(Lenient):
    scopeSpans: list[_Scope] = Field(default_factory=list)  # noqa: N815 - as above


class _Export(Lenient):
    resourceSpans: list[_Resource]  # noqa: N815 - as above


def read(documents: Iterator[Line]) -> Iterator[Call]:
    """Translate the spans of model calls. Raises ArtifactCorrupt."""
    for document in documents:
        export = read_as(_Export, document)
        spans = (span for one in export.resourceSpans for scope in one.scopeSpans for span in scope.spans)
        for number, span in enumerate(spans, start=1):
            attributes = {one.key: _value(one.value) for one in span.attributes}
            if _is_call(attributes):
                yield _call(span, attributes, f"{document.place}, span {number}")


def _is_call(attributes: Mapping[str, JsonValue]) -> bool:
    operation = attributes.get("gen_ai.operation.name")
    return operation in _CALLS if operation is not None else "gen_ai.request.model" in attributes


def _call(span: _Span, attributes: Mapping[str, JsonValue], place: str) -> Call:
    provider = _word(attributes, "gen_ai.provider.name", "gen_ai.system")
    return Call(
        place=place,
        at_ns=span.startTimeUnixNano,
        messages=_messages(attributes, place),
        system=_system(attributes, place),
        max_tokens=_whole(attributes, "gen_ai.request.max_tokens"),
        temperature=_number(attributes.get("gen_ai.request.temperature")),
        input_tokens=_whole(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output_tokens=_whole(attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        provider=None if provider is None else _PROVIDERS.get(provider, provider),
        model=_word(attributes, "gen_ai.request.model"),
    )


def _messages(attributes: Mapping[str, JsonValue], place: str) -> tuple[tuple[str, JsonValue], ...]:
    recorded = _structure(attributes.get("gen_ai.input.messages"), place)
    if isinstance(recorded, list):
        return tuple(
            (str(turn.get("role", "user")), _parts(turn.get("parts"))) for turn in recorded if isinstance(turn, dict)
        )
    return tuple(_numbered(attributes))


def _numbered(attributes: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    number = 0
    while (content := attributes.get(f"gen_ai.prompt.{number}.content")) is not None:
        yield str(attributes.get(f"gen_ai.prompt.{number}.role", "user")), content
        number += 1


def _system(attributes: Mapping[str, JsonValue], place: str) -> str | None:
    return _parts(_structure(attributes.get("gen_ai.system_instructions"), place)) or None


def _parts(parts: JsonValue) -> str:
    """Return the text of a message's parts."""
    found = parts if isinstance(parts, list) else []
    return "\n".join(str(part["content"]) for part in found if isinstance(part, dict) and part.get("type") == "text")


def _structure(value: JsonValue, place: str) -> JsonValue:
    """Return a structured attribute, which most exporters write as JSON in a string."""
    if not isinstance(value, str):
        return value
    try:
        parsed: JsonValue = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ArtifactCorrupt(f"the recorded messages are not JSON: {error}", place=place, hint=DAMAGED) from error
    return parsed


def _value(value: JsonValue) -> JsonValue:
    """Return the plain value behind OTLP's `AnyValue`."""
    match value:
        case {"stringValue": plain} | {"doubleValue": plain} | {"boolValue": plain}:
            return plain
        case {"intValue": whole}:
            return int(whole) if isinstance(whole, str) and whole.lstrip("-").isdigit() else whole
        case {"arrayValue": {"values": list(values)}}:
            return [_value(one) for one in values]
        case {"kvlistValue": {"values": list(values)}}:
            return {
                str(one["key"]): _value(one.get("value")) for one in values if isinstance(one, dict) and "key" in one
            }
        case _:
            return None


def _word(attributes: Mapping[str, JsonValue], *names: str) -> str | None:
    found = next((attributes[name] for name in names if name in attributes), None)
    return found if isinstance(found, str) else None


def _whole(attributes: Mapping[str, JsonValue], *names: str) -> int | None:
    found = _number(next((attributes[name] for name in names if name in attributes), None))
    return int(found) if found is not None and found >= 0 else None


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
