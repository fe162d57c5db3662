"""The baseline in a store: chosen from what is kept beside the runs, and opened alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import assert_never

from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.analysis.past import TOO_OLD, Judged, PastRun, Usable, usable_runs
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.entry import written_time
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.run import Run
from lens_gate.baselines.anchor import drifted, largest
from lens_gate.baselines.choice import (
    AtCommit,
    Choice,
    Found,
    Guard,
    Kept,
    Named,
    NewestGood,
    OnBranch,
    Rolling,
    choose,
    stranger,
)
from lens_gate.baselines.comparable import Subject, differences
from lens_gate.baselines.fitness import Standards
from lens_gate.baselines.keys import baseline_key
from lens_gate.baselines.renewal import staleness
from lens_gate.ci.repository import ChangePlace, Repository
from lens_gate.config.model import BaselineChoice
from lens_gate.errors import PublishFailed, StoreDamaged, UsageProblem
from lens_gate.steps.archived.archive import described, kept_at, looks, open_run, opened, samples_in
from lens_gate.steps.archived.store_address import named_file, renewed_every, shown
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.vocabulary.index import RunRow
from lens_gate.vocabulary.stored_runs import MOST_RUNS, Selection

_FIRST_LOOK = 60
"""How many runs of the history are looked at first."""
_MOST_LOOKS = 3
"""Each takes four times as many: after 960 runs, what is further back says little about today."""
_ANCESTORS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a baseline is chosen for: the series, the run where it was made already, and what is known of it."""

    series: Collection[str]
    subject: Subject | None
    judged: Judged | None = None
    row: RunRow | None = None


def wanted_for(run: Run) -> Wanted:
    """Return what a baseline of a run that was made already is chosen for."""
    entry, row = described(run, file=run.benchmark.id)
    return Wanted(
        series=[f"{one.provider}/{one.model}" for one in row.series],
        subject=Subject.of(entry, row),
        judged=Judged.of(run),
        row=row,
    )


def stored_in(address: str, config: BaselineChoice, wanted: Wanted, world: World) -> Stored | Missing:
    """Choose and open the baseline in a store, and take the runs before it from their entries alone.

    The address may be that of one stored run, which then is the baseline if it may be compared.
    """
    single = named_file(address)
    if single is not None:
        return _only(world.store(single[0]), single[1], config, wanted, world)
    store = world.store(address)
    choice = choice_of(config, world)
    guard = _guard(config, wanted, world.now())
    if isinstance(choice, Named):
        found, run = _named(store, baseline_key(choice.name), choice, guard)
    else:
        found, run = _of_history(store, choice, guard, wanted.judged)
    if found.baseline is None or run is None:
        return Missing(reason=" ".join(found.reasons))
    baseline = found.baseline
    history = _history(store, baseline, choice, guard, wanted)
    notes = (*_notes(store, config, baseline, wanted, world.now()), history.note())
    return Stored(
        run=run,
        samples=samples_in(store, run),
        earlier=history.runs[:-1],
        notes=(*filter(None, notes), *_remarked(found)),
    )


def after_measuring(stored: Stored, run: Run, address: str, config: BaselineChoice, world: World) -> Stored | Missing:
    """Hold a baseline that was chosen before a run against what only the run could tell, such as who answered."""
    then, now = Subject.of(*described(stored.run, file=shown(address))), wanted_for(run)
    found = () if now.subject is None else differences(then, now.subject)
    refused = [one.sentence for one in found if one.aspect in config.must_match]
    if refused:
        return Missing(reason=" ".join(refused))
    single = named_file(address) is not None
    return stored if single else replace(stored, notes=(*stored.notes, *_drift(world.store(address), config, now)))


def _only(store: Store, key: str, config: BaselineChoice, wanted: Wanted, world: World) -> Stored | Missing:
    found, run = _named(store, key, Named(key), _guard(config, wanted, world.now()))
    if found.baseline is None or run is None:
        return Missing(reason=" ".join(found.reasons))
    return Stored(run=run, samples=samples_in(store, run, key=key), notes=_remarked(found))


def _remarked(found: Found) -> tuple[str, ...]:
    return tuple(f"Of the baseline: {remark}" for remark in found.remarks)


def choice_of(config: BaselineChoice, world: World) -> Choice:
    """Return which run is asked for, with what git knows; UsageProblem where git does not know it."""
    match config.select:
        case Selection.NAMED:
            return Named(config.name)
        case Selection.BRANCH:
            return OnBranch(config.branch)
        case Selection.NEWEST_GOOD:
            return NewestGood()
        case Selection.ROLLING:
            return Rolling(config.window)
        case Selection.TAG | Selection.MERGE_BASE:
            return _at_commit(config, _repository(world), world.runner.place)
        case _ as never:
            assert_never(never)


def _at_commit(config: BaselineChoice, repository: Repository, place: ChangePlace) -> AtCommit:
    if config.select is Selection.MERGE_BASE:
        commits = repository.ancestors(repository.default_base(place), _ANCESTORS)
        return AtCommit(commits, "the merge base or of a commit before it")
    if config.tag is None:
        raise UsageProblem(
            "the baseline is to be the run of a tag, and none is named", hint="Set `regression.baseline.tag`."
        )
    return AtCommit((repository.resolve(config.tag),), f"the tag {config.tag}")


