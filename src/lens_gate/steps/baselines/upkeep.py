"""What is done to a store as a whole: listing its baselines, and letting old runs go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from lens_gate.baselines.choice import Kept
from lens_gate.baselines.keys import (
    BASELINES,
    REPORTS,
    RESULTS,
    baseline_name,
    versions_folder,
)
from lens_gate.baselines.retention import Item, Pruning, prunable
from lens_gate.errors import NotStored, PublishFailed, UsageProblem
from lens_gate.steps.archived.archive import kept_at, kept_runs
from lens_gate.stores.base import Compacts, Listing, RemovesTogether, Store
from lens_gate.vocabulary.index import IndexEntry


@dataclass(frozen=True, slots=True)
class NamedBaseline:
    """A baseline and its name; `entry` is None where a writer was killed after the bytes."""

    name: str
    entry: IndexEntry | None


def baselines_in(store: Store) -> tuple[NamedBaseline, ...]:
    """Return the named baselines of a store without opening one."""
    named = ((baseline_name(one.key), one.entry) for one in store.list(BASELINES))
    return tuple(NamedBaseline(name, entry) for name, entry in named if name is not None)


def listed(store: Store, *, last: int | None, branch: str | None) -> tuple[tuple[str, IndexEntry | None], ...]:
    """Return the named baselines by name, or the `last` runs of the history by key, of one branch where it is named."""
    rows: list[tuple[str, IndexEntry | None]] = (
        [(one.name, one.entry) for one in baselines_in(store)]
        if last is None
        else [(one.key, one.entry) for one in store.newest(RESULTS, last)]
    )
    return tuple(row for row in rows if branch is None or (row[1] is not None and row[1].branch == branch))


def versions_of(store: Store, name: str) -> tuple[Kept, ...]:
    """Return the runs that a baseline was before, newest first; what it is now comes before them all."""
    former = kept_runs(store.list(versions_folder(name)))
    return tuple(sorted(former, key=lambda one: one.row.start_time, reverse=True))


def prune(store: Store, *, keep_s: float, now: datetime, dry_run: bool) -> Pruning:
    """Remove the runs that are older than they are to be kept, unless it is only asked which they are.

    Where the store fails in between, PublishFailed says how many are gone already.
    """
    pruning = _pruning(store, keep_s=keep_s, now=now)
    if dry_run or not pruning.removed:
        return pruning
    if isinstance(store, RemovesTogether):
        return _removed_together(store, partial(_pruning, store, keep_s=keep_s, now=now))
    _remove(store, pruning.removed)
    return pruning


def _pruning(store: Store, *, keep_s: float, now: datetime) -> Pruning:
    listed = [one for folder in (BASELINES, f"{RESULTS}/", f"{REPORTS}/") for one in store.list(folder)]
    return prunable([_item(store, one) for one in listed], keep_s=keep_s, now=now)


def _removed_together(store: RemovesTogether, decide: Callable[[], Pruning]) -> Pruning:
    """Remove what is decided at the moment of the removal; return that decision."""
    decided: list[Pruning] = []

    def choose() -> Sequence[str]:
        decided.append(decide())
        return decided[-1].removed

    store.delete_all(choose)
    return decided[-1]


def _remove(store: Store, keys: Sequence[str]) -> None:
    for gone, key in enumerate(keys):
        try:
            store.delete(key)
        except NotStored:  # somebody else pruned it
            continue
        except PublishFailed as failure:
            raise PublishFailed(
                f"{gone} of {len(keys)} files were removed, all before {key}; then {failure.message}",
                place=failure.place,
                hint=failure.hint,
            ) from failure


def _item(store: Store, one: Listing) -> Item:
    """Return a key with its entry; a baseline that lost its own is opened, since the run below it must stay."""
    if one.entry is not None or baseline_name(one.key) is None:
        return Item(one.key, one.entry)
    kept = kept_at(store, one.key)
    return Item(one.key, None if kept is None else kept.entry)


def compact(store: Store) -> None:
    """Let a branch of git forget what it held before; raises UsageProblem for other stores, which forget at once."""
    if not isinstance(store, Compacts):
        raise UsageProblem(
            "only a branch of git keeps what was replaced or removed",
            place=store.place,
            hint="Name one, as in --store git:lens-gate; elsewhere `lens-gate baseline prune` frees the space.",
        )
    store.compact()
