"""What makes two arms different, and what must never enter the hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import JsonValue, SecretStr

from lens_gate.config.model import GenericHttp, ResponseMapping
from lens_gate.load.arms.identity import requests_hash, same_requests
from lens_gate.load.arms.plan import PromptPlan, SeriesPlan
from lens_gate.providers.base import Endpoint
from lens_gate.vocabulary.requests import Api, Arm
from tests.plans import a_prompt, a_series, an_arm

PROMPT = a_prompt("{{a}}", variables={"a": ("1", "2")})


def generic(body: JsonValue) -> GenericHttp:
    return GenericHttp(body=body, response=ResponseMapping(text="$.text"))


SERIES_CHANGES: dict[str, Callable[[SeriesPlan], SeriesPlan]] = {
    "endpoint": lambda one: replace(one, endpoint=Endpoint(base_url="https://other.example.org/v1")),
    "http2": lambda one: replace(one, endpoint=replace(one.endpoint, http2=True)),
    "header": lambda one: replace(one, endpoint=replace(one.endpoint, headers={"x-tier": "fast"})),
    "api": lambda one: replace(one, api=Api.ANTHROPIC),
    "model": lambda one: replace(one, model="other"),
    "max_tokens": lambda one: replace(one, max_tokens=7),
    "temperature": lambda one: replace(one, temperature=0.1),
    "system": lambda one: replace(one, system="Be short."),
    "params": lambda one: replace(one, params={"top_p": 0.5}),
    "generic": lambda one: replace(one, generic=generic({"q": "{{prompt}}"})),
}

PROMPT_CHANGES: dict[str, Callable[[PromptPlan], PromptPlan]] = {
    "messages": lambda one: replace(one, messages=(("user", "{{a}}!"),)),
    "system": lambda one: replace(one, system="Be short."),
    "tools": lambda one: replace(one, tools=({"name": "search"},)),
    "params": lambda one: replace(one, params={"top_p": 0.5}),
    "headers": lambda one: replace(one, headers={"x-tier": "fast"}),
}


@pytest.mark.parametrize("change", SERIES_CHANGES.values(), ids=SERIES_CHANGES)
def test_any_change_of_what_a_series_sends_is_a_difference(change: Callable[[SeriesPlan], SeriesPlan]) -> None:
    old, new = a_series(), change(a_series())
    assert requests_hash([old], [PROMPT]) != requests_hash([new], [PROMPT])
    assert not same_requests(an_arm(series=(new,)), an_arm(Arm.BASE, series=(old,)))


@pytest.mark.parametrize("change", PROMPT_CHANGES.values(), ids=PROMPT_CHANGES)
def test_any_change_of_what_a_prompt_sends_is_a_difference(change: Callable[[PromptPlan], PromptPlan]) -> None:
    new = change(PROMPT)
    assert requests_hash([a_series()], [PROMPT]) != requests_hash([a_series()], [new])
    assert not same_requests(an_arm(prompts=(new,)), an_arm(Arm.BASE, prompts=(PROMPT,)))


def test_equal_arms_are_equal_in_whatever_order_they_are_written() -> None:
    one, two = a_series("x"), a_series("y")
    other = a_prompt(id="other")
    assert requests_hash([one, two], [PROMPT, other]) == requests_hash([two, one], [other, PROMPT])
    assert same_requests(an_arm(series=(one, two)), an_arm(Arm.BASE, series=(two, one)))


def test_neither_the_key_nor_a_credential_header_nor_the_name_of_a_series_counts() -> None:
    old = a_series()
    new = replace(
        old,
        series="other/name",
        endpoint=Endpoint(base_url="https://user:pw@llm.example.org/v1/?api_key=x", api_key=SecretStr("sk-other")),
    )
    assert requests_hash([old], []) == requests_hash([new], [])
    first, second = (
        replace(old, endpoint=replace(old.endpoint, headers={"X-Api-Key": value, "Authorization": value}))
        for value in ("one", "two")
    )
    assert requests_hash([first], []) == requests_hash([second], [])
    assert requests_hash([first], []) != requests_hash([old], [])


def test_a_query_that_is_no_credential_counts() -> None:
    old, new = (a_series(base_url=f"https://llm.example.org/v1?api-version={day}") for day in ("2024", "2025"))
    assert requests_hash([old], []) != requests_hash([new], [])


def test_values_and_generators_of_variables_enter_the_hash() -> None:
    more = replace(PROMPT, variables={"a": ("1", "3")})
    longer = replace(PROMPT, variables={"a": ()}, generators={"a": ("lorem", 9)})
    assert len({requests_hash([a_series()], [prompt]) for prompt in (PROMPT, more, longer)}) == 3


def test_weights_and_uncovered_prompts_do_not_make_pairs_differ() -> None:
    heavier = replace(PROMPT, weight=9.0)
    candidate = an_arm(prompts=(heavier, a_prompt(id="new")))
    assert same_requests(candidate, an_arm(Arm.BASE, prompts=(PROMPT,)))


def test_arms_without_a_common_prompt_have_nothing_to_compare() -> None:
    assert same_requests(an_arm(prompts=(a_prompt(id="a"),)), an_arm(Arm.BASE, prompts=(a_prompt(id="b"),)))


def test_a_target_is_known_by_its_name_and_not_by_its_port() -> None:
    first, second = (
        replace(a_series(base_url=f"http://127.0.0.1:{port}"), through_target=True) for port in (4000, 5000)
    )
    assert requests_hash([first], []) == requests_hash([second], [])
    candidate = an_arm(series=(first,), target="abc: serve")
    assert same_requests(candidate, an_arm(Arm.BASE, series=(second,), target="abc: serve"))
    assert not same_requests(candidate, an_arm(Arm.BASE, series=(second,), target="def: serve"))
