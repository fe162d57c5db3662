"""The runs before a baseline in a store: which of them say how much runs differ, and how far they are looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.analysis.baseline import Stored
from lens_gate.config.model import BaselineChoice
from lens_gate.steps.archived.archive import keep, pack
from lens_gate.steps.archived.store_choice import stored_in, wanted_for
from lens_gate.stores.base import Listing, Store
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import FINGERPRINT, PROVENANCE, a_benchmark, a_run, a_verdict, an_arm
from tests.fakes.world import a_world
from tests.unit.steps.test_steps_baselines import a_day, saved_by

OTHERS = (an_arm(requests_hash="other"),)
ELSEWHERE = FINGERPRINT.model_copy(update={"platform": "Toaster", "region": "moon"})
OF_A_CHANGE = PROVENANCE.model_copy(update={"event": "pull_request"})
NOW = a_run(benchmark=a_benchmark(id="now", start_time="2026-03-31T10:00:00Z"))


def chosen(folder: Path, store: Store | None = None, **choice: Any) -> Stored:
    """Return the baseline in the store of a folder, and the runs before it."""
    there = store or FileStore(folder / "store")
    world = replace(a_world(folder), open_store=lambda *_: there)
    found = stored_in("store", BaselineChoice(**choice), wanted_for(NOW), world)
    assert isinstance(found, Stored)
    return found


def days(found: Stored) -> list[str]:
    return [one.id for one in found.earlier]


def kept(folder: Path, *numbers: int, outcome: Outcome | None = None, **changes: Any) -> None:
    verdict = a_verdict(outcome=outcome) if outcome else None
    for number in numbers:
        keep(FileStore(folder / "store"), pack(a_day(folder, number, **changes)).judged(verdict))


def test_what_cannot_be_compared_with_the_baseline_tells_nothing_of_its_days_and_is_counted(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2)
    kept(tmp_path, 3, 4, fingerprint=ELSEWHERE)
    kept(tmp_path, 5, arms=OTHERS)
    saved_by(a_day(tmp_path, 9), FileStore(tmp_path / "store"), a_world(tmp_path))
    found = chosen(tmp_path)
    assert days(found) == ["day-1", "day-2"]
    assert found.notes[-1] == (
        "Of the stored runs, 3 count; left out: 1 sent other requests than the newest one, "
        "2 from another kind of machine."
    )
    assert days(chosen(tmp_path, must_match=["model"])) == ["day-1", "day-2", "day-3", "day-4"]


def test_a_rolling_window_holds_the_last_good_runs_alone(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3, 9)
    kept(tmp_path, 4, outcome=Outcome.REGRESSION)
    kept(tmp_path, 5, provenance=OF_A_CHANGE)
    assert days(chosen(tmp_path, select="rolling")) == ["day-1", "day-2", "day-3"]
    assert days(chosen(tmp_path, select="newest_good")) == ["day-1", "day-2", "day-3", "day-4", "day-5"]


@pytest.mark.parametrize(("window", "expected"), [(1, []), (2, ["day-3"]), (4, ["day-1", "day-2", "day-3"])])
def test_a_window_of_so_many_runs_is_one_of_so_many(tmp_path: Path, window: int, expected: list[str]) -> None:
    kept(tmp_path, 1, 2, 3, 9)
    assert days(chosen(tmp_path, select="rolling", window=window)) == expected


class Counting(FileStore):
    """A store that counts how many runs of its history it lists, and how often it is asked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listed: list[int] = []

    @override
    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        found = super().newest(folder, count, until=until)
        self.listed.append(len(found))
        return found


def test_the_days_before_a_baseline_are_found_behind_all_that_was_stored_since(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    store = Counting(tmp_path / "store")
    saved_by(a_day(tmp_path, 4), store, a_world(tmp_path))
    later = pack(a_day(tmp_path, 20))
    for number in range(70):
        store.put(f"results/2026/03/20/run-{number}.json.gz", b"", later.entry)
    assert days(chosen(tmp_path, store)) == ["day-1", "day-2", "day-3"]
    assert store.listed == [4]


def test_a_busy_day_hides_no_earlier_ones(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2)
    store = FileStore(tmp_path / "store")
    saved_by(a_day(tmp_path, 4), store, a_world(tmp_path))
    strange = pack(a_day(tmp_path, 3, arms=OTHERS))
    for number in range(70):
        store.put(f"results/2026/03/03/run-{number}.json.gz", b"", strange.entry)
    assert days(chosen(tmp_path)) == ["day-1", "day-2"]
