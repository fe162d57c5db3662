"""Stored runs that lost their entry: brought back from what they say themselves."""

from __future__ import annotations

from pathlib import Path

from lens_gate.baselines.keys import baseline_key
from lens_gate.steps.archived.archive import keep, pack
from lens_gate.steps.baselines.reindexing import reindex
from lens_gate.stores.base import ETag
from lens_gate.stores.file import FileStore
from lens_gate.stores.index_file import INDEX, as_listed
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_verdict
from tests.unit.steps.test_steps_baselines import a_day


def a_store(folder: Path) -> tuple[FileStore, list[str]]:
    """Return a store with two runs, of which the second is the baseline, and no index at all."""
    store = FileStore(folder / "store")
    packed = [pack(a_day(folder, day)) for day in (1, 2)]
    keys = [keep(store, one) for one in packed]
    store.put(baseline_key("main"), packed[1].data, packed[1].entry)
    for index in store.root.rglob(INDEX):
        index.unlink()
    return store, [*keys, baseline_key("main")]


def test_runs_without_an_entry_are_listed_again_with_what_they_say_themselves(tmp_path: Path) -> None:
    store, keys = a_store(tmp_path)
    assert store.newest("results", 5) == ()
    assert reindex(store, dry_run=True).restored == tuple(keys)
    assert store.newest("results", 5) == ()
    assert reindex(store, dry_run=False).restored == tuple(keys)
    assert [one.key for one in store.newest("results", 5)] == [keys[1], keys[0]]
    entry = store.entry(keys[2])
    assert entry is not None
    assert entry == as_listed(pack(tmp_path / "day-2.json").entry)
    assert reindex(store, dry_run=False).restored == ()


def test_a_baseline_takes_over_what_the_history_still_knows(tmp_path: Path) -> None:
    store, (_, key, name) = a_store(tmp_path)
    judged = pack(tmp_path / "day-2.json").judged(a_verdict(outcome=Outcome.PASS))
    store.put(key, judged.data, judged.entry)
    reindex(store, dry_run=False)
    entry = store.entry(name)
    assert entry is not None
    assert entry.outcome == "pass"


def test_what_is_no_run_is_left_and_named(tmp_path: Path) -> None:
    store, keys = a_store(tmp_path)
    store.put(keys[0], b"half a run")
    done = reindex(store, dry_run=False)
    assert done.restored == (keys[1], keys[2])
    assert [one.key for one in done.left] == [keys[0]]
    assert store.get(keys[0]) == b"half a run"


def test_whoever_replaces_a_run_meanwhile_is_right(tmp_path: Path) -> None:
    store, keys = a_store(tmp_path)

    class Overtaken(FileStore):
        def put(self, key: str, data: bytes, entry: object = None, condition: object = "none") -> ETag:
            store.put(key, b"newer")
            return super().put(key, data, None, ETag("older"))

    done = reindex(Overtaken(store.root), dry_run=False)
    assert (done.restored, store.get(keys[0])) == ((), b"newer")
