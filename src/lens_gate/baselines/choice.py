"""Which of the stored runs is the baseline: the best fit of those that may be compared, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from lens_gate.artifacts.identity import moment_of
from lens_gate.baselines.comparable import Difference, Subject, differences, schema_difference
from lens_gate.baselines.fitness import NO_STANDARDS, UNCOMMITTED_CHANGES, Standards, defects, is_of_change
from lens_gate.vocabulary.index import Acceptance, IndexEntry, RunRow
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.stored_runs import MUST_MATCH, Aspect


@dataclass(frozen=True, slots=True)
class Named:
    """The run that was made the baseline of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class AtCommit:
    """The run of the first of these commits that has one: a tag, or a merge base and those before it."""

    commits: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class OnBranch:
    """The newest good run of a branch."""

    branch: str


@dataclass(frozen=True, slots=True)
class NewestGood:
    """The newest good run of any branch."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """The newest of so many good runs, which are the whole history."""

    runs: int


Choice: TypeAlias = Named | AtCommit | OnBranch | NewestGood | Rolling


@dataclass(frozen=True, slots=True)
class Kept:
    """A run in a store: its key, and what is kept beside it."""

    key: str
    entry: IndexEntry
    row: RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a stored run must have in common with the run that is judged, and be by itself.

    `subject` is None where nothing is known of that run, `now` is the time at which acceptances are held against. A run
    of the history that began after `latest` (RFC 3339 in UTC; None: at any time) is no baseline of what came before it.
    """

    subject: Subject | None
    now: datetime
    latest: str | None = None
    schema_version: int
    must_match: Collection[Aspect] = MUST_MATCH
    standards: Standards = NO_STANDARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The baseline, or None and why; `remarks` are differences that do not stand in the way."""

    baseline: Kept | None
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def choose(kept: Sequence[Kept], choice: Choice, guard: Guard) -> Found:
    """Return the baseline among runs of the history, newest first; for a named one, among the one with that name.

    Runs that are passed over are counted by their reason, so that nobody wonders where they went.
    """
    passed: dict[str, int] = {}
    for one in _in_order(kept, choice):
        reason = _passed_over(one, choice, guard)
        if reason is None:
            refused, remarks = _held(one, guard)
            if not refused:
                return Found(baseline=one, remarks=remarks)
            reason = " ".join(refused)
        passed[reason] = passed.get(reason, 0) + 1
    return Found(baseline=None, reasons=tuple(map(_counted, passed.items())) or (_none(choice),))


def stranger(one: Kept, choice: Choice, like: Guard) -> str | None:
    """Say why a run before the baseline tells nothing of how much its runs differ; None where it does.

    `like` holds the baseline. Only where the good runs alone are the whole history, a run that failed its gate is no
    part of it: elsewhere a slow day is a day.
    """
    if isinstance(choice, Rolling) and good(one.entry, one.row) is not None:
        return "not good"
    apart = next((each.aspect for each in _differences(one, like) if each.aspect in like.must_match), None)
    return None if apart is None else _STRANGE[apart]


_STRANGE = {
    Aspect.MODEL: "of other models",
    Aspect.RETURNED_MODEL: "answered by another version of a model",
    Aspect.ENDPOINT: "of another endpoint",
    Aspect.REGION: "from another region",
    Aspect.RUNNER: "from another kind of machine",
    Aspect.PROMPTS: "with other prompts",
    Aspect.CONFIG: "with another configuration",
    Aspect.CACHE: "with another share from the cache",
    Aspect.SCHEMA: "of a newer format",
}


def good(entry: IndexEntry, row: RunRow) -> str | None:
    """Say why a run of the history cannot be taken for good; None where it can."""
    if row.defect is not None:
        return f"It cannot be trusted: {row.defect}."
    if entry.outcome in {Outcome.REGRESSION, Outcome.NOT_MEASURED} and entry.acceptance is None:
        return "It failed its gate." if entry.outcome == Outcome.REGRESSION else "What counts in it was not measured."
    if row.uncommitted:
        return UNCOMMITTED_CHANGES
    if is_of_change(row.event):
        return "It was measured for a change that was not merged then."
    return None


def _in_order(kept: Sequence[Kept], choice: Choice) -> Iterable[Kept]:
    """Return the runs in the order in which they are asked for."""
    match choice:
        case AtCommit(commits=commits):
            rank = {commit: place for place, commit in enumerate(commits)}
            asked = [one for one in kept if one.entry.commit in rank]
            return sorted(asked, key=lambda one: rank[one.entry.commit or ""])
        case OnBranch(branch=branch):
            return [one for one in kept if one.entry.branch == branch]
        case Named() | NewestGood() | Rolling():
            return kept
        case _ as never:
            assert_never(never)


def _passed_over(one: Kept, choice: Choice, guard: Guard) -> str | None:
    """Say why a run is no baseline by itself; a named one was looked at when it was named."""
    if isinstance(choice, Named):
        return None
    if guard.latest is not None and one.row.start_time > guard.latest:  # as text, which stores keep in order of time
        return "It was made after this run, or by a clock that is ahead."
    return good(one.entry, one.row)


def _held(one: Kept, guard: Guard) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what refuses a run, and what is only told."""
    found = [*_differences(one, guard)]
    refused = [each.sentence for each in found if each.aspect in guard.must_match]
    refused += [each.sentence for each in defects(one.row, guard.standards)]
    expired = _expired(one.entry, guard.now)
    remarks = tuple(each.sentence for each in found if each.aspect not in guard.must_match)
    return (*refused, *((expired,) if expired else ())), remarks


def _differences(one: Kept, guard: Guard) -> Iterable[Difference]:
    newer = schema_difference(one.entry, guard.schema_version)
    if newer is not None:
        yield newer
    if guard.subject is not None:
        yield from differences(Subject.of(one.entry, one.row), guard.subject)


def over(acceptance: Acceptance, now: datetime) -> bool:
    """Say whether the time for which somebody accepted a run has passed."""
    if acceptance.expires is None:
        return False
    end = moment_of(acceptance.expires)
    return end is None or end <= now  # what has an end that nobody can read must not last for ever


def _expired(entry: IndexEntry, now: datetime) -> str | None:
    """Say that what somebody accepted was accepted for a time that is over."""
    acceptance = entry.acceptance
    if acceptance is None or acceptance.expires is None or not over(acceptance, now):
        return None
    return f"{acceptance.by} accepted it until {acceptance.expires[:10]}, which is over."


def _counted(passed: tuple[str, int]) -> str:
    reason, number = passed
    return reason if number == 1 else f"{reason} ({number} stored runs)"


def _none(choice: Choice) -> str:
    match choice:
        case Named(name=name):
            return f"No baseline {name} was saved yet."
        case AtCommit(what=what):
            return f"No run of {what} is stored."
        case OnBranch(branch=branch):
            return f"No run of the branch {branch} is stored."
        case NewestGood() | Rolling():
            return "No run is stored."
        case _ as never:
            assert_never(never)
