"""Runs in the history of a store: one that went on after an interruption takes the place of its earlier part."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from lens_gate.artifacts.assemble import sidecar_of
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.journal import encode_blocks, encode_header
from lens_gate.artifacts.samples import Samples
from lens_gate.baselines.keys import samples_key
from lens_gate.errors import ArtifactCorrupt, ConditionFailed, ConditionsIgnored
from lens_gate.steps.archived.archive import Packed, keep, open_run, pack, samples_in
from lens_gate.steps.baselines.keeping import current_of, record
from lens_gate.steps.baselines.syncing import sync
from lens_gate.steps.baselines.uploading import Parcel, upload
from lens_gate.stores.base import Store
from lens_gate.stores.conditions import Retries
from lens_gate.stores.file import FileStore
from lens_gate.stores.object_store import ObjectStore
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_benchmark, a_run, a_sample, a_verdict
from tests.fakes.objects import MemoryObjects
from tests.fakes.world import a_world


def a_part(folder: Path, requests: int, *, beside: bool = False) -> Packed:
    """Return a run as it was after so many requests, its samples inside or beside it."""
    samples = [a_sample(index=index) for index in range(requests)]
    part = folder / str(requests)
    part.mkdir()
    run = a_run(samples, benchmark=a_benchmark(duration_seconds=float(requests)))
    if beside:
        data = b"".join([encode_header(run="r", run_head=None), *encode_blocks(Samples.of(samples))])
        (part / "run.samples.jsonl.gz").write_bytes(data)
        sidecar = sidecar_of([data], file="run.samples.jsonl.gz", requests=requests)
        run = run.model_copy(update={"samples": sidecar})
    (part / "run.json").write_bytes(dumps(run))
    return pack(part / "run.json")


def said_of(store: Store, key: str) -> tuple[float, str | None]:
    """Return how long the run lasted that the entry speaks of, and what was judged of it."""
    entry = store.entry(key)
    assert entry is not None
    assert entry.run is not None
    return entry.run.duration_seconds, entry.outcome


def heedless() -> ObjectStore:
    """Return a store that ignores conditions."""
    return ObjectStore(MemoryObjects(honours=frozenset()), Retries(Random(1), sleep=lambda _: None))


@pytest.mark.parametrize("beside", [False, True])
def test_a_resumed_run_takes_the_place_of_its_interrupted_part_with_its_samples(tmp_path: Path, beside: bool) -> None:
    store = FileStore(tmp_path / "store")
    part, whole = (a_part(tmp_path, requests, beside=beside) for requests in (24, 60))
    key = keep(store, part.judged(a_verdict(outcome=Outcome.REGRESSION)))
    assert keep(store, whole) == key
    stored = open_run(store, key)
    assert stored == whole.run
    assert len(samples_in(store, stored)) == 60
    assert said_of(store, key) == (60.0, None)
    assert len(store.list()) == 1 + beside


def test_a_store_that_ignores_conditions_keeps_a_history_and_no_baselines(tmp_path: Path) -> None:
    store = heedless()
    part, whole = (a_part(tmp_path, requests, beside=True) for requests in (24, 60))
    said: list[str] = []
    for packed in (part, whole, whole):
        path = tmp_path / str(packed.run.samples.requests) / "run.json"
        assert not upload(Parcel(path, a_verdict(outcome=Outcome.PASS)), [store], a_world(tmp_path, said=said))
    assert [line.partition(" as ")[2] for line in said] == [whole.key] * 3
    assert said_of(store, whole.key) == (60.0, "pass")
    assert len(samples_in(store, open_run(store, whole.key))) == 60
    with pytest.raises(ConditionsIgnored, match="ignores conditional writes"):
        record(whole, store, name="main", current=None)


def test_a_history_is_copied_into_a_store_that_ignores_conditions(tmp_path: Path) -> None:
    source, target = FileStore(tmp_path / "store"), heedless()
    key = keep(source, a_part(tmp_path, 24, beside=True))
    assert len(sync(source, target, dry_run=False).copied) == 2
    assert len(samples_in(target, open_run(target, key))) == 24


def test_samples_that_a_kill_left_without_their_run_are_those_of_the_run_that_comes(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    part, whole = (a_part(tmp_path, requests, beside=True) for requests in (24, 60))
    store.delete(keep(store, part))
    key = keep(store, whole)
    assert len(samples_in(store, open_run(store, key))) == 60


def test_a_run_whose_samples_are_damaged_goes_into_no_store(tmp_path: Path) -> None:
    part = a_part(tmp_path, 24, beside=True)
    path = tmp_path / "24/run.samples.jsonl.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactCorrupt, match="this one has 100 bytes") as caught:
        pack(tmp_path / "24/run.json")
    assert caught.value.place == str(path)
    (failure,) = upload(Parcel(tmp_path / "24/run.json"), [FileStore(tmp_path / "store")], a_world(tmp_path))
    assert "this one has 100 bytes" in failure.message
    assert not FileStore(tmp_path / "store").list(part.key)


@pytest.mark.parametrize("damaged", [b"half of them", None])
def test_samples_that_were_damaged_or_lost_in_a_store_are_mended_by_storing_the_run_again(
    tmp_path: Path, damaged: bytes | None
) -> None:
    store = FileStore(tmp_path / "store")
    whole = a_part(tmp_path, 60, beside=True)
    record(whole, store, name="main", current=None)
    if damaged is None:
        store.delete(samples_key(whole.key))
    else:
        store.put(samples_key(whole.key), damaged)
    assert not record(whole, store, name="main", current=current_of(store, "main")).renewed
    assert len(samples_in(store, open_run(store, whole.key))) == 60


def test_an_earlier_part_does_not_take_the_place_of_the_run_that_went_on(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    part, whole = (a_part(tmp_path, requests, beside=True) for requests in (24, 60))
    key = keep(store, whole)
    with pytest.raises(ConditionFailed, match="it has 24 of 60 requests"):
        keep(store, part.judged(a_verdict(outcome=Outcome.REGRESSION)))
    assert len(samples_in(store, open_run(store, key))) == 60
    assert said_of(store, key) == (60.0, None)


def test_a_baseline_of_an_interrupted_part_becomes_that_of_the_whole_run(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    part, whole = (a_part(tmp_path, requests) for requests in (24, 60))
    record(part, store, name="main", current=None)
    assert record(whole, store, name="main", current=current_of(store, "main")).renewed
    current = current_of(store, "main")
    assert current is not None
    assert current.run == whole.run
    assert not record(whole, store, name="main", current=current).renewed
