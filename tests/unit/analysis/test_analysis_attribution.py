from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks.decisions.generator import DRIFT_5, Change, Weather, duet, stored_runs

from lens_gate.analysis.attribution import attributed_duet, attributed_stored
from lens_gate.analysis.pairing import PairedSeries, pair_up
from lens_gate.analysis.stored import match_series
from lens_gate.artifacts.analysis import Attribution, EqualCache, Part
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.requests import TokenSource
from tests.builders import MS, a_failed_sample, a_pair, a_sample

LIMIT_NS = 60e9
CACHED = "sim/cached"


def of_duet(samples: Samples) -> dict[str, Attribution]:
    return {one.series: one for one in attributed_duet(pair_up(samples, limit_ns=LIMIT_NS))}


def parts_of(found: Attribution) -> Mapping[Cause, Part]:
    return {part.cause: part for part in found.parts}


def planted(change: Change, *, pairs: int = 300, seed: int = 3) -> dict[str, Attribution]:
    return of_duet(duet(np.random.default_rng(seed), pairs=pairs, change=change))


@pytest.mark.parametrize(
    ("change", "series", "cause"),
    [
        (Change(cache_lost=1.0), CACHED, Cause.CACHE),
        (Change(longer=1.3), "sim/loaded", Cause.LENGTH),
        (Change(tpot=1.2), "sim/heavy", Cause.PACE),
        (Change(ttft=1.4), "sim/clean", Cause.FIRST_TOKEN),
    ],
)
def test_a_planted_change_is_attributed_to_its_cause(change: Change, series: str, cause: Cause) -> None:
    found = planted(change)[series]
    parts = parts_of(found)

    assert max(parts, key=lambda one: parts[one].change_ms) is cause
    assert (parts[cause].lower_ms or 0) > 0
    assert parts[cause].change_ms == pytest.approx(found.change_ms, rel=0.45)


def test_parts_have_the_size_of_what_was_planted() -> None:
    longer, slower = planted(Change(longer=1.3))["sim/clean"], planted(Change(tpot=1.2))["sim/clean"]

    # A hundred tokens or so at 20 ms each, 30 % more of them, or 20 % more time for each.
    assert parts_of(longer)[Cause.LENGTH].change_ms == pytest.approx(0.3 * 20 * 100, rel=0.2)
    assert parts_of(slower)[Cause.PACE].change_ms == pytest.approx(0.2 * 20 * 100, rel=0.2)


@pytest.mark.parametrize("change", [Change(), Change(cache_lost=1.0, longer=1.2), Change(ttft=1.5, errors=0.1)])
def test_the_parts_add_up(change: Change) -> None:
    for found in planted(change, pairs=60).values():
        assert sum(part.change_ms for part in found.parts) == pytest.approx(found.change_ms, abs=1e-9 * found.base_ms)
        assert sum(part.percent for part in found.parts) == pytest.approx(100 * found.change_ms / found.base_ms)
        assert found.lower_ms is not None
        assert found.upper_ms is not None
        assert found.lower_ms < found.change_ms < found.upper_ms


def exchanged(series: PairedSeries, which: Any) -> PairedSeries:
    """The same pairs with some of their members exchanged."""
    base, candidate = series.base, series.candidate

    def mixed(mine: Samples, other: Samples) -> Samples:
        numbers = {name: np.where(which, other.numbers[name], values) for name, values in mine.numbers.items()}
        return Samples(numbers=numbers, texts=mine.texts)

    return replace(series, base=mixed(base, candidate), candidate=mixed(candidate, base))


def cached_series(pairs: int, seed: int, **drawn: Any) -> PairedSeries:
    samples = duet(np.random.default_rng(seed), pairs=pairs, **drawn)
    (found,) = (one for one in pair_up(samples, limit_ns=LIMIT_NS) if one.series == CACHED)
    good = ~np.isnan(found.base.numbers["first_token_ns"]) & ~np.isnan(found.candidate.numbers["first_token_ns"])
    return replace(found, base=found.base.where(good), candidate=found.candidate.where(good))


def test_exchanging_the_versions_turns_every_part_and_no_p_value() -> None:
    series = cached_series(80, 1, change=Change(cache_lost=1.0, longer=1.2))

    (found,) = attributed_duet([series])
    (turned,) = attributed_duet([exchanged(series, np.ones(len(series.base), dtype=np.bool_))])

    for part, mirror in zip(found.parts, turned.parts, strict=True):
        assert mirror.change_ms == pytest.approx(-part.change_ms, abs=1e-6)
    assert equal_cache(turned).p_value == equal_cache(found).p_value