def _repository(world: World) -> Repository:
    if world.repository is None:
        raise UsageProblem(
            "the baseline is to be chosen by a commit, and this is no git repository",
            hint="Run it in a clone, or set `regression.baseline.select` to named, branch, newest_good or rolling.",
        )
    return world.repository


def _guard(config: BaselineChoice, wanted: Wanted, now: datetime) -> Guard:
    return Guard(
        subject=wanted.subject,
        now=now,
        latest=wanted.row.start_time if wanted.row else written_time(now),
        schema_version=SCHEMA_VERSIONS[Kind.RUN],
        must_match=config.must_match,
        standards=Standards(min_requests=config.min_sample_size),
    )


def _named(store: Store, key: str, choice: Named, guard: Guard) -> tuple[Found, Run | None]:
    """Choose the run under a key, and return it: what was looked at is what was read, whoever replaces it meanwhile."""
    there = opened(store, key)
    return (choose([], choice, guard), None) if there is None else (choose([there.kept], choice, guard), there.run)


def _of_history(store: Store, choice: Choice, guard: Guard, judged: Judged | None) -> tuple[Found, Run | None]:
    """Choose among the runs of the history by their entries, and open the one that was chosen."""
    found = Found(baseline=None)
    for runs in looks(store, first=_FIRST_LOOK):
        found = choose([one for one in runs if judged is None or one.entry.id != judged.id], choice, guard)
        if found.baseline is not None:
            return found, _opened_as_listed(store, found.baseline)
    return found, None


def _opened_as_listed(store: Store, kept: Kept) -> Run:
    """Open a run; StoreDamaged where the index tells of another one than lies there."""
    run = open_run(store, kept.key)
    if run.benchmark.id != kept.entry.id:
        raise StoreDamaged(
            f"the index tells of the run {kept.entry.id}, and the run {run.benchmark.id} lies here",
            place=f"{store.place}/{kept.key}",
            hint="Store the right run again, or remove this one.",
        )
    return run


def _history(store: Store, baseline: Kept, choice: Choice, guard: Guard, wanted: Wanted) -> Usable:
    """Return the runs that say how much runs like the baseline differ, oldest first, itself last, and what is left out.

    The history is walked back from the day of the baseline, whatever was stored since.
    """
    newest, day = PastRun.of_entry(baseline.entry, baseline.row), baseline.row.start_time[:10].replace("-", "/")
    like = replace(guard, subject=Subject.of(baseline.entry, baseline.row))
    usable, strange = Usable(runs=(), left_out={}), Counter[str]()
    for runs in islice(looks(store, first=_FIRST_LOOK, until=day), _MOST_LOOKS):
        others = [(one, PastRun.of_entry(one.entry, one.row)) for one in runs if one.entry.id != newest.id]
        told = [(past, stranger(one, choice, like)) for one, past in others if past.started < newest.started]
        strange = Counter(reason for _, reason in told if reason is not None)
        like_it = [past for past, reason in told if reason is None]
        usable = usable_runs([*like_it, newest], series=wanted.series, judged=wanted.judged)
        if len(usable.runs) == MOST_RUNS:
            break
    earlier = tuple(one for one in usable.runs if one.id != newest.id)
    if isinstance(choice, Rolling):
        earlier = earlier[max(0, len(earlier) - (choice.runs - 1)) :]
    left_out = {reason: number for reason, number in usable.left_out.items() if reason != TOO_OLD}
    return Usable(runs=(*earlier, newest), left_out=left_out | strange)


def _notes(store: Store, config: BaselineChoice, baseline: Kept, wanted: Wanted, now: datetime) -> Iterator[str]:
    """Yield what is told of the baseline: that somebody accepted it, that it is old, and how far the anchor lies."""
    if acceptance := baseline.entry.acceptance:
        yield f"{acceptance.by} accepted this baseline: {acceptance.reason}"
    if config.select is Selection.NAMED:
        old = staleness(saved=baseline.row.start_time, every_s=renewed_every(config), now=now, name=config.name)
        if old is not None:
            yield old
    yield from _drift(store, config, wanted)


def _drift(store: Store, config: BaselineChoice, wanted: Wanted) -> Iterator[str]:
    """Yield how far a run that was made lies from the anchor."""
    if config.anchor is None or wanted.row is None:
        return
    try:
        anchor = kept_at(store, baseline_key(config.anchor))
    except PublishFailed as failure:  # what is only told must not hide a verdict
        yield f"The anchor {config.anchor} cannot be read: {failure.message}."
        return
    if anchor is None:
        yield f"No baseline {config.anchor} is stored, so that nothing is told of the anchor."
        return
    then = Subject.of(anchor.entry, anchor.row)
    found = () if wanted.subject is None else differences(then, wanted.subject)
    apart = [one.sentence for one in found if one.aspect in config.must_match]
    told = largest(drifted(wanted.row, anchor.row), name=config.anchor)
    if apart:
        yield f"The anchor {config.anchor} is not comparable. {' '.join(apart)}"
    elif told is not None:
        yield told
