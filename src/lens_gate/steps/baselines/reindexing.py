"""An index that says less than the store holds, brought up to date from the stored runs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lens_gate.baselines.keys import BASELINES, RESULTS, RUN_ENDING, baseline_name
from lens_gate.errors import ArtifactProblem, ConditionFailed, StoreDamaged
from lens_gate.steps.archived.archive import opened, put_of_run
from lens_gate.stores.base import Store


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is no run, and why it was left as it is."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """The keys that have an entry again, and those that could not be read."""

    restored: tuple[str, ...]
    left: tuple[Unread, ...]


def reindex(store: Store, *, dry_run: bool) -> Reindexed:
    """Give every stored run an entry that has none: a writer was killed before it, or the index was deleted.

    What a run itself does not say is lost with its entry: what was judged of it, and who accepted it. Of a baseline the
    entry of its run in the history still says both, so that the history comes first.
    """
    restored: list[str] = []
    left: list[Unread] = []
    for key in _without_entry(store):
        try:
            if _restored(store, key, dry_run=dry_run):
                restored.append(key)
        except (ArtifactProblem, StoreDamaged) as problem:
            left.append(Unread(key, problem.message))
    return Reindexed(restored=tuple(restored), left=tuple(left))


def _without_entry(store: Store) -> Iterator[str]:
    for one in store.list(f"{RESULTS}/"):
        if one.entry is None and one.key.endswith(RUN_ENDING):
            yield one.key
    for one in store.list(BASELINES):
        if one.entry is None and baseline_name(one.key) is not None:
            yield one.key


def _restored(store: Store, key: str, *, dry_run: bool) -> bool:
    """Put the bytes of a run once more, with their entry; whoever writes or removes the key meanwhile is right."""
    there = opened(store, key)
    if there is None:
        return False
    if not dry_run:
        try:
            put_of_run(store, key, there.stored.data, there.kept.entry, there.stored.etag)
        except ConditionFailed:
            return False
    return True
