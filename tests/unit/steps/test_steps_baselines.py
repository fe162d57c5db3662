"""Baselines under other writers, kills and failures: one writer wins, no version is lost, and the run is safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.samples import Samples
from lens_gate.baselines.fitness import NO_STANDARDS
from lens_gate.baselines.keys import baseline_key, version_key
from lens_gate.config.model import BaselineChoice, Config, Regression
from lens_gate.config.output import Database, Output, Remote
from lens_gate.errors import ConditionFailed, LensGateError, NoBaseline, PublishFailed, StoreDamaged, UsageProblem
from lens_gate.steps.archived.archive import Packed, keep, kept_at, pack
from lens_gate.steps.archived.store_address import (
    configured_store,
    is_store,
    named_file,
    reaching,
    report_addresses,
    upload_addresses,
)
from lens_gate.steps.archived.store_choice import after_measuring, stored_in, wanted_for
from lens_gate.steps.baselines.keeping import Saved, SaveOrder, Taking, Unreadable, current_of, save
from lens_gate.steps.baselines.renewing import renew
from lens_gate.steps.baselines.upkeep import prune, versions_of
from lens_gate.steps.baselines.uploading import Parcel, stores_for, upload, upload_report
from lens_gate.steps.judging.judge import checked_after, rules, stored_baseline
from lens_gate.steps.world import StoreOptions, World
from lens_gate.stores.base import Condition, ETag, Store, Tagged
from lens_gate.stores.file import FileStore
from lens_gate.stores.settings import GcsSettings, GitSettings, S3Settings, SqlSettings, StoreSettings
from lens_gate.vocabulary.index import Acceptance, IndexEntry
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.stored_runs import Aspect
from tests.builders import (
    FINGERPRINT,
    PROVENANCE,
    a_benchmark,
    a_model_result,
    a_provider_result,
    a_run,
    a_sample,
    a_verdict,
    an_analysis,
    an_arm,
)
from tests.fakes.git import commit, git, make_repository
from tests.fakes.world import a_world


def a_day(folder: Path, number: int, **changes: Any) -> Path:
    path = folder / f"day-{number}.json"
    start = f"2026-03-{number:02}T10:00:00Z"
    samples = [a_sample(index=index) for index in range(20)]
    path.write_bytes(dumps(a_run(samples, benchmark=a_benchmark(id=f"day-{number}", start_time=start), **changes)))
    return path


def saved_by(path: Path, store: Store, world: World, *, name: str = "main", taking: Taking | None = None) -> Saved:
    order = SaveOrder(path=path, name=name, standards=NO_STANDARDS, taking=taking)
    return save(order, store, rules((), world), world)


class Overtaken(FileStore):
    """A store in which another writer is always faster: it acts just before a baseline is replaced."""

    def __init__(self, root: Path, other: Path, world: World) -> None:
        super().__init__(root)
        self._other = other
        self._world = world

    @override
    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        if key == baseline_key("main"):
            saved_by(self._other, FileStore(self.root), self._world)
        return super().put(key, data, entry, condition)


@pytest.mark.parametrize("first", [True, False])
def test_of_two_writers_one_wins_and_the_other_is_told_who_and_what_to_do(tmp_path: Path, first: bool) -> None:
    world = a_world(tmp_path)
    if not first:
        saved_by(a_day(tmp_path, 1), FileStore(tmp_path / "store"), world)
    store = Overtaken(tmp_path / "store", a_day(tmp_path, 3), world)
    with pytest.raises(ConditionFailed, match=r"a writer of the run day-3 .* replaced the baseline main") as caught:
        saved_by(a_day(tmp_path, 2), store, world)
    assert "baseline show --name main" in str(caught.value.hint)
    current = current_of(store, "main")
    assert current is not None
    assert current.run.benchmark.id == "day-3"
    assert {one.entry.id for one in store.newest("results", 9) if one.entry} >= {"day-2", "day-3"}


def test_every_version_of_a_baseline_stays_in_its_history(tmp_path: Path) -> None:
    world, store = a_world(tmp_path), FileStore(tmp_path / "store")
    for number in range(1, 6):
        saved_by(a_day(tmp_path, number), store, world)
    assert [one.entry.id for one in versions_of(store, "main")] == ["day-4", "day-3", "day-2", "day-1"]


def test_a_version_whose_writer_was_killed_after_the_bytes_is_not_lost(tmp_path: Path) -> None:
    world, store = a_world(tmp_path), FileStore(tmp_path / "store")
    former = saved_by(a_day(tmp_path, 1), store, world).baseline
    store.put(version_key("main", former.entry, former.row), b"{}")
    saved_by(a_day(tmp_path, 2), store, world)
    assert [one.entry.id for one in versions_of(store, "main")] == ["day-1"]


def test_a_writer_that_was_killed_after_the_bytes_leaves_a_baseline_that_reads_whole(tmp_path: Path) -> None:
    world, store = a_world(tmp_path), FileStore(tmp_path / "store")
    saved_by(a_day(tmp_path, 1), store, world)
    store.put(baseline_key("main"), pack(a_day(tmp_path, 2)).data)  # bytes, and no entry
    found = kept_at(store, baseline_key("main"))
    assert found is not None
    assert found.entry.id == "day-2"
    current = current_of(store, "main")
    assert current is not None
    assert current.kept.entry.id == "day-2"
    assert saved_by(a_day(tmp_path, 3), store, world).replaced == current


class TestDamage:
    """What lies in a store is damaged: it is said, no verdict is hidden by it, and a run at hand takes its place."""

    def damaged(self, folder: Path, *, entry: bool = True) -> tuple[FileStore, World, list[str]]:
        said: list[str] = []
        store, world = FileStore(folder / "store"), a_world(folder, said=said)
        kept = saved_by(a_day(folder, 1), store, world).baseline
        store.put(baseline_key("main"), store.get(baseline_key("main"))[:100], kept.entry if entry else None)
        return store, world, said

    @pytest.mark.parametrize("entry", [True, False])
    def test_a_damaged_baseline_is_replaced_by_a_run_at_hand_and_that_is_told(
        self, tmp_path: Path, entry: bool
    ) -> None:
        store, world, said = self.damaged(tmp_path, entry=entry)
        with pytest.raises(StoreDamaged) as caught:
            current_of(store, "main")
        assert caught.value.place == f"{store.place}/baselines/main.json.gz"
        saved = saved_by(a_day(tmp_path, 2), store, world)
        assert isinstance(saved.replaced, Unreadable)
        assert said[0].startswith("not compared with the baseline before it, which cannot be read")
        current = current_of(store, "main")
        assert current is not None
        assert current.run.benchmark.id == "day-2"
        assert [one.entry.id for one in versions_of(store, "main")] == ["day-1"] * entry

    def test_what_its_entry_tells_of_a_damaged_baseline_still_refuses_other_requests(self, tmp_path: Path) -> None:
        store, world, _ = self.damaged(tmp_path)
        with pytest.raises(NoBaseline, match="It sent other requests"):
            saved_by(a_day(tmp_path, 2, arms=(an_arm(requests_hash="other"),)), store, world)

    def test_a_damaged_run_of_the_history_is_replaced_where_it_is_stored_again(self, tmp_path: Path) -> None:
        store, packed = FileStore(tmp_path / "store"), pack(a_day(tmp_path, 1))
        key = keep(store, packed)
        store.put(key, b"half a run", packed.entry)
        keep(store, packed)
        assert store.get(key) == packed.data

    def test_a_renewal_that_meets_a_damaged_baseline_or_any_other_error_has_failed_to_publish(
        self, tmp_path: Path
    ) -> None:
        store, world, _ = self.damaged(tmp_path)
        chosen = BaselineChoice(source="store", update_frequency="always")
        judged_by = replace(rules((), world), config=Config(regression=Regression(baseline=chosen)))
        verdict = a_verdict(an_analysis(source="duet"), outcome=Outcome.REGRESSION)
        with pytest.raises(PublishFailed) as caught:
            renew(Parcel(a_day(tmp_path, 2), verdict), verdict, judged_by, world)
        assert caught.value.place == f"{store.place}/baselines/main.json.gz"
        store.delete(baseline_key("main"))
        with pytest.raises(PublishFailed, match="the baseline was not renewed: there is no such file"):
            renew(Parcel(tmp_path / "gone.json"), verdict, judged_by, world)

    def test_an_index_that_tells_of_another_run_than_lies_there_is_found_out(self, tmp_path: Path) -> None:
        store, world = FileStore(tmp_path / "store"), a_world(tmp_path)
        packed = pack(a_day(tmp_path, 1))
        store.put(packed.key, pack(a_day(tmp_path, 2)).data, packed.entry)
        wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-05T10:00:00Z")))
        with pytest.raises(StoreDamaged, match="the index tells of the run day-1, and the run day-2 lies here"):
            stored_in("store", BaselineChoice(select="newest_good"), wanted, world)

    def test_an_anchor_that_cannot_be_read_is_told_and_hides_no_verdict(self, tmp_path: Path) -> None:
        store, world = FileStore(tmp_path / "store"), a_world(tmp_path)
        saved_by(a_day(tmp_path, 1), store, world)
        store.put(baseline_key("v1"), b"half a run")
        wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-05T10:00:00Z")))
        found = stored_in("store", BaselineChoice(anchor="v1"), wanted, world)
        assert isinstance(found, Stored)
        assert found.notes[-1].startswith("The anchor v1 cannot be read: ")


class Replacing(FileStore):
    """A store in which the baseline is replaced just after its bytes were read, and before its entry is."""

    def __init__(self, root: Path, other: Path, world: World) -> None:
        super().__init__(root)
        self._other = other
        self._world = world

    @override
    def read(self, key: str) -> Tagged:
        stored = super().read(key)
        if key == baseline_key("main"):
            saved_by(self._other, FileStore(self.root), self._world)
        return stored


def test_a_baseline_that_is_replaced_while_it_is_read_is_judged_by_what_was_read(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    saved_by(a_day(tmp_path, 1), FileStore(tmp_path / "store"), world)
    store = Replacing(tmp_path / "store", a_day(tmp_path, 2), world)
    wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-05T10:00:00Z")))
    found = stored_in("store", BaselineChoice(), wanted, replace(world, open_store=lambda *_: store))
    assert isinstance(found, Stored)
    assert found.run.benchmark.id == "day-1"
    current = current_of(Replacing(tmp_path / "store", a_day(tmp_path, 3), world), "main")
    assert current is not None
    assert (current.run.benchmark.id, current.kept.entry.id) == ("day-2", "day-2")


class TestAcceptance:
    """Who took a baseline over, why and until when stays beside it, whatever is saved after it."""

    def accepted(self, folder: Path) -> tuple[FileStore, World, Acceptance]:
        store, world = FileStore(folder / "kept"), a_world(folder)
        taking = Taking(by="ada", reason="a larger model", expires=world.now() + timedelta(days=30))
        kept_as = saved_by(a_day(folder, 1), store, world, taking=taking).baseline.entry.acceptance
        assert kept_as is not None
        return store, world, kept_as

    def acceptance(self, store: Store) -> Acceptance | None:
        current = current_of(store, "main")
        assert current is not None
        return current.kept.entry.acceptance

    def test_the_accepted_run_saved_again_stays_accepted(self, tmp_path: Path) -> None:
        store, world, acceptance = self.accepted(tmp_path)
        later = replace(world, now=lambda: world.now() + timedelta(days=31))
        assert not saved_by(tmp_path / "day-1.json", store, world).renewed
        assert not saved_by(tmp_path / "day-1.json", store, later).renewed
        assert self.acceptance(store) == acceptance

    def test_a_successor_is_accepted_as_long_as_what_it_was_judged_by(self, tmp_path: Path) -> None:
        store, world, acceptance = self.accepted(tmp_path)
        saved_by(a_day(tmp_path, 2), store, world)
        assert self.acceptance(store) == acceptance
        saved_by(a_day(tmp_path, 3), store, world, taking=Taking(by="bob", reason="a larger prompt"))
        renewed = self.acceptance(store)
        assert renewed is not None
        assert renewed.by == "bob"

    def test_what_is_saved_when_the_time_is_over_stands_for_itself(self, tmp_path: Path) -> None:
        store, world, _ = self.accepted(tmp_path)
        later = replace(world, now=lambda: world.now() + timedelta(days=31))
        saved_by(a_day(tmp_path, 2), store, later)
        assert self.acceptance(store) is None

    def test_a_baseline_that_lost_its_entry_is_known_from_the_history(self, tmp_path: Path) -> None:
        store, _, acceptance = self.accepted(tmp_path)
        store.put(baseline_key("main"), store.get(baseline_key("main")))
        assert self.acceptance(store) == acceptance
        found = kept_at(store, baseline_key("main"))
        assert found is not None
        assert found.entry.acceptance == acceptance


def test_a_run_is_kept_once_and_what_is_known_of_it_later_is_added(tmp_path: Path) -> None:
    store, packed = FileStore(tmp_path / "store"), pack(a_day(tmp_path, 1))
    key = keep(store, packed)
    assert keep(store, packed) == key
    keep(store, packed.judged(a_verdict(outcome=Outcome.REGRESSION)))
    keep(store, packed.accepted(Acceptance(by="ada", reason="a larger model", at="2026-03-05T11:00:00Z")))
    keep(store, packed)
    entry = store.entry(key)
    assert entry is not None
    assert entry.acceptance is not None
    assert (entry.outcome, entry.acceptance.by) == ("regression", "ada")


def test_another_run_under_the_same_key_is_not_overwritten(tmp_path: Path) -> None:
    store, packed = FileStore(tmp_path / "store"), pack(a_day(tmp_path, 1))
    other = pack(a_day(tmp_path, 2))
    store.put(packed.key, other.data, other.entry)
    with pytest.raises(ConditionFailed, match="another run lies under"):
        keep(store, packed)
    assert store.get(packed.key) == other.data


def test_a_store_that_cannot_take_a_run_says_that_it_is_safe(tmp_path: Path) -> None:
    said: list[str] = []
    world = a_world(tmp_path, said=said)
    path = a_day(tmp_path, 1)
    good, broken = FileStore(tmp_path / "good"), FileStore(tmp_path / "broken")
    (tmp_path / "broken").write_text("a file")
    (failure,) = upload(Parcel(path, a_verdict(outcome=Outcome.PASS)), [broken, good], world)
    assert isinstance(failure, PublishFailed)
    assert [line.partition(" as ")[0] for line in said] == [f"stored in {good.place}"]
    unordered = a_day(tmp_path, 2)
    unordered.write_bytes(dumps(a_run(benchmark=a_benchmark(start_time="soon"))))
    (told,) = upload(Parcel(unordered), [good], world)
    assert "is no time" in told.message
    assert str(unordered) in str(told.hint)


class TestAddresses:
    @pytest.mark.parametrize("address", ["s3://b/p", "git:lens-gate", "sqlite:///a.db", "new/"])
    def test_stores_have_a_scheme_or_end_with_a_slash_before_they_are_there(self, tmp_path: Path, address: str) -> None:
        assert is_store(address, tmp_path)

    def test_folders_are_what_they_hold(self, tmp_path: Path) -> None:
        for name in ("plain", "empty", "kept"):
            (tmp_path / name).mkdir()
        a_day(tmp_path / "plain", 1)
        keep(FileStore(tmp_path / "kept"), pack(tmp_path / "plain/day-1.json"))
        assert not is_store("plain", tmp_path)
        assert not is_store("plain/", tmp_path)
        assert not is_store("missing", tmp_path)
        assert is_store("empty/", tmp_path)
        assert is_store("kept", tmp_path)

    def test_one_stored_run_is_parted_from_its_store(self) -> None:
        assert named_file("s3://b/baseline/main.json") == ("s3://b/baseline/", "main.json")
        assert named_file("s3://b/baseline") is None
        assert named_file("runs/main.json") is None

    def test_baselines_are_not_saved_where_one_run_is_named(self, tmp_path: Path) -> None:
        config = Config.model_validate({"regression": {"baseline": {"source": "s3://b/baseline/main.json"}}})
        with pytest.raises(UsageProblem, match="no store"):
            configured_store(config, tmp_path)

    def test_no_message_shows_the_password_of_a_database(self, tmp_path: Path) -> None:
        secret = "postgresql://ann:hunter2@db/main.json"
        config = Config.model_validate({"regression": {"baseline": {"source": secret}}})
        judged_by = replace(rules((), a_world(tmp_path)), baselines=(secret, "runs/"))
        unordered = Stored(run=a_run(benchmark=a_benchmark(start_time="soon")), samples=Samples.of([]))
        asked = (
            lambda: configured_store(config, tmp_path),
            lambda: stored_baseline(judged_by, a_world(tmp_path), wanted_for(a_run())),
            lambda: after_measuring(unordered, a_run(), secret, BaselineChoice(), a_world(tmp_path)),
        )
        for ask in asked:
            with pytest.raises(LensGateError) as caught:
                ask()
            assert "postgresql://ann@db/main.json" in str(caught.value)
            assert "hunter2" not in str(caught.value)

    def test_destinations_of_the_configuration_become_addresses(self, tmp_path: Path) -> None:
        output = Output(
            remote=(
                Remote(type="s3", bucket="b", prefix="results/", region="eu-central-1"),
                Remote(type="gcs", bucket="b", prefix="team/results", reports=True),
                Remote(type="s3", bucket="off", enabled=False, reports=True),
            ),
            database=Database(enabled=True, connection="runs.db", table_prefix="x_"),
        )
        assert upload_addresses(Config(output=output)) == (
            ("s3://b", StoreOptions(region="eu-central-1")),
            ("gs://b/team", StoreOptions()),
            ("sqlite:///runs.db", StoreOptions(table_prefix="x_")),
        )
        assert report_addresses(Config(output=output)) == (("gs://b/team", StoreOptions()),)
        assert upload_addresses(Config()) == report_addresses(Config()) == ()
        url = Database(enabled=True, type="postgres", connection="postgresql://h/d")
        ((address, _),) = upload_addresses(Config(output=Output(database=url)))
        assert address == "postgresql://h/d"

    def test_a_store_that_is_named_twice_is_opened_once(self, tmp_path: Path) -> None:
        assert len(stores_for(Config(), ["a", "a", "b"], a_world(tmp_path))) == 2


def test_the_branch_of_the_pipeline_counts_where_git_knows_none(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    there = replace(world, runner=replace(world.runner, branch="main", actor="ada", event="schedule"))
    assert (there.provenance().branch, there.provenance().event) == ("main", "schedule")
    assert there.author() == "ada"
    assert world.author() == "somebody unknown"
    assert PROVENANCE.event is None


class TestRenewal:
    """A judged run becomes the baseline when its time has come, and it is said where it does not."""

    def renewed(
        self, folder: Path, path: Path, outcome: Outcome = Outcome.PASS, *, found_by: str = "stored", **choice: Any
    ) -> list[str]:
        said: list[str] = []
        world = a_world(folder, said=said)
        chosen = BaselineChoice(**{"source": "kept/", "branch": "longer-prompt", "update_frequency": "daily"} | choice)
        judged_by = replace(rules((), world), config=Config(regression=Regression(baseline=chosen)))
        judged_by = replace(judged_by, baselines=(chosen.source or "",))
        verdict = a_verdict(an_analysis(source=found_by), outcome=outcome)
        renew(Parcel(path, verdict), verdict, judged_by, world)
        return said

    def test_the_first_good_run_is_recorded_and_a_later_one_when_the_time_has_come(self, tmp_path: Path) -> None:
        (tmp_path / "kept").mkdir()
        (first,) = self.renewed(tmp_path, a_day(tmp_path, 1))
        assert first.startswith("This run was recorded as the baseline main in")
        assert self.renewed(tmp_path, a_day(tmp_path, 2), update_frequency="weekly") == []
        (second,) = self.renewed(tmp_path, a_day(tmp_path, 2))
        assert second.startswith("This run was renewed as the baseline main in")

    @pytest.mark.parametrize(("outcome", "source"), [(Outcome.NO_BASELINE, "none"), (Outcome.PASS, "duet")])
    def test_what_was_not_compared_with_the_baseline_takes_its_place_by_no_frequency(
        self, tmp_path: Path, outcome: Outcome, source: str
    ) -> None:
        (tmp_path / "kept").mkdir()
        assert "recorded" in self.renewed(tmp_path, a_day(tmp_path, 1), outcome, found_by=source)[0]
        (told,) = self.renewed(tmp_path, a_day(tmp_path, 2), outcome, found_by=source)
        assert "says nothing about the baseline that it would replace" in told

    def test_a_renewal_carries_on_what_was_accepted(self, tmp_path: Path) -> None:
        store, world = FileStore(tmp_path / "kept"), a_world(tmp_path)
        saved_by(a_day(tmp_path, 1), store, world, taking=Taking(by="ada", reason="a larger model"))
        (told,) = self.renewed(tmp_path, a_day(tmp_path, 2))
        current = current_of(store, "main")
        assert "was renewed" in told
        assert current is not None
        assert current.kept.entry.id == "day-2"
        assert current.kept.entry.acceptance is not None
        assert current.kept.entry.acceptance.by == "ada"

    def test_a_run_from_another_kind_of_machine_renews_no_baseline(self, tmp_path: Path) -> None:
        (tmp_path / "kept").mkdir()
        self.renewed(tmp_path, a_day(tmp_path, 1))
        smaller = FINGERPRINT.model_copy(update={"platform": "2 CPUs"})
        (told,) = self.renewed(tmp_path, a_day(tmp_path, 2, fingerprint=smaller))
        assert "cannot be compared with the current baseline. It was measured on" in told
        (renewed,) = self.renewed(tmp_path, a_day(tmp_path, 2, fingerprint=smaller), must_match=("model",))
        assert "was renewed" in renewed

    @pytest.mark.parametrize(
        ("outcome", "choice", "sentence"),
        [
            (Outcome.REGRESSION, {}, "It failed its gate"),
            (Outcome.PASS, {"branch": "main"}, "the baseline is one of main"),
            (Outcome.PASS, {"min_sample_size": 1000}, "a baseline needs 1000"),
        ],
    )
    def test_an_unfit_run_does_not_and_its_reason_is_told(
        self, tmp_path: Path, outcome: Outcome, choice: dict[str, Any], sentence: str
    ) -> None:
        (told,) = self.renewed(tmp_path, a_day(tmp_path, 1), outcome, **choice)
        assert told.startswith("This run does not become the baseline main.")
        assert sentence in told
        assert not (tmp_path / "kept/baselines").exists()

    @pytest.mark.parametrize(
        "choice", [{"source": None}, {"select": "newest_good"}, {"source": "s3://b/main.json"}, {"source": "plain"}]
    )
    def test_where_no_baseline_is_named_in_a_store_nothing_is_renewed(
        self, tmp_path: Path, choice: dict[str, Any]
    ) -> None:
        assert self.renewed(tmp_path, a_day(tmp_path, 1), **choice) == []

    def test_without_a_frequency_it_is_said_once_how_a_baseline_is_made(self, tmp_path: Path) -> None:
        (told,) = self.renewed(tmp_path, a_day(tmp_path, 1), update_frequency=None)
        assert "baseline save --name main" in told


class TestAfterMeasuring:
    """What only the run can tell is held against the baseline once the run was made."""

    def checked(self, folder: Path, source: str = "store", **changes: Any) -> Stored | Missing | None:
        world = a_world(folder)
        path = a_day(folder, 1)
        saved_by(path, FileStore(folder / "store"), world)
        config = Config(regression=Regression(baseline=BaselineChoice(source=source, anchor="main")))
        judged_by = replace(rules((), world), config=config, baselines=(source,))
        chosen = Stored(run=pack(path).run, samples=Samples.of([]))
        run = a_run(benchmark=a_benchmark(id="now"), **changes)
        return checked_after(chosen, run, judged_by, world)

    def test_another_version_of_the_model_that_answered_is_no_baseline(self, tmp_path: Path) -> None:
        answered = a_provider_result(a_model_result(returned=("gpt-small-0401",)))
        found = self.checked(tmp_path, providers=(answered,))
        assert isinstance(found, Missing)
        assert "was answered by gpt-small then, and by gpt-small-0401 now" in found.reason
        assert isinstance(self.checked(tmp_path, "day-1.json", providers=(answered,)), Stored)

    def test_a_like_run_keeps_its_baseline_and_hears_of_the_anchor(self, tmp_path: Path) -> None:
        found = self.checked(tmp_path)
        assert isinstance(found, Stored)
        assert "that of the anchor main" in found.notes[-1]

    def test_what_is_not_stored_stays_what_it_is(self, tmp_path: Path) -> None:
        world = a_world(tmp_path)
        missing = Missing("none")
        assert checked_after(missing, a_run(), rules((), world), world) is missing


def test_a_run_that_was_made_later_is_no_baseline_of_one_before_it(tmp_path: Path) -> None:
    store, world = FileStore(tmp_path / "store"), a_world(tmp_path)
    for number in (3, 30):
        keep(store, pack(a_day(tmp_path, number)))
    wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-05T10:00:00Z")))
    found = stored_in("store", BaselineChoice(select="newest_good"), wanted, world)
    assert isinstance(found, Stored)
    assert found.run.benchmark.id == "day-3"


class TestCommits:
    """A baseline by commit is chosen with what git knows."""

    def test_the_run_of_a_tag_and_of_the_nearest_commit_before_a_change_is_found(self, tmp_path: Path) -> None:
        make_repository(tmp_path)
        commits = [commit(tmp_path, name) for name in ("first", "second", "third")]
        git(tmp_path, "tag", "v1", commits[0])
        git(tmp_path, "checkout", "--quiet", "-b", "change")
        commit(tmp_path, "change")
        world, store = a_world(tmp_path, git=True), FileStore(tmp_path / "store")
        for number, measured in ((1, commits[0]), (2, commits[1])):
            keep(store, pack(a_day(tmp_path, number, arms=(an_arm(commit=measured),))))
        wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-09T10:00:00Z")))

        def chosen(**choice: Any) -> str:
            found = stored_in("store", BaselineChoice(**choice), wanted, world)
            return found.run.benchmark.id if isinstance(found, Stored) else found.reason

        assert chosen(select="merge_base") == "day-2"
        assert chosen(select="tag", tag="v1") == "day-1"
        assert chosen(select="tag", tag="main") == "No run of the tag main is stored."
        with pytest.raises(UsageProblem, match="none is named"):
            chosen(select="tag")


class TestReaching:
    """How stores are reached is said once in the configuration, for every way in."""

    def test_the_settings_of_each_kind_come_from_the_configuration_and_a_destination_wins(self, tmp_path: Path) -> None:
        asked: list[StoreSettings] = []

        def opening(_: str, settings: StoreSettings) -> Store:
            asked.append(settings)
            return FileStore(tmp_path)

        stores = {
            "git": {"remote": "results", "author": "bot <bot@example.org>"},
            "s3": {"region": "eu-west-1", "endpoint": "http://127.0.0.1:9000", "path_style": True, "profile": "ci"},
            "gcs": {"project": "p", "endpoint": "http://127.0.0.1:9001"},
            "sql": {"table_prefix": "llm_lens_"},
        }
        database = {"enabled": True, "connection": "runs.db"}
        config = Config.model_validate(
            {
                "stores": stores,
                "output": {
                    "database": database,
                    "remote": [{"type": "s3", "bucket": "b", "region": "eu-north-1"}],
                },
            }
        )
        world = reaching(replace(a_world(tmp_path), open_store=opening), config)
        stores_for(config, ("kept/",), world)
        plain, remote, tables = asked
        assert plain == StoreSettings(
            git=GitSettings(remote="results", author="bot <bot@example.org>"),
            s3=S3Settings(region="eu-west-1", endpoint_url="http://127.0.0.1:9000", path_style=True, profile="ci"),
            gcs=GcsSettings(project="p", endpoint_url="http://127.0.0.1:9001"),
            sql=SqlSettings(table_prefix="llm_lens_"),
        )
        assert (remote.s3.region, remote.s3.endpoint_url) == ("eu-north-1", "http://127.0.0.1:9000")
        assert tables.sql.table_prefix == "llm_lens_"

    def test_a_run_for_many_stores_is_read_and_compressed_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[Path] = []

        def counted(path: Path) -> Packed:
            read.append(path)
            return pack(path)

        monkeypatch.setattr("lens_gate.steps.baselines.uploading.pack", counted)
        stores = [FileStore(tmp_path / name) for name in ("one", "two", "three")]
        assert upload(Parcel(a_day(tmp_path, 1), a_verdict(outcome=Outcome.PASS)), stores, a_world(tmp_path)) == ()
        assert len(read) == 1
        assert {len(store.newest("results", 9)) for store in stores} == {1}
        upload(Parcel(tmp_path / "gone.json"), [], a_world(tmp_path))


class TestReports:
    def test_a_report_lies_by_the_day_and_the_name_of_its_run_and_goes_with_it(self, tmp_path: Path) -> None:
        said: list[str] = []
        store, world = FileStore(tmp_path / "store"), a_world(tmp_path, said=said)
        page = tmp_path / "report.html"
        page.write_bytes(b"<!doctype html>")
        parcel = Parcel(a_day(tmp_path, 1), a_verdict(outcome=Outcome.PASS))
        assert (*upload(parcel, [store], world), *upload_report(parcel, page, [store], world)) == ()
        (report,) = [one.key for one in store.list("reports/")]
        (run,) = [one.key for one in store.list("results/")]
        assert (report, store.get(report)) == (f"reports/{run[8:-8]}.html", b"<!doctype html>")
        assert said[-1] == f"the report is stored in {store.place} as {report}"
        later = world.now() + timedelta(days=60)
        assert prune(store, keep_s=0, now=later, dry_run=True).removed == (run, report)
        prune(store, keep_s=0, now=later, dry_run=False)
        assert store.list() == ()

    def test_a_report_that_is_not_there_hides_no_verdict(self, tmp_path: Path) -> None:
        parcel = Parcel(a_day(tmp_path, 1), a_verdict(outcome=Outcome.PASS))
        (failed,) = upload_report(parcel, tmp_path / "no.html", [FileStore(tmp_path / "store")], a_world(tmp_path))
        assert (failed.exit_code, failed.message) == (7, "the report could not be stored: there is no such file")
        assert "`lens-gate report` makes it again" in (failed.hint or "")

    def test_the_report_on_a_run_that_stays_stays_with_it(self, tmp_path: Path) -> None:
        store, world = FileStore(tmp_path / "store"), a_world(tmp_path)
        saved_by(a_day(tmp_path, 1), store, world)
        page = tmp_path / "report.html"
        page.write_bytes(b"page")
        upload_report(Parcel(tmp_path / "day-1.json"), page, [store], world)
        pruning = prune(store, keep_s=0, now=world.now() + timedelta(days=60), dry_run=False)
        assert (pruning.removed, [one.key.split("/")[0] for one in pruning.spared]) == ((), ["results"])
        assert [one.key.split("/")[0] for one in store.list()] == ["baselines", "reports", "results"]


class TestSaid:
    """What is told where nothing is broken."""

    def test_a_renewal_that_somebody_else_made_first_is_a_note_and_no_failure(self, tmp_path: Path) -> None:
        said: list[str] = []
        world = a_world(tmp_path, said=said)
        saved_by(a_day(tmp_path, 1), FileStore(tmp_path / "store"), world)

        class Overtaken(FileStore):
            @override
            def put(
                self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none"
            ) -> ETag:
                if key == baseline_key("main"):
                    saved_by(a_day(tmp_path, 3), FileStore(self.root), world)
                return super().put(key, data, entry, condition)

        chosen = BaselineChoice(source="store", branch="longer-prompt", update_frequency="always")
        judged_by = replace(
            rules((), world), config=Config(regression=Regression(baseline=chosen)), baselines=("store",)
        )
        (tmp_path / "store/").mkdir(exist_ok=True)
        overtaken = replace(world, open_store=lambda *_: Overtaken(tmp_path / "store"))
        verdict = a_verdict(an_analysis(source="stored"), outcome=Outcome.PASS)
        renew(Parcel(a_day(tmp_path, 2), verdict), verdict, judged_by, overtaken)
        assert said[-1].startswith("This run does not become the baseline: a writer of the run day-3")
        assert current_of(FileStore(tmp_path / "store"), "main") is not None

    def test_an_anchor_that_is_not_stored_or_sent_other_requests_is_said(self, tmp_path: Path) -> None:
        store, world = FileStore(tmp_path / "store"), a_world(tmp_path)
        saved_by(a_day(tmp_path, 1), store, world)
        saved_by(a_day(tmp_path, 2, arms=(an_arm(requests_hash="other"),)), store, world, name="v1")
        wanted = wanted_for(a_run(benchmark=a_benchmark(id="now", start_time="2026-03-05T10:00:00Z")))
        told = {}
        for anchor in ("typo", "v1"):
            found = stored_in("store", BaselineChoice(anchor=anchor, must_match=frozenset(Aspect)), wanted, world)
            assert isinstance(found, Stored)
            told[anchor] = found.notes[-1]
        assert told["typo"] == "No baseline typo is stored, so that nothing is told of the anchor."
        assert told["v1"].startswith("The anchor v1 is not comparable. ")

    def test_pruning_that_fails_in_between_says_how_many_are_gone(self, tmp_path: Path) -> None:
        keys = [keep(FileStore(tmp_path / "store"), pack(a_day(tmp_path, day))) for day in (1, 2, 3)]

        class Failing(FileStore):
            @override
            def delete(self, key: str, condition: Condition = "none") -> None:
                if key == keys[1]:
                    raise PublishFailed("the disk is full", place="here", hint="Free some space.")
                super().delete(key, condition)

        world = a_world(tmp_path)
        with pytest.raises(PublishFailed) as caught:
            prune(Failing(tmp_path / "store"), keep_s=0, now=world.now() + timedelta(days=60), dry_run=False)
        assert caught.value.message == f"1 of 3 files were removed, all before {keys[1]}; then the disk is full"

    def test_a_store_that_can_remove_many_files_by_one_write_is_asked_once(self, tmp_path: Path) -> None:
        asked: list[Sequence[str]] = []

        class Together(FileStore):
            def delete_all(self, choose: Callable[[], Sequence[str]]) -> None:
                asked.append(choose())

        keys = [keep(FileStore(tmp_path / "store"), pack(a_day(tmp_path, day))) for day in (1, 2, 3)]
        later = a_world(tmp_path).now() + timedelta(days=60)
        for dry_run in (True, False):
            prune(Together(tmp_path / "store"), keep_s=0, now=later, dry_run=dry_run)
        assert asked == [tuple(keys)]
