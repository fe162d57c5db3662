"""What rules for unpaired samples say between blocks of one run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.blocks import blocks_of, cut, rule_alarms
from lens_gate.artifacts.doctor import BlockRule, RuleAlarms

LLMPERF = Path(__file__).parents[4] / "shared" / "data" / "llmperf"

STEP = np.concatenate([np.full(30, 100.0), np.full(30, 120.0)]) + np.tile([-1.0, 1.0], 30)
"""Two blocks, the second one 20 % slower, with hardly any noise."""


def counted(alarms: tuple[RuleAlarms, ...], rule: BlockRule, metric: str | None) -> tuple[int, int]:
    (found,) = [one for one in alarms if (one.rule, one.metric) == (rule, metric)]
    return found.alarms, found.comparisons


@pytest.mark.parametrize("rule", BlockRule)
def test_a_step_is_an_alarm_of_every_rule_in_the_order_in_which_it_is_slower(rule: BlockRule) -> None:
    assert counted(rule_alarms({"t": STEP}, 2), rule, "t") == (1, 2)


@pytest.mark.parametrize("rule", BlockRule)
def test_equal_blocks_are_no_alarm(rule: BlockRule) -> None:
    assert counted(rule_alarms({"t": np.tile([99.0, 101.0], 60)}, 4), rule, "t") == (0, 12)


def test_a_small_step_breaks_no_threshold_and_every_test() -> None:
    small = np.where(STEP > 110, STEP - 15, STEP)
    alarms = rule_alarms({"t": small}, 2)
    assert [counted(alarms, rule, "t")[0] for rule in BlockRule] == [0, 0, 1, 1, 1]


def test_any_counts_each_comparison_once() -> None:
    other = np.concatenate([STEP[30:], STEP[:30]])
    alarms = rule_alarms({"a": STEP, "b": STEP, "c": other}, 2)
    assert counted(alarms, BlockRule.MEAN, None) == (2, 2)
    assert counted(rule_alarms({"a": STEP, "b": STEP}, 2), BlockRule.MEAN, None) == (1, 2)


@pytest.mark.proving
def test_tests_keep_half_of_their_level_on_unrelated_values() -> None:
    rng = np.random.default_rng(1)
    found = [rule_alarms({"t": rng.lognormal(0, 0.3, 240)}, 8) for _ in range(12)]
    for rule in (BlockRule.WELCH, BlockRule.MANN_WHITNEY, BlockRule.KOLMOGOROV_SMIRNOV):
        rate = sum(counted(one, rule, "t")[0] for one in found) / (12 * 56)
        # Two-sided at 5 %, and only the slower side alarms.
        assert 0.005 < rate < 0.045


@given(st.integers(0, 10_000))
def test_blocks_are_two_to_eight_of_thirty_requests_at_least(requests: int) -> None:
    blocks = blocks_of(requests)
    assert blocks == 0 if requests < 60 else 2 <= blocks <= 8
    assert blocks == 0 or requests // blocks >= 30


def test_a_cut_keeps_the_order_and_drops_the_rest() -> None:
    assert [piece.tolist() for piece in cut(np.arange(7.0), 3)] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.skipif(not LLMPERF.is_dir(), reason="the real data do not lie beside this checkout")
def test_real_endpoints_raise_false_alarms_within_minutes() -> None:
    """Of 15 endpoints with two blocks of successes, 150 requests each, nothing was changed on any of them."""
    alarms: Counter[BlockRule] = Counter()
    comparisons = 0
    for path in sorted(LLMPERF.glob("*.json")):
        rows = [row for row in json.loads(path.read_text(encoding="utf-8")) if not row["error_code"]]
        times = {name: np.array([row[name] for row in rows]) for name in ("ttft_s", "end_to_end_latency_s")}
        if blocks := blocks_of(len(rows)):
            found = rule_alarms(times, blocks)
            alarms.update({rule: counted(found, rule, "ttft_s")[0] for rule in BlockRule})
            comparisons += counted(found, BlockRule.MEAN, "ttft_s")[1]
    rates = {rule: alarms[rule] / comparisons for rule in BlockRule}
    assert comparisons > 200
    assert rates[BlockRule.MEAN] > 0.10
    assert rates[BlockRule.P95] > 0.15
    # A test of unrelated requests would alarm in 2.5 % of comparisons, on the slower side only.
    assert min(rates[rule] for rule in (BlockRule.WELCH, BlockRule.MANN_WHITNEY)) > 2 * 0.025
