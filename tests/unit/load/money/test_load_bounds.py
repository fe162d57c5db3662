"""What a request can cost at most is read from what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.config.model import GenericHttp, ResponseMapping
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import chat_request
from lens_gate.load.money.bounds import Sent, require_bounds, upper_bound
from lens_gate.load.money.pricing import PriceList
from lens_gate.providers.base import ChatRequest, Message
from lens_gate.providers.generic import GenericProvider
from lens_gate.providers.google import Google
from lens_gate.vocabulary.requests import Api
from tests.plans import a_prompt, a_series, an_arm

ON = datetime(2025, 9, 1, tzinfo=UTC)


def request(
    content: JsonValue = "Hi", *, max_tokens: int | None = 10, params: Mapping[str, JsonValue] | None = None
) -> ChatRequest:
    return ChatRequest(
        model="m", messages=(Message(role="user", content=content),), max_tokens=max_tokens, params=params or {}
    )


def most_input(asked: ChatRequest) -> int | None:
    return Sent.of(a_series(), asked).input_tokens


def most_output(asked: ChatRequest) -> int | None:
    return Sent.of(a_series(), asked).output_tokens


def templated(body: JsonValue, **settings: Any) -> SeriesPlan:
    generic = GenericHttp(body=body, response=ResponseMapping(text="$.text"), **settings)
    return replace(a_series(max_tokens=10), generic=generic, provider=GenericProvider(generic))


@given(text=st.text(max_size=200))
def test_there_are_never_more_input_tokens_than_bytes(text: str) -> None:
    bound = most_input(request(text))
    assert bound is not None
    assert bound >= len(text.encode("utf-8", "surrogatepass")) + 64


def test_tools_and_parameters_count_as_input() -> None:
    plain, tools = most_input(request()), most_input(replace(request(), tools=({"name": "f" * 100},)))
    params = most_input(request(params={"tools": [{"name": "f" * 100}]}))
    assert plain is not None
    assert tools is not None
    assert params is not None
    assert tools > plain + 2100
    assert params > plain + 2100


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image_url", "image_url": {"url": "https://x.test/cat.png"}}],
        [{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {}}],
        [{"inline_data": {"mime_type": "image/png", "data": ""}}],
        [{"type": "tool_result", "content": [{"type": "image", "source": {}}]}],
    ],
)
def test_media_have_no_bound(content: JsonValue) -> None:
    assert most_input(request(content)) is None


def test_media_in_params_have_no_bound() -> None:
    parts: JsonValue = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    assert most_input(request(params={"messages": parts})) is None


@pytest.mark.parametrize(
    ("tool", "ours"),
    [
        ({"type": "function", "function": {"name": "f"}}, True),
        ({"name": "f", "input_schema": {}}, True),
        ({"functionDeclarations": []}, True),
        ({"type": "web_search_20250305", "name": "web_search"}, False),
        ({"googleSearch": {}}, False),
        ("anything", False),
    ],
)
@pytest.mark.parametrize("passed", [True, False])
def test_a_tool_that_runs_at_the_provider_has_no_bound(tool: JsonValue, *, ours: bool, passed: bool) -> None:
    request = chat_request(a_series(), a_prompt(), {})
    with_tool = replace(request, params={"tools": [tool]}) if passed else replace(request, tools=(tool,))
    assert (most_input(with_tool) is not None) is ours


def test_text_blocks_have_a_bound() -> None:
    assert most_input(request([{"type": "text", "text": "a"}, {"text": "b"}, "c"])) is not None


@pytest.mark.parametrize(
    ("max_tokens", "params", "expected"),
    [
        (10, {}, 10),
        (None, {}, None),
        (None, {"max_completion_tokens": 30}, 30),
        (10, {"max_tokens": 40, "n": 3}, 120),
        (None, {"generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}, 100),
        (10, {"max_tokens": "many"}, None),
        (10, {"max_tokens": None}, None),
        (10, {"n": None}, 10),
        (10, {"n": 2.0}, None),
        (10, {"generationConfig": {"maxOutputTokens": None}}, None),
    ],
)
def test_the_limit_of_the_answers_is_read_from_wherever_it_is_set(
    max_tokens: int | None, params: dict[str, JsonValue], expected: int | None
) -> None:
    assert most_output(request(max_tokens=max_tokens, params=params)) == expected


def test_a_limit_that_is_taken_out_with_what_holds_it_is_none() -> None:
    google = replace(a_series(), api=Api.GOOGLE, provider=Google())
    assert Sent.of(google, request()).output_tokens == 10
    assert Sent.of(google, request(params={"generationConfig": None})).output_tokens is None


def test_the_upper_bound_is_all_input_and_all_output_at_their_price() -> None:
    series = a_series(max_tokens=1000, price=(2.0, 8.0))
    prices = PriceList.of([series], ON)
    asked = chat_request(series, a_prompt("Hi"), {})
    tokens = Sent.of(series, asked).input_tokens
    assert tokens is not None
    assert upper_bound(prices, Sent.of(series, asked)) == pytest.approx((tokens * 2 + 1000 * 8) / 1e6)
    assert upper_bound(prices, Sent.of(series, replace(asked, max_tokens=None))) is None
    pictured = replace(asked, messages=(Message(role="user", content=[{"type": "image"}]),))
    assert upper_bound(prices, Sent.of(series, pictured)) is None
    assert upper_bound(prices, Sent.of(series, asked), earlier_tokens=None) is None


@pytest.mark.parametrize(
    ("series", "prompt", "message", "hint"),
    [
        (a_series("odd", price=None), a_prompt(), "price of p/odd", "input_usd_per_million"),
        (a_series(max_tokens=None), a_prompt(), "no limit", "max_tokens"),
        (replace(a_series(), params={"max_tokens": None}), a_prompt(), "no limit", "null"),
        (templated({"prompt": "{{prompt}}"}), a_prompt(), "no limit", "generic body"),
        (replace(a_series(), params={"model": "dearer"}), a_prompt(), "choose what is billed", "id"),
        (replace(a_series(), params={"service_tier": "priority"}), a_prompt(), "choose what is billed", "tier"),
        (a_series(), a_prompt([{"type": "image", "source": {}}]), "'hello' holds media", "prompt"),
        (replace(a_series(), params={"web_search_options": {}}), a_prompt(), "`web_search_options` of p/m lets", "it"),
    ],
)
def test_what_a_cap_could_not_hold_is_refused_beforehand(
    series: SeriesPlan, prompt: PromptPlan, message: str, hint: str
) -> None:
    arm = an_arm(series=(series,), prompts=(prompt,))
    with pytest.raises(ConfigProblem, match=message) as caught:
        require_bounds([arm], PriceList.of(arm.series, ON))
    assert hint in str(caught.value.hint)
    assert caught.value.place == "profiler.max_cost_usd"


def test_a_bounded_run_is_accepted() -> None:
    arm = an_arm(prompts=(a_prompt("{{a}}", variables={"a": ("x",)}),))
    require_bounds([arm, arm], PriceList.of(arm.series, ON))


def test_the_text_of_a_template_counts_as_input_and_its_number_of_answers_multiplies_them() -> None:
    body: JsonValue = {
        "system": "x" * 40_000,
        "options": {"n": 8, "limit": "{{max_tokens}}"},
        "prompt": "{{prompt}}",
        "schema": {"n": {"type": "integer"}},
    }
    sent = Sent.of(templated(body), request())
    assert sent.input_tokens is not None
    assert 40_000 < sent.input_tokens < 41_000
    assert sent.output_tokens == 80


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"prompt": "{{prompt}}", "max_tokens": "{{max_tokens}}"}, 10),
        ({"prompt": "{{prompt}}", "deep": [{"length": "{{max_tokens}}", "max_tokens": 500}]}, 500),
        ({"prompt": "{{prompt}}", "max_tokens": 500}, None),
        ({"prompt": "{{prompt}}", "l": "{{max_tokens}}", "n": "many"}, None),
        ({"prompt": "{{prompt}}", "l": "{{max_tokens}}", "max_tokens": -1}, None),
        (["{{prompt}}", "{{max_tokens}}"], 10),
        (None, None),
    ],
)
def test_the_limit_of_a_template_is_the_largest_that_it_sends(body: JsonValue, expected: int | None) -> None:
    assert Sent.of(templated(body), request()).output_tokens == expected


@pytest.mark.parametrize(
    "params",
    [
        {"cachedContent": "caches/1"},
        {"previous_response_id": "r1"},
        {"prompt": {"id": "stored"}},
        {"web_search_options": {}},
        {"mcp_servers": [{"url": "https://x.test"}]},
        {"plugins": [{"id": "web"}]},
        {"extra_body": {"data_sources": []}},
    ],
)
def test_what_lets_a_provider_add_input_has_no_bound(params: dict[str, JsonValue]) -> None:
    name = next(iter(params)) if "extra_body" not in params else "data_sources"
    for sent in (
        Sent.of(a_series(), request(params=params)),
        Sent.of(templated({"a": [{"b": {"c": params}}], "l": "{{max_tokens}}"}), request()),
    ):
        assert sent.added_by == (name,)
        assert sent.input_tokens is None


@pytest.mark.parametrize(
    "params",
    [
        {"web_search_options": None},
        {"enable_search": False},
        {"response_format": {"json_schema": {"schema": {"properties": {"prompt": {}, "conversation": {}}}}}},
        {"tools": [{"name": "f", "input_schema": {"properties": {"prompt": {"type": "string"}, "file": {}}}}]},
    ],
)
def test_what_only_is_called_like_it_has_a_bound(params: dict[str, JsonValue]) -> None:
    assert most_input(request(params=params)) is not None


def test_other_models_are_billed_by_other_numbers() -> None:
    dearer: list[dict[str, JsonValue]] = [
        {"models": ["a", "b"]},
        {"route": "fallback"},
        {"model": "b"},
        {"service_tier": "priority"},
    ]
    for params in dearer:
        assert not Sent.of(a_series(), request(params=params)).billed_as_listed
    assert Sent.of(a_series(), request(params={"service_tier": "flex"})).billed_as_listed
