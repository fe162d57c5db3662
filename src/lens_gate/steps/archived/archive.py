"""Runs in a store: put with their samples, found by their entries, opened one at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.artifacts.assemble import require_sidecar, samples_of
from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.compressed import MAGIC
from lens_gate.artifacts.entry import entry_of, open_checks, row_of
from lens_gate.artifacts.run import Run, Sidecar
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.verdict import Verdict
from lens_gate.baselines.choice import Kept
from lens_gate.baselines.keys import RESULTS, run_key, samples_key
from lens_gate.baselines.two_stores import joined
from lens_gate.errors import (
    ArtifactCorrupt,
    ArtifactProblem,
    ConditionFailed,
    ConditionsIgnored,
    NoBaseline,
    NotStored,
    StoreDamaged,
    StoreProblem,
)
from lens_gate.stores.base import Condition, Listing, Store, Tagged
from lens_gate.stores.conditions import not_stored
from lens_gate.stores.files import read_file
from lens_gate.vocabulary.index import Acceptance, IndexEntry, RunRow

_WIDER = 4
"""Each further look at a history reads so many times as many runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A run as it goes into a store: its bytes, what is said of it, and its samples where they lie beside it."""

    run: Run
    entry: IndexEntry
    row: RunRow
    data: bytes
    samples: bytes | None

    @property
    def key(self) -> str:
        """Where it lies in the history."""
        return run_key(self.entry, self.row)

    def judged(self, verdict: Verdict | None) -> Packed:
        """Return the same with what was judged of it; None says nothing."""
        if verdict is None:
            return self
        said = replace(self.entry, outcome=verdict.outcome.value, open_checks=open_checks(verdict))
        return replace(self, entry=said)

    def accepted(self, acceptance: Acceptance) -> Packed:
        """Return the same with who took it over."""
        return replace(self, entry=replace(self.entry, acceptance=acceptance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run that was read from a store: what is kept of it, and the bytes that it was read from, with their tag."""

    kept: Kept
    run: Run
    stored: Tagged


def pack(path: Path) -> Packed:
    """Read a run from a file, and the samples beside it.

    Raises ArtifactProblem where it is another artifact, or cannot be put in order, and where the samples are not those
    that the run was written with.
    """
    data = read_file(path)
    run = load_run(data, name=str(path))
    entry, row = described(run, file=str(path))
    return Packed(
        run=run,
        entry=entry,
        row=row,
        data=_compressed(data),
        samples=_samples_beside(run.samples, path.parent) if isinstance(run.samples, Sidecar) else None,
    )


def _compressed(data: bytes) -> bytes:
    return data if data.startswith(MAGIC) else gzip.compress(data, mtime=0)


def _samples_beside(sidecar: Sidecar, folder: Path) -> bytes:
    file = folder / sidecar.file
    data = read_file(file)
    require_sidecar(sidecar, data, place=str(file))
    return data


def described(run: Run, *, file: str) -> tuple[IndexEntry, RunRow]:
    """Return what a store keeps of a run."""
    return entry_of(run, file=file), row_of(run, file=file)


def keep(store: Store, packed: Packed) -> str:
    """Put a run into the history, its samples first, and return its key.

    A run that lies there already is left as it is, but for what is known of it now. The part of it that an interruption
    left is replaced, with what was said of that part. Raises ConditionFailed where another run lies under its key, or
    more of this one.
    """
    try:
        _keep(store, packed)
    except ConditionFailed:
        _keep(store, packed)  # somebody may have stored this run in between: it is looked at again
    return packed.key


def _keep(store: Store, packed: Packed) -> None:
    there = _read(store, packed.key)
    run = None if there is None else _whole(store, packed.key, there)
    if run is not None:
        _require_part(run, packed, store)
    _put_samples(store, packed)
    if there is not None and run == packed.run:
        _refresh(store, packed, there)
    else:
        put_of_run(store, packed.key, packed.data, packed.entry, "absent" if there is None else there.etag)


def _whole(store: Store, key: str, there: Tagged) -> Run | None:
    """Return the run under a key of the history; None for damaged bytes, which the run of that key replaces."""
    try:
        return _loaded(store, key, there.data)
    except StoreDamaged:
        return None


def put_of_run(store: Store, key: str, data: bytes, entry: IndexEntry | None, condition: Condition) -> None:
    """Put what belongs to a run under a key that holds its id, also into a store that ignores conditions.

    There nobody else writes such a key. Raises ConditionFailed where the condition does not hold.
    """
    try:
        store.put(key, data, entry, condition)
    except ConditionsIgnored:
        store.put(key, data, entry)


def _read(store: Store, key: str) -> Tagged | None:
    try:
        return store.read(key)
    except NotStored:
        return None


def _require_part(there: Run, packed: Packed, store: Store) -> None:
    """Refuse to replace another run, and one that went on since."""
    if there.benchmark.id != packed.entry.id:
        raise ConditionFailed(
            f"another run lies under {packed.key} already", place=store.place, hint="Repeat the run to get another id."
        )
    stored, ours = there.samples.requests, packed.run.samples.requests
    if stored > ours:
        raise ConditionFailed(
            f"this is an earlier part of a run that is stored already: it has {ours} of {stored} requests",
            place=store.place,
            hint="Name the file that the resumed run wrote.",
        )


