"""What a run without pairs is compared with: stored runs, a control in the run itself, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lens_gate.analysis.past import PastRun, PastSeries
from lens_gate.analysis.stored import (
    StoredSeries,
    arm_of,
    controlled_alone,
    match_series,
    names_of,
    unmatched,
    with_control,
    with_prompts_compared,
)
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.identity import sent
from lens_gate.artifacts.run import ProviderResult, Run
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import NoBaseline
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A stored baseline: its newest run with its samples, what is kept of the runs before it, and remarks on both."""

    run: Run
    samples: Samples
    earlier: tuple[PastRun, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """That the store which was asked holds no baseline for this run, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The series that have something to be compared with, findings on those that have not, and what the base is."""

    series: tuple[StoredSeries, ...]
    missing: tuple[Finding, ...]
    notes: tuple[str, ...]
    base_providers: tuple[ProviderResult, ...]


def matched_with(run: Run, samples: Samples, stored: Stored | None) -> Matched:
    """Match the series of a run with those of its stored runs, and of its control where it has one.

    Without stored runs, or with a control that did not send what they sent, the control alone is the baseline. Raises
    NoBaseline for a stored run that cannot be compared.
    """
    candidate, control = arm_of(samples, Arm.CANDIDATE), arm_of(samples, Arm.BASE)
    if stored is None:
        return _with_control_alone(run, candidate, control, ())
    if run.comparison is not None and sent(run, Arm.BASE) != sent(stored.run, Arm.CANDIDATE):
        note = "The control sent other requests than the stored runs, so they were left aside."
        return _with_control_alone(run, candidate, control, (note,))
    base = arm_of(stored.samples, Arm.CANDIDATE)
    series = match_series(candidate, base, earlier=_by_series(stored.earlier))
    _refuse(stored.run, candidate, base, series)
    if run.comparison is not None:
        series = tuple(with_control(one, control) for one in series)
    if not _imported(run, stored.run):
        series = tuple(with_prompts_compared(one) for one in series)
    return Matched(
        series=series,
        missing=_missing(candidate, series, "stored run"),
        notes=(*stored.notes, *_configuration_note(run, stored.run)),
        base_providers=stored.run.providers,
    )


def _with_control_alone(run: Run, candidate: Samples, control: Samples, notes: tuple[str, ...]) -> Matched:
    series = tuple(controlled_alone(one) for one in match_series(candidate, control))
    return Matched(
        series=series,
        missing=_missing(candidate, series, "control"),
        notes=notes,
        base_providers=run.base_providers,
    )


def _missing(candidate: Samples, matched: Sequence[StoredSeries], where: str) -> tuple[Finding, ...]:
    found = {one.series for one in matched}
    return tuple(unmatched(name, where) for name in names_of(candidate) if name not in found)


def _imported(*runs: Run) -> bool:
    """Whether another tool measured one of them: it may make up new prompts each time."""
    return any(run.transport.startswith("import") for run in runs)


def _by_series(runs: Sequence[PastRun]) -> Mapping[str, tuple[PastSeries, ...]]:
    names = {name for run in runs for name in run.series}
    return {name: tuple(run.series[name] for run in runs if name in run.series) for name in names}


def _refuse(stored: Run, candidate: Samples, base: Samples, matched: Sequence[StoredSeries]) -> None:
    if not stored.validity.valid:
        raise NoBaseline(
            "the stored run is invalid: its instrument could not be trusted",
            hint="Store a valid run, or compare two versions at once with --against-ref.",
        )
    if matched and not any(one.base.requests.successful for one in matched):
        raise NoBaseline(
            "the stored run holds no successful request",
            hint="Store a run that measured something, or compare two versions at once with --against-ref.",
        )
    if len(candidate) and not matched:
        raise NoBaseline(
            f"the stored run measured {_listed(base)}, and this one measured {_listed(candidate)}",
            hint="Name a baseline of the same model, or compare two models at once with --against-model.",
        )


def _listed(samples: Samples) -> str:
    return ", ".join(names_of(samples)) or "nothing"


def _configuration_note(run: Run, stored: Run) -> tuple[str, ...]:
    if run.fingerprint.config_hash == stored.fingerprint.config_hash:
        return ()
    return ("The stored run was made with another configuration; differences may come from there.",)
