"""One store brought up to date from another: the runs that it lacks, what became known of others, and the baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import assert_never

from lens_gate.baselines.keys import (
    BASELINES,
    RESULTS,
    SAMPLES_ENDING,
    baseline_key,
    baseline_name,
    samples_key,
    versions_folder,
)
from lens_gate.baselines.two_stores import Lead, agreed, lead, tells_more
from lens_gate.errors import ConditionFailed, NotStored, StoreProblem, UsageProblem
from lens_gate.steps.archived.archive import Opened, keep, kept_runs, packed_from, put_of_run
from lens_gate.steps.baselines.keeping import current_of, record
from lens_gate.stores.base import Listing, Store


@dataclass(frozen=True, slots=True)
class Left:
    """A file that was not copied, and the sentence that says why."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What was copied, the baselines that both stores changed, which stay as they are, and what could not be copied."""

    copied: tuple[str, ...]
    apart: tuple[str, ...]
    left: tuple[Left, ...]


Listed = Mapping[str, Listing]
"""What a store holds, by key."""


def sync(source: Store, target: Store, *, dry_run: bool) -> Synced:
    """Copy what another store lacks, or knows less of: the history first, then the baselines.

    A baseline replaces the other store's only where it took the place of that one. Runs without an entry are opened.
    Samples go with their run; those without one are what a killed writer left.
    """
    if source.place == target.place:
        raise UsageProblem("a store is not synced with itself", place=source.place, hint="Name another one with --to.")
    here, there = _listed(source), _listed(target)
    copying = _Copying(source, target, here, there, dry_run=dry_run)
    copying.runs()
    copying.versions()
    for name in filter(None, map(baseline_name, here)):
        copying.baseline(name)
    return Synced(copied=tuple(copying.copied), apart=tuple(copying.apart), left=tuple(copying.left))


def _listed(store: Store) -> Listed:
    return {one.key: one for one in (*store.list(f"{RESULTS}/"), *store.list(BASELINES))}


class _Copying:
    """One way from a store to another; both were listed before anything was copied."""

    def __init__(self, source: Store, target: Store, here: Listed, there: Listed, *, dry_run: bool) -> None:
        self._source, self._target = source, target
        self._here, self._there = here, there
        self._dry_run = dry_run
        self.copied: list[str] = []
        self.apart: list[str] = []
        self.left: list[Left] = []

    def runs(self) -> None:
        """Copy the runs of the history."""
        for key in self._outdated():
            try:
                if not self._dry_run:
                    self._copy_run(key)
            except (StoreProblem, ConditionFailed) as problem:
                self.left.append(Left(key, problem.message))
            else:
                self.copied += [one for one in (samples_key(key), key) if one in self._here]

    def versions(self) -> None:
        """Copy what tells which runs a baseline was before."""
        for key, one in self._here.items():
            if key.startswith(BASELINES) and baseline_name(key) is None and key not in self._there:
                self._copy_version(one)
                self.copied.append(key)

    def baseline(self, name: str) -> None:
        """Copy a named baseline, unless the other store's came later, or nobody knows which did."""
        key = baseline_key(name)
        try:
            ours, theirs = current_of(self._source, name), current_of(self._target, name)
            if ours is not None and self._brought(name, ours, theirs):
                self.copied.append(key)
        except ConditionFailed:  # somebody else replaced it meanwhile
            self.apart.append(name)
        except StoreProblem as problem:
            self.left.append(Left(key, f"{problem.place}: {problem.message}"))

    def _outdated(self) -> Iterator[str]:
        for key, one in self._here.items():
            if key.startswith(RESULTS) and not key.endswith(SAMPLES_ENDING):
                other = self._there.get(key)
                if other is None or tells_more(one.entry, other.entry):
                    yield key

    def _copy_run(self, key: str) -> None:
        packed = packed_from(self._source, key)
        other = self._there.get(packed.key)
        known = packed.entry if other is None or other.entry is None else other.entry
        keep(self._target, replace(packed, entry=agreed(packed.entry, known)))

    def _copy_version(self, one: Listing) -> None:
        with suppress(ConditionFailed, NotStored):  # somebody else brought it, or took it away
            if not self._dry_run:
                put_of_run(self._target, one.key, self._source.get(one.key), one.entry, "absent")

    def _brought(self, name: str, ours: Opened, theirs: Opened | None) -> bool:
        """Say whether the baseline goes over, and let it go."""
        if theirs is not None and theirs.kept.entry.id == ours.kept.entry.id:
            return self._told(ours, theirs)
        if theirs is not None:
            match self._lead(name, ours, theirs):
                case Lead.OURS:
                    pass
                case Lead.THEIRS:
                    return False
                case Lead.APART:
                    self.apart.append(name)
                    return False
                case _ as never:
                    assert_never(never)
        if not self._dry_run:
            record(packed_from(self._source, ours.kept.key), self._target, name=name, current=theirs)
        return True

    def _lead(self, name: str, ours: Opened, theirs: Opened) -> Lead:
        return lead(
            ours=ours.kept.entry.id,
            theirs=theirs.kept.entry.id,
            our_past=_past(name, self._here.values()),
            their_past=_past(name, self._there.values()),
        )

    def _told(self, ours: Opened, theirs: Opened) -> bool:
        """Tell the other store what this one knows of the run that is the baseline of both."""
        key, entry = ours.kept.key, theirs.kept.entry
        known = agreed(entry, ours.kept.entry)
        if known == entry and self._there[key].entry:
            return False
        if not self._dry_run:
            self._target.put(key, theirs.stored.data, known, theirs.stored.etag)
        return True


def _past(name: str, listings: Iterable[Listing]) -> frozenset[str]:
    folder = versions_folder(name)
    return frozenset(one.entry.id for one in kept_runs(each for each in listings if each.key.startswith(folder)))
