"""One store brought up to date from another: nothing that is known is lost, and no baseline goes back by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from lens_gate.baselines.keys import baseline_key, samples_key
from lens_gate.errors import UsageProblem
from lens_gate.steps.archived.archive import keep, open_run, pack
from lens_gate.steps.baselines.keeping import current_of, record
from lens_gate.steps.baselines.syncing import Synced, sync
from lens_gate.stores.base import Condition, ETag, Store, Tagged
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import Acceptance, IndexEntry
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_verdict
from tests.unit.steps.test_steps_archive import a_part
from tests.unit.steps.test_steps_baselines import a_day

ACCEPTANCE = Acceptance(by="ada", reason="a larger model", at="2026-03-05T11:00:00Z")


@pytest.fixture
def stores(tmp_path: Path) -> tuple[FileStore, FileStore]:
    return FileStore(tmp_path / "one"), FileStore(tmp_path / "other")


def saved(store: Store, path: Path, name: str = "main", acceptance: Acceptance | None = None) -> None:
    """Make a run the baseline, whatever was it before."""
    packed = pack(path) if acceptance is None else pack(path).accepted(acceptance)
    record(packed, store, name=name, current=current_of(store, name))


def main_of(store: Store) -> str:
    current = current_of(store, "main")
    assert current is not None
    return current.run.benchmark.id


def test_a_dry_run_names_what_is_copied_and_a_second_one_copies_nothing(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    for number in (1, 2):
        saved(stores[0], a_day(tmp_path, number))
    foreseen = sync(*stores, dry_run=True)
    assert not stores[1].list()
    assert sync(*stores, dry_run=False) == foreseen
    assert [one.key for one in stores[1].list()] == sorted(foreseen.copied)
    assert stores[1].list() == stores[0].list()
    assert sync(*stores, dry_run=False) == Synced(copied=(), apart=(), left=())
    with pytest.raises(UsageProblem, match="itself"):
        sync(stores[0], stores[0], dry_run=False)


def test_what_became_known_of_a_run_later_comes_too(tmp_path: Path, stores: tuple[FileStore, FileStore]) -> None:
    packed = pack(a_day(tmp_path, 1))
    for store in stores:
        keep(store, packed)
    keep(stores[0], packed.judged(a_verdict(outcome=Outcome.REGRESSION)).accepted(ACCEPTANCE))
    assert sync(*stores, dry_run=False).copied == (packed.key,)
    entry = stores[1].entry(packed.key)
    assert entry is not None
    assert (entry.outcome, entry.acceptance) == ("regression", ACCEPTANCE)
    keep(stores[0], packed.judged(a_verdict(outcome=Outcome.PASS)))
    assert sync(*stores, dry_run=False) == Synced(copied=(), apart=(), left=())


def test_a_run_that_went_on_takes_the_place_of_its_part_and_never_the_other_way_round(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    part, whole = (a_part(tmp_path, requests, beside=True) for requests in (24, 60))
    later = replace(whole.row, end_time=whole.row.end_time.replace("T10", "T11"))
    keep(stores[1], part)
    keep(stores[0], replace(whole, entry=replace(whole.entry, run=later)))
    sync(*stores, dry_run=False)
    assert open_run(stores[1], whole.key) == whole.run
    assert stores[1].get(samples_key(whole.key)) == whole.samples


def test_the_acceptance_of_a_baseline_that_both_have_is_told(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    for store in stores:
        saved(store, a_day(tmp_path, 1))
    saved(stores[0], tmp_path / "day-1.json", acceptance=ACCEPTANCE)
    assert baseline_key("main") in sync(*stores, dry_run=False).copied
    current = current_of(stores[1], "main")
    assert current is not None
    assert current.kept.entry.acceptance == ACCEPTANCE
    assert sync(*stores, dry_run=False) == Synced(copied=(), apart=(), left=())


def test_a_newer_baseline_replaces_the_older_and_never_the_other_way_round(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    for number in (1, 2):
        saved(stores[0], a_day(tmp_path, number))
    saved(stores[1], tmp_path / "day-1.json")
    assert sync(stores[1], stores[0], dry_run=False).apart == ()
    assert main_of(stores[0]) == "day-2"
    sync(*stores, dry_run=False)
    assert main_of(stores[1]) == "day-2"


def test_a_baseline_that_somebody_rolled_back_stays_there(tmp_path: Path, stores: tuple[FileStore, FileStore]) -> None:
    for number in (1, 2):
        for store in stores:
            saved(store, a_day(tmp_path, number))
    saved(stores[1], tmp_path / "day-1.json")
    assert sync(*stores, dry_run=False).apart == ("main",)
    assert main_of(stores[1]) == "day-1"


def test_a_run_without_an_entry_is_opened_and_what_cannot_be_is_named(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    packed, damaged = pack(a_day(tmp_path, 1)), pack(a_day(tmp_path, 2))
    large = a_part(tmp_path, 60, beside=True)
    stores[0].put(packed.key, packed.data)
    stores[0].put(damaged.key, damaged.data[:100], damaged.entry)
    stores[0].put(baseline_key("v1"), b"half a run")
    keep(stores[0], large)
    stores[0].delete(samples_key(large.key))
    done = sync(*stores, dry_run=False)
    assert stores[1].entry(packed.key) == stores[1].entry(done.copied[0])
    assert done.copied == (packed.key,)
    assert {one.key for one in done.left} == {damaged.key, large.key, baseline_key("v1")}
    assert [one.key for one in stores[1].list()] == [packed.key]


class Noting(FileStore):
    """A store that notes which entries it is given: databases keep more of them than lists show."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.given: list[IndexEntry] = []

    @override
    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        self.given += [entry] if entry else []
        return super().put(key, data, entry, condition)


def test_a_run_comes_with_its_time_series_and_configuration_for_stores_that_keep_them(
    tmp_path: Path, stores: tuple[FileStore, FileStore]
) -> None:
    keep(stores[0], pack(a_day(tmp_path, 1)))
    noting = Noting(stores[1].root)
    sync(stores[0], noting, dry_run=False)
    (entry,) = noting.given
    assert entry.run is not None
    assert entry.run == pack(tmp_path / "day-1.json").row
    assert entry.run.config is not None


class Busy(FileStore):
    """A store in which the baseline is replaced after each look at it."""

    def __init__(self, root: Path, other: Path) -> None:
        super().__init__(root)
        self._other = other

    @override
    def read(self, key: str) -> Tagged:
        stored = super().read(key)
        if key == baseline_key("main"):
            saved(FileStore(self.root), self._other)
        return stored


@pytest.mark.parametrize("busy", [0, 1])
def test_whoever_replaces_a_baseline_meanwhile_no_entry_comes_to_stand_on_other_bytes(
    tmp_path: Path, stores: tuple[FileStore, FileStore], busy: int
) -> None:
    for number in (1, 2):
        saved(stores[0], a_day(tmp_path, number))
    saved(stores[1], tmp_path / "day-1.json")
    used = [*stores]
    used[busy] = Busy(stores[busy].root, a_day(tmp_path, 3))
    done = sync(used[0], used[1], dry_run=False)
    assert done.apart == ("main",) * busy
    for store in stores:
        entry = store.entry(baseline_key("main"))
        assert entry is not None
        assert entry.id == main_of(store)
