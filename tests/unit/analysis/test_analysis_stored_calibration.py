"""The stored mode's own quality, in short and with wide limits; benchmarks/decisions prints the long version."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.decisions.drift_prior import fit, histories
from benchmarks.decisions.generator import DRIFT_5, JUMPS, SAME_DAY
from benchmarks.decisions.real_data import decisions, halves
from benchmarks.decisions.real_series import DATA, by_provider, days, llmperf
from benchmarks.decisions.stored import Cell, Counted, gate, rates, sight

from lens_gate.vocabulary.outcomes import Outcome

pytestmark = pytest.mark.proving
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real data do not lie beside this checkout")


def drawn(cell: Cell, gates: int) -> Counted:
    return Counted([gate(cell, np.random.default_rng([7, number])) for number in range(gates)])


def test_unchanged_versions_seldom_alarm_even_on_days_that_jump_and_with_few_stored_runs() -> None:
    found = drawn(Cell(weather=JUMPS, requests=40, lengths=(1, 3), effects=(0, 10)), 30)

    # At most 1 % of gates: 0.3 expected each, and more than 3 in one of 3,000 such tests.
    assert found.false_regressions(1).count <= 3
    assert found.false_regressions(3).count <= 3
    assert found.models(3, 10, Outcome.PASS).count <= 10
    assert "3 stored" in rates({"jumps": found}, (1, 3))
    assert "per_token" in sight({"jumps": found}, (1, 3))


def test_a_long_history_sees_half_as_slow_again_and_passes_what_is_as_it_was() -> None:
    found = drawn(Cell(weather=DRIFT_5, lengths=(20,), effects=(0, 50)), 8)

    # 32 models: 95 % and 12 % are promised.
    assert found.models(20, 50, Outcome.REGRESSION).count >= 28
    assert found.models(20, 0, Outcome.PASS).count >= 1
    assert found.false_regressions(20).count == 0


def test_a_control_shows_what_a_history_cannot() -> None:
    cell = Cell(weather=SAME_DAY, requests=300, lengths=(3,), effects=(0,))
    without, within = (drawn(replace(cell, control_share=share), 3).gates for share in (0.0, 0.3))

    for alone, controlled in zip(without, within, strict=True):
        for question, percent in alone.visible[3].items():
            assert controlled.visible[3][question] < percent


@needs_data
def test_real_days_are_seldom_taken_for_a_regression_and_a_doubling_mostly_is() -> None:
    found = decisions(days()[:24])
    outcomes = {effect: Counter(one.outcomes[effect] for one in found) for effect in (0, 100)}

    assert len(found) > 100
    assert outcomes[0][Outcome.REGRESSION] <= 0.05 * len(found)
    assert outcomes[100][Outcome.REGRESSION] >= 0.5 * len(found)


@needs_data
def test_odd_and_even_requests_of_real_runs_are_alike() -> None:
    rng = np.random.default_rng(1)
    runs = [values for measured in by_provider().values() for values in measured]
    slower, faster, either, labelled = halves(runs, rng, draws=2)

    for share in (slower, faster, either, labelled):
        assert 0.02 <= share.count / share.of <= 0.08
    # llmperf lists the answers of a batch of five as they ended: only labels by chance are without an order.
    *_, models = halves(list(llmperf().values()), rng)
    assert 0.02 <= models.count / models.of <= 0.08


@needs_data
def test_the_prior_is_where_the_real_days_put_it() -> None:
    few = {name: levels[:12] for name, levels in list(histories().items())[:6]}
    line = fit(few, "day_freedom", (3.0, 30.0)).splitlines()[-1]

    assert line.split("|")[2].strip() == "0.0"
