"""From prompt templates to what a model is asked: draws of variables, rendering, and the fingerprint of the result.

A template names a variable as `{{name}}`. Variables stand in `system` and anywhere inside `messages`; tools, parameters
and headers are sent as they are written.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import numpy as np
from pydantic import JsonValue

from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.luck import integers, uniforms
from lens_gate.load.arms.plan import PromptPlan, SeriesPlan
from lens_gate.load.arms.spread import Spread, a_length
from lens_gate.providers.base import ChatRequest, Message

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][\w-]*)\s*\}\}")

_VOCABULARY = (
    "amber anchor autumn basket beacon border bridge candle canvas carbon cedar circle copper corner cotton "
    "desert engine fabric feather forest garden glacier granite harbor harvest island jacket kettle ladder lantern "
    "marble meadow mirror mountain needle ocean orchard paper pebble pencil planet quarry river saddle shadow signal "
    "silver spring station summer thread timber tunnel valley velvet village violet wagon willow window winter"
)
MOST_WAYS = 1024
"""Combinations of the values of a prompt's variables up to which each is made only once."""

WORDS = tuple(_VOCABULARY.split())
"""What the `lorem` generator writes with."""

DEFAULT_PROMPT = PromptPlan(
    id="default",
    weight=1.0,
    messages=(("user", "Explain in about 150 words how a rainbow forms."),),
    system=None,
    tools=(),
    params={},
    headers={},
    variables={},
)
"""What is asked when a configuration names no prompts."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What one pair of requests drew: a value for each variable, and a limit of the answer where that varies.

    `hash` is short, and equal for equal draws.
    """

    values: Mapping[str, str]
    hash: str
    max_tokens: int | None = None


def canonical(value: object) -> bytes:
    """Write plain data as JSON with sorted keys, so that equal data gives equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def draw(prompt: PromptPlan, rng: np.random.Generator) -> Draw:
    """Draw a value for each variable of `prompt`, all values of a variable being equally likely, and a drawn limit."""
    values = {name: _value(prompt, name, rng) for name in sorted(prompt.variables)}
    limit = prompt.max_tokens.draw_length(rng) if isinstance(prompt.max_tokens, Spread) else None
    return _drawn(values, limit)


def draws(prompt: PromptPlan, rng: np.random.Generator) -> Iterator[Draw]:
    """Yield draws of `prompt` without end; equal ones are the same object where all values are written down."""
    ways = prod(len(choices) for choices in prompt.variables.values())
    if not 0 < ways <= MOST_WAYS or isinstance(prompt.max_tokens, Spread):
        while True:
            yield draw(prompt, rng)
    known: dict[int, Draw] = {}
    for way in integers(ways, rng):
        if way not in known:
            known[way] = _way(prompt, way)
        yield known[way]


def _way(prompt: PromptPlan, way: int) -> Draw:
    """Return one of the combinations of all values, by its number."""
    values = {}
    for name in sorted(prompt.variables):
        choices = prompt.variables[name]
        way, place = divmod(way, len(choices))
        values[name] = choices[place]
    return _drawn(values)


def _drawn(values: Mapping[str, str], max_tokens: int | None = None) -> Draw:
    drawn = values if max_tokens is None else [values, max_tokens]
    return Draw(values, hashlib.sha256(canonical(drawn)).hexdigest()[:12], max_tokens)


def _value(prompt: PromptPlan, name: str, rng: np.random.Generator) -> str:
    choices = prompt.variables[name]
    if choices:
        return choices[int(rng.integers(len(choices)))]
    kind, words = prompt.generators[name]
    if kind == "number":
        return str(int(rng.integers(1_000_000)))
    size = a_length(words, rng)
    return " ".join(WORDS[index] for index in rng.integers(len(WORDS), size=size).tolist())


def weighted(weights: Sequence[float], rng: np.random.Generator) -> Iterator[int]:
    """Yield indices without end, each drawn with a probability in proportion to its weight (all above 0)."""
    bounds = list(accumulate(weights))
    for drawn in uniforms(rng):
        # A draw of the largest float below 1 may round up to the total: the last index takes it.
        yield min(bisect_right(bounds, drawn * bounds[-1]), len(bounds) - 1)


def require_variables(prompt: PromptPlan, place: str) -> None:
    """Raise ConfigProblem if a template of `prompt` names a variable that it does not declare."""
    said = [prompt.system, *(content for _, content in prompt.messages), *prompt.turns]
    named = {name for content in said for name in _names(content)}
    missing = sorted(named - prompt.variables.keys())
    if missing:
        raise ConfigProblem(
            f"the template names {' and '.join(f'{{{{{name}}}}}' for name in missing)}, not among its variables"
            f" ({', '.join(sorted(prompt.variables)) or 'none'})",
            place=place,
            hint=f"Add `{'` and `'.join(missing)}` under `variables` of this prompt, or correct the name.",
        )


def _names(value: JsonValue) -> set[str]:
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    return {name for part in _parts(value) for name in _names(part)}


def _parts(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def render(value: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """Replace `{{name}}` in every string of `value`, once: a value that holds `{{…}}` itself stays as it is."""
    if isinstance(value, str):
        return _render_text(value, values)
    if isinstance(value, dict):
        return {key: render(part, values) for key, part in value.items()}
    if isinstance(value, list):
        return [render(part, values) for part in value]
    return value


def _render_text(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def chat_request(
    series: SeriesPlan, prompt: PromptPlan, values: Mapping[str, str], *, max_tokens: int | None = None, turn: int = 0
) -> ChatRequest:
    """Put a model and a rendered prompt together; what the prompt says wins over what the model's entry says.

    `max_tokens` is the limit that was drawn for this request, if any; a later `turn` of a conversation holds what the
    user said until then, and not yet the answers.
    """
    said = (*prompt.messages, *(("user", text) for text in prompt.turns[:turn]))
    fixed = prompt.max_tokens if isinstance(prompt.max_tokens, int) else series.max_tokens
    return ChatRequest(
        model=series.model,
        messages=tuple(Message(role=role, content=render(content, values)) for role, content in said),
        system=series.system if prompt.system is None else _render_text(prompt.system, values),
        tools=prompt.tools,
        max_tokens=fixed if max_tokens is None else max_tokens,
        temperature=series.temperature,
        params={**series.params, **prompt.params},
        headers=prompt.headers,
    )


def prompt_hash(request: ChatRequest) -> str:
    """Return a short hash over what the model reads: system, messages and tools."""
    turns = [[message.role, message.content] for message in request.messages]
    return hashlib.sha256(canonical([request.system, turns, list(request.tools)])).hexdigest()[:16]


def prompt_characters(request: ChatRequest) -> int:
    """Return the length of all text in system and messages."""
    return len(request.system or "") + sum(_characters(message.content) for message in request.messages)


def _characters(value: JsonValue) -> int:
    return len(value) if isinstance(value, str) else sum(_characters(part) for part in _parts(value))
