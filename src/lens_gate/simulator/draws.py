"""From a behaviour, the effects and a generator to an answer: when each piece leaves and what it says.

A model's n-th request always gets the same draws, whatever came before it elsewhere: `generator_for` seeds each request
from (seed, model name as sent, n). Two model names, and so the two arms of a comparison, draw independently from the
same distributions. All draws that effects need come after those that every request needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import assert_never

from lens_gate.simulator.dialogue import Answer, Counts, Piece
from lens_gate.simulator.effects import Effects
from lens_gate.simulator.settings import LoadWave, ModelBehaviour
from lens_gate.vocabulary.requests import FinishReason, TokenKind

_TEXT = """a note of the slow tide that came in from an old sea and went out by noon; each day it left one more grey
stone on our sand, naïve as a café in May – 水 and salt, all we had to mind"""
_WORDS = tuple(_TEXT.split())
_REFUSAL = ("I", "'m", " sorry", ", I", " can", "'t", " help", ".")
_TAIL_TTFTS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What fate has for one request, before anything of it is shown: factors and shares drawn once.

    The shares are uniform between 0 and 1; each is compared with the rate that a behaviour or an effect asks for.
    """

    ttft_factor: float
    tail_share: float
    length_factor: float
    error_share: float
    throttle_share: float
    late_share: float
    fault_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What surrounds a request: the load at this moment, its prompt, its limit, and the answer's kind."""

    load: float
    prompt_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    prompt_factor: float = 1.0
    max_tokens: int | None = None
    min_tokens: int = 0
    kind: TokenKind = TokenKind.TEXT
    empty: bool = False


def generator_for(seed: int, model: str, number: int) -> Random:
    """Return the generator of a model's request of this number."""
    return Random(f"{seed}|{model}|{number}")


def wave_phase(seed: int) -> float:
    """Return where in its period every load wave starts."""
    return Random(f"{seed}|wave").random()


def load_at(wave: LoadWave | None, elapsed_s: float, phase: float) -> float:
    """Return the factor on all times at this moment; models with the same wave share it."""
    if wave is None:
        return 1.0
    return math.exp(wave.amplitude * math.sin(2 * math.pi * (elapsed_s / wave.period_s + phase)))


def prompt_factor(behaviour: ModelBehaviour, seed: int, prompt: str) -> float:
    """Return how much longer than usual this prompt's answers are, in each repetition and for each model."""
    if behaviour.prompt_sigma == 0:
        return 1.0
    return _mean_one(Random(f"{seed}|prompt|{prompt}").gauss(0, 1), behaviour.prompt_sigma)


def draw_lot(behaviour: ModelBehaviour, rng: Random) -> Lot:
    """Draw what decides over a request; always the same number of draws."""
    return Lot(
        ttft_factor=math.exp(behaviour.ttft_sigma * rng.gauss(0, 1)),
        tail_share=rng.random(),
        length_factor=_mean_one(rng.gauss(0, 1), behaviour.output_sigma),
        error_share=rng.random(),
        throttle_share=rng.random(),
        late_share=rng.random(),
        fault_share=rng.random(),
    )


def compose(
    behaviour: ModelBehaviour, effects: Effects, lot: Lot, *, rng: Random, circumstances: Circumstances
) -> Answer:
    """Compose an answer: thoughts first, then what is visible, cut at the limit of tokens."""
    texts = _texts(behaviour, effects, lot, rng=rng, circumstances=circumstances)
    thoughts = 0 if circumstances.empty else behaviour.reasoning_tokens
    wanted = thoughts + len(texts)
    output = wanted if circumstances.max_tokens is None else min(wanted, circumstances.max_tokens)
    ttft_s = ttft(behaviour, effects, lot, circumstances)
    gap_s = behaviour.inter_token_ms / 1000 * circumstances.load * _grown(effects.slower)
    times = _times(ttft_s, gap_s, behaviour.inter_token_sigma, count=output, rng=rng)
    shown = 0 if effects.hide_reasoning else min(thoughts, output)
    thought_texts = [_WORDS[i % len(_WORDS)] + " " for i in range(shown)]
    visible_times = times[min(thoughts, output) :]
    return Answer(
        pieces=(
            *_pieces(TokenKind.REASONING, thought_texts, times, behaviour.tokens_per_frame),
            *_pieces(circumstances.kind, texts[: len(visible_times)], visible_times, behaviour.tokens_per_frame),
        ),
        opening_s=behaviour.opening_share * ttft_s,
        done_s=times[-1] if times else ttft_s,
        finish=FinishReason.LENGTH if output < wanted else _finish(circumstances.kind),
        counts=Counts(
            prompt=circumstances.prompt_tokens,
            output=output,
            reasoning=min(thoughts, output),
            cached=circumstances.cached_tokens,
            cache_write=circumstances.cache_write_tokens,
        ),
    )


