"""Named baselines in a store: saved when they are fit, replaced by one writer at a time, and never without a record."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import orjson

from lens_gate.analysis.baseline import Stored
from lens_gate.artifacts.codec import dumps, load_run
from lens_gate.artifacts.run import Run, Sidecar
from lens_gate.artifacts.verdict import Verdict
from lens_gate.baselines.choice import Kept, over
from lens_gate.baselines.fitness import ACCEPTABLE, Offer, Refusal, Standards, refusals, standing
from lens_gate.baselines.keys import baseline_key, run_key, samples_key, version_key
from lens_gate.errors import ConditionFailed, NoBaseline, NotStored, UsageProblem
from lens_gate.steps.archive import Packed, entry_at, keep, kept_by_history, pack, samples_in
from lens_gate.steps.judge import Rules, analyze_run, judge
from lens_gate.steps.reading import read_artifact, samples_beside
from lens_gate.steps.world import World, rfc3339
from lens_gate.stores.base import ETag, Store
from lens_gate.stores.files import write_file, write_named
from lens_gate.vocabulary.index import Acceptance, IndexEntry
from lens_gate.vocabulary.outcomes import Outcome

VERDICT_FILE = "verdict.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Who takes over a run that could not become a baseline by itself, why, and until when."""

    by: str
    reason: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOrder:
    """Which file becomes which baseline, by which verdict (None: the one beside it, else it is judged now)."""

    path: Path
    name: str
    standards: Standards
    branch: str | None = None
    verdict: Path | None = None
    taking: Taking | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What a baseline is now, and the tag by which it can be replaced."""

    kept: Kept
    run: Run
    etag: ETag


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A baseline that was saved, and the run that it replaced, if any; not `renewed`: it was the baseline already."""

    baseline: Kept
    replaced: Kept | None
    renewed: bool = True


def save(order: SaveOrder, store: Store, judged_by: Rules, world: World) -> Saved:
    """Make a run the baseline of a name, in place of the one before, which stays in the baseline's history.

    Raises NoBaseline with every reason why it may not become one, and ConditionFailed where somebody else replaced the
    baseline in between.
    """
    packed = pack(order.path)
    current = current_of(store, order.name)
    packed = packed.judged(_outcome(order, packed.run, current, store, judged_by, world))
    found = unfit(packed, current, order.standards, world, branch=order.branch)
    left = standing(found, accepted=order.taking is not None)
    if left:
        raise _refused(left, place=str(order.path), name=order.name)
    if order.taking is not None:
        packed = packed.accepted(_acceptance(order.taking, world))
    return record(succeeding(packed, current, world), store, name=order.name, current=current)


def check(path: Path, store: Store, name: str, standards: Standards, world: World) -> IndexEntry:
    """Return what would be kept of a run that is fit to be a baseline; of another one NoBaseline, with every reason."""
    packed = pack(path)
    found = unfit(packed, current_of(store, name), standards, world)
    if found:
        raise _refused(found, place=str(path), name=name)
    return packed.entry


def unfit(
    packed: Packed,
    current: Current | None,
    standards: Standards,
    world: World,
    *,
    branch: str | None = None,
    compared: bool = True,
) -> tuple[Refusal, ...]:
    """Return every reason why a run may not replace the current baseline, which may be one of a certain branch.

    Not `compared`: its verdict says nothing about the current baseline.
    """
    offer = Offer(
        entry=packed.entry,
        row=packed.row,
        current=current.kept.entry if current else None,
        event=world.runner.event,
        branch=branch,
        compared=compared,
    )
    return refusals(offer, standards)


def fetch(store: Store, current: Current, path: Path) -> None:
    """Write a baseline to a file, and its samples beside it, where it has them in a file of their own."""
    samples = current.run.samples
    if isinstance(samples, Sidecar):
        write_file(path.parent / samples.file, store.get(samples_key(run_key(current.kept.entry, current.kept.row))))
    write_named(path, dumps(current.run))


def current_of(store: Store, name: str) -> Current | None:
    """Read what a baseline is now; None where there is none of that name."""
    key = baseline_key(name)
    try:
        stored = store.read(key)
    except NotStored:
        return None
    run = load_run(stored.data, name=f"{store.place}/{key}")
    entry = entry_at(store, key)
    # The entry alone says who accepted it; it is an older one where a writer was killed after the bytes.
    kept = kept_by_history(store, key, run)
    if entry is not None and entry.id == kept.entry.id:
        kept = replace(kept, entry=entry)
    return Current(kept=kept, run=run, etag=stored.etag)