def equal_cache(found: Attribution) -> EqualCache:
    assert found.ttft_at_equal_cache is not None
    return found.ttft_at_equal_cache


def test_the_test_at_equal_cache_is_exact_under_every_exchange_of_members() -> None:
    series = cached_series(7, 11)
    pairs = len(series.base)
    assert pairs >= 6

    p_values = [
        equal_cache(attributed_duet([exchanged(series, np.array(which))])[0]).p_value
        for which in itertools.product((False, True), repeat=pairs)
    ]

    for level in set(p_values):
        assert np.mean([p <= level for p in p_values]) <= level * (1 + 1e-9)
    assert min(p_values) == pytest.approx(2 / 2**pairs)


@pytest.mark.proving
@pytest.mark.parametrize("weather", [DRIFT_5, Weather(name="slot", day=0.05, second_hits=0.5)])
def test_the_test_at_equal_cache_keeps_its_level(weather: Weather) -> None:
    p_values = [
        equal_cache(attributed_duet([cached_series(30, seed, weather=weather)])[0]).p_value for seed in range(120)
    ]

    # 6 are expected below 5 %, and more than 16 in one of 5,000 such tests.
    assert sum(p < 0.05 for p in p_values) <= 16
    assert 0.4 < np.mean(p_values) < 0.6


def test_the_first_token_at_equal_cache_is_not_slower_when_only_the_cache_broke() -> None:
    found = planted(Change(cache_lost=1.0), pairs=600)[CACHED]
    effect = equal_cache(found).effect

    assert effect.lower is not None
    assert effect.upper is not None
    assert effect.lower < 0.5
    assert effect.upper < 6


def test_a_slower_first_token_shows_through_a_broken_cache() -> None:
    found = equal_cache(planted(Change(cache_lost=1.0, ttft=1.2), pairs=300)[CACHED])

    assert found.p_value < 1e-6
    assert found.effect.estimate == pytest.approx(20, abs=5)


def noisy_pair(number: int, rng: np.random.Generator, **candidate: Any) -> tuple[Sample, Sample]:
    """A pair whose first tokens scatter, and whose base reads 800 of 1,000 tokens from the cache every second time."""
    base, other = a_pair(number)
    rows = []
    for row in (base, other):
        first = row.intended_ns + round(rng.lognormal(0, 0.1) * 400 * MS)
        last = first + 1000 * MS
        changes: dict[str, Any] = {
            "first_token_ns": first,
            "first_visible_ns": first,
            "last_token_ns": last,
            "end_ns": last + 2 * MS,
        }
        changes |= {"output_tokens": 51, "input_tokens": 1000, "cached_tokens": 800 * (number % 2)}
        rows.append(replace(row, **changes, token_source=TokenSource.SERVER))
    return rows[0], replace(rows[1], **candidate)


def from_rows(pairs: list[tuple[Sample, Sample]]) -> tuple[Attribution, ...]:
    return attributed_duet(pair_up(Samples.of([row for pair in pairs for row in pair]), limit_ns=LIMIT_NS))


def test_a_cache_that_is_alike_in_each_pair_has_no_part() -> None:
    rng = np.random.default_rng(1)

    (found,) = from_rows([noisy_pair(n, rng) for n in range(20)])

    assert Cause.CACHE not in parts_of(found)
    assert found.ttft_at_equal_cache is None


def test_a_cache_that_breaks_everywhere_alike_cannot_be_told_from_the_first_token() -> None:
    rng = np.random.default_rng(1)
    always = [noisy_pair(2 * n + 1, rng, cached_tokens=0) for n in range(20)]

    (found,) = from_rows(always)

    assert Cause.CACHE not in parts_of(found)
    assert found.ttft_at_equal_cache is None


def test_pairs_with_an_unknown_cached_share_leave_the_cache_to_the_others() -> None:
    rng = np.random.default_rng(1)
    known = [noisy_pair(n, rng, cached_tokens=0) for n in range(20)]
    unknown = [noisy_pair(n, rng, cached_tokens=None) for n in range(20, 30)]

    (found,) = from_rows([*known, *unknown])

    assert found.pairs == 30
    assert Cause.CACHE in parts_of(found)


