"""What is kept of stored runs: little enough that a long history fits into memory, and which of them count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lens_gate.artifacts.run import ArmIdentity, LatencySummary, ModelResult, Run
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.requests import Arm, TokenSource

MOST_RUNS = 20
"""So many stored runs, the newest ones, are a history; older ones say little about today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Middle:
    """The middle of one quantity in one run, in milliseconds, over so many requests.

    `inflation` says how many times more the median varies than one of independent values; None where nobody knows.
    """

    count: int
    median_ms: float
    p75_ms: float
    inflation: float | None

    @classmethod
    def of(cls, summary: LatencySummary) -> Middle | None:
        """Return the middle of a summary; None where it holds none above 0."""
        median, p75 = summary.median_ms, summary.p75_ms
        if median is None or p75 is None or median <= 0:
            return None
        return cls(count=summary.count, median_ms=median, p75_ms=p75, inflation=summary.median_inflation)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSeries:
    """One series of one stored run; `cached_percent` is the share of its input that came from the server's cache."""

    middles: Mapping[Hypothesis, Middle]
    cached_percent: float
    counted_by_server: bool

    @classmethod
    def of(cls, model: ModelResult) -> PastSeries:
        """Take what is needed from a summary, whose samples are not."""
        latency, tokens = model.latency, model.tokens
        summaries = {
            Hypothesis.TTFT: latency.ttft,
            Hypothesis.PER_TOKEN: latency.tpot,
            Hypothesis.TOTAL: latency.total,
        }
        found = {hypothesis: Middle.of(summary) for hypothesis, summary in summaries.items()}
        return cls(
            middles={hypothesis: middle for hypothesis, middle in found.items() if middle is not None},
            cached_percent=100 * tokens.cached / tokens.input if tokens.input else 0.0,
            counted_by_server=tokens.source == TokenSource.SERVER,
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


def identity_of(run: Run, arm: Arm) -> ArmIdentity | None:
    """Return what an arm of a run was; None where it had none."""
    return next((one for one in run.arms if one.arm is arm), None)


def sent(run: Run, arm: Arm) -> str | None:
    """Return what two runs that sent the same have in common; None without such an arm.

    What only one arm of a run had was not sent. Of a run that another tool measured only the models count: most of them
    make up new prompts each time.
    """
    identity = identity_of(run, arm)
    if identity is None:
        return None
    if run.transport.startswith("import"):
        return " ".join(sorted(identity.models))
    unsent = sorted(f"{one.series or ''} {one.prompt_id}" for one in run.uncovered if one.arm is arm)
    return " without ".join([identity.requests_hash, *unsent])


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
    try:
        moment = datetime.fromisoformat(start_time)
    except ValueError:
        return -math.inf
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


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
    left_out.update({OTHER_REQUESTS: len(kept) - len(same), f"older than the newest {MOST_RUNS}": len(older)})
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
