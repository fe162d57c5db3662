"""The cap holds whatever happens, and bounds are bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.config.model import GenericHttp, ResponseMapping
from lens_gate.errors import ConfigProblem
from lens_gate.load.budget import (
    Budget,
    Reservation,
    billed,
    input_tokens_bound,
    output_tokens_bound,
    require_bounds,
    upper_bound,
)
from lens_gate.load.plan import PromptPlan, SeriesPlan
from lens_gate.load.pricing import PriceList
from lens_gate.load.prompts import chat_request
from lens_gate.providers.base import ChatRequest, Message
from lens_gate.vocabulary.requests import ErrorClass
from tests.plans import a_prompt, a_series, an_arm

GENERIC = GenericHttp(body={"prompt": "{{prompt}}"}, response=ResponseMapping(text="$.text"))

ON = datetime(2025, 9, 1, tzinfo=UTC)

dollars = st.floats(min_value=0, max_value=100, allow_subnormal=False)


@given(
    cap=dollars,
    bills=st.lists(st.tuples(dollars, st.none() | st.floats(min_value=0, max_value=1)), max_size=60),
    order=st.randoms(use_true_random=False),
)
def test_no_order_of_requests_spends_more_than_the_cap(
    cap: float, bills: list[tuple[float, float | None]], order: object
) -> None:
    budget = Budget(cap)
    flying: list[tuple[Reservation, float | None]] = []
    for bound, share in bills:
        reservation = budget.reserve(bound)
        if reservation is not None:
            flying.append((reservation, None if share is None else bound * share))
        assert budget.spent_usd + budget.reserved_usd <= cap * (1 + 1e-12)
        while flying and order.random() < 0.4:  # type: ignore[attr-defined]
            budget.settle(*flying.pop(order.randrange(len(flying))))  # type: ignore[attr-defined]
            assert Fraction(budget.spent_usd) <= Fraction(cap)
    for one in flying:
        budget.settle(*one)
    assert Fraction(budget.spent_usd) <= Fraction(cap)
    assert budget.reserved_usd == 0


def test_a_tenth_of_a_dollar_fits_ten_times_into_one() -> None:
    budget = Budget(1.0)
    assert sum(budget.reserve(0.1) is not None for _ in range(12)) in {9, 10}
    assert budget.reserved_usd <= 1.0


def test_what_is_settled_below_its_bound_makes_room_again() -> None:
    budget = Budget(1.0)
    first = budget.reserve(0.75)
    assert first is not None
    assert budget.reserve(0.5) is None
    assert budget.could_fit(0.5)
    budget.settle(first, 0.25)
    assert (budget.spent_usd, budget.reserved_usd, budget.peak_reserved_usd) == (0.25, 0.0, 0.75)
    assert budget.reserve(0.5) is not None
    assert not budget.could_fit(0.8)


def test_an_unknown_bill_is_charged_in_full_and_a_known_one_as_it_is() -> None:
    budget = Budget(2.0)
    for actual, spent in ((None, 0.5), (0.0, 0.5), (0.125, 0.625)):
        reservation = budget.reserve(0.5)
        assert reservation is not None
        budget.settle(reservation, actual)
        assert budget.spent_usd == spent


def test_a_reservation_is_settled_once() -> None:
    budget = Budget(None)
    reservation = budget.reserve(1.0)
    assert reservation is not None
    budget.settle(reservation, 1.0)
    with pytest.raises(KeyError):
        budget.settle(reservation, 1.0)


def test_an_unknown_bound_is_refused_under_a_cap_and_free_without_one() -> None:
    assert Budget(5.0).reserve(None) is None
    assert not Budget(5.0).could_fit(None)
    budget = Budget(None)
    reservation = budget.reserve(None)
    assert reservation is not None
    budget.settle(reservation, None)
    assert budget.spent_usd == 0
    assert budget.could_fit(None)


def test_a_cap_of_nothing_lets_only_free_requests_through() -> None:
    assert Budget(0.0).reserve(1e-9) is None
    assert Budget(0.0).reserve(0.0) is not None


@pytest.mark.parametrize(
    ("error_class", "http_status", "cost", "expected"),
    [
        (ErrorClass.NONE, 200, 0.5, 0.5),
        (ErrorClass.NONE, 200, None, None),
        (ErrorClass.CONNECT, None, None, 0.0),
        (ErrorClass.AUTHENTICATION, 401, None, 0.0),
        (ErrorClass.INVALID_REQUEST, 307, None, 0.0),
        (ErrorClass.RATE_LIMIT, 429, None, 0.0),
        (ErrorClass.OVERLOADED, 529, None, 0.0),
        (ErrorClass.OVERLOADED, 200, None, None),
        (ErrorClass.OVERLOADED, 200, 0.25, None),
        (ErrorClass.API_ERROR, 200, 0.25, None),
        (ErrorClass.API_ERROR, 500, None, None),
        (ErrorClass.CUT_STREAM, 200, None, None),
        (ErrorClass.CUT_STREAM, 200, 0.25, None),
        (ErrorClass.REFUSED, 200, 0.25, 0.25),
        (ErrorClass.TIMEOUT, None, None, None),
        (ErrorClass.SHED, None, None, 0.0),
    ],
)
def test_only_what_no_model_ran_for_is_free(
    error_class: ErrorClass, http_status: int | None, cost: float | None, expected: float | None
) -> None:
    assert billed(error_class, http_status, cost) == expected


def request(
    content: JsonValue = "Hi", *, max_tokens: int | None = 10, params: Mapping[str, JsonValue] | None = None
) -> ChatRequest:
    return ChatRequest(
        model="m", messages=(Message(role="user", content=content),), max_tokens=max_tokens, params=params or {}
    )


@given(text=st.text(max_size=200))
def test_there_are_never_more_input_tokens_than_bytes(text: str) -> None:
    bound = input_tokens_bound(request(text))
    assert bound is not None
    assert bound >= len(text.encode("utf-8", "surrogatepass")) + 64


def test_tools_and_parameters_count_as_input() -> None:
    plain, tools = input_tokens_bound(request()), input_tokens_bound(replace(request(), tools=({"name": "f" * 100},)))
    params = input_tokens_bound(request(params={"tools": [{"name": "f" * 100}]}))
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
    assert input_tokens_bound(request(content)) is None


def test_media_in_params_have_no_bound() -> None:
    parts: JsonValue = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    assert input_tokens_bound(request(params={"messages": parts})) is None


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
    assert (input_tokens_bound(with_tool) is not None) is ours


def test_text_blocks_have_a_bound() -> None:
    assert input_tokens_bound(request([{"type": "text", "text": "a"}, {"text": "b"}, "c"])) is not None


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
        (10, {"generationConfig": None}, None),
        (10, {"generationConfig": {"maxOutputTokens": None}}, None),
    ],
)
def test_the_limit_of_the_answers_is_read_from_wherever_it_is_set(
    max_tokens: int | None, params: dict[str, JsonValue], expected: int | None
) -> None:
    assert output_tokens_bound(request(max_tokens=max_tokens, params=params)) == expected


def test_the_upper_bound_is_all_input_and_all_output_at_their_price() -> None:
    series = a_series(max_tokens=1000, price=(2.0, 8.0))
    prices = PriceList.of([series], ON)
    asked = chat_request(series, a_prompt("Hi"), {})
    tokens = input_tokens_bound(asked)
    assert tokens is not None
    assert upper_bound(prices, series, asked) == pytest.approx((tokens * 2 + 1000 * 8) / 1e6)
    assert upper_bound(prices, series, replace(asked, max_tokens=None)) is None
    assert (
        upper_bound(prices, series, replace(asked, messages=(Message(role="user", content=[{"type": "image"}]),)))
        is None
    )


@pytest.mark.parametrize(
    ("series", "prompt", "message", "hint"),
    [
        (a_series("odd", price=None), a_prompt(), "price of p/odd", "input_usd_per_million"),
        (a_series(max_tokens=None), a_prompt(), "no limit", "max_tokens"),
        (replace(a_series(), params={"max_tokens": None}), a_prompt(), "no limit", "null"),
        (replace(a_series(), generic=GENERIC), a_prompt(), "no limit", "generic body"),
        (replace(a_series(), params={"model": "dearer"}), a_prompt(), "choose what is billed", "id"),
        (replace(a_series(), params={"service_tier": "priority"}), a_prompt(), "choose what is billed", "tier"),
        (a_series(), a_prompt([{"type": "image", "source": {}}]), "'hello' holds media", "prompt"),
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
