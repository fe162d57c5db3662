"""What a request can cost at most, read from the request as it is built, and what has no such bound. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final

import orjson
from pydantic import JsonValue

from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import canonical, chat_request
from lens_gate.load.arms.spread import Spread
from lens_gate.load.money.pricing import PriceList
from lens_gate.providers.base import ChatRequest, HttpRequest

FRAME_TOKENS: Final = 64
TOOL_TOKENS: Final = 2048

_OUTPUT_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"})
_ANSWER_COUNTS = frozenset(
    {
        "n",
        "best_of",
        "candidateCount",
        "candidate_count",
        "num_completions",
        "num_generations",
        "num_outputs",
        "num_responses",
        "num_return_sequences",
        "sampleCount",
        "sample_count",
    }
)
_OUR_TOOL_TYPES = ("function", "custom")
_OUR_TOOL_KEYS = frozenset({"name", "function", "functionDeclarations", "function_declarations"})
_MEDIA_TYPES = ("image", "audio", "video", "file", "document")
_MEDIA_KEYS = frozenset({"inline_data", "inlineData", "file_data", "fileData"})
_LISTED_TIERS = frozenset({"auto", "default", "flex", "standard_only"})
"""Service tiers that cost no more than the list says."""

_OTHER_MODELS = frozenset({"model", "models", "route"})
_ADDING = frozenset(
    {
        "cachedContent",
        "cached_content",
        "connectors",
        "container",
        "conversation",
        "data_sources",
        "enable_search",
        "file_ids",
        "mcp_servers",
        "plugins",
        "previous_response_id",
        "search_parameters",
        "thread_id",
        "tool_resources",
        "web_search",
        "web_search_options",
    }
)
"""Parameters by which a provider adds to the input what it bills, and nobody here can count."""


@dataclass(frozen=True)
class Sent:
    """A request as it is built: how many bytes of it may be input, and its body, None where that is empty.

    Its body is gone through once, for each request of a run is bounded before it is sent.
    """

    request: ChatRequest
    series: SeriesPlan
    size: int
    body: JsonValue

    @classmethod
    def of(cls, series: SeriesPlan, request: ChatRequest, wire: HttpRequest | None = None) -> Sent:
        """Build it, unless that was done already. Raises ConfigProblem where it cannot be built."""
        wire = wire or series.provider.build(request, series.endpoint)
        return cls(request, series, len(wire.url) + len(wire.body), orjson.loads(wire.body) if wire.body else None)

    @property
    def input_tokens(self) -> int | None:
        """The most input tokens that it can have, None if media, files, a search or a memory may add to them.

        A tokenizer makes no more tokens than there are UTF-8 bytes, and JSON never spells a text with fewer. Its braces
        and names pay for the frame of each message; 64 more are for the frame of the whole, and 2,048 for the hidden
        instructions of tools.
        """
        if self.holds_media or self.added_by or any(map(_runs_at_the_provider, self._tools)):
            return None
        return self.size + FRAME_TOKENS + (TOOL_TOKENS if self._tools else 0)

    @cached_property
    def output_tokens(self) -> int | None:
        """The most tokens that its answers can have, over all of them; None where nothing limits them."""
        limits = self._values(_OUTPUT_LIMITS)
        answers = self._values(_ANSWER_COUNTS)
        if self.series.generic is not None:
            limits += [self.request.max_tokens] if _sends_the_limit(self.series) else [None]
        whole = [number for number in (*limits, *answers) if isinstance(number, int) and number > 0]
        if not limits or len(whole) < len(limits) + len(answers):
            return None
        return max(whole[: len(limits)]) * max(whole[len(limits) :], default=1)

    @property
    def billed_as_listed(self) -> bool:
        """Whether nothing changes the price: another model, or a dearer tier, is billed by other numbers."""
        tiers = self._values(frozenset({"service_tier"}))
        return _OTHER_MODELS.isdisjoint(self.request.params) and all(str(tier) in _LISTED_TIERS for tier in tiers)

    @property
    def added_by(self) -> tuple[str, ...]:
        """The parameters by which the provider adds input of its own; further down lie schemas, but in a template."""
        deepest = 1 if self.series.generic is None else inf
        items = (item for one in _objects(self._but_tools, deepest) for item in one.items())
        return tuple(dict.fromkeys(name for name, value in items if _adds_input(name, value)))

    @property
    def holds_media(self) -> bool:
        """Whether an image, audio, video or a file is part of it."""
        return any(map(_is_media, _objects(self._but_tools)))

    @cached_property
    def _everywhere(self) -> list[Mapping[str, JsonValue]]:
        return _objects(self.body)

    def _values(self, names: Collection[str]) -> list[JsonValue]:
        """Return what stands under these names, wherever that is no more than a word of a schema."""
        items = (item for one in self._everywhere for item in one.items())
        return [value for name, value in items if name in names and not isinstance(value, dict)]

    @property
    def _tools(self) -> list[JsonValue]:
        tools = self.body.get("tools") if isinstance(self.body, dict) else None
        return [] if tools is None else tools if isinstance(tools, list) else [tools]

    @property
    def _but_tools(self) -> JsonValue:
        if not isinstance(self.body, dict):
            return self.body
        return {name: value for name, value in self.body.items() if name != "tools"}


def upper_bound(prices: PriceList, sent: Sent, *, earlier_tokens: int | None = 0) -> float | None:
    """Return the most dollars that a request can cost; None where its price, input or output has no bound.

    `earlier_tokens` bounds the answers of earlier turns that it will carry and does not hold yet.
    """
    input_tokens, output_tokens = sent.input_tokens, sent.output_tokens
    if input_tokens is None or output_tokens is None or earlier_tokens is None or not sent.billed_as_listed:
        return None
    return prices.bound(sent.series, input_tokens=input_tokens + earlier_tokens, output_tokens=output_tokens)


def require_bounds(arms: Iterable[ArmPlan], prices: PriceList) -> None:
    """Refuse, before anything is sent, what a cost cap could not hold.

    Raises ConfigProblem for a series without a price or a limit of its answers, and for a prompt without a bound.
    """
    for arm in arms:
        for series in arm.series:
            if prices.price(series) is None:
                raise _unholdable(
                    f"the price of {_name(series)} is unknown",
                    "Set `input_usd_per_million` and `output_usd_per_million` of this model, or leave the cap out.",
                )
            for prompt in arm.prompts_of(series):
                _require_bound(series, prompt)


def _require_bound(series: SeriesPlan, prompt: PromptPlan) -> None:
    drawn = 1 if isinstance(prompt.max_tokens, Spread) else None
    sent = Sent.of(series, chat_request(series, prompt, dict.fromkeys(prompt.variables, ""), max_tokens=drawn))
    if not sent.billed_as_listed:
        raise _unholdable(
            f"the params of {_name(series)} choose what is billed (`model` or `service_tier`)",
            "Write the model as its `id`, and leave the tier or the cap out.",
        )
    if sent.output_tokens is None:
        raise _unholdable(
            f"the answers of {_name(series)} have no limit",
            "Set `max_tokens` of this model, and `{{max_tokens}}` in a generic body, with no null in `params`.",
        )
    if sent.added_by:
        names = " and ".join(f"`{name}`" for name in sent.added_by)
        raise _unholdable(
            f"{names} of {_name(series)} lets the provider add input of its own, whose tokens have no bound",
            "Leave it or the cap out.",
        )
    if sent.input_tokens is None:
        raise _unholdable(
            f"prompt {prompt.id!r} holds media, files or a tool of the provider's own, whose tokens have no bound",
            "Leave this prompt or the cap out.",
        )


def _unholdable(why: str, hint: str) -> ConfigProblem:
    return ConfigProblem(f"{why}, so that no cost cap can hold", place="profiler.max_cost_usd", hint=hint)


def _name(series: SeriesPlan) -> str:
    return f"{series.provider_name}/{series.model}"


def _sends_the_limit(series: SeriesPlan) -> bool:
    """Whether the limit of the answers reaches the endpoint: a body template may leave it out."""
    return series.generic is not None and b"{{max_tokens}}" in canonical(series.generic.body)


def _runs_at_the_provider(tool: JsonValue) -> bool:
    """Whether a tool is the provider's own (a web search, say), whose results are billed as input of unknown length."""
    if not isinstance(tool, dict):
        return True
    if "type" in tool:
        return tool["type"] not in _OUR_TOOL_TYPES
    return _OUR_TOOL_KEYS.isdisjoint(tool)


def _is_media(part: Mapping[str, JsonValue]) -> bool:
    kind = str(part.get("type", ""))
    return any(word in kind for word in _MEDIA_TYPES) or not _MEDIA_KEYS.isdisjoint(part)


def _adds_input(name: str, value: JsonValue) -> bool:
    """Whether this parameter makes the provider add input; a `prompt` that is no text is one that is stored there."""
    if name == "prompt":
        return not isinstance(value, str)
    return name in _ADDING and value not in (None, False)


def _objects(node: JsonValue, deepest: float = inf) -> list[Mapping[str, JsonValue]]:
    """Return every object of a document that lies in no more than so many others, each before those that it holds."""
    found: list[Mapping[str, JsonValue]] = []
    _gather(node, deepest, found)
    return found


def _gather(node: JsonValue, deepest: float, found: list[Mapping[str, JsonValue]]) -> None:
    inner: Iterable[JsonValue] = ()
    if isinstance(node, dict) and deepest >= 0:
        found.append(node)
        inner, deepest = node.values(), deepest - 1
    elif isinstance(node, list):
        inner = node
    for value in inner:
        if isinstance(value, dict | list):
            _gather(value, deepest, found)
