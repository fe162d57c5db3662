from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from lens_gate.artifacts.envelope import Provenance
from lens_gate.steps.recorded.instrument import instrument_of, keep, known_instrument, selftest_path
from lens_gate.steps.world import World
from tests.fakes.world import NOW, a_world
from tests.selftests import a_rung, a_selftest


@pytest.fixture
def here(tmp_path: Path) -> World:
    return replace(a_world(tmp_path), machine="box", data_folder=tmp_path / "data")


def test_a_later_run_on_the_same_machine_carries_what_was_found(here: World) -> None:
    path = keep(a_selftest(), here)
    assert path is not None
    found = known_instrument(here, 150.0, "httpx")
    assert found is not None
    assert (found.ceiling_rps, found.rate_rps, found.ttft_p99_ms, found.age_days) == (200.0, 200.0, 1.2, 1.0)


def test_another_machine_or_transport_was_not_tested(here: World) -> None:
    keep(a_selftest(), here)
    assert known_instrument(here, 150.0, "fast") is None
    assert known_instrument(replace(here, machine="other"), 150.0, "httpx") is None
    assert known_instrument(replace(here, data_folder=None), 150.0, "httpx") is None


def test_without_a_folder_nothing_is_kept(here: World) -> None:
    assert keep(a_selftest(), replace(here, data_folder=None)) is None


def test_a_damaged_result_is_none(here: World) -> None:
    path = selftest_path(here, "httpx")
    assert path is not None
    path.parent.mkdir()
    path.write_text("{}")
    assert known_instrument(here, 150.0, "httpx") is None


@pytest.mark.parametrize(("rate", "told"), [(10.0, 50.0), (50.0, 50.0), (60.0, 200.0), (900.0, 400.0), (None, 200.0)])
def test_the_errors_told_are_those_of_the_next_higher_rate(rate: float | None, told: float) -> None:
    found = instrument_of(a_selftest(), rate, NOW)
    assert found is not None
    assert found.rate_rps == told


def test_of_two_tries_the_right_one_is_told() -> None:
    wrong = a_rung(200.0, ttft_p99_ms=9.0, because=("late",))
    found = instrument_of(a_selftest(rungs=(wrong, a_rung(200.0))), 200.0, NOW)
    assert found is not None
    assert found.ttft_p99_ms == 1.2


def test_a_test_without_a_try_tells_nothing() -> None:
    assert instrument_of(a_selftest(rungs=()), 10.0, NOW) is None


def test_the_age_counts_from_when_it_was_tested() -> None:
    before = Provenance(tool_version="0.1.0", created_at="2026-02-20T10:00:00.000Z")
    found = instrument_of(a_selftest(provenance=before), 10.0, datetime.fromisoformat("2026-03-02T10:00:00Z"))
    assert found is not None
    assert found.age_days == 10.0
