"""Simulated endpoints: four unlike models under six kinds of weather, as the samples that a run would hold.

The moments lie in the bands that real data have, and a test holds them there: TTFT with a standard deviation of
logarithms of .22 to .45, p95/p50 of 1.4 to 1.7 and p99/p50 of 1.7 to 3; time per token with an autocorrelation of .1 to
.55; a variance inflation of block means of 1 to 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.samples import NUMBER_COLUMNS, SAMPLE_HINTS, TEXT_COLUMNS, Samples, TextColumn
from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Phase, Status, TokenSource

Floats = NDArray[np.float64]

INPUT_TOKENS = 1000.0
CACHED_TOKENS = 800.0
USD_PER_INPUT_TOKEN = 1e-6
USD_PER_CACHED_TOKEN = 0.25e-6
USD_PER_OUTPUT_TOKEN = 4e-6

LOAD_MEMORY = 0.9
"""Correlation of the load between neighbouring pairs: an AR(1) wave."""

TOKENS_FOLLOW = 0.5
"""How much of the load and of the day reaches the time per token, relative to the first token."""

JUMP_FREEDOM = 2.5
"""Degrees of freedom of Student's t for days with jumps."""

FAR_LONGER = 5.0
"""How many times as long those answers are that a change makes far longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model; spreads are standard deviations of logarithms.

    `cache_factor` is the TTFT of a hit over that of a miss. An outlier's TTFT is multiplied by 1 + `outlier_size` times
    a Pareto variable with a tail index of 2.
    """

    name: str
    ttft_ms: float
    ttft_spread: float
    tpot_ms: float = 20.0
    tpot_spread: float = 0.09
    load_spread: float = 0.08
    outliers: float = 0.0
    outlier_size: float = 2.0
    cache_hits: float = 0.0
    cache_factor: float = 0.66
    errors: float = 0.01


