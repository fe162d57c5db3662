"""What is kept of stored runs: little enough that a long history fits into memory, and which of them count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lens_gate.artifacts.entry import series_row
from lens_gate.artifacts.identity import MEASURED_NOTHING, moment_of, sent
from lens_gate.artifacts.run import ModelResult, Run
from lens_gate.vocabulary.index import IndexEntry, MiddleRow, RunRow, SeriesRow
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.requests import Arm
from lens_gate.vocabulary.stored_runs import MOST_RUNS

Middle = MiddleRow
"""The middle of one quantity in one run, in milliseconds, over so many requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSeries:
    """One series of one stored run; `cached_percent` is the share of its input that came from the server's cache."""

    middles: Mapping[Hypothesis, Middle]
    cached_percent: float
    counted_by_server: bool

    @classmethod
    def of(cls, model: ModelResult) -> PastSeries:
        """Take what is needed from a summary, whose samples are not."""
        return cls.of_row(series_row("", model))

    @classmethod
    def of_row(cls, row: SeriesRow) -> PastSeries:
        """Take what is needed from what a store keeps of a series."""
        return cls(
            middles={hypothesis: row.middles[hypothesis] for hypothesis in Hypothesis if hypothesis in row.middles},
            cached_percent=row.cached_percent,
            counted_by_server=row.counted_by_server,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One stored run: when it began (seconds since 1970), what it sent, and the series in which anything succeeded."""

    id: str
    started: float
    sent: str
    valid: bool
    series: Mapping[str, PastSeries]

    @classmethod
    def of(cls, run: Run) -> PastRun:
        """Take what is needed from a run: its candidate, where it compared two versions."""
        return cls(
            id=run.benchmark.id,
            started=_seconds(run.benchmark.start_time),
            sent=sent(run, Arm.CANDIDATE) or "",
            valid=run.validity.valid,
            series={
                f"{provider.name}/{model.id}": PastSeries.of(model)
                for provider in run.providers
                for model in provider.models
                if model.requests.successful
            },
        )

    @classmethod
    def of_entry(cls, entry: IndexEntry, row: RunRow) -> PastRun:
        """Take the same from what a store keeps of a run, without opening it."""
        return cls(
            id=entry.id,
            started=_seconds(row.start_time),
            sent=row.sent or "",
            valid=row.defect in {None, MEASURED_NOTHING},
            series={f"{one.provider}/{one.model}": PastSeries.of_row(one) for one in row.series if one.successful},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The run that is judged: its id, and when it began (seconds since 1970)."""

    id: str
    started: float

    @classmethod
    def of(cls, run: Run) -> Judged:
        """Take what tells a run from those before it."""
        return cls(id=run.benchmark.id, started=_seconds(run.benchmark.start_time))


def _seconds(start_time: str) -> float:
    """Return a time as seconds since 1970; one that cannot be read counts as older than all others."""
    moment = moment_of(start_time)
    return -math.inf if moment is None else moment.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """The stored runs that count, oldest first, the last of them being the baseline; and why others do not."""

    runs: tuple[PastRun, ...]
    left_out: Mapping[str, int]

    def note(self) -> str | None:
        """Say which runs were left out; None where none was."""
        if not self.left_out:
            return None
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.left_out.items())
        count = {0: "none counts", 1: "1 counts"}.get(len(self.runs), f"{len(self.runs)} count")
        return f"Of the stored runs, {count}; left out: {reasons}."


OTHER_REQUESTS = "sent other requests than the newest one"
TOO_OLD = f"older than the newest {MOST_RUNS}"


def usable_runs(runs: Sequence[PastRun], *, series: Collection[str], judged: Judged | None) -> Usable:
    """Choose the runs before the one that is judged that say something about these series.

    A copy counts once. What the newest run sent is what the history is about: a run with other prompts, parameters or
    models is a history of something else.
    """
    left_out: Counter[str] = Counter()
    kept: dict[str, PastRun] = {}
    for run in sorted(runs, key=lambda one: one.started):
        reason = _unfit(run, series, judged)
        if reason is None and run.id in kept:
            reason = "stored twice"
        if reason is None:
            kept[run.id] = run
        else:
            left_out[reason] += 1
    newest = next(reversed(kept.values()), None)
    same = [run for run in kept.values() if newest is None or run.sent == newest.sent]
    older = same[:-MOST_RUNS]
    left_out.update({OTHER_REQUESTS: len(kept) - len(same), TOO_OLD: len(older)})
    return Usable(runs=tuple(same[-MOST_RUNS:]), left_out=+left_out)


def _unfit(run: PastRun, series: Collection[str], judged: Judged | None) -> str | None:
    if judged is not None and run.id == judged.id:
        return "the run itself"
    if judged is not None and run.started > judged.started > -math.inf:
        return "made after this run"
    if not run.valid:
        return "invalid"
    if not run.series:
        return "without a success"
    return None if run.series.keys() & set(series) else "of other models"
