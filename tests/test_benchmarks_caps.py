"""Cost caps under chance: a few of the runs of the benchmark, and that it would tell."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from benchmarks import caps

from lens_gate.load.money import purse
from lens_gate.vocabulary.outcomes import Ending

SEEDS = range(5003, 5012)


def test_no_run_is_billed_more_than_its_cap_and_each_stops_within_one_request_of_it() -> None:
    outcomes = [caps.played(caps.drawn_case(seed)) for seed in SEEDS]
    assert [outcome.broken for outcome in outcomes] == [()] * len(SEEDS)
    assert sum(outcome.end.ending is Ending.COST_CAP for outcome in outcomes) >= 6
    assert set().union(*(outcome.outcomes for outcome in outcomes)) == set(caps.OUTCOMES)


def test_a_purse_that_trusts_the_usage_of_broken_streams_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purse, "billed", lambda _class, _status, cost: cost)
    found = [caps.played(caps.drawn_case(seed)).broken for seed in SEEDS]
    assert sum("a request was charged less than its bill" in broken for broken in found) >= 2


def test_money_left_over_at_a_cap_is_found() -> None:
    outcome = next(found for seed in SEEDS if (found := caps.played(caps.drawn_case(seed))).capped)
    spared = replace(outcome, ledger=Fraction(0), bill=Fraction(0), cap=2 * outcome.worst_case)
    assert spared.broken == ("more than a worst case was left",)
