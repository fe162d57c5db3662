"""The gate's own quality, in short and with wide limits; benchmarks/decisions_quick.py prints the long version."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from benchmarks.decisions_quick import UNCHANGED, Change, outcomes, simulate

from lens_gate.analysis.duet import duet
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.rules import rules_of
from lens_gate.artifacts.analysis import Finding
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome

RULES = rules_of(Regression())


GATES = 150


@pytest.fixture(scope="module")
def unchanged() -> list[tuple[Finding, ...]]:
    """The findings of gates in which nothing was changed: four models, forty pairs each."""
    drawn = (simulate(np.random.default_rng([6, number]), pairs=40) for number in range(GATES))
    return [duet(pair_up(samples, limit_ns=60e9), RULES).findings for samples in drawn]


def test_an_unchanged_version_seldom_alarms(unchanged: list[tuple[Finding, ...]]) -> None:
    alarms = sum(any(finding.established for finding in findings) for findings in unchanged)

    # At most 1 % of gates: 1.5 expected, and more than 7 in one of 2,000 such tests.
    assert alarms <= 7


def test_each_question_keeps_its_level(unchanged: list[tuple[Finding, ...]]) -> None:
    small = Counter(f.hypothesis for findings in unchanged for f in findings if (f.p_value or 0.0) < 0.05)

    # 600 p values of each question: 30 expected below 5 % (fewer for discrete tests), standard deviation 5.3.
    assert max(small.values()) <= 50
    assert small[Hypothesis.TTFT] >= 12
    assert small[Hypothesis.TOTAL] >= 12


def test_twenty_percent_slower_is_caught_with_a_hundred_pairs() -> None:
    found, _ = outcomes(gates=10, pairs=100, change=Change(slower=1.2), seed=3)

    assert found == {Outcome.REGRESSION: 10}


def test_unchanged_gates_end_without_alarm_through_the_whole_line() -> None:
    found, _ = outcomes(gates=10, pairs=60, change=UNCHANGED, seed=4)

    assert found[Outcome.REGRESSION] == 0
    assert sum(found.values()) == 10


def test_a_broken_cache_more_errors_and_longer_answers_are_caught_by_their_own_questions() -> None:
    _, cache = outcomes(gates=4, pairs=100, change=Change(cache_breaks=True), seed=5)
    _, errors = outcomes(gates=4, pairs=100, change=Change(errors=0.25), seed=5)
    _, length = outcomes(gates=4, pairs=100, change=Change(longer=1.3), seed=5)

    assert cache["cached_share"] == 4
    assert errors["error_rate"] == 4
    assert length["mean_output_tokens"] == 4
