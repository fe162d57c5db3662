"""From runs to a history: which of them count, in which order, and what each says of every metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lens_gate.artifacts.envelope import Fingerprint
from lens_gate.artifacts.identity import commit_of, defect_of, moment_of
from lens_gate.artifacts.metric_values import run_value, series_value
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.trend import LeftOut
from lens_gate.errors import ArtifactCorrupt
from lens_gate.vocabulary.index import IndexEntry, RunRow
from lens_gate.vocabulary.metrics import Metric, Scope

Key = tuple[str | None, str]
"""A series (None for the whole run) and the name of a metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a history keeps of a run. `defect` says why it cannot be used; a value is None where it is unknown."""

    file: str
    run: str
    name: str
    start: datetime
    commit: str | None
    branch: str | None
    fingerprint: Fingerprint
    defect: str | None
    values: Mapping[Key, float | None]

    @property
    def time(self) -> str:
        """When it began, RFC 3339 in UTC."""
        return self.start.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class History:
    """The runs that count, oldest first, and what was left out."""

    runs: tuple[RunRecord, ...]
    left_out: tuple[LeftOut, ...]


def record(run: Run, metrics: Sequence[Metric], *, file: str) -> RunRecord:
    """Return what a history needs of a run, so that its samples need not be kept.

    Raises ArtifactCorrupt for a start that is no time.
    """
    return RunRecord(
        file=file,
        run=run.benchmark.id,
        name=run.benchmark.name,
        start=_moment(run.benchmark.start_time, file),
        commit=commit_of(run),
        branch=run.provenance.branch,
        fingerprint=run.fingerprint,
        defect=defect_of(run),
        values=dict(_values(run, metrics)),
    )


def record_of_entry(entry: IndexEntry, row: RunRow, metrics: Sequence[Metric], *, file: str) -> RunRecord:
    """Return the same from what a store keeps of a run, without opening it."""
    return RunRecord(
        file=file,
        run=entry.id,
        name=entry.name,
        start=_moment(row.start_time, file),
        commit=entry.commit,
        branch=entry.branch,
        fingerprint=Fingerprint(
            runner=row.runner,
            platform=row.platform,
            python=row.python,
            region=row.region,
            config_hash=entry.config_hash or "",
        ),
        defect=row.defect,
        values=dict(_kept_values(row, metrics)),
    )


def _moment(text: str, file: str) -> datetime:
    moment = moment_of(text)
    if moment is None:
        raise ArtifactCorrupt(
            f"`benchmark.start_time` is no time: {text[:40]!r}",
            place=file,
            hint="A history is put in order by it. Repeat the run, or leave this file out.",
        )
    return moment


def _values(run: Run, metrics: Sequence[Metric]) -> Iterable[tuple[Key, float | None]]:
    for metric in metrics:
        if metric.scope is Scope.RUN:
            yield (None, metric.name), run_value(run.summary, run.spend, metric.name)
            continue
        for provider in run.providers:
            for model in provider.models:
                yield (f"{provider.name}/{model.id}", metric.name), series_value(model, metric)


def _kept_values(row: RunRow, metrics: Sequence[Metric]) -> Iterable[tuple[Key, float | None]]:
    for metric in metrics:
        if metric.scope is Scope.RUN:
            yield (None, metric.name), row.values.get(metric.name)
            continue
        for one in row.series:
            yield (f"{one.provider}/{one.model}", metric.name), one.values.get(metric.name)


def arrange(records: Iterable[RunRecord], *, branch: str | None = None, anchor: str | None = None) -> History:
    """Return the usable runs by their start; copies, invalid runs and runs of other branches are left out and listed.

    The `anchor` run may come from any branch.
    """
    kept: dict[str, RunRecord] = {}
    left_out = []
    for one in sorted(records, key=lambda record: (record.start, record.run, record.file)):
        reason = _reason_against(one, kept, branch=branch if one.run != anchor else None)
        if reason is None:
            kept[one.run] = one
        else:
            left_out.append(LeftOut(what=one.file, reason=reason))
    return History(tuple(kept.values()), tuple(left_out))


def _reason_against(one: RunRecord, kept: Mapping[str, RunRecord], *, branch: str | None) -> str | None:
    if one.defect is not None:
        return one.defect
    if one.run in kept:
        return f"this is the run {one.run} of {kept[one.run].file} once more"
    if branch is not None and one.branch != branch:
        return f"the run belongs to the branch {one.branch or 'unknown'}"
    return None
