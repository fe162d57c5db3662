"""Templates, draws, and what a rendered request looks like."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import JsonValue

from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.prompts import (
    DEFAULT_PROMPT,
    MOST_WAYS,
    WORDS,
    canonical,
    chat_request,
    draw,
    draws,
    prompt_characters,
    prompt_hash,
    render,
    require_variables,
    weighted,
)
from lens_gate.providers.base import Message
from tests.plans import a_prompt, a_series


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_variables_are_replaced_wherever_a_string_stands() -> None:
    content: JsonValue = [{"type": "text", "text": "{{ a }} and {{b}}"}, {"n": 3, "ok": True, "none": None}]
    assert render(content, {"a": "1", "b": "2"}) == [
        {"type": "text", "text": "1 and 2"},
        {"n": 3, "ok": True, "none": None},
    ]


def test_a_value_that_looks_like_a_template_stays_as_it_is() -> None:
    assert render("{{a}}", {"a": "{{b}}", "b": "x"}) == "{{b}}"


def test_an_unknown_variable_is_named_with_those_that_exist() -> None:
    prompt = a_prompt("{{topic}}", variables={"subject": ("x",)})
    with pytest.raises(ConfigProblem, match=r"\{\{topic\}\}.*\(subject\)") as caught:
        require_variables(prompt, "workload.prompts[0]")
    assert caught.value.place == "workload.prompts[0]"
    assert "topic" in str(caught.value.hint)


def test_an_unknown_variable_is_found_in_system_and_inside_content_blocks() -> None:
    for prompt in (a_prompt(system="{{x}}"), a_prompt([{"type": "text", "text": "{{x}}"}])):
        with pytest.raises(ConfigProblem, match="none"):
            require_variables(prompt, "p")


def test_an_unused_variable_and_other_braces_are_fine() -> None:
    require_variables(a_prompt("{% if a.b %}{{ a.b }}{{}}", variables={"unused": ("x",)}), "p")
    require_variables(DEFAULT_PROMPT, "p")


def test_equal_draws_have_equal_hashes_and_different_ones_do_not(rng: np.random.Generator) -> None:
    prompt = a_prompt("{{a}}", variables={"a": ("x", "y")})
    drawn = [draw(prompt, rng) for _ in range(40)]
    assert {one.values["a"] for one in drawn} == {"x", "y"}
    assert len({(one.hash, one.values["a"]) for one in drawn}) == 2
    assert all(len(one.hash) == 12 for one in drawn)


def test_the_lorem_generator_writes_the_number_of_words_that_is_asked(rng: np.random.Generator) -> None:
    prompt = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("lorem", 30)})
    words = draw(prompt, rng).values["a"].split()
    assert len(words) == 30
    assert set(words) <= set(WORDS)


def test_the_number_generator_writes_whole_numbers(rng: np.random.Generator) -> None:
    prompt = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("number", 50)})
    numbers = [draw(prompt, rng).values["a"] for _ in range(20)]
    assert all(0 <= int(number) < 1_000_000 for number in numbers)
    assert len(set(numbers)) > 10


def test_a_seed_fixes_the_draws() -> None:
    prompt = a_prompt("{{a}}", variables={"a": (), "b": ("x", "y")}, generators={"a": ("lorem", 5)})
    first, second = ([draw(prompt, np.random.default_rng(3)) for _ in range(5)] for _ in range(2))
    assert first == second


def test_prompts_are_drawn_in_proportion_to_their_weights(rng: np.random.Generator) -> None:
    counts = Counter(islice(weighted([1.0, 3.0, 6.0], rng), 20_000))
    assert [counts[index] / 20_000 for index in range(3)] == pytest.approx([0.1, 0.3, 0.6], abs=0.015)


@given(weights=st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_a_drawn_index_is_always_a_prompt(weights: list[float], seed: int) -> None:
    assert all(0 <= index < len(weights) for index in islice(weighted(weights, np.random.default_rng(seed)), 50))


def test_a_draw_that_rounds_up_to_the_total_takes_the_last_prompt() -> None:
    class Edge(np.random.Generator):
        def random(self, size: int, *_: object) -> NDArray[np.float64]:  # type: ignore[override]
            return np.ones(size)

    assert next(weighted([1.0, 2.0], Edge(np.random.PCG64(1)))) == 1


def test_what_the_prompt_says_wins_over_the_model_entry() -> None:
    series = replace(a_series("gpt", max_tokens=9), system="short", params={"top_p": 1, "seed": 1}, temperature=0.5)
    prompt = replace(a_prompt("{{q}}", system="long {{q}}", variables={"q": ("?",)}), params={"seed": 2})
    request = chat_request(series, prompt, {"q": "?"})
    assert (request.model, request.max_tokens, request.temperature) == ("gpt", 9, 0.5)
    assert request.system == "long ?"
    assert request.messages == (Message(role="user", content="?"),)
    assert request.params == {"top_p": 1, "seed": 2}


def test_the_model_entry_gives_the_system_text_that_the_prompt_leaves_out() -> None:
    series = replace(a_series(), system="kept {{as it is}}")
    assert chat_request(series, a_prompt(), {}).system == "kept {{as it is}}"


def test_the_prompt_hash_is_over_what_the_model_reads() -> None:
    request = chat_request(a_series(), a_prompt("Hi"), {})
    assert prompt_hash(request) == prompt_hash(replace(request, model="other", max_tokens=1))
    assert prompt_hash(request) != prompt_hash(replace(request, system="Be short."))
    assert prompt_hash(request) != prompt_hash(chat_request(a_series(), a_prompt("Ho"), {}))


def test_characters_count_system_and_all_text_of_the_messages() -> None:
    request = chat_request(a_series(), a_prompt([{"text": "abc"}, {"text": "de", "n": 1}], system="1234"), {})
    assert prompt_characters(request) == 9
    assert prompt_characters(replace(request, system=None)) == 5


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert (
        canonical({"b": "é", "a": [1, None]})
        == canonical({"a": [1, None], "b": "é"})
        == '{"a":[1,null],"b":"é"}'.encode()
    )


def test_values_that_are_written_down_are_drawn_equally_often_and_each_draw_is_made_once() -> None:
    prompt = a_prompt("{{a}}{{b}}", variables={"a": ("x", "y"), "b": ("1", "2", "3")})
    drawn = list(islice(draws(prompt, np.random.default_rng(5)), 6000))
    counts = Counter((one.values["a"], one.values["b"]) for one in drawn)
    assert len(counts) == 6
    assert all(count / 6000 == pytest.approx(1 / 6, abs=0.02) for count in counts.values())
    assert len({id(one) for one in drawn}) == len({one.hash for one in drawn}) == 6


def test_values_that_are_made_up_are_drawn_anew_each_time() -> None:
    prompt = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("lorem", 8)})
    assert len({one.hash for one in islice(draws(prompt, np.random.default_rng(5)), 50)}) == 50


def test_too_many_combinations_are_not_kept() -> None:
    values = tuple(map(str, range(MOST_WAYS + 1)))
    drawn = list(islice(draws(a_prompt("{{a}}", variables={"a": values}), np.random.default_rng(5)), 3000))
    equal = [one for one in drawn if one.hash == drawn[0].hash]
    assert len({id(one) for one in equal}) == len(equal) > 1


def test_a_prompt_without_variables_has_one_draw_and_uses_up_no_chance() -> None:
    rng = np.random.default_rng(5)
    assert len({id(one) for one in islice(draws(a_prompt("hi"), rng), 9)}) == 1
    assert rng.random() == np.random.default_rng(5).random()