def _put_samples(store: Store, packed: Packed) -> None:
    """Put the samples that lie beside a run; what was there instead is damaged, or of an earlier part of the run."""
    if packed.samples is None:
        return
    key = samples_key(packed.key)
    try:
        put_of_run(store, key, packed.samples, None, "absent")
    except ConditionFailed:
        there = store.read(key)
        if there.data != packed.samples:
            put_of_run(store, key, packed.samples, None, there.etag)


def _refresh(store: Store, packed: Packed, there: Tagged) -> None:
    """Say of a run that is stored already what is known of it now: its outcome, or that it was accepted."""
    known = store.entry(packed.key)
    said = packed.entry if known is None else joined(packed.entry, known)
    if known is None or _told(said) != _told(known):
        put_of_run(store, packed.key, there.data, said, there.etag)


def _told(entry: IndexEntry) -> tuple[object, ...]:
    """Return what is said of a run by others than itself."""
    return entry.outcome, entry.open_checks, entry.acceptance


def kept_runs(listings: Iterable[Listing]) -> tuple[Kept, ...]:
    """Return the runs among what a store lists."""
    return tuple(
        Kept(one.key, one.entry, one.entry.run)
        for one in listings
        if one.entry is not None and one.entry.run is not None
    )


def looks(store: Store, *, first: int, until: str | None = None) -> Iterator[tuple[Kept, ...]]:
    """Yield the `first` newest runs of a history, newest first, then ever more of them, until all were seen.

    Days after `until` (`2026/03/02`) are left out.
    """
    count, seen = first, -1
    while True:
        listed = store.newest(RESULTS, count, until=until)
        if len(listed) > seen:
            yield kept_runs(listed)
        if len(listed) < count:
            return
        count, seen = count * _WIDER, len(listed)


def kept_at(store: Store, key: str) -> Kept | None:
    """Return the run under a key; None where nothing lies there.

    Where bytes have no entry (a writer was killed in between, or another program put them there) they are opened.
    """
    entry = store.entry(key)
    if entry is not None and entry.run is not None:
        return Kept(key, entry, entry.run)
    there = opened(store, key)
    return None if there is None else there.kept


def opened(store: Store, key: str) -> Opened | None:
    """Read the run under a key; None where nothing lies there, StoreDamaged where it is no run.

    What it measured is told by its bytes, and only what was judged of it, and who accepted it, by an entry: that may be
    an older one, where a writer was killed or is at work.
    """
    stored = _read(store, key)
    if stored is None:
        return None
    run = _loaded(store, key, stored.data)
    with _in_store(f"{store.place}/{key}"):
        own, row = described(run, file=f"{store.place}/{key}")
        keys = dict.fromkeys((key, run_key(own, row)))
    entries = (store.entry(each) for each in keys)
    known = next((entry for entry in entries if entry is not None and entry.id == own.id), own)
    return Opened(kept=Kept(key, joined(own, known), row), run=run, stored=stored)


def packed_from(store: Store, key: str) -> Packed:
    """Take a run and its samples out of a store as they go into another; StoreProblem where they are not whole."""
    there = opened(store, key)
    if there is None:
        raise not_stored(key, store.place)
    entry, row, sidecar = there.kept.entry, there.kept.row, there.run.samples
    packed = Packed(run=there.run, entry=entry, row=row, data=_compressed(there.stored.data), samples=None)
    if not isinstance(sidecar, Sidecar):
        return packed
    beside = samples_key(packed.key)
    samples, place = store.get(beside), f"{store.place}/{beside}"
    with _in_store(place):
        require_sidecar(sidecar, samples, place=place)
    return replace(packed, samples=samples)


def open_run(store: Store, key: str) -> Run:
    """Return the run under a key; NotStored, or StoreDamaged where it is none."""
    return _loaded(store, key, store.get(key))


def _loaded(store: Store, key: str, data: bytes) -> Run:
    with _in_store(f"{store.place}/{key}"):
        return load_run(data, name=f"{store.place}/{key}")


@contextmanager
def _in_store(place: str) -> Iterator[None]:
    """Say of what is wrong with an artifact that a store holds it: nobody can name another file instead."""
    try:
        yield
    except ArtifactCorrupt as error:
        raise StoreDamaged(
            error.message,
            place=place,
            hint="`lens-gate baseline save` replaces a damaged baseline by a run at hand; a damaged run of the history"
            " is replaced where the same run is stored again.",
        ) from error
    except ArtifactProblem as error:
        raise StoreProblem(error.message, place=place, hint=error.hint) from error


@contextmanager
def asked_for_baseline() -> Iterator[None]:
    """Say that there is no baseline where one is asked for, and the store cannot give what it holds."""
    try:
        yield
    except StoreProblem as error:
        raise NoBaseline(f"the baseline cannot be read: {error.message}", place=error.place, hint=error.hint) from error


def samples_in(store: Store, run: Run, *, key: str | None = None) -> Samples:
    """Return the samples of a stored run: from inside, or from the history, where large ones lie beside it.

    Beside a `key` that another program chose they lie under the name that the run gives. Raises StoreProblem where they
    are gone or damaged.
    """
    with _in_store(f"{store.place}: the samples of the run {run.benchmark.id}"):
        if key is not None:
            folder = key.rpartition("/")[0]
            return samples_of(run, lambda name: store.get(f"{folder}/{name}" if folder else name))
        entry, row = described(run, file=store.place)
        return samples_of(run, lambda _: store.get(samples_key(run_key(entry, row))))