PROFILES = (
    Profile(name="clean", ttft_ms=400, ttft_spread=0.22),
    Profile(name="heavy", ttft_ms=600, ttft_spread=0.23, outliers=0.03),
    Profile(name="cached", ttft_ms=500, ttft_spread=0.20, cache_hits=0.8),
    Profile(name="loaded", ttft_ms=450, ttft_spread=0.22, tpot_spread=0.1, load_spread=0.22),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the endpoint goes through: load within a run, and days with a standard deviation of logarithms of `day`.

    Where the cache is not `felt`, a hit comes as late as a miss: as if times were compared at equal cache. With `jumps`
    the days follow Student's t, of which `day` is the scale. `second_hits` is the share of pairs whose second request
    finds the prefix that the first one left in the cache.
    """

    name: str
    load: bool = True
    day: float = 0.0
    jumps: bool = False
    second_hits: float = 0.0
    cache_felt: bool = True

    def days(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw the common factor of each day, as a logarithm."""
        if self.day == 0:
            return np.zeros(count)
        drawn = rng.standard_t(JUMP_FREEDOM, count) if self.jumps else rng.standard_normal(count)
        return self.day * np.asarray(drawn, dtype=np.float64)


IID = Weather(name="iid", load=False)
SAME_DAY = Weather(name="same day")
DRIFT_3 = Weather(name="drift 3 %", day=0.03)
DRIFT_5 = Weather(name="drift 5 %", day=0.05)
DRIFT_8 = Weather(name="drift 8 %", day=0.08)
JUMPS = Weather(name="jumps", day=0.05, jumps=True)
WEATHERS = (IID, SAME_DAY, DRIFT_3, DRIFT_5, DRIFT_8, JUMPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the candidate does otherwise; the default is nothing.

    `ttft`, `tpot`, `longer` and `dearer` are factors; `late` is the share of requests whose first token comes three of
    the profile's TTFT later, `far_longer` the share of answers that are `FAR_LONGER` times as long; `errors` is added
    to the share of failures; `cache_lost` is the share of cache hits that become misses.
    """

    ttft: float = 1.0
    tpot: float = 1.0
    longer: float = 1.0
    dearer: float = 1.0
    late: float = 0.0
    far_longer: float = 0.0
    errors: float = 0.0
    cache_lost: float = 0.0

    @classmethod
    def slower(cls, percent: float) -> Change:
        """Return a change that makes every latency so much longer."""
        return cls(ttft=1 + percent / 100, tpot=1 + percent / 100)


UNCHANGED = Change()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What both members of each pair meet: load as a logarithm, and a prompt that asks for so many tokens."""

    load: Floats
    lengths: Floats
    first_is_base: NDArray[np.bool_] = field(repr=False)
    second_hits: NDArray[np.bool_] = field(repr=False)
    cache_felt: bool


def duet(
    rng: np.random.Generator,
    *,
    pairs: int,
    weather: Weather = DRIFT_5,
    change: Change = UNCHANGED,
    affected: Sequence[str] | None = None,
) -> Samples:
    """Draw a duet of all four models; the change is made to the profiles named in `affected`, by default to all."""
    drawn = []
    for profile in PROFILES:
        effect = change if affected is None or profile.name in affected else UNCHANGED
        shared = _shared(rng, profile, pairs, weather, float(weather.days(rng, 1)[0]))
        drawn += [
            _arm(rng, profile, Arm.BASE, UNCHANGED, shared),
            _arm(rng, profile, Arm.CANDIDATE, effect, shared),
        ]
    return Samples.concatenate(drawn)


def alternatives(
    rng: np.random.Generator, profile: Profile, changes: Sequence[Change], *, blocks: int, weather: Weather = DRIFT_5
) -> Samples:
    """Draw models side by side in blocks, each a copy of the profile with a change of its own: `sim/NAME-1`, …"""
    shared = _shared(rng, profile, blocks, weather, float(weather.days(rng, 1)[0]))
    slots = rng.permuted(np.tile(np.arange(len(changes), dtype=np.float64), (blocks, 1)), axis=1)
    drawn = []
    for place, change in enumerate(changes):
        named = replace(profile, name=f"{profile.name}-{place + 1}")
        samples = _arm(rng, named, Arm.CANDIDATE, change, shared)
        drawn.append(replace(samples, numbers={**samples.numbers, "slot": slots[:, place]}))
    return Samples.concatenate(drawn)


def stored_runs(
    rng: np.random.Generator,
    *,
    runs: int,
    requests: int,
    weather: Weather = DRIFT_5,
    change: Change = UNCHANGED,
    today: float = 0.0,
) -> list[Samples]:
    """Draw so many runs of one arm, each on a day of its own.

    The change is made to the last one, whose day is shifted by the logarithm `today`.
    """
    days = {profile.name: weather.days(rng, runs) + today * (np.arange(runs) == runs - 1) for profile in PROFILES}
    return [
        Samples.concatenate(
            [_alone(rng, profile, requests, weather, float(days[profile.name][run]), effect) for profile in PROFILES]
        )
        for run, effect in enumerate([UNCHANGED] * (runs - 1) + [change])
    ]


def _alone(
    rng: np.random.Generator, profile: Profile, requests: int, weather: Weather, day: float, change: Change
) -> Samples:
    drawn = _arm(rng, profile, Arm.CANDIDATE, change, _shared(rng, profile, requests, weather, day))
    unpaired = {name: np.full(requests, np.nan) for name in ("pair", "slot")}
    return Samples(numbers={**drawn.numbers, **unpaired}, texts=drawn.texts)


def _shared(rng: np.random.Generator, profile: Profile, pairs: int, weather: Weather, day: float) -> Shared:
    load = wave(rng, pairs, profile.load_spread) if weather.load else np.zeros(pairs)
    return Shared(
        load=load + day,
        lengths=np.exp(rng.normal(4.5, 0.5, pairs)),
        first_is_base=rng.random(pairs) < 0.5,
        second_hits=rng.random(pairs) < weather.second_hits,
        cache_felt=weather.cache_felt,
    )


def wave(rng: np.random.Generator, count: int, spread: float) -> Floats:
    """Return a load that wanders slowly, a stationary AR(1) series with this standard deviation."""
    steps = rng.normal(0, spread * math.sqrt(1 - LOAD_MEMORY**2), count)
    before = rng.normal(0, spread)
    wandering = accumulate(steps.tolist(), lambda last, step: LOAD_MEMORY * last + step, initial=before)
    return np.array(list(wandering))[1:]


def _arm(rng: np.random.Generator, profile: Profile, arm: Arm, effect: Change, shared: Shared) -> Samples:
    count = len(shared.load)
    is_second = shared.first_is_base == (arm is Arm.CANDIDATE)
    hits = rng.random(count) < (1 - effect.cache_lost) * profile.cache_hits
    hits |= is_second & shared.second_hits
    ttft = profile.ttft_ms * np.exp(shared.load + rng.normal(0, profile.ttft_spread, count))
    ttft *= np.where(hits & shared.cache_felt, profile.cache_factor, 1.0) * effect.ttft
    ttft *= np.where(rng.random(count) < profile.outliers, 1 + profile.outlier_size * rng.pareto(2.0, count), 1.0)
    ttft += np.where(rng.random(count) < effect.late, 3 * profile.ttft_ms, 0.0)
    length = shared.lengths * np.exp(rng.normal(0, 0.15, count)) * effect.longer
    if effect.far_longer:
        length *= np.where(rng.random(count) < effect.far_longer, FAR_LONGER, 1.0)
    tokens = np.maximum(2, np.rint(length))
    tpot = profile.tpot_ms * np.exp(TOKENS_FOLLOW * shared.load + rng.normal(0, profile.tpot_spread, count))
    failed = rng.random(count) < profile.errors + effect.errors
    cached = np.where(hits, CACHED_TOKENS, 0.0)
    pair = np.arange(count, dtype=np.float64)
    intended = 1e9 * (pair + 0.5 * is_second)
    first = np.rint(intended + 1e6 * ttft)
    last = np.rint(first + 1e6 * tpot * effect.tpot * (tokens - 1))
    answered = {
        "first_token_ns": first,
        "first_visible_ns": first,
        "last_token_ns": last,
        "output_tokens": tokens,
        "input_tokens": np.full(count, INPUT_TOKENS),
        "cached_tokens": cached,
        "chunk_count": tokens,
        "cost_usd": effect.dearer
        * (
            USD_PER_INPUT_TOKEN * (INPUT_TOKENS - cached)
            + USD_PER_CACHED_TOKEN * cached
            + USD_PER_OUTPUT_TOKEN * tokens
        ),
    }
    numbers = {name: np.where(failed, np.nan, values) for name, values in answered.items()}
    numbers["chunk_count"] = np.where(failed, 0.0, tokens)
    numbers |= {"index": pair, "pair": pair, "slot": 1.0 * is_second, "attempts": np.ones(count)}
    numbers |= {"intended_ns": intended, "sent_ns": intended, "end_ns": last}
    return _samples(numbers, profile, arm, failed)


def _samples(numbers: dict[str, Floats], profile: Profile, arm: Arm, failed: NDArray[np.bool_]) -> Samples:
    """Fill up the columns that nothing here depends on."""
    count = len(failed)
    empty = {
        name: np.full(count, 0.0 if SAMPLE_HINTS[name] is int else np.nan)
        for name in NUMBER_COLUMNS
        if name not in numbers
    }
    texts = {name: TextColumn((), np.full(count, -1, dtype=np.int32)) for name in TEXT_COLUMNS}
    constant = {"series": f"sim/{profile.name}", "provider": "sim", "model": profile.name, "arm": arm}
    constant |= {"prompt_id": "prompt", "draw": "", "prompt_hash": "0"}
    constant |= {"phase": Phase.MEASURE, "token_source": TokenSource.SERVER, "finish_reason": FinishReason.STOP}
    texts |= {name: TextColumn((str(value),), np.zeros(count, dtype=np.int32)) for name, value in constant.items()}
    codes = failed.astype(np.int32)
    texts["status"] = TextColumn((str(Status.OK), str(Status.FAILED)), codes)
    texts["error_class"] = TextColumn((str(ErrorClass.NONE), str(ErrorClass.API_ERROR)), codes)
    return Samples(numbers={**empty, **numbers}, texts=texts)
