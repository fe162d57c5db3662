"""What the simulator remembers between requests: seen prefixes and the rate limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.simulator.prefix_cache import SeenPrefixes
from lens_gate.simulator.rate_limit import RateLimit
from lens_gate.simulator.settings import BASE_MODELS, PrefixCache, SimulatorSettings

RULE = PrefixCache(min_tokens=8, block_tokens=4)
LETTERS = "abcdefghijklmnop"


def test_a_repeated_prompt_is_cached_in_whole_blocks() -> None:
    seen = SeenPrefixes()
    prompt = LETTERS * 3 + "rest"
    assert seen.visit(RULE, "m", prompt) == (0, 12)
    assert seen.visit(RULE, "m", prompt) == (12, 0)


def test_only_what_two_prompts_share_from_the_start_is_cached() -> None:
    seen = SeenPrefixes()
    seen.visit(RULE, "m", LETTERS * 4)
    assert seen.visit(RULE, "m", LETTERS * 2 + "x" * 32) == (8, 8)
    assert seen.visit(RULE, "m", "x" + LETTERS * 4) == (0, 16)


def test_a_short_prompt_is_never_cached() -> None:
    seen = SeenPrefixes()
    assert [seen.visit(RULE, "m", LETTERS) for _ in range(2)] == [(0, 0), (0, 0)]


def test_models_do_not_share_their_caches() -> None:
    seen = SeenPrefixes()
    seen.visit(RULE, "m", LETTERS * 2)
    assert seen.visit(RULE, "other", LETTERS * 2) == (0, 8)


def test_the_least_recently_used_prefix_is_forgotten_first() -> None:
    seen = SeenPrefixes(capacity=4)
    seen.visit(RULE, "m", "a" * 32)
    seen.visit(RULE, "m", "b" * 32)
    seen.visit(RULE, "m", "a" * 32)
    seen.visit(RULE, "m", "c" * 32)
    assert seen.visit(RULE, "m", "a" * 32) == (8, 0)
    assert seen.visit(RULE, "m", "b" * 32) == (0, 8)


def test_without_a_limit_everything_is_admitted() -> None:
    limit = RateLimit(None)
    assert all(limit.take(0.0).admitted for _ in range(1000))


def test_a_limit_admits_one_second_at_once_and_then_its_rate() -> None:
    limit = RateLimit(2.0)
    taken = [limit.take(0.0) for _ in range(3)]
    assert [t.admitted for t in taken] == [True, True, False]
    assert [t.remaining for t in taken] == [1, 0, 0]
    assert taken[2].retry_after_s == pytest.approx(0.5)
    assert not limit.take(0.49).admitted
    assert limit.take(0.5).admitted
    assert taken[0].limit == 120


def test_a_limit_below_one_per_second_still_admits_a_first_request() -> None:
    limit = RateLimit(0.1)
    first, second = limit.take(5.0), limit.take(5.0)
    assert (first.admitted, second.admitted) == (True, False)
    assert second.retry_after_s == pytest.approx(10)


@given(st.floats(0.2, 50), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_span_of_time_admits_more_than_rate_and_burst_allow(rate_rps: float, gaps: list[float]) -> None:
    limit = RateLimit(rate_rps)
    now_s, admitted = 0.0, 0
    for gap in gaps:
        now_s += gap
        admitted += limit.take(now_s).admitted
    assert admitted <= rate_rps * (now_s - gaps[0]) + max(1.0, rate_rps) + 1e-6


def test_unknown_models_behave_like_the_small_one_and_known_ones_can_be_replaced() -> None:
    mine = BASE_MODELS["sim-large"]
    settings = SimulatorSettings(models={"mine": mine, "sim-instant": mine})
    assert settings.behaviour("gpt-whatever") == BASE_MODELS["sim-small"]
    assert settings.behaviour("mine") == settings.behaviour("sim-instant") == mine
    assert settings.model_names() == ("sim-small", "sim-large", "sim-thinker", "sim-instant", "mine")


def test_settings_do_not_show_their_keys() -> None:
    assert "sk-secret" not in repr(SimulatorSettings(api_keys=frozenset({"sk-secret"})))
