from __future__ import annotations

import math
import statistics
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.simulator.dialogue import Answer
from lens_gate.simulator.draws import (
    Circumstances,
    compose,
    draw_lot,
    generator_for,
    load_at,
    prompt_factor,
    ttft,
    wave_phase,
)
from lens_gate.simulator.effects import Effects
from lens_gate.simulator.settings import BASE_MODELS, LoadWave, ModelBehaviour, PrefixCache
from lens_gate.vocabulary.requests import FinishReason, TokenKind

SMALL = BASE_MODELS["sim-small"]
ALONE = Circumstances(load=1.0, prompt_tokens=10)


def an_answer(
    behaviour: ModelBehaviour = SMALL, *, number: int = 0, circumstances: Circumstances = ALONE, **effects: Any
) -> Answer:
    rng = generator_for(1, "m", number)
    lot = draw_lot(behaviour, rng)
    return compose(behaviour, Effects(**effects), lot, rng=rng, circumstances=circumstances)


def ttfts_ms(behaviour: ModelBehaviour = SMALL, count: int = 2000, **effects: Any) -> list[float]:
    lots = [draw_lot(behaviour, generator_for(1, "m", number)) for number in range(count)]
    return [1000 * ttft(behaviour, Effects(**effects), lot, ALONE) for lot in lots]


def test_the_same_request_of_the_same_model_draws_the_same() -> None:
    assert an_answer(number=7) == an_answer(number=7)
    assert an_answer(number=7) != an_answer(number=8)


def test_other_models_and_other_seeds_draw_on_their_own() -> None:
    draws = {generator_for(seed, model, 0).random() for seed in (1, 2) for model in ("m", "m+slower=10")}
    assert len(draws) == 4


def test_the_time_to_first_token_has_the_median_and_the_tail_that_it_was_given() -> None:
    times = ttfts_ms()
    assert statistics.median(times) == pytest.approx(40, rel=0.03)
    assert sum(time > 100 for time in times) / len(times) == pytest.approx(0.02, abs=0.01)


def test_slower_stretches_every_time_by_its_percentage() -> None:
    usual, slower = an_answer(), an_answer(slower=10)
    assert slower.opening_s == pytest.approx(usual.opening_s * 1.1)
    assert [p.due_s for p in slower.pieces] == pytest.approx([p.due_s * 1.1 for p in usual.pieces])


def test_slower_first_tokens_leave_the_pace_alone() -> None:
    usual, slower = an_answer(), an_answer(ttft_slower=50)
    assert slower.pieces[0].due_s == pytest.approx(usual.pieces[0].due_s * 1.5)
    assert slower.done_s - slower.pieces[0].due_s == pytest.approx(usual.done_s - usual.pieces[0].due_s)


def test_tail_delays_its_share_of_first_tokens_by_three_typical_ones() -> None:
    delays = [late - usual for late, usual in zip(ttfts_ms(tail=20), ttfts_ms(), strict=True)]
    late = [delay for delay in delays if delay > 0]
    assert late == pytest.approx([120.0] * len(late))
    assert len(late) / len(delays) == pytest.approx(0.2, abs=0.03)


def test_longer_lengthens_answers_by_its_percentage() -> None:
    usual = statistics.mean(an_answer(number=n).counts.output for n in range(500))
    longer = statistics.mean(an_answer(number=n, longer=50).counts.output for n in range(500))
    assert usual == pytest.approx(24, rel=0.05)
    assert longer / usual == pytest.approx(1.5, rel=0.03)


def test_lengths_stay_within_their_limits() -> None:
    narrow = SMALL.model_copy(update={"output_min": 20, "output_max": 25})
    assert {an_answer(narrow, number=n).counts.output for n in range(200)} == set(range(20, 26))


def test_a_limit_of_tokens_cuts_the_answer_and_says_so() -> None:
    cut = an_answer(circumstances=Circumstances(load=1, prompt_tokens=1, max_tokens=5))
    assert (cut.counts.output, cut.finish) == (5, FinishReason.LENGTH)
    assert sum(piece.tokens for piece in cut.pieces) == 5
    assert an_answer().finish is FinishReason.STOP


