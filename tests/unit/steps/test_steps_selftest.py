"""The self-test of a slow machine goes on below its first rate, and says so where there was no time to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lens_gate.artifacts.selftest import Rung, Selftest
from lens_gate.steps import selftest as step
from lens_gate.steps.selftest import QUICK, selftest_of
from tests.fakes.world import a_world
from tests.selftests import a_rung


def outcome_on(folder: Path, patch: pytest.MonkeyPatch, *, highest_right: float, each_s: float) -> Selftest:
    """A quick test of a machine that is right up to a rate, where each try takes so long."""
    clock = [0]

    def tried(rate: float, *_: object) -> Rung:
        clock[0] += round(1e9 * each_s)
        return a_rung(rate, because=() if rate <= highest_right else ("it was late",))

    patch.setattr(step, "tried", tried)
    return selftest_of(QUICK, replace(a_world(folder), now_ns=lambda: clock[0]), lambda _: None)


def test_a_slow_machine_is_given_twice_the_time_to_find_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome_on(tmp_path, monkeypatch, highest_right=12, each_s=3)
    assert [rung.rate_rps for rung in found.rungs] == [50, 50, 12]
    assert (found.ceiling_rps, found.wrong_rps) == (12, 50)


def test_where_the_time_is_up_before_the_lowest_rate_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = outcome_on(tmp_path, monkeypatch, highest_right=0, each_s=4)
    assert [rung.rate_rps for rung in found.rungs] == [50, 50, 12]
    assert (found.ceiling_rps, found.cut_short) == (None, True)


def test_a_search_that_ends_by_itself_was_not_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome_on(tmp_path, monkeypatch, highest_right=0, each_s=0.1)
    assert (found.ceiling_rps, found.wrong_rps, found.cut_short) == (None, 3, False)
