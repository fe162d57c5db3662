"""The judgement of a whole history: every metric of every series, by every rule that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from lens_gate.artifacts.analysis import RegressionSummary
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind, Provenance
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.trend import (
    LeftOut,
    Trend,
    TrendPolicy,
    TrendRule,
    TrendSeries,
    TrendShift,
)
from lens_gate.errors import UsageProblem
from lens_gate.stats.noise import run_noise
from lens_gate.trends.creep import judged_creep
from lens_gate.trends.history import History, RunRecord, arrange
from lens_gate.trends.line import Line, line_of
from lens_gate.trends.ruled import Asked, Ruled
from lens_gate.trends.shifts import judged_shifts, shifts_of
from lens_gate.trends.slopes import judged_regression, judged_robust
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why

VISIBLE_DEVIATIONS = 2.0
"""A step of so many standard deviations from run to run is found within 15 runs in 95 % of series (simulated)."""

_ORDER = (Outcome.REGRESSION, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE, Outcome.PASS)


def trend(
    records: Iterable[RunRecord], policy: TrendPolicy, *, left_out: Sequence[LeftOut] = (), provenance: Provenance
) -> Trend:
    """Judge the history that these runs make up; `left_out` are files that were found to be no runs.

    Raises UsageProblem where no run can be used.
    """
    history = arrange(records, branch=policy.branch, anchor=policy.anchor)
    missing = (*left_out, *history.left_out)
    if not history.runs:
        raise UsageProblem(
            "; ".join(["no run can be used", *(f"{one.what}: {one.reason}" for one in missing)]),
            hint="A history is made of valid run.json files, one a run.",
        )
    newest = history.runs[-1]
    series = tuple(_series(line_of(key, history.runs), policy) for key in newest.values)
    verdict = _overall(finding.outcome for one in series for finding in one.findings)
    return Trend(
        kind=Kind.TREND,
        schema_version=SCHEMA_VERSIONS[Kind.TREND],
        provenance=provenance,
        fingerprint=newest.fingerprint,
        name=newest.name,
        runs=len(history.runs),
        first_time=history.runs[0].time,
        last_time=newest.time,
        policy=policy,
        series=series,
        left_out=(*missing, *_ended_series(history)),
        regression=RegressionSummary(detected=verdict is Outcome.REGRESSION, verdict=verdict),
    )


def _overall(outcomes: Iterable[Outcome]) -> Outcome:
    return min(outcomes, key=_ORDER.index, default=Outcome.NOT_MEASURED)


def _ended_series(history: History) -> tuple[LeftOut, ...]:
    """Name the series that the newest run does not have any more."""
    newest = {series for series, _ in history.runs[-1].values}
    last = {series: run for run in history.runs for series, _ in run.values}
    return tuple(
        LeftOut(what=series, reason=f"the newest run has no such series; the last one that did began {run.time}")
        for series, run in last.items()
        if series is not None and series not in newest
    )


def _series(line: Line, policy: TrendPolicy) -> TrendSeries:
    if line.ends_unknown:
        why = because(Why.NEWEST_UNKNOWN, metric=line.metric.name)
        return _unjudged(line, policy, Outcome.NOT_MEASURED, why)
    if not line.fits:
        why = because(Why.ZERO_IN_SOME, metric=line.metric.name)
        return _unjudged(line, policy, Outcome.INCONCLUSIVE, why)
    return _judged(line, policy)


def _unjudged(line: Line, policy: TrendPolicy, outcome: Outcome, why: Reason) -> TrendSeries:
    findings = tuple(Asked(rule, None).answered(outcome, why) for rule in policy.rules)
    return _bare(line).model_copy(update={"findings": findings})


def _judged(line: Line, policy: TrendPolicy) -> TrendSeries:
    shifts = shifts_of(line, policy)
    noise = run_noise(line.numbers, [shift.index for shift in shifts])
    visible = line.scale.change(VISIBLE_DEVIATIONS * noise.deviation)
    ruled = [_ruled(rule, line, policy, shifts, visible) for rule in policy.rules]
    return _bare(line).model_copy(
        update={
            "noise": line.scale.change(noise.deviation),
            "visible": visible,
            "correlation": noise.correlation,
            "correlated": noise.correlated,
            "shifts": shifts,
            "slopes": tuple(one.slope for one in ruled if one.slope is not None),
            "creep": next((one.creep for one in ruled if one.creep is not None), None),
            "findings": tuple(one.finding for one in ruled),
        }
    )


def _ruled(rule: TrendRule, line: Line, policy: TrendPolicy, shifts: Sequence[TrendShift], visible: float) -> Ruled:
    match rule:
        case TrendRule.CHANGE_POINTS:
            return judged_shifts(line, shifts, policy, visible=visible)
        case TrendRule.LINEAR_REGRESSION:
            return judged_regression(line, policy)
        case TrendRule.THEIL_SEN:
            return judged_robust(line, policy)
        case TrendRule.CREEP:
            return judged_creep(line, policy)
        case _ as never:
            assert_never(never)


def _bare(line: Line) -> TrendSeries:
    """Return a series with its points, before anything is said of them."""
    return TrendSeries(
        series=line.series,
        metric=line.metric.name,
        unit=line.metric.unit.value,
        scale=line.scale.name,
        points=line.points,
        unknown=line.unknown,
        noise=None,
        visible=None,
        correlation=None,
        correlated=False,
        shifts=(),
        slopes=(),
        creep=None,
        findings=(),
    )