def ttft(behaviour: ModelBehaviour, effects: Effects, lot: Lot, circumstances: Circumstances) -> float:
    """Return the time to the first token in seconds."""
    median_s = behaviour.ttft_ms / 1000
    tail = behaviour.tail_factor if lot.tail_share < behaviour.tail_probability else 1.0
    cached_share = circumstances.cached_tokens / max(1, circumstances.prompt_tokens)
    cache = 1 - cached_share * (1 - behaviour.cache.ttft_factor) if behaviour.cache else 1.0
    late_s = _TAIL_TTFTS * median_s if lot.late_share * 100 < effects.tail else 0.0
    slower = _grown(effects.slower) * _grown(effects.ttft_slower)
    return (median_s * lot.ttft_factor * tail * cache + late_s) * circumstances.load * slower


def _grown(percent: float) -> float:
    return 1 + percent / 100


def _mean_one(normal: float, sigma: float) -> float:
    """Return a lognormal factor of mean 1."""
    return math.exp(sigma * normal - sigma * sigma / 2)


def _times(first_s: float, gap_s: float, sigma: float, *, count: int, rng: Random) -> list[float]:
    """Return when each token is generated, in seconds after the request."""
    if gap_s == 0:
        return [first_s] * count
    times: list[float] = []
    now_s = first_s
    for _ in range(count):
        times.append(now_s)
        now_s += gap_s * math.exp(sigma * rng.gauss(0, 1))
    return times


def _texts(
    behaviour: ModelBehaviour, effects: Effects, lot: Lot, *, rng: Random, circumstances: Circumstances
) -> Sequence[str]:
    """Return the visible answer token by token."""
    if circumstances.empty:
        return ()
    if circumstances.kind is TokenKind.REFUSAL:
        return _REFUSAL
    drawn = behaviour.output_tokens * lot.length_factor * circumstances.prompt_factor
    kept = min(max(drawn, behaviour.output_min), behaviour.output_max)
    count = max(1, round(kept * _grown(effects.longer)), circumstances.min_tokens - behaviour.reasoning_tokens)
    start = rng.randrange(len(_WORDS))
    words = [_WORDS[(start + i) % len(_WORDS)] + " " for i in range(count)]
    return _as_arguments(words) if circumstances.kind is TokenKind.TOOL else words


def _as_arguments(words: list[str]) -> list[str]:
    """Turn words into the JSON arguments of a call, token by token."""
    words[0] = '{"query":"' + words[0]
    words[-1] += '"}'
    return words


def _pieces(kind: TokenKind, texts: Sequence[str], times: Sequence[float], size: int) -> Iterable[Piece]:
    """Gather tokens into pieces of `size`; a piece leaves when its first token is there."""
    if size == 1:
        return (Piece(kind, text, 1, due_s) for text, due_s in zip(texts, times, strict=False))
    starts = range(0, len(texts), size)
    return (Piece(kind, "".join(texts[i : i + size]), len(texts[i : i + size]), times[i]) for i in starts)


def _finish(kind: TokenKind) -> FinishReason:
    """Return how an answer of this kind ends when nothing cuts it."""
    match kind:
        case TokenKind.TOOL:
            return FinishReason.TOOL
        case TokenKind.REFUSAL:
            return FinishReason.REFUSAL
        case TokenKind.TEXT | TokenKind.REASONING:
            return FinishReason.STOP
        case _:
            assert_never(kind)