def test_thoughts_come_first_and_count_against_the_limit() -> None:
    thinker = SMALL.model_copy(update={"reasoning_tokens": 6})
    answer = an_answer(thinker)
    assert [p.kind for p in answer.pieces[:7]] == [TokenKind.REASONING] * 6 + [TokenKind.TEXT]
    cut = an_answer(thinker, circumstances=Circumstances(load=1, prompt_tokens=1, max_tokens=4))
    assert (cut.counts.output, cut.counts.reasoning, cut.finish) == (4, 4, FinishReason.LENGTH)
    assert {piece.kind for piece in cut.pieces} == {TokenKind.REASONING}


def test_hidden_thoughts_take_their_time_and_are_billed() -> None:
    thinker = SMALL.model_copy(update={"reasoning_tokens": 6})
    shown, hidden = an_answer(thinker), an_answer(thinker, hide_reasoning=True)
    assert hidden.counts == shown.counts
    assert hidden.pieces == shown.pieces[6:]


def test_several_tokens_share_a_piece_that_leaves_with_the_first_of_them() -> None:
    single = an_answer()
    wide = an_answer(SMALL.model_copy(update={"tokens_per_frame": 5}))
    assert [p.due_s for p in wide.pieces] == [p.due_s for p in single.pieces[::5]]
    assert [p.tokens for p in wide.pieces[:-1]] == [5] * (len(wide.pieces) - 1)
    assert "".join(p.text for p in wide.pieces) == "".join(p.text for p in single.pieces)


def test_an_empty_answer_has_no_tokens_and_an_end() -> None:
    empty = an_answer(circumstances=Circumstances(load=1, prompt_tokens=1, empty=True))
    assert (list(empty.pieces), empty.counts.output, empty.finish) == ([], 0, FinishReason.STOP)
    assert empty.done_s > empty.opening_s


def test_a_refusal_says_so() -> None:
    refusal = an_answer(circumstances=Circumstances(load=1, prompt_tokens=1, kind=TokenKind.REFUSAL))
    assert "".join(p.text for p in refusal.pieces) == "I'm sorry, I can't help."
    assert refusal.finish is FinishReason.REFUSAL


def test_a_cached_prompt_speeds_up_the_first_token_by_its_share() -> None:
    cached = SMALL.model_copy(update={"cache": PrefixCache(ttft_factor=0.5)})
    lot = draw_lot(cached, Random(1))
    cold = ttft(cached, Effects(), lot, Circumstances(load=1, prompt_tokens=100))
    warm = ttft(cached, Effects(), lot, Circumstances(load=1, prompt_tokens=100, cached_tokens=60))
    assert warm / cold == pytest.approx(0.7)


def test_load_waves_rise_and_fall_by_their_amplitude_within_their_period() -> None:
    wave = LoadWave(amplitude=0.2, period_s=10)
    factors = [load_at(wave, second / 10, wave_phase(3)) for second in range(100)]
    assert max(factors) == pytest.approx(math.exp(0.2), rel=1e-3)
    assert min(factors) == pytest.approx(math.exp(-0.2), rel=1e-3)
    assert load_at(wave, 12.5, 0.3) == pytest.approx(load_at(wave, 2.5, 0.3))
    assert load_at(None, 5.0, 0.3) == 1.0


def test_a_prompt_has_a_length_of_its_own_in_every_repetition() -> None:
    behaviour = SMALL.model_copy(update={"prompt_sigma": 0.5})
    factors = [prompt_factor(behaviour, 1, f"prompt {n}") for n in range(500)]
    assert statistics.mean(factors) == pytest.approx(1, abs=0.1)
    assert prompt_factor(behaviour, 1, "prompt 3") == factors[3]
    assert prompt_factor(SMALL, 1, "prompt 3") == 1.0


@given(
    st.sampled_from(sorted(BASE_MODELS)),
    st.integers(0, 500),
    st.sampled_from(TokenKind),
    st.integers(1, 7),
    st.none() | st.integers(1, 90),
)
def test_every_answer_is_in_order_and_adds_up(
    name: str, number: int, kind: TokenKind, per_frame: int, limit: int | None
) -> None:
    behaviour = BASE_MODELS[name].model_copy(update={"tokens_per_frame": per_frame})
    answer = an_answer(
        behaviour,
        number=number,
        circumstances=Circumstances(load=1.1, prompt_tokens=5, kind=kind, max_tokens=limit),
    )
    dues = [answer.opening_s, *(piece.due_s for piece in answer.pieces), answer.done_s]
    assert dues == sorted(dues)
    assert sum(piece.tokens for piece in answer.pieces) == answer.counts.output <= (limit or 4096 * 2)
