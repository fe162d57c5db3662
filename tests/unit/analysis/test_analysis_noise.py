"""What the noise of each question is known from, and what it says about the number of pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.noise import (
    MeanNoise,
    Noise,
    RatioNoise,
    SeriesNoise,
    ShareNoise,
    assumed_noise,
    noise_of_run,
    paired_noise,
    price_of_a_pair,
    smallest_effect,
)
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.rules import MARGINS
from lens_gate.artifacts.planning import NoiseSource
from lens_gate.artifacts.samples import Samples
from lens_gate.stats.planning import Aim
from lens_gate.vocabulary.metrics import Hypothesis
from tests.builders import a_failed_sample, a_sample
from tests.noisy import Endpoint, duet_of, one_arm_of

LIMIT_NS = 60e9
AIM = Aim(0.001, 0.9)


def only(samples: Samples) -> SeriesNoise:
    (found,) = noise_of_run(samples, limit_ns=LIMIT_NS)
    return found


def spread_of(noise: Noise) -> float:
    assert isinstance(noise, RatioNoise | MeanNoise)
    return noise.spread


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_the_pairs_of_a_duet_tell_their_own_spread_whatever_both_members_share(rng: np.random.Generator) -> None:
    found = only(duet_of(Endpoint(ttft=0.2, load=0.5), rng, pairs=300))
    assert (found.source, found.seen) == (NoiseSource.PAIRS, 300)
    assert spread_of(found.questions[Hypothesis.TTFT]) == pytest.approx(0.2 * math.sqrt(2), rel=0.15)


def test_a_change_between_the_arms_is_no_noise(rng: np.random.Generator) -> None:
    slower = only(duet_of(Endpoint(ttft=0.2), rng, pairs=300, slower=1.5))
    assert spread_of(slower.questions[Hypothesis.TTFT]) == pytest.approx(0.2 * math.sqrt(2), rel=0.15)


def test_one_arm_gives_an_upper_bound(rng: np.random.Generator) -> None:
    found = only(one_arm_of(Endpoint(ttft=0.2, load=0.3), rng, requests=400))
    assert (found.source, found.seen) == (NoiseSource.ONE_ARM, 400)
    alone = math.sqrt(2 * (0.2**2 + 0.3**2))
    assert spread_of(found.questions[Hypothesis.TTFT]) == pytest.approx(alone, rel=0.1)
    assert set(found.questions) == set(MARGINS)


def test_both_ways_know_the_price_of_a_pair(rng: np.random.Generator) -> None:
    assert only(duet_of(Endpoint(), rng, pairs=9)).usd_per_pair == pytest.approx(0.004)
    assert only(one_arm_of(Endpoint(), rng, requests=9)).usd_per_pair == pytest.approx(0.004)


def test_without_a_price_there_is_none_and_no_noise_of_the_cost(rng: np.random.Generator) -> None:
    unpriced = Endpoint(priced=False)
    for samples in (duet_of(unpriced, rng, pairs=9), one_arm_of(unpriced, rng, requests=9)):
        found = only(samples)
        assert found.usd_per_pair is None
        assert Hypothesis.COST not in found.questions
        assert Hypothesis.TTFT in found.questions


def test_a_price_of_one_arm_alone_is_none(rng: np.random.Generator) -> None:
    samples = duet_of(Endpoint(), rng, pairs=9)
    samples.numbers["cost_usd"][samples.texts["arm"].equals("base")] = np.nan
    assert price_of_a_pair(pair_up(samples, limit_ns=LIMIT_NS)[0]) is None


def test_errors_are_counted_in_pairs_of_which_one_member_alone_failed(rng: np.random.Generator) -> None:
    found = only(duet_of(Endpoint(errors=0.1), rng, pairs=400)).questions[Hypothesis.ERRORS]
    alone = only(one_arm_of(Endpoint(errors=0.1), rng, requests=800)).questions[Hypothesis.ERRORS]
    assert isinstance(found, ShareNoise)
    assert isinstance(alone, ShareNoise)
    assert found.grows
    assert found.discordant == pytest.approx(0.18, abs=0.05)
    assert alone.discordant == pytest.approx(0.18, abs=0.05)


def test_from_no_error_at_all_one_is_assumed(rng: np.random.Generator) -> None:
    found = only(duet_of(Endpoint(), rng, pairs=99)).questions[Hypothesis.ERRORS]
    assert isinstance(found, ShareNoise)
    assert found.discordant == 1 / 100


def test_late_first_tokens_are_counted_above_the_p95_of_both_arms(rng: np.random.Generator) -> None:
    found = only(duet_of(Endpoint(), rng, pairs=400)).questions[Hypothesis.TTFT_TAIL_EXCEEDANCE]
    assert isinstance(found, ShareNoise)
    assert not found.grows
    assert found.discordant == pytest.approx(0.095, abs=0.02)


def test_the_cached_share_knows_how_much_a_hit_is(rng: np.random.Generator) -> None:
    samples = duet_of(Endpoint(), rng, pairs=400)
    samples.numbers["cached_tokens"][:] = np.where(rng.random(len(samples)) < 0.5, 80.0, 0.0)
    found = only(samples).questions[Hypothesis.CACHED_SHARE]
    assert isinstance(found, MeanNoise)
    assert found.size == pytest.approx(0.8)
    # Half of the requests hit, each on its own: the difference of two has a variance of 2 × 0.64 / 4.
    assert found.spread == pytest.approx(0.8 / math.sqrt(2), rel=0.1)


def test_where_nothing_was_cached_all_may_be(rng: np.random.Generator) -> None:
    found = only(duet_of(Endpoint(), rng, pairs=20)).questions[Hypothesis.CACHED_SHARE]
    assert found == MeanNoise(spread=0.0, size=1.0)


@pytest.mark.parametrize("pairs", [0, 1])
def test_fewer_than_two_pairs_or_requests_tell_nothing(pairs: int, rng: np.random.Generator) -> None:
    assert noise_of_run(duet_of(Endpoint(), rng, pairs=pairs), limit_ns=LIMIT_NS) == ()
    assert noise_of_run(one_arm_of(Endpoint(), rng, requests=pairs), limit_ns=LIMIT_NS) == ()


def test_a_server_that_reports_no_cached_tokens_has_no_noise_of_them() -> None:
    samples = Samples.of([a_sample(cached_tokens=None), a_sample(cached_tokens=None), a_failed_sample()])
    assert Hypothesis.CACHED_SHARE not in only(samples).questions


def test_how_late_the_slowest_are_is_told_in_logarithms_up_to_the_cap(rng: np.random.Generator) -> None:
    for found in (only(duet_of(Endpoint(ttft=0.3), rng, pairs=400)), only(one_arm_of(HEAVY, rng, requests=400))):
        noise = found.questions[Hypothesis.TTFT_TAIL_EXCESS]
        assert isinstance(noise, MeanNoise)
        assert noise.logarithmic
        assert noise.largest == pytest.approx(150)
        # Above the p90 a normal distribution of logarithms goes on by 0.24 standard deviations on average.
        assert 0.05 < noise.spread < 0.15


HEAVY = Endpoint(ttft=0.3)


def test_at_equal_length_there_is_less_noise_than_in_the_whole_answer(rng: np.random.Generator) -> None:
    series = pair_up(lengths_of(duet_of(QUIET, rng, pairs=200), rng), limit_ns=LIMIT_NS)[0]
    equal, whole = (paired_noise(series, one) for one in (Hypothesis.TOTAL_EQUAL_LENGTH, Hypothesis.TOTAL))
    assert equal is not None
    assert whole is not None
    assert spread_of(equal) < spread_of(whole) / 2


QUIET = Endpoint(ttft=0.05, per_token=0.02)


def lengths_of(samples: Samples, rng: np.random.Generator) -> Samples:
    """Give each answer a length of its own, and the time that this takes at its pace."""
    numbers = dict(samples.numbers)
    factors = np.exp(rng.normal(0, 0.3, len(samples)))
    pace = numbers["last_token_ns"] - numbers["first_token_ns"]
    tokens = np.maximum(2, np.rint(50 * factors))
    numbers["output_tokens"] = numbers["chunk_count"] = tokens
    numbers["last_token_ns"] = numbers["first_token_ns"] + pace * (tokens - 1) / 49
    numbers["end_ns"] = numbers["last_token_ns"] + 1e6
    return Samples(numbers=numbers, texts=samples.texts)


def test_to_be_the_second_of_a_pair_is_no_noise(rng: np.random.Generator) -> None:
    warm = only(duet_of(Endpoint(ttft=0.2, warm=0.5), rng, pairs=300)).questions[Hypothesis.TTFT]
    assert spread_of(warm) == pytest.approx(0.2 * math.sqrt(2), rel=0.15)


def test_without_a_run_what_is_typical_is_assumed_for_every_question() -> None:
    found = assumed_noise("openai/gpt-small")
    assert (found.source, found.seen, found.usd_per_pair) == (NoiseSource.ASSUMED, 0, None)
    assert set(found.questions) == set(MARGINS)


# planning


def test_no_number_of_pairs_sees_what_cannot_be() -> None:
    late = ShareNoise(0.1, grows=False)
    cached = MeanNoise(spread=0.1, size=0.5)
    assert late.to_establish(11, AIM) is late.to_exceed(11, 3, AIM) is None
    assert cached.to_establish(60, AIM) is cached.to_exceed(60, 10, AIM) is None
    assert ShareNoise(0.1, grows=True).to_establish(95, AIM) is not None


@pytest.mark.parametrize(
    "noise",
    [
        RatioNoise(0.3),
        ShareNoise(0.1, grows=True),
        ShareNoise(0.1, grows=False),
        MeanNoise(0.4, 0.8),
        MeanNoise(0.1, 0.9, logarithmic=True),
    ],
)
def test_more_is_needed_for_less(noise: Noise) -> None:
    small, large = noise.to_establish(3, AIM), noise.to_establish(6, AIM)
    near, far = noise.to_exceed(9, 8, AIM), noise.to_exceed(9, 2, AIM)
    close, wide = noise.to_pass(2, AIM), noise.to_pass(4, AIM)
    for more, fewer in ((small, large), (near, far), (close, wide)):
        assert more is not None
        assert fewer is not None
        assert more > 1.5 * fewer


@given(
    st.sampled_from(
        [
            RatioNoise(0.3),
            ShareNoise(0.05, grows=True),
            ShareNoise(0.1, grows=False),
            MeanNoise(0.4, 1),
            MeanNoise(0.1, 0.9, logarithmic=True),
        ]
    ),
    st.integers(5, 5000),
)
def test_the_smallest_effect_is_just_seen(noise: Noise, pairs: int) -> None:
    effect = smallest_effect(noise, pairs, AIM)
    if effect is None:
        largest = noise.to_establish(noise.largest, AIM)
        assert largest is None or largest > pairs
        return
    needed, less = noise.to_establish(effect, AIM), noise.to_establish(0.99 * effect, AIM)
    assert needed is not None
    assert needed <= pairs
    assert less is None or less > pairs


def test_what_does_not_scatter_shows_nearly_anything() -> None:
    assert smallest_effect(RatioNoise(0.0), 100, AIM) == 0.01


def test_an_allowed_change_of_everything_is_soon_passed() -> None:
    assert ShareNoise(0.1, grows=True).to_pass(150, AIM) == 2


def test_noise_is_told_in_percent_and_points() -> None:
    noises = (RatioNoise(0.3), ShareNoise(0.1, grows=True), MeanNoise(0.4, 0.8))
    assert [round(one.figure, 9) for one in noises] == [30, 10, 40]