def test_repeated_prompts_are_compared_with_themselves() -> None:
    rng = np.random.default_rng(2)

    def one(number: int) -> tuple[Sample, Sample]:
        long = number % 2
        base, candidate = noisy_pair(number, rng, cached_tokens=400 * (number % 4 == 3))
        # A long prompt is better cached, and three times as slow.
        times: dict[str, Any] = {"first_token_ns": base.intended_ns + (1 + 2 * long) * 400 * MS}
        return replace(base, prompt_id=f"p{long}", **times), replace(candidate, prompt_id=f"p{long}", **times)

    (found,) = from_rows([one(n) for n in range(40)])

    # Equal prompts took equally long whatever was cached, so the cache explains nothing.
    assert parts_of(found)[Cause.CACHE].change_ms == pytest.approx(0, abs=1e-6)


def test_a_series_without_a_streamed_pair_is_not_attributed() -> None:
    base, candidate = a_pair(0)

    assert from_rows([(base, a_failed_sample(pair=0, slot=1, arm=candidate.arm))]) == ()
    assert from_rows([(replace(base, first_token_ns=None, last_token_ns=None), candidate)]) == ()


def test_one_pair_has_parts_without_bounds() -> None:
    (found,) = from_rows([noisy_pair(0, np.random.default_rng(1))])

    assert found.pairs == 1
    assert {part.lower_ms for part in found.parts} == {None}


def asked(prompt: str, count: int, first_ms: int, *, tokens: int = 51) -> list[Sample]:
    """Answers to one prompt: a first token after `first_ms`, then 20 ms a token, and 10 ms to the end."""
    last_ms = first_ms + 20 * (tokens - 1)
    return [
        a_sample(
            index=n,
            prompt_id=prompt,
            intended_ns=0,
            first_token_ns=first_ms * MS,
            first_visible_ns=first_ms * MS,
            last_token_ns=last_ms * MS,
            end_ns=(last_ms + 10) * MS,
            output_tokens=tokens,
            reasoning_tokens=None,
            token_source=TokenSource.SERVER,
        )
        for n in range(count)
    ]


def of_runs(base: list[Sample], candidate: list[Sample]) -> Attribution:
    (found,) = attributed_stored(match_series(Samples.of(candidate), Samples.of(base)))
    return found


def changes(found: Attribution) -> dict[Cause, float]:
    return {part.cause: round(part.change_ms, 6) for part in found.parts if abs(part.change_ms) > 1e-6}


def test_against_a_stored_run_more_of_a_slow_prompt_is_no_slower_prompt() -> None:
    base = [*asked("short", 30, 200), *asked("long", 10, 1000)]
    candidate = [*asked("short", 10, 200), *asked("long", 30, 1000)]

    assert changes(of_runs(base, candidate)) == {Cause.PROMPT_MIX: 400}


def test_against_a_stored_run_each_prompt_is_compared_with_itself() -> None:
    base = [*asked("short", 20, 200), *asked("long", 20, 1000)]
    candidate = [*asked("short", 20, 200, tokens=61), *asked("long", 20, 1100)]

    assert changes(of_runs(base, candidate)) == {Cause.FIRST_TOKEN: 50, Cause.LENGTH: 100}


def test_a_prompt_that_only_one_run_has_belongs_to_the_mix() -> None:
    base, candidate = asked("short", 20, 200), [*asked("short", 10, 200), *asked("new", 10, 600)]

    found = of_runs(base, candidate)

    assert changes(found) == {Cause.PROMPT_MIX: 200}
    assert changes(of_runs(candidate, base)) == {Cause.PROMPT_MIX: -200}
    assert (found.lower_ms, {part.upper_ms for part in found.parts}) == (None, {None})


def test_the_parts_against_a_stored_run_add_up() -> None:
    base, candidate = stored_runs(np.random.default_rng(5), runs=2, requests=50)

    for found in attributed_stored(match_series(candidate, base)):
        assert sum(part.change_ms for part in found.parts) == pytest.approx(found.change_ms, abs=1e-9 * found.base_ms)


def test_a_stored_run_without_a_stream_is_not_attributed() -> None:
    silent = [replace(row, first_token_ns=None, last_token_ns=None) for row in asked("short", 3, 200)]

    assert attributed_stored(match_series(Samples.of(asked("short", 3, 200)), Samples.of(silent))) == ()
