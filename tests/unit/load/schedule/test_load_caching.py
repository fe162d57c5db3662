"""Nonces and prefixes: where they stand, and that no two requests share one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lens_gate.config.workload import Cache, NoncePlace, Prefix
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.caching import NONCE_CHARACTERS, CacheMode, cache_mode
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.workload import schedule
from lens_gate.providers.base import ChatRequest, Message
from lens_gate.vocabulary.requests import Arm
from tests.plans import a_prompt, an_arm

PLAIN = ChatRequest(model="m", messages=(Message(role="user", content="Hello."),))
START = CacheMode(nonce=NoncePlace.START, salt="run")
SETTINGS = ScheduleSettings(arrival=Arrival.FIXED, rate=10.0, concurrency=None, duration_s=None, requests=40)


def planned(cache: CacheMode, text: str = "Hello.") -> list[PlannedRequest]:
    prompts = (a_prompt(text),)
    arms = an_arm(prompts=prompts), an_arm(Arm.BASE, prompts=prompts)
    return list(schedule(*arms, replace(SETTINGS, cache=cache), np.random.default_rng(1)))


def texts(requests: list[PlannedRequest]) -> list[str]:
    return [str(one.request.messages[0].content) for one in requests]


def test_a_nonce_at_the_start_comes_before_everything_the_model_reads() -> None:
    nonce = str(START.shaped(PLAIN, 3).messages[0].content).removesuffix(" Hello.")
    assert len(nonce) == NONCE_CHARACTERS + 2
    told = START.shaped(replace(PLAIN, system="Be brief."), 3)
    assert (told.system, told.messages) == (f"{nonce} Be brief.", PLAIN.messages)
    blocks = replace(PLAIN, messages=(Message(role="user", content=[{"type": "text", "text": "Hi"}]),))
    assert (START.shaped(blocks, 3).system, START.shaped(blocks, 3).messages) == (nonce, blocks.messages)


def test_a_nonce_at_the_end_comes_after_the_last_message() -> None:
    turns = replace(PLAIN, messages=(*PLAIN.messages, Message(role="user", content="Bye.")), system="Be brief.")
    sent = replace(START, nonce=NoncePlace.END).shaped(turns, 3)
    assert (sent.system, sent.messages[0]) == (turns.system, turns.messages[0])
    assert str(sent.messages[1].content).startswith("Bye. [")


def test_no_two_requests_of_a_run_have_one_nonce_and_all_are_equally_long() -> None:
    requests = planned(START)
    assert len(requests) == len(set(texts(requests))) == 40
    assert len({len(text) for text in texts(requests)}) == 1
    assert len({one.prompt_characters for one in requests}) == 1


def test_another_run_has_other_nonces_and_the_same_prompts() -> None:
    first, second = planned(START), planned(replace(START, salt="other"))
    assert not set(texts(first)) & set(texts(second))
    assert (
        {one.prompt_hash for one in first}
        == {one.prompt_hash for one in second}
        == {planned(CacheMode())[0].prompt_hash}
    )


def test_a_prefix_is_the_same_for_all_and_a_nonce_follows_it() -> None:
    mode = replace(cache_mode(Cache(nonce=NoncePlace.START, prefix=Prefix(words=30)), 7), salt="run")
    sent = texts(planned(mode))
    assert len(mode.prefix.split()) == 30
    assert all(text.startswith(f"{mode.prefix} [") for text in sent)
    assert len(set(sent)) == 40
    assert cache_mode(Cache(prefix=Prefix(words=30)), 7).prefix == mode.prefix
    assert cache_mode(Cache(prefix=Prefix(words=30)), 8).prefix != mode.prefix
    assert texts(planned(cache_mode(Cache(prefix=Prefix(text="Listen.")), 1)))[0] == "Listen. Hello."


def test_without_a_mode_requests_are_sent_as_they_are() -> None:
    assert CacheMode().shaped(PLAIN, 1) is PLAIN


def test_a_nonce_at_the_end_needs_text_there_before_anything_is_sent() -> None:
    prompt = a_prompt([{"type": "image_url"}], id="picture")
    with pytest.raises(ConfigProblem, match="picture") as caught:
        next(
            schedule(
                an_arm(prompts=(prompt,)),
                None,
                replace(SETTINGS, cache=CacheMode(nonce=NoncePlace.END)),
                np.random.default_rng(1),
            )
        )
    assert caught.value.place == "workload.cache.nonce"
    START.require_possible([prompt])


@pytest.mark.parametrize("given_keys", [{}, {"words": 3, "text": "x"}])
def test_a_prefix_is_words_or_a_text(given_keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="either `words` or a `text`"):
        Prefix.model_validate(given_keys)