def succeeding(packed: Packed, current: Current | None, world: World) -> Packed:
    """Return a run with the acceptance of the baseline that it replaces, as long as that lasts.

    It was judged by what somebody took over for a time: as good as that is not as good as what was before it.
    """
    former = current.kept.entry if current else None
    if former is None or former.acceptance is None or packed.entry.acceptance is not None:
        return packed
    ended = over(former.acceptance, world.now()) and former.id != packed.entry.id
    return packed if ended else packed.accepted(former.acceptance)


def record(packed: Packed, store: Store, *, name: str, current: Current | None) -> Saved:
    """Put a run that is fit into the history, and make it the baseline if nobody replaced `current` in between."""
    keep(store, packed)  # also where it is the baseline already: what somebody damaged or removed below it is mended
    if current is not None and _same(current, packed):
        return Saved(baseline=current.kept, replaced=None, renewed=False)
    if current is not None and current.kept.entry.id != packed.entry.id:  # a part of the run itself is no version
        _remember(store, name, current.kept)  # first, so that a kill in between loses no version
    key = baseline_key(name)
    try:
        store.put(key, packed.data, packed.entry, "absent" if current is None else current.etag)
    except ConditionFailed as failure:
        raise _overtaken(store, name) from failure
    return Saved(baseline=Kept(key, packed.entry, packed.row), replaced=current.kept if current else None)


def _same(current: Current, packed: Packed) -> bool:
    """Whether an offer is the baseline already: saved once more, it stays as it was accepted, and until when."""
    return current.run == packed.run and packed.entry.acceptance in {None, current.kept.entry.acceptance}


def _remember(store: Store, name: str, former: Kept) -> None:
    pointer = {"run": former.entry.id, "key": run_key(former.entry, former.row)}
    with suppress(ConditionFailed):  # another writer did
        store.put(version_key(name, former.entry, former.row), orjson.dumps(pointer), former.entry, "absent")


def _overtaken(store: Store, name: str) -> ConditionFailed:
    winner = entry_at(store, baseline_key(name))
    who = "somebody" if winner is None else f"a writer of the run {winner.id} ({told_of(winner)})"
    return ConditionFailed(
        f"{who} replaced the baseline {name} in between, and it stands",
        place=store.place,
        hint=f"Look at it with `lens-gate baseline show --name {name}`; repeat the command to replace it by yours.",
    )


def told_of(entry: IndexEntry) -> str:
    """Say which commit of which branch a run measured."""
    commit = f"commit {entry.commit[:12]}" if entry.commit else "no commit"
    return f"{commit} of {entry.branch}" if entry.branch else commit


def _outcome(
    order: SaveOrder, run: Run, current: Current | None, store: Store, judged_by: Rules, world: World
) -> Outcome | None:
    """Return what was judged of a run: by the verdict that is named, the one beside it, or judged now."""
    beside = order.path.parent / VERDICT_FILE
    named = order.verdict or (beside if beside.is_file() else None)
    if named is not None:
        artifact = read_artifact(named)
        about = isinstance(artifact, Verdict) and artifact.analysis.benchmark.id == run.benchmark.id
        if isinstance(artifact, Verdict) and about:
            return artifact.outcome
        if order.verdict is not None:
            raise UsageProblem(
                "this is no verdict on the run that is to become the baseline",
                place=str(named),
                hint="Name the verdict.json of that run, or leave --verdict out to have it judged now.",
            )
    return _judged_now(order.path, run, current, store, judged_by, world)


def _judged_now(
    path: Path, run: Run, current: Current | None, store: Store, judged_by: Rules, world: World
) -> Outcome | None:
    """Judge a run against the baseline that it would replace; None where the two cannot be compared."""
    stored = None if current is None else Stored(run=current.run, samples=samples_in(store, current.run))
    try:
        analysis = analyze_run(run, samples_beside(run, path), judged_by, world, stored=stored)
    except NoBaseline:
        return None
    return judge(analysis, judged_by, world).outcome


def _acceptance(taking: Taking, world: World) -> Acceptance:
    expires = None if taking.expires is None else rfc3339(taking.expires)
    return Acceptance(by=taking.by, reason=taking.reason, at=rfc3339(world.now()), expires=expires)


def _refused(found: tuple[Refusal, ...], *, place: str, name: str) -> NoBaseline:
    lift = all(one.why in ACCEPTABLE for one in found)
    hint = (
        f"`lens-gate baseline accept --name {name} --reason ...` takes it over under your name."
        if lift
        else "It stays as it is; `lens-gate trend` can still use it where it is valid."
    )
    reasons = " ".join(one.sentence for one in found)
    return NoBaseline(f"this run may not become the baseline {name}. {reasons}", place=place, hint=hint)
