"""Named baselines in a store: saved when they are fit, replaced by one writer at a time, and never without a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import orjson

from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.run import Run, Sidecar
from lens_gate.artifacts.verdict import Verdict
from lens_gate.baselines.choice import Kept, over
from lens_gate.baselines.fitness import ACCEPTABLE, Offer, Refusal, Standards, refusals, standing
from lens_gate.baselines.keys import BASELINES, baseline_key, baseline_name, run_key, samples_key, version_key
from lens_gate.errors import ConditionFailed, NoBaseline, NotStored, StoreDamaged, UsageProblem
from lens_gate.steps.archived.archive import Opened, Packed, keep, opened, pack, samples_in
from lens_gate.steps.judging.judge import Rules, analyze_run, judge
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.world import World, rfc3339
from lens_gate.stores.base import Condition, ETag, Store, check_key
from lens_gate.stores.files import write_file, write_named
from lens_gate.vocabulary.index import Acceptance, IndexEntry

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
class Unreadable:
    """A baseline whose bytes are damaged: what an entry says of it, the tag by which it can be replaced, and why."""

    entry: IndexEntry | None
    etag: ETag
    problem: StoreDamaged


Held: TypeAlias = Opened | Unreadable | None
"""What lies under the name of a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A baseline that was saved, and what it replaced, if anything; not `renewed`: it was the baseline already."""

    baseline: Kept
    replaced: Held
    renewed: bool = True


def save(order: SaveOrder, store: Store, judged_by: Rules, world: World) -> Saved:
    """Make a run the baseline of a name, in place of the one before, which stays in the baseline's history.

    Raises NoBaseline with every reason why it may not become one, and ConditionFailed where somebody else replaced the
    baseline in between.
    """
    current = held_as(store, order.name)
    packed, found = _offered(order, current, store, judged_by, world)
    left = standing(found, accepted=order.taking is not None)
    if left:
        raise _refused(left, place=str(order.path), name=order.name)
    if order.taking is not None:
        packed = packed.accepted(_acceptance(order.taking, world))
    return record(succeeding(packed, current, world), store, name=order.name, current=current)


def check(order: SaveOrder, store: Store, judged_by: Rules, world: World) -> IndexEntry:
    """Return what would be kept of a run that `save` would make the baseline; NoBaseline with every reason against."""
    packed, found = _offered(order, held_as(store, order.name), store, judged_by, world)
    if found:
        raise _refused(found, place=str(order.path), name=order.name)
    return packed.entry


def _offered(
    order: SaveOrder, current: Held, store: Store, judged_by: Rules, world: World
) -> tuple[Packed, tuple[Refusal, ...]]:
    """Return a run with what was judged of it, and every reason why it may not replace the current baseline."""
    packed = pack(order.path)
    packed = packed.judged(_verdict(order, packed.run, current, store, judged_by, world))
    return packed, unfit(packed, current, order.standards, world, branch=order.branch)


def unfit(
    packed: Packed,
    current: Held,
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
        current=_entry_in(current),
        event=world.runner.event,
        branch=branch,
        compared=compared,
    )
    return refusals(offer, standards)


def fetch(store: Store, current: Opened, path: Path) -> None:
    """Write a baseline to a file, and its samples beside it, where it has them in a file of their own."""
    samples = current.run.samples
    if isinstance(samples, Sidecar):
        write_file(path.parent / samples.file, store.get(samples_key(run_key(current.kept.entry, current.kept.row))))
    write_named(path, dumps(current.run))


def current_of(store: Store, name: str) -> Opened | None:
    """Read what a baseline is now; None where there is none of that name, StoreProblem where it cannot be read."""
    return opened(store, baseline_key(name))


def stored_under(store: Store, key: str) -> Opened:
    """Read the run under a key of the history, or the one that a key of a former version points to.

    Raises StoreProblem where there is none any more: what no baseline stands on is pruned some day.
    """
    pointed = _pointed(store, key) if key.startswith(BASELINES) and baseline_name(key) is None else key
    there = opened(store, pointed)
    if there is None:
        raise NotStored(
            f"nothing is stored under {pointed}",
            place=store.place,
            hint="`lens-gate baseline list --last 20` shows the keys of the newest runs.",
        )
    return there


def _pointed(store: Store, key: str) -> str:
    try:
        return check_key(str(orjson.loads(store.get(key))["key"]))
    except (orjson.JSONDecodeError, TypeError, KeyError, UsageProblem) as error:
        raise StoreDamaged(
            "this does not say which run was the baseline",
            place=f"{store.place}/{key}",
            hint="Name the run by its key.",
        ) from error


def held_as(store: Store, name: str) -> Held:
    """Read what lies under the name of a baseline, and may be damaged; StoreProblem for one of a newer lens-gate."""
    try:
        return current_of(store, name)
    except StoreDamaged as problem:
        key = baseline_key(name)
        return Unreadable(entry=store.entry(key), etag=store.read(key).etag, problem=problem)


def _entry_in(held: Held) -> IndexEntry | None:
    return held.kept.entry if isinstance(held, Opened) else held.entry if held else None


def succeeding(packed: Packed, current: Held, world: World) -> Packed:
    """Return a run with the acceptance of the baseline that it replaces, as long as that lasts.

    It was judged by what somebody took over for a time: as good as that is not as good as what was before it.
    """
    former = _entry_in(current)
    if former is None or former.acceptance is None or packed.entry.acceptance is not None:
        return packed
    ended = over(former.acceptance, world.now()) and former.id != packed.entry.id
    return packed if ended else packed.accepted(former.acceptance)


def record(packed: Packed, store: Store, *, name: str, current: Held) -> Saved:
    """Put a run that is fit into the history, and make it the baseline if nobody replaced `current` in between."""
    keep(store, packed)  # also where it is the baseline already: what somebody damaged or removed below it is mended
    if isinstance(current, Opened) and _same(current, packed):
        return Saved(baseline=current.kept, replaced=None, renewed=False)
    former = _entry_in(current)
    if former is not None and former.id != packed.entry.id:  # a part of the run itself is no version
        _remember(store, name, former)  # first, so that a kill in between loses no version
    key = baseline_key(name)
    try:
        store.put(key, packed.data, packed.entry, _condition(current))
    except ConditionFailed as failure:
        raise _overtaken(store, name) from failure
    return Saved(baseline=Kept(key, packed.entry, packed.row), replaced=current)


def _condition(held: Held) -> Condition:
    """Return the condition under which what was looked at is replaced."""
    if held is None:
        return "absent"
    return held.stored.etag if isinstance(held, Opened) else held.etag


def _same(current: Opened, packed: Packed) -> bool:
    """Whether an offer is the baseline already: saved once more, it stays as it was accepted, and until when."""
    return current.run == packed.run and packed.entry.acceptance in {None, current.kept.entry.acceptance}


def _remember(store: Store, name: str, former: IndexEntry) -> None:
    if former.run is None:
        return
    key = version_key(name, former, former.run)
    if store.entry(key) is None:  # also where a writer was killed after the bytes; all write the same ones
        store.put(key, orjson.dumps({"run": former.id, "key": run_key(former, former.run)}), former)


def _overtaken(store: Store, name: str) -> ConditionFailed:
    winner = store.entry(baseline_key(name))
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


def _verdict(order: SaveOrder, run: Run, current: Held, store: Store, judged_by: Rules, world: World) -> Verdict | None:
    """Return what was judged of a run: by the verdict that is named, the one beside it, or judged now."""
    beside = order.path.parent / VERDICT_FILE
    named = order.verdict or (beside if beside.is_file() else None)
    if named is not None:
        artifact = read_artifact(named)
        about = isinstance(artifact, Verdict) and artifact.analysis.benchmark.id == run.benchmark.id
        if isinstance(artifact, Verdict) and about:
            return artifact
        if order.verdict is not None:
            raise UsageProblem(
                "this is no verdict on the run that is to become the baseline",
                place=str(named),
                hint="Name the verdict.json of that run, or leave --verdict out to have it judged now.",
            )
    return _judged_now(order.path, run, current, store, judged_by, world)


def _judged_now(path: Path, run: Run, current: Held, store: Store, judged_by: Rules, world: World) -> Verdict | None:
    """Judge a run against the baseline that it would replace; None where the two cannot be compared."""
    stored = _comparable(current, store, world)
    try:
        analysis = analyze_run(run, samples_beside(run, path), judged_by, world, stored=stored)
    except NoBaseline:
        return None
    return judge(analysis, judged_by, world)


def _comparable(current: Held, store: Store, world: World) -> Stored | Missing | None:
    """Return what a run can be compared with; of a damaged baseline it is said that nothing can, so that it can go."""
    if current is None:
        return None
    try:
        if isinstance(current, Unreadable):
            raise current.problem
        return Stored(run=current.run, samples=samples_in(store, current.run))
    except (StoreDamaged, NotStored) as problem:
        world.say(f"not compared with the baseline before it, which cannot be read: {problem.place}: {problem.message}")
        return Missing(reason="The baseline cannot be read.")


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
