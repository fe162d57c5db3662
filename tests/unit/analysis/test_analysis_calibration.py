"""The gate's own quality, in short and with wide limits; benchmarks/decisions prints the long version."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from benchmarks.decisions.fixed import LIMIT_NS, Cell, gate
from benchmarks.decisions.generator import DRIFT_5, JUMPS, PROFILES, SAME_DAY, Change, Weather, duet, stored_runs

from lens_gate.analysis.judgement import overall
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.quantities import Floats, column
from lens_gate.analysis.questions import ask
from lens_gate.analysis.rules import rules_of
from lens_gate.analysis.sequential import settle
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.run import Look
from lens_gate.artifacts.samples import Samples, TextColumn
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome

pytestmark = pytest.mark.proving
GATES = 60


@cache
def unchanged() -> list[tuple[Finding, ...]]:
    """The findings of gates in which nothing was changed: four models, forty pairs each, on days that jump."""
    cell = Cell(pairs=40, weather=JUMPS)
    return [gate(cell, np.random.default_rng([6, number])) for number in range(GATES)]


def test_an_unchanged_version_seldom_alarms() -> None:
    alarms = sum(any(finding.established for finding in findings) for findings in unchanged())

    # At most 1 % of gates: 0.6 expected, and more than 4 in one of 2,500 such tests.
    assert alarms <= 4


def test_each_question_keeps_its_level() -> None:
    small = Counter(f.hypothesis for findings in unchanged() for f in findings if (f.p_value or 0.0) < 0.05)

    # 240 p values of each question: 12 expected below 5 % (fewer for discrete tests), standard deviation 3.4.
    assert max(small.values()) <= 26
    for continuous in (Hypothesis.TTFT, Hypothesis.TOTAL, Hypothesis.TOTAL_EQUAL_LENGTH, Hypothesis.TTFT_TAIL_EXCESS):
        assert small[continuous] >= 3


def established(change: Change, *, pairs: int = 100, affected: str = "clean", gates: int = 4) -> Counter[str]:
    """Count in how many gates each metric of the one changed model is established."""
    cell = Cell(pairs=pairs, weather=DRIFT_5, change=change, affected=(affected,))
    drawn = (gate(cell, np.random.default_rng([5, number])) for number in range(gates))
    return Counter(f.metric for findings in drawn for f in findings if f.established and f.series == f"sim/{affected}")


@pytest.mark.parametrize(
    ("change", "affected", "metric"),
    [
        (Change.slower(20), "loaded", "mean_tpot"),
        (Change.slower(20), "heavy", "total_equal_length_latency"),
        (Change(cache_lost=1.0), "cached", "cached_share"),
        (Change(errors=0.25), "clean", "error_rate"),
        (Change(longer=1.3), "clean", "mean_output_tokens"),
        (Change(late=0.1), "heavy", "ttft_excess_above_pooled_p90"),
        (Change(late=0.1), "clean", "ttft_above_pooled_p95"),
    ],
)
def test_a_change_is_caught_by_its_own_question(change: Change, affected: str, metric: str) -> None:
    assert established(change, affected=affected, pairs=300)[metric] == 4


def test_longer_answers_are_no_change_of_an_answer_of_equal_length() -> None:
    found = established(Change(longer=1.5))

    assert found["mean_latency"] == 4
    assert found["total_equal_length_latency"] == 0


def test_twenty_percent_slower_is_a_regression_with_a_hundred_pairs() -> None:
    cell = Cell(pairs=100, weather=DRIFT_5, change=Change.slower(20))

    assert {overall(gate(cell, np.random.default_rng([3, n]))) for n in range(8)} == {Outcome.REGRESSION}


def test_looks_seldom_establish_anything_in_an_unchanged_version_and_pass_none_that_doubled() -> None:
    rules = rules_of(Regression())
    looks = [Look(pairs=pairs, through_pair=pairs, share=1 / 3) for pairs in (24, 48, 96)]
    same = [settle(duet(np.random.default_rng([61, n]), pairs=96), looks, rules, LIMIT_NS) for n in range(30)]
    established = sum(any(f.established for f in one.duet.findings) for one in same)
    doubled = settle(duet(np.random.default_rng(62), pairs=96, change=Change.slower(100)), looks, rules, LIMIT_NS)

    # Expected are 0.3 at most; four or more happen in three of ten thousand such tests.
    assert established <= 3
    assert doubled.regressed
    assert len(doubled.taken) == 1


def test_a_prefix_that_the_first_request_leaves_in_the_cache_neither_alarms_nor_hides_a_change() -> None:
    second_hits = Weather(name="second hits", second_hits=0.8)
    calm = Cell(pairs=200, weather=second_hits, affected=("clean",))
    slower = Cell(pairs=200, weather=second_hits, change=Change(ttft=1.2), affected=("clean",))

    def first_token(cell: Cell) -> list[Finding]:
        drawn = [gate(cell, np.random.default_rng([9, number])) for number in range(5)]
        return [f for fs in drawn for f in fs if (f.series, f.hypothesis) == ("sim/clean", Hypothesis.TTFT)]

    assert not any(finding.established for finding in first_token(calm))
    later = first_token(slower)
    assert all(finding.established for finding in later)
    assert np.mean([one.effect.estimate for one in later if one.effect.estimate]) == pytest.approx(20, abs=4)


def test_an_exchange_within_pairs_turns_every_effect_and_no_other_figure() -> None:
    samples = duet(np.random.default_rng(2), pairs=90)
    base, candidate = (samples.texts["arm"].equals(arm) for arm in ("base", "candidate"))
    arms = samples.texts["arm"]
    exchanged = np.where(base, arms.codes[candidate][0], arms.codes[base][0])
    swapped = Samples(numbers=samples.numbers, texts={**samples.texts, "arm": TextColumn(arms.values, exchanged)})

    for one, other in zip(*(pair_up(rows, limit_ns=60e9) for rows in (samples, swapped)), strict=True):
        for asked, turned in zip(ask(one)[0], ask(other)[0], strict=True):
            lower, upper = (question.answer.bounds(0.05) for question in (asked, turned))
            assert asked.answer.floor == turned.answer.floor
            assert lower.lower is not None
            assert upper.upper is not None
            if asked.answer.unit == "points":
                assert lower.lower == pytest.approx(-upper.upper, abs=1e-6)
            else:
                assert 1 + lower.lower / 100 == pytest.approx(1 / (1 + upper.upper / 100))


@pytest.fixture(scope="module")
def long_runs() -> dict[str, Samples]:
    """One long run of each profile, under load."""
    run = stored_runs(np.random.default_rng(3), runs=1, requests=12_000, weather=SAME_DAY)[0]
    return {p.name: run.where(run.texts["model"].equals(p.name)) for p in PROFILES}


def logarithms(samples: Samples, quantity: Quantity) -> Floats:
    values = column(samples, quantity)
    logs: Floats = np.log(values[~np.isnan(values)])
    return logs


@pytest.mark.parametrize("name", [profile.name for profile in PROFILES])
def test_the_generator_s_moments_lie_in_the_bands_of_real_endpoints(long_runs: dict[str, Samples], name: str) -> None:
    ttft, per_token = (logarithms(long_runs[name], quantity) for quantity in (Quantity.TTFT, Quantity.TPOT))
    p50, p95, p99 = np.exp(np.quantile(ttft, [0.5, 0.95, 0.99]))
    blocks = per_token[: len(per_token) // 10 * 10].reshape(-1, 10).mean(axis=1)

    assert 0.22 <= ttft.std() <= 0.45
    assert 1.4 <= p95 / p50 <= 1.7
    assert 1.7 <= p99 / p50 <= 3.0
    assert 0.1 <= float(np.corrcoef(per_token[1:], per_token[:-1])[0, 1]) <= 0.55
    assert 1.0 <= 10 * blocks.var() / per_token.var() <= 7.0
