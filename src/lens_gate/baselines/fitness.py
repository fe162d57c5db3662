"""What may become a baseline: nothing that is slower than the one before by its own verdict, or of unknown worth."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from lens_gate.baselines.comparable import Subject, differences
from lens_gate.vocabulary.index import IndexEntry, RunRow, SeriesRow
from lens_gate.vocabulary.outcomes import Ending, Outcome
from lens_gate.vocabulary.stored_runs import MUST_MATCH, Aspect

_MERGED = frozenset({"push", "schedule", "workflow_dispatch", "release", "web", "api", "trigger", "pipeline"})
"""What GitHub and GitLab call the pipelines that run for what a branch or a tag holds already.

Any other one may be about a change that nobody has merged, such as a comment on it, or a run that follows its checks.
"""


_WHOLE = frozenset({Ending.COMPLETE, Ending.DECIDED})
"""The endings of runs that sent what they were to send, or as much as the question took."""


UNCOMMITTED_CHANGES = "It measured changes that nobody has committed, and answers for no commit."


class Unfit(StrEnum):
    """Why a run may not become a baseline."""

    INVALID = "invalid"
    UNANSWERED = "unanswered"
    UNFINISHED = "unfinished"
    REGRESSED = "regressed"
    UNMERGED = "unmerged"
    UNCOMMITTED = "uncommitted"
    OTHER_BRANCH = "other_branch"
    OTHER_REQUESTS = "other_requests"
    NOT_COMPARABLE = "not_comparable"
    NOT_COMPARED = "not_compared"
    TOO_SMALL = "too_small"
    TOO_FAULTY = "too_faulty"


ACCEPTABLE = frozenset({Unfit.REGRESSED, Unfit.OTHER_REQUESTS, Unfit.NOT_COMPARABLE})
"""What somebody may take over by name and reason; nobody can make a measurement valid, or a change merged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, and the sentence for people."""

    why: Unfit
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """How many measured requests a baseline must hold of each model, and which share may have failed (percent).

    `must_match` is what it must have in common with the one that it replaces.
    """

    min_requests: int | None = None
    max_error_rate: float | None = None
    must_match: Collection[Aspect] = MUST_MATCH


NO_STANDARDS = Standards()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A run that is to become a baseline in place of `current`.

    `event` is what the pipeline that offers it runs for: an older run does not say for itself. `branch` is the one
    whose runs alone may become it, None: any. `compared` says whether its verdict rests on a comparison with `current`.
    """

    entry: IndexEntry
    row: RunRow
    current: IndexEntry | None = None
    event: str | None = None
    branch: str | None = None
    compared: bool = True


def refusals(offer: Offer, standards: Standards = NO_STANDARDS) -> tuple[Refusal, ...]:
    """Return every reason against an offer; none means that it may become the baseline."""
    return (
        *defects(offer.row, standards),
        *_judged(offer.entry),
        *_unmerged(offer),
        *_others(offer),
        *_incomparable(offer, standards),
        *_elsewhere(offer),
    )


def defects(row: RunRow, standards: Standards) -> tuple[Refusal, ...]:
    """Return what is wrong with a run by itself, whatever it would replace."""
    return tuple(_defects(row, standards))


def _defects(row: RunRow, standards: Standards) -> Iterable[Refusal]:
    if row.defect is not None:
        yield Refusal(Unfit.INVALID, f"It cannot be trusted: {row.defect}.")
    silent = [f"{one.provider}/{one.model}" for one in row.series if not one.successful]
    if silent and row.defect is None:
        yield Refusal(Unfit.UNANSWERED, f"No request succeeded of {', '.join(silent)}.")
    if row.ending is not None and row.ending not in _WHOLE:
        yield Refusal(Unfit.UNFINISHED, f"It stopped before its end ({row.ending.replace('_', ' ')}).")
    if not row.series and standards.min_requests is not None:
        yield Refusal(Unfit.TOO_SMALL, f"It holds no measured request, and a baseline needs {standards.min_requests}.")
    for one in row.series:
        yield from _below(one, standards)


def _below(series: SeriesRow, standards: Standards) -> Iterable[Refusal]:
    """Yield what a model lacks, each by itself: a thousand requests of another say nothing about it."""
    name, answered = f"{series.provider}/{series.model}", series.successful + series.failed
    if standards.min_requests is not None and series.requests < standards.min_requests:
        yield Refusal(
            Unfit.TOO_SMALL,
            f"It holds {series.requests} measured requests of {name}, and a baseline needs {standards.min_requests}.",
        )
    rate = 100 * series.failed / answered if answered else 0.0
    if standards.max_error_rate is not None and rate > standards.max_error_rate:
        yield Refusal(
            Unfit.TOO_FAULTY,
            f"{rate:.3g} % of its requests to {name} failed, and {standards.max_error_rate:g} % may.",
        )


def _judged(entry: IndexEntry) -> Iterable[Refusal]:
    if entry.outcome == Outcome.REGRESSION:
        yield Refusal(
            Unfit.REGRESSED,
            "It failed its gate: as a baseline it would make the next run that is as slow look unchanged.",
        )
    if entry.outcome == Outcome.NOT_MEASURED:
        yield Refusal(Unfit.INVALID, "Its verdict says that what counts was not measured.")


def _unmerged(offer: Offer) -> Iterable[Refusal]:
    if offer.row.uncommitted:
        yield Refusal(Unfit.UNCOMMITTED, UNCOMMITTED_CHANGES)
    event = next(filter(is_of_change, (offer.row.event, offer.event)), None)
    if event is not None:
        yield Refusal(
            Unfit.UNMERGED,
            f"It was measured for a change that nobody has merged yet (the pipeline ran for {event}).",
        )


def is_of_change(event: str | None) -> bool:
    """Say whether a pipeline may have run for a change that is not merged; None ran for nothing."""
    return event is not None and event not in _MERGED


def _others(offer: Offer) -> Iterable[Refusal]:
    current = offer.current.run if offer.current else None
    if current is not None and current.sent != offer.row.sent:
        yield Refusal(
            Unfit.OTHER_REQUESTS,
            "It sent other requests (prompts, parameters, models or address) than the baseline that it would replace, "
            "so nobody can say whether it is slower.",
        )


def _incomparable(offer: Offer, standards: Standards) -> Iterable[Refusal]:
    """Yield what keeps a run from being compared with the baseline; other requests are a reason of their own."""
    current = offer.current
    if current is None:
        return
    if current.run is not None:
        found = differences(Subject.of(current, current.run), Subject.of(offer.entry, offer.row))
        for one in found:
            if one.aspect in standards.must_match and one.aspect is not Aspect.PROMPTS:
                yield Refusal(Unfit.NOT_COMPARABLE, f"It cannot be compared with the current baseline. {one.sentence}")
    if not offer.compared:
        yield Refusal(Unfit.NOT_COMPARED, "Its verdict says nothing about the baseline that it would replace.")


def _elsewhere(offer: Offer) -> Iterable[Refusal]:
    branch = offer.entry.branch
    if offer.branch is not None and branch != offer.branch:
        yield Refusal(
            Unfit.OTHER_BRANCH, f"It measured {branch or 'no branch'}, and the baseline is one of {offer.branch}."
        )


def standing(found: Iterable[Refusal], *, accepted: bool) -> tuple[Refusal, ...]:
    """Return the reasons that are left where somebody takes over those that can be taken over."""
    return tuple(one for one in found if not (accepted and one.why in ACCEPTABLE))
