"""Reading request bodies: what all wire formats have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from lens_gate.simulator.dialogue import Declined, Problem, ProblemKind

_TEXT_KEYS = ("text", "content", "parts", "input", "arguments", "output", "thinking")


class Body(BaseModel):
    """A request body: what the simulator does not know it ignores, as servers do."""

    model_config = ConfigDict(frozen=True, extra="ignore")


BodyT = TypeVar("BodyT", bound=Body)


def read_body(shape: type[BodyT], body: bytes) -> BodyT:
    """Read a JSON body. Raises Declined, with the first thing that is wrong."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Declined(Problem(ProblemKind.BAD_REQUEST, f"{place}: {first['msg']}")) from None


def text_of(value: JsonValue) -> str:
    """Return all text inside a message, whatever mixture of strings and content blocks it is."""
    match value:
        case str():
            return value
        case list():
            return "\n".join(text_of(item) for item in value)
        case dict():
            return "\n".join(text_of(value[key]) for key in _TEXT_KEYS if key in value)
        case _:
            return ""


def prompt_of(*parts: JsonValue, tools: Sequence[JsonValue] = ()) -> str:
    """Join a prompt in the order in which models see it: tools first, then the given parts."""
    declared = orjson.dumps(list(tools)).decode() if tools else ""
    return "\n".join(filter(None, (declared, *(text_of(part) for part in parts))))


def first_tool(tools: Sequence[JsonValue]) -> str | None:
    """Return the name of the first declared tool, however deep the API keeps it."""
    match tools:
        case [{"name": str(name)}, *_] | [{"function": {"name": str(name)}}, *_]:
            return name
        case [{"functionDeclarations": [{"name": str(name)}, *_]}, *_]:
            return name
        case _:
            return None
